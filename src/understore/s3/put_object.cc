#include "common/checksum.h"
#include "understore/s3/calls.h"
#include "understore/s3/object_headers.h"

namespace spillway {

StatusOr<PutResult> S3UnderStore::Put(const std::string& key, BodySource& body,
                                      const PutOptions& options) {
  S3Request request;
  request.method = "PUT";
  request.key = client_->FullKey(key);
  request.body = &body;
  request.headers["content-type"] = "application/octet-stream";
  const S3Settings& settings = client_->settings();
  if (options.crc32c && settings.checksums) {
    request.headers["x-amz-checksum-crc32c"] = Crc32cBase64(*options.crc32c);
  }
  AddObjectHeaders(settings, &request.headers);
  client_->AddConditions(options, &request.headers);
  SPILLWAY_ASSIGN_OR_RETURN(HttpResponse response, client_->Send(request));
  return PutResult{StripEtag(response.headers["etag"])};
}

}  // namespace spillway
