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
    static constexpr int kCodes[] = {200, 200, 200, 204, 206, 301, 400,
                                     403, 404, 409, 412, 500, 503};
    HttpResponse response;
    const uint8_t what = input_->Byte();
    if (what == 255) return Unavailable("no answer");
    response.code = kCodes[what % std::size(kCodes)];
    for (int headers = input_->Byte() % 4; headers > 0; --headers) {
      static constexpr const char* kNames[] = {"etag",          "content-length",
                                               "last-modified", "content-range",
                                               "retry-after",   "x-amz-checksum-crc32c"};
      response.headers[kNames[input_->Byte() % std::size(kNames)]] = input_->String();
    }
    std::string body = input_->String();
    if (request.sink && response.code / 100 == 2) {
      SPILLWAY_RETURN_IF_ERROR(request.sink(body));
    } else {
      response.body = std::move(body);
    }
    return response;
  }

 private:
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

void Ask(UnderStore& store, uint8_t what, const std::string& key) {
  StringBody body("data");
  switch (what % 11) {
    case 0:
      return (void)store.Head(key);
    case 1: {
      const auto page = store.List(key, "");
      if (page.ok() && !page->next_token.empty()) (void)store.List(key, page->next_token);
      return;
    }
    case 2:
      return (void)store.Get(key, 0, 100, [](std::string_view) { return absl::OkStatus(); });
    case 3:
      return (void)store.Put(key, body, PutOptions());
    case 4:
      return (void)store.CreateMultipart(key, PutOptions());
    case 5:
      return (void)store.UploadPart(key, "id", 1, body, std::nullopt);
    case 6:
      return (void)store.CompleteMultipart(key, "id", {UploadedPart{}}, PutOptions());
    case 7:
      return (void)store.AbortMultipart(key, "id");
    case 8:
      return (void)store.ListUploads(key);
    case 9:
      return (void)store.Delete({{key, ""}, {"b", ""}, {"c", ""}});
    default:
      return (void)store.Copy(key, "target", {});
  }
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
  settings.scheme = "http";
  settings.host = "localhost";
  settings.region = "us-east-1";
  S3UnderStore store(std::make_unique<S3Client>(settings, std::make_unique<AnyAnswers>(&input),
                                                std::make_unique<FixedCredentials>(), &clock));
  const uint8_t what = input.Byte();
  Ask(store, what, "k" + std::string(1, static_cast<char>('a' + what % 20)));
  while (!input.empty()) Ask(store, input.Byte(), "k");
  return 0;
}
