// Answers of an S3 server: any code, headers and body give a result or a status.
#include <cstring>

#include "common/log.h"
#include "fuzz/input.h"
#include "understore/s3/calls.h"

namespace spillway {
namespace {

class AnyAnswers : public HttpClient {
 public:
  explicit AnyAnswers(fuzz::Input* input) : input_(input) {}
  StatusOr<HttpResponse> Perform(const HttpRequest& request) override {
    static constexpr int kCodes[] = {200, 200, 200, 204, 206, 206, 301, 302, 400, 403,
                                     404, 405, 409, 412, 416, 500, 501, 503, 0,   999};
    // Whoever goes on asking without end is stopped by the time limit.
    HttpResponse response;
    const uint8_t what = input_->Byte();
    if (what == 255 || input_->empty()) return Unavailable("no answer");
    if (what == 254) return MakeStatus(StatusCode::kDeadlineExceeded, "answer lost");
    response.code = kCodes[what % std::size(kCodes)];
    response.attempts = 1 + what / 128;
    for (int headers = input_->Byte() % 6; headers > 0; --headers) {
      static constexpr const char* kNames[] = {
          "etag",         "content-length",        "last-modified", "content-range",
          "content-type", "x-amz-checksum-crc32c", "retry-after"};
      const char* name = kNames[input_->Byte() % std::size(kNames)];
      response.headers[name] = HeaderOf(name, request);
    }
    std::string body = BodyOf();
    if (request.sink && response.code / 100 == 2) {
      if (request.on_headers) SPILLWAY_RETURN_IF_ERROR(request.on_headers(response));
      const size_t half = body.size() / 2;
      SPILLWAY_RETURN_IF_ERROR(request.sink(std::string_view(body).substr(0, half)));
      SPILLWAY_RETURN_IF_ERROR(request.sink(std::string_view(body).substr(half)));
    } else {
      response.body = std::move(body);
    }
    return response;
  }

 private:
  // Now and then what a right answer has, so that more than the door is reached.
  std::string HeaderOf(const std::string& name, const HttpRequest& request) {
    const uint8_t how = input_->Byte();
    if (how % 2 == 0) return input_->String();
    if (name == "etag") return how % 4 == 1 ? "\"e\"" : "\"other\"";
    if (name == "content-length") return std::to_string(how);
    if (name == "last-modified") return "Mon, 12 Oct 2009 17:50:30 GMT";
    if (name == "content-range")
      return "bytes " + std::to_string(how % 8) + "-" + std::to_string(how / 2) + "/100";
    return request.method;
  }

  std::string BodyOf() {
    static constexpr const char* kBodies[] = {
        "<Error><Code>NotImplemented</Code></Error>",
        "<Error><Code>PreconditionFailed</Code></Error>",
        "<Error><Code>NoSuchKey</Code></Error>",
        "<ListBucketResult><IsTruncated>true</IsTruncated><Contents><Key>p/k/a</Key><Size>1</Size>"
        "</Contents></ListBucketResult>",
        "<ListBucketResult><IsTruncated>true</IsTruncated><KeyCount>0</KeyCount>"
        "<NextContinuationToken>t</NextContinuationToken></ListBucketResult>",
        "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated><NextKeyMarker>p/k</"
        "NextKeyMarker>"
        "<Upload><Key>p/k</Key><UploadId>u</UploadId><Initiated>2009-10-12T17:50:30Z</Initiated>"
        "</Upload></ListMultipartUploadsResult>",
        "<DeleteResult><Deleted><Key>p/b</Key></Deleted><Error><Code>x</Code></Error></"
        "DeleteResult>",
        "<CopyObjectResult><ETag>e</ETag></CopyObjectResult>",
        "<CopyPartResult><ETag>e</ETag></CopyPartResult>",
        "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>",
        "<CompleteMultipartUploadResult><ETag>e-1</ETag></CompleteMultipartUploadResult>"};
    const uint8_t how = input_->Byte();
    return how % 3 != 0 ? input_->String() : kBodies[how / 3 % std::size(kBodies)];
  }

