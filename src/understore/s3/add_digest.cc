// Lets the store check the bodies that it is sent.
#include "common/checksum.h"
#include "understore/s3/body_digest.h"
#include "understore/s3/calls.h"

namespace spillway {
namespace {

// A store that cannot check a CRC32C is given the MD5 of a body whose CRC32C has been checked here.
Status AddMd5(uint32_t crc32c, BodySource& body, std::map<std::string, std::string>* headers) {
  SPILLWAY_ASSIGN_OR_RETURN(BodyDigest digest, DigestOf(body));
  if (digest.crc32c != crc32c)
    return MakeStatus(StatusCode::kDataLoss, "The body does not match its checksum.");
  (*headers)["content-md5"] = std::move(digest.md5_base64);
  return absl::OkStatus();
}

}  // namespace

Status S3UnderStore::AddDigest(std::optional<uint32_t> crc32c, BodySource& body,
                               std::map<std::string, std::string>* headers) {
  if (!crc32c) return absl::OkStatus();
  if (client_->Lacks(StoreFeature::kChecksums)) return AddMd5(*crc32c, body, headers);
  (*headers)["x-amz-checksum-crc32c"] = Crc32cBase64(*crc32c);
  return absl::OkStatus();
}

StatusOr<std::unique_ptr<Answer>> S3UnderStore::CallWithDigest(std::optional<uint32_t> crc32c,
                                                               S3Request& request,
                                                               const AnswerRule& rule) {
  auto answer = client_->Call(request, rule);
  if (!crc32c || S3ErrorOf(answer.status()).http_code != 501 ||
      request.headers.erase("x-amz-checksum-crc32c") == 0) {
    return answer;
  }
  // The checksum may be what is not implemented.
  SPILLWAY_RETURN_IF_ERROR(AddMd5(*crc32c, *request.body, &request.headers));
  answer = client_->Call(request, rule);
  if (S3ErrorOf(answer.status()).http_code != 501)
    client_->Learn(StoreFeature::kChecksums, Support::kNo);
  return answer;
}

}  // namespace spillway
