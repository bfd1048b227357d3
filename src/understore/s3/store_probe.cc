#include "understore/s3/store_probe.h"

#include <set>

#include "common/checksum.h"
#include "understore/s3/body_digest.h"
#include "understore/s3/calls.h"
#include "understore/s3/sigv4.h"

namespace spillway {
namespace {

constexpr const char* kData = "An object with which Spillway finds out what this store can do.";
constexpr const char* kWrongEtag = "\"00000000000000000000000000000000\"";

bool IsOk(const HttpResponse& response) { return response.code / 100 == 2; }

// Text of an element below the document's, if the document is of this kind.
std::string FieldOf(const HttpResponse& response, const char* root, const char* name) {
  pugi::xml_document doc;
  doc.load_buffer(response.body.data(), response.body.size());
  return TextOf(doc.child(root), name);
}

}  // namespace

StatusOr<HttpResponse> StoreProbe::Ask(S3Request request, const std::string& body) {
  StringBody source(body);
  if (request.method == "PUT" || request.method == "POST") request.body = &source;
  SPILLWAY_ASSIGN_OR_RETURN(HttpResponse response, client_->Send(request));
  if (IsOk(response)) return response;
  if (const std::string why = WhyNoRefusal(request.method, response); !why.empty())
    return client_->Strange("probe", why, response);
  const Status status = StatusFromS3(response.code, response.body, "Probing " + request.key);
  const bool later = status.code() == StatusCode::kUnavailable ||
                     status.code() == StatusCode::kResourceExhausted ||
                     status.code() == StatusCode::kDeadlineExceeded;
  if (later) return status;
  return response;
}

StatusOr<HttpResponse> StoreProbe::Put(const std::string& name, const std::string& data,
                                       const Headers& headers) {
  S3Request request;
  request.method = "PUT";
  request.key = Key(name);
  request.headers = headers;
  keys_.push_back(request.key);
  SPILLWAY_ASSIGN_OR_RETURN(HttpResponse response, Ask(request, data));
  if (name == "a" && IsOk(response)) etag_ = HeaderOf(response, "etag");
  return response;
}

StatusOr<bool> StoreProbe::Exists(const std::string& name) {
  S3Request request;
  request.method = "HEAD";
  request.key = Key(name);
  SPILLWAY_ASSIGN_OR_RETURN(const HttpResponse response, Ask(request));
  return IsOk(response);
}

Status StoreProbe::PutObjects() {
  SPILLWAY_ASSIGN_OR_RETURN(const HttpResponse response, Put("a", kData));
  refused_ = !IsOk(response);
  if (!refused_ && !IsEtag(etag_)) return client_->Strange("probe", "no etag", response);
  return absl::OkStatus();
}

Status StoreProbe::ProbeChecksums() {
  if (!Unknown(StoreFeature::kChecksums)) return absl::OkStatus();
  const uint32_t crc = Crc32c(kData);
  SPILLWAY_ASSIGN_OR_RETURN(const HttpResponse wrong,
                            Put("sum", kData, {{"x-amz-checksum-crc32c", Crc32cBase64(crc ^ 1)}}));
  SPILLWAY_ASSIGN_OR_RETURN(const HttpResponse right,
                            Put("sum", kData, {{"x-amz-checksum-crc32c", Crc32cBase64(crc)}}));
  S3Request head;
  head.method = "HEAD";
  head.key = Key("sum");
  head.headers["x-amz-checksum-mode"] = "ENABLED";
  SPILLWAY_ASSIGN_OR_RETURN(const HttpResponse told, Ask(head));
  Set(StoreFeature::kChecksums, wrong.code == 400 && IsOk(right) &&
                                    HeaderOf(told, "x-amz-checksum-crc32c") == Crc32cBase64(crc));
  return absl::OkStatus();
}

Status StoreProbe::ProbePut() {
  if (Unknown(StoreFeature::kPutIfAbsent)) {
    SPILLWAY_ASSIGN_OR_RETURN(const HttpResponse taken, Put("a", kData, {{"if-none-match", "*"}}));
    SPILLWAY_ASSIGN_OR_RETURN(const HttpResponse free, Put("new", kData, {{"if-none-match", "*"}}));
    Set(StoreFeature::kPutIfAbsent, taken.code == 412 && IsOk(free));
  }
  if (Unknown(StoreFeature::kPutIfMatch)) {
    SPILLWAY_ASSIGN_OR_RETURN(const HttpResponse wrong,
                              Put("a", kData, {{"if-match", kWrongEtag}}));
    SPILLWAY_ASSIGN_OR_RETURN(const HttpResponse right, Put("a", kData, {{"if-match", etag_}}));
    Set(StoreFeature::kPutIfMatch, wrong.code == 412 && IsOk(right));
  }
  return absl::OkStatus();
}

Status StoreProbe::ProbeGet() {
  S3Request get;
  get.method = "GET";
  get.key = Key("a");
  if (Unknown(StoreFeature::kGetIfMatch)) {
    get.headers = {{"if-match", kWrongEtag}};
    SPILLWAY_ASSIGN_OR_RETURN(const HttpResponse response, Ask(get));
    Set(StoreFeature::kGetIfMatch, response.code == 412);
  }
  if (Unknown(StoreFeature::kGetRange)) {
    get.headers = {{"range", "bytes=3-8"}};
    SPILLWAY_ASSIGN_OR_RETURN(const HttpResponse response, Ask(get));
    Set(StoreFeature::kGetRange, IsOk(response) && response.body == std::string(kData, 3, 6));
  }
  return absl::OkStatus();
}

StatusOr<HttpResponse> StoreProbe::Copy(const std::string& name, const Headers& headers) {
  S3Request request;
  request.method = "PUT";
  request.key = Key(name);
  request.headers = headers;
  request.headers["x-amz-copy-source"] =
      UriEncode("/" + client_->settings().bucket + "/" + Key("a"), true);
  keys_.push_back(request.key);
  return Ask(request);
}

Status StoreProbe::ProbeCopy() {
  const auto refused = [](const HttpResponse& response) {
    return response.code == 412 ||
           (IsOk(response) && FieldOf(response, "Error", "Code") == "PreconditionFailed");
  };
  SPILLWAY_ASSIGN_OR_RETURN(const HttpResponse source,
                            Copy("copy", {{"x-amz-copy-source-if-match", kWrongEtag}}));
  source_conditions_ = refused(source) ? Support::kYes : Support::kNo;
  if (!Unknown(StoreFeature::kCopyConditions)) return absl::OkStatus();
  SPILLWAY_ASSIGN_OR_RETURN(const HttpResponse there, Put("copy", kData));
  SPILLWAY_ASSIGN_OR_RETURN(const HttpResponse taken, Copy("copy", {{"if-none-match", "*"}}));
  SPILLWAY_ASSIGN_OR_RETURN(const HttpResponse wrong, Copy("copy", {{"if-match", kWrongEtag}}));
  SPILLWAY_ASSIGN_OR_RETURN(const HttpResponse free, Copy("copy2", {{"if-none-match", "*"}}));
  Set(StoreFeature::kCopyConditions,
      IsOk(there) && refused(taken) && refused(wrong) && IsOk(free) && !refused(free));
  return absl::OkStatus();
}

StatusOr<StoreProbe::Upload> StoreProbe::Begin(const std::string& name) {
  Upload upload{Key(name), ""};
  S3Request request;
  request.method = "POST";
  request.key = upload.key;
  request.query = {{"uploads", ""}};
  Answer answer;
  SPILLWAY_ASSIGN_OR_RETURN(answer.http, Ask(request));
  if (!IsOk(answer.http)) return upload;
  if (const std::string why = WhyNoAnswer(CreateUploadRule(), &answer); !why.empty())
    return client_->Strange("probe", why, answer.http);
  upload.id = TextOf(answer.root, "UploadId");
  uploads_.push_back(upload);
  keys_.push_back(upload.key);
  return upload;
}

Status StoreProbe::ProbeParts() {
  if (!Unknown(StoreFeature::kCopyPart)) return absl::OkStatus();
  SPILLWAY_ASSIGN_OR_RETURN(const Upload upload, Begin("parts"));
  if (upload.id.empty()) {
    Set(StoreFeature::kCopyPart, false);
    return absl::OkStatus();
  }
  S3Request part;
  part.method = "PUT";
  part.key = upload.key;
  part.query = {{"partNumber", "1"}, {"uploadId", upload.id}};
  part.headers["x-amz-copy-source"] =
      UriEncode("/" + client_->settings().bucket + "/" + Key("a"), true);
  SPILLWAY_ASSIGN_OR_RETURN(const HttpResponse response, Ask(part));
  Set(StoreFeature::kCopyPart,
      IsOk(response) && IsEtag(FieldOf(response, "CopyPartResult", "ETag")));
  return absl::OkStatus();
}

StatusOr<HttpResponse> StoreProbe::Complete(const Upload& upload, const std::string& etag,
                                            const Headers& headers) {
  S3Request request;
  request.method = "POST";
  request.key = upload.key;
  request.query = {{"uploadId", upload.id}};
  request.headers = headers;
  request.headers["content-type"] = "application/xml";
  return Ask(request,
             "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Part>"
             "<PartNumber>1</PartNumber><ETag>" +
                 XmlEscape(etag) + "</ETag></Part></CompleteMultipartUpload>");
}

Status StoreProbe::ProbeComplete() {
  if (!Unknown(StoreFeature::kCompleteConditions)) return absl::OkStatus();
  bool yes = true;
  for (const Headers& headers :
       {Headers{{"if-none-match", "*"}}, Headers{{"if-match", kWrongEtag}}}) {
    if (!yes) break;
    SPILLWAY_ASSIGN_OR_RETURN(const Upload upload, Begin("a"));
    S3Request part;
    part.method = "PUT";
    part.key = upload.key;
    part.query = {{"partNumber", "1"}, {"uploadId", upload.id}};
    SPILLWAY_ASSIGN_OR_RETURN(const HttpResponse sent, Ask(part, kData));
    SPILLWAY_ASSIGN_OR_RETURN(const HttpResponse done,
                              Complete(upload, HeaderOf(sent, "etag"), headers));
    yes =
        done.code == 412 || (IsOk(done) && FieldOf(done, "Error", "Code") == "PreconditionFailed");
  }
  Set(StoreFeature::kCompleteConditions, yes);
  return absl::OkStatus();
}

Status StoreProbe::ProbeDelete() {
  if (!Unknown(StoreFeature::kDeleteIfMatch)) return absl::OkStatus();
  S3Request request;
  request.method = "DELETE";
  request.key = Key("a");
  request.headers["if-match"] = kWrongEtag;
  SPILLWAY_ASSIGN_OR_RETURN(const HttpResponse wrong, Ask(request));
  SPILLWAY_ASSIGN_OR_RETURN(const bool still, Exists("a"));
  Set(StoreFeature::kDeleteIfMatch, wrong.code == 412 && still);
  return absl::OkStatus();
}

// DeleteObjects of "d1" and "d2", with more in their elements.
StatusOr<HttpResponse> StoreProbe::DeleteTwo(const std::string& first_extra,
                                             const std::string& second_extra) {
  StringBody body(
      "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>false</Quiet>"
      "<Object><Key>" +
      XmlEscape(Key("d1")) + "</Key>" + first_extra + "</Object><Object><Key>" +
      XmlEscape(Key("d2")) + "</Key>" + second_extra + "</Object></Delete>");
  SPILLWAY_ASSIGN_OR_RETURN(const BodyDigest digest, DigestOf(body));
  std::string text(static_cast<size_t>(body.size_bytes()), '\0');
  SPILLWAY_RETURN_IF_ERROR(body.Read(0, text.data(), body.size_bytes()));
  S3Request request;
  request.method = "POST";
  request.query = {{"delete", ""}};
  request.headers = {{"content-md5", digest.md5_base64}, {"content-type", "application/xml"}};
  return Ask(request, text);
}

Status StoreProbe::ProbeMultiDelete() {
  if (!Unknown(StoreFeature::kMultiDelete) && !Unknown(StoreFeature::kMultiDeleteIfMatch))
    return absl::OkStatus();
  SPILLWAY_RETURN_IF_ERROR(Put("d1", kData).status());
  SPILLWAY_RETURN_IF_ERROR(Put("d2", kData).status());
  SPILLWAY_ASSIGN_OR_RETURN(const HttpResponse both, DeleteTwo("", ""));
  SPILLWAY_ASSIGN_OR_RETURN(const bool first, Exists("d1"));
  SPILLWAY_ASSIGN_OR_RETURN(const bool second, Exists("d2"));
  const bool multi = IsOk(both) && !first && !second;
  if (Unknown(StoreFeature::kMultiDelete)) Set(StoreFeature::kMultiDelete, multi);
  if (!Unknown(StoreFeature::kMultiDeleteIfMatch)) return absl::OkStatus();
  if (!multi) {
    Set(StoreFeature::kMultiDeleteIfMatch, false);
    return absl::OkStatus();
  }
  SPILLWAY_RETURN_IF_ERROR(Put("d1", kData).status());
  SPILLWAY_ASSIGN_OR_RETURN(const HttpResponse put, Put("d2", kData));
  const auto some = DeleteTwo(std::string("<ETag>") + kWrongEtag + "</ETag>",
                              "<ETag>" + XmlEscape(HeaderOf(put, "etag")) + "</ETag>");
  // There are stores that an etag breaks, although they have just deleted two keys without.
  if (!some.ok() && S3ErrorOf(some.status()).http_code / 100 != 5) return some.status();
  SPILLWAY_ASSIGN_OR_RETURN(const bool kept, Exists("d1"));
  SPILLWAY_ASSIGN_OR_RETURN(const bool gone, Exists("d2"));
  Set(StoreFeature::kMultiDeleteIfMatch, some.ok() && IsOk(*some) && kept && !gone);
  return absl::OkStatus();
}

Status StoreProbe::ProbeList() {
  if (!Unknown(StoreFeature::kListV2)) return absl::OkStatus();
  SPILLWAY_RETURN_IF_ERROR(Put("b", kData).status());
  S3Request request;
  request.method = "GET";
  request.query = {{"list-type", "2"}, {"max-keys", "1"}, {"prefix", prefix_}};
  SPILLWAY_ASSIGN_OR_RETURN(const HttpResponse response, Ask(request));
  const bool goes_on = !FieldOf(response, "ListBucketResult", "NextContinuationToken").empty() ||
                       !FieldOf(response, "ListBucketResult", "KeyCount").empty();
  // A page of something else says nothing of the store.
  if (IsOk(response) && !goes_on && FieldOf(response, "ListBucketResult", "IsTruncated").empty())
    return Unavailable("The answer to a listing of {} is no listing.", prefix_);
  Set(StoreFeature::kListV2, IsOk(response) && goes_on);
  return absl::OkStatus();
}

void StoreProbe::CleanUp() {
  for (const Upload& upload : uploads_) {
    S3Request request;
    request.method = "DELETE";
    request.key = upload.key;
    request.query = {{"uploadId", upload.id}};
    (void)client_->Send(request);
  }
  for (const std::string& key : std::set<std::string>(keys_.begin(), keys_.end())) {
    S3Request request;
    request.method = "DELETE";
    request.key = key;
    (void)client_->Send(request);
  }
}

}  // namespace spillway