  fuzz::Input* const input_;
};

class FixedCredentials : public CredentialsProvider {
 public:
  StatusOr<S3Credentials> Get() override {
    S3Credentials credentials;
    credentials.access_key = "a";
    credentials.secret_key = "b";
    return credentials;
  }
};

// What the caller believes, as the input has it.
PutOptions Beliefs(uint8_t how) {
  PutOptions options;
  options.if_absent = how % 3 == 1;
  if (how % 3 == 2) options.if_match = "e";
  if (how % 2 == 1) options.crc32c = 0;
  return options;
}

void AskToWrite(UnderStore& store, uint8_t what, uint8_t how, const std::string& key) {
  StringBody body("data");
  CopyOptions copy;
  copy.if_absent = how % 3 == 1;
  if (how % 3 == 2) copy.if_match = "e";
  if (how % 5 > 1) copy.source_if_match = "e";
  if (how % 5 > 2) copy.source_bytes = 100;
  switch (what % 9) {
    case 0:
      return (void)store.Put(key, body, Beliefs(how));
    case 1:
      return (void)store.CreateMultipart(key, PutOptions());
    case 2:
      return (void)store.UploadPart(key, "id", 1, body, std::nullopt);
    case 3:
      return (void)store.CompleteMultipart(key, "id", {UploadedPart{}}, Beliefs(how));
    case 4:
      return (void)store.AbortMultipart(key, "id");
    case 5:
      return (void)store.Delete({{key, how % 2 == 0 ? "" : "e"}, {"b", ""}, {"c\x01", ""}});
    case 6:
      return (void)store.Copy(key, "target", copy);
    case 7:
      return (void)store.CopyPart(key, how % 7, 10, "target", "id", 1, copy);
    default:
      return (void)store.Probe(key);
  }
}

void AskToRead(UnderStore& store, uint8_t what, uint8_t how, const std::string& key) {
  switch (what % 5) {
    case 0:
      return (void)store.Head(key);
    case 1: {
      std::string token;
      for (int pages = 0; pages < 10; ++pages) {
        const auto page = store.List(key, token);
        if (!page.ok()) return;
        for (const ObjectInfo& info : page->objects) {
          fuzz::Require(info.key.rfind(key + "/", 0) == 0);
          fuzz::Require(info.size_bytes >= 0 && info.size_bytes <= kObjectBytesMax);
        }
        for (const std::string& directory : page->directories)
          fuzz::Require(directory.rfind(key + "/", 0) == 0);
        token = page->next_token;
        if (token.empty()) return;
      }
      return;
    }
    case 2: {
      GetOptions options;
      if (how % 2 == 1) options.if_match = "e";
      if (how % 3 == 1) options.object_bytes = 100;
      int64_t got = 0;
      const int64_t length = how % 64;
      const Status status = store.Get(key, how % 8, length, options, [&](std::string_view data) {
        got += static_cast<int64_t>(data.size());
        return absl::OkStatus();
      });
      fuzz::Require(got <= length);
      const bool whole = got == std::min<int64_t>(length, 100 - how % 8);
      fuzz::Require(!status.ok() || how % 3 != 1 || whole);
      return;
    }
    case 3:
      return (void)store.ListUploads(key);
    default:
      return (void)store.LookUp(key);
  }
}

void Ask(UnderStore& store, fuzz::Input* input, const std::string& key) {
  const uint8_t what = input->Byte();
  const uint8_t how = input->Byte();
  what % 2 == 0 ? AskToRead(store, what / 2, how, key) : AskToWrite(store, what / 2, how, key);
}

}  // namespace
}  // namespace spillway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace spillway;
  spdlog::set_level(spdlog::level::off);
  fuzz::Input input(data, size);
  ManualClock clock;
  S3Settings settings;
  settings.bucket = "bucket";
  settings.prefix = "p/";
  settings.scheme = "http";
  settings.host = "localhost";
  settings.region = "us-east-1";
  const uint8_t known = input.Byte();
  if (known % 3 == 1) settings.profile = StoreProfile::Everything();
  if (known % 3 == 2) settings.profile.Set(StoreFeature::kListV2, Support::kNo);
  S3UnderStore store(std::make_unique<S3Client>(settings, std::make_unique<AnyAnswers>(&input),
                                                std::make_unique<FixedCredentials>(), &clock));
  while (!input.empty()) Ask(store, &input, "k");
  return 0;
}
