// Calls that happen only if the key is as their caller believes.
#include "understore/s3/calls.h"

namespace spillway {

Status S3UnderStore::CheckKey(const std::string& key) const {
  constexpr size_t kKeyBytesMax = 1024;
  const std::string full = client_->FullKey(key);
  if (full.empty() || full.size() > kKeyBytesMax) {
    return InvalidArgument("Key \"{}\" has {} bytes; S3 takes 1 to {}.", Glimpse(full, 200),
                           full.size(), kKeyBytesMax);
  }
  if (!IsUtf8(full)) return InvalidArgument("Key \"{}\" is not UTF-8.", Glimpse(full, 1024));
  if (full.find('\0') != std::string::npos)
    return InvalidArgument("Key \"{}\" holds a NUL.", Glimpse(full, 1024));
  return absl::OkStatus();
}

Status S3UnderStore::PrepareBelief(StoreFeature feature, const std::string& key,
                                   const S3Belief& belief,
                                   std::map<std::string, std::string>* headers) {
  if (belief.empty()) return absl::OkStatus();
  const Support support = client_->Knows(feature);
  if (support != Support::kNo) {
    if (belief.if_absent) (*headers)["if-none-match"] = "*";
    if (!belief.if_match.empty()) (*headers)["if-match"] = QuoteEtag(belief.if_match);
  }
  if (support == Support::kYes) return absl::OkStatus();
  const auto found = Head(key);
  if (!found.ok() && found.status().code() != StatusCode::kNotFound) return found.status();
  if (belief.if_absent && found.ok())
    return MakeStatus(StatusCode::kFailedPrecondition, "{}: an object stands there", key);
  if (belief.if_match.empty()) return absl::OkStatus();
  if (!found.ok())
    return MakeStatus(StatusCode::kFailedPrecondition, "{}: the object to replace is gone", key);
  if (found->etag == belief.if_match) return absl::OkStatus();
  return MakeStatus(StatusCode::kFailedPrecondition, "{}: another object stands there", key);
}

StatusOr<std::unique_ptr<Answer>> S3UnderStore::CallBelieving(
    StoreFeature feature, const std::string& key, const S3Belief& belief,
    std::optional<uint32_t> crc32c, S3Request& request, const AnswerRule& rule) {
  SPILLWAY_RETURN_IF_ERROR(PrepareBelief(feature, key, belief, &request.headers));
  auto answer = CallWithDigest(crc32c, request, rule);
  const size_t sent = request.headers.erase("if-none-match") + request.headers.erase("if-match");
  const S3Error error = S3ErrorOf(answer.status());
  if (sent > 0 && error.http_code == 501) {
    client_->Learn(feature, Support::kNo);
    SPILLWAY_RETURN_IF_ERROR(PrepareBelief(feature, key, belief, &request.headers));
    return CallWithDigest(crc32c, request, rule);
  }
  if (sent > 0 && error.http_code == 412 &&
      request.headers.count("x-amz-copy-source-if-match") == 0) {
    client_->Learn(feature, Support::kYes);
  }
  const bool gone = error.http_code == 404 && error.code != "NoSuchUpload" &&
                    error.code != "NoSuchBucket" && !belief.if_match.empty();
  if (gone) {
    return MakeStatus(StatusCode::kFailedPrecondition, "{} (the object to replace is gone)",
                      Message(answer.status()));
  }
  return answer;
}

}  // namespace spillway
