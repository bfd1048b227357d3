#include "understore/s3/calls.h"
#include "understore/s3/object_headers.h"
#include "understore/s3/sigv4.h"
#include "understore/same_object.h"

namespace spillway {
std::string S3UnderStore::CopySource(const std::string& key) const {
  return UriEncode("/" + client_->settings().bucket + "/" + client_->FullKey(key), true);
}

Status S3UnderStore::CheckSource(const std::string& source, const CopyOptions& options) {
  if (options.source_if_match.empty()) return absl::OkStatus();
  SPILLWAY_ASSIGN_OR_RETURN(const ObjectInfo info, Head(source));
  const bool same = info.etag == options.source_if_match &&
                    (options.source_bytes < 0 || info.size_bytes == options.source_bytes);
  if (same) return absl::OkStatus();
  return MakeStatus(StatusCode::kFailedPrecondition, "{}: the object to copy is another one",
                    source);
}

// Length and version of what is to be copied, as far as the caller does not know them. Where the
// store passes over the source's condition, a copy to a new key is compared afterwards instead.
Status S3UnderStore::FindSource(const std::string& source, CopyOptions* options) {
  const bool known = options->source_bytes >= 0 && !options->source_if_match.empty();
  if (options->source_bytes >= 0 && source_conditions_ != Support::kNo) return absl::OkStatus();
  if (known && options->if_absent) return absl::OkStatus();
  SPILLWAY_ASSIGN_OR_RETURN(const ObjectInfo info, Head(source));
  const bool same = (options->source_if_match.empty() || info.etag == options->source_if_match) &&
                    (options->source_bytes < 0 || info.size_bytes == options->source_bytes);
  if (!same) {
    return MakeStatus(StatusCode::kFailedPrecondition, "{}: the object to copy is another one",
                      source);
  }
  options->source_bytes = info.size_bytes;
  options->source_if_match = info.etag;
  return absl::OkStatus();
}

// A copy of one piece has its source's etag, mostly. If not, the store may have passed over the
// condition, and another version may have been copied: to a key where nothing was, such a copy is
// taken back.
Status S3UnderStore::CheckCopy(const std::string& source, const std::string& target,
                               const CopyOptions& options, const std::string& etag) {
  if (options.source_if_match.empty() || etag == options.source_if_match ||
      source_conditions_ == Support::kYes) {
    return absl::OkStatus();
  }
  const Status still = CheckSource(source, options);
  if (still.ok()) return still;
  if (still.code() == StatusCode::kFailedPrecondition) source_conditions_ = Support::kNo;
  if (IsGone(still) && options.if_absent && !etag.empty()) {
    SPILLWAY_ASSIGN_OR_RETURN(const auto failures, Delete({{target, etag}}));
    if (failures.empty()) return still;
  }
  return Unavailable("{} may have changed before it was copied: {}", source, Message(still));
}

StatusOr<PutResult> S3UnderStore::Copy(const std::string& source, const std::string& target,
                                       const CopyOptions& given) {
  static const AnswerRule kRule{
      "copy_object",       {200}, {}, "CopyObjectResult", {{"ETag", FieldKind::kEtag}}, {},
      /*late_errors=*/true};
  CopyOptions options = given;
  SPILLWAY_RETURN_IF_ERROR(FindSource(source, &options));
  if (options.source_bytes > copy_bytes_max()) {
    return InvalidArgument("{} has {} bytes; objects beyond {} are copied in parts.", source,
                           options.source_bytes, copy_bytes_max());
  }
  S3Request request;
  request.method = "PUT";
  request.key = client_->FullKey(target);
  request.headers["x-amz-copy-source"] = CopySource(source);
  if (!options.source_if_match.empty())
    request.headers["x-amz-copy-source-if-match"] = QuoteEtag(options.source_if_match);
  AddObjectHeaders(client_->settings(), &request.headers);
  StringBody nothing("");
  request.body = &nothing;
  request.timeout_ms = client_->settings().CopyTimeoutMs(options.source_bytes);
  const auto answer =
      CallBelieving(StoreFeature::kCopyConditions, target, {options.if_absent, options.if_match},
                    std::nullopt, request, kRule);
  if (answer.ok()) {
    std::string etag = StripEtag(TextOf((*answer)->root, "ETag"));
    SPILLWAY_RETURN_IF_ERROR(CheckCopy(source, target, options, etag));
    return PutResult{std::move(etag)};
  }
  if (S3ErrorOf(answer.status()).http_code == 412 && !options.if_absent && options.if_match.empty())
    source_conditions_ = Support::kYes;
  // An object to replace may be said to be gone because the source is.
  if (answer.status().code() == StatusCode::kFailedPrecondition && !options.if_match.empty())
    SPILLWAY_RETURN_IF_ERROR(Head(source).status());
  return answer.status();
}

}  // namespace spillway
