#include "understore/s3/calls.h"

namespace spillway {

Status S3UnderStore::AbortMultipart(const std::string& key, const std::string& upload_id) {
  static const AnswerRule kRule{"abort_upload", {200, 204}, {}, nullptr, {}, {}, false, true};
  S3Request request;
  request.method = "DELETE";
  request.key = client_->FullKey(key);
  request.query = {{"uploadId", upload_id}};
  const Status status = client_->Call(request, kRule).status();
  const S3Error error = S3ErrorOf(status);
  const bool gone = error.http_code == 404 && error.code != "NoSuchBucket";
  return gone ? absl::OkStatus() : status;
}

}  // namespace spillway
