#include "understore/s3/body_digest.h"
#include "understore/s3/calls.h"

namespace spillway {

StatusOr<UploadedPart> S3UnderStore::UploadPart(const std::string& key,
                                                const std::string& upload_id, int number,
                                                BodySource& body, std::optional<uint32_t> crc32c) {
  static const AnswerRule kRule{"upload_part", {200}, {{"etag", FieldKind::kEtag}}};
  if (!crc32c) {
    // The upload was announced with checksums: a part without one would be refused.
    SPILLWAY_ASSIGN_OR_RETURN(const BodyDigest digest, DigestOf(body));
    crc32c = digest.crc32c;
  }
  S3Request request;
  request.method = "PUT";
  request.key = client_->FullKey(key);
  request.query = {{"partNumber", std::to_string(number)}, {"uploadId", upload_id}};
  request.body = &body;
  SPILLWAY_RETURN_IF_ERROR(AddDigest(crc32c, body, &request.headers));
  SPILLWAY_ASSIGN_OR_RETURN(const auto answer, CallWithDigest(crc32c, request, kRule));
  return UploadedPart{number, StripEtag(answer->header("etag")), crc32c, body.size_bytes()};
}

}  // namespace spillway
