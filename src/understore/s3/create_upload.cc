#include "understore/s3/calls.h"
#include "understore/s3/object_headers.h"

namespace spillway {

const AnswerRule& CreateUploadRule() {
  static const AnswerRule kRule{
      "create_upload", {200}, {}, kAnyRoot, {{"UploadId", FieldKind::kText}}};
  return kRule;
}

StatusOr<std::string> S3UnderStore::CreateMultipart(const std::string& key, const PutOptions&) {
  S3Request request;
  request.method = "POST";
  request.key = client_->FullKey(key);
  request.query = {{"uploads", ""}};
  request.headers["content-type"] = "application/octet-stream";
  if (!client_->Lacks(StoreFeature::kChecksums))
    request.headers["x-amz-checksum-algorithm"] = "CRC32C";
  AddObjectHeaders(client_->settings(), &request.headers);
  StringBody nothing("");  // a POST says how long its body is
  request.body = &nothing;
  auto answer = client_->Call(request, CreateUploadRule());
  if (S3ErrorOf(answer.status()).http_code == 501 &&
      request.headers.erase("x-amz-checksum-algorithm") > 0) {
    answer = client_->Call(request, CreateUploadRule());
    if (answer.ok()) client_->Learn(StoreFeature::kChecksums, Support::kNo);
  }
  SPILLWAY_RETURN_IF_ERROR(answer.status());
  return TextOf((*answer)->root, "UploadId");
}

}  // namespace spillway
