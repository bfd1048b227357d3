// Parts of an upload that are made of an object: by the store, or through here where it cannot.
#include <algorithm>

#include "common/checksum.h"
#include "understore/s3/calls.h"

namespace spillway {
namespace {

constexpr int64_t kPartsMax = 10'000;
constexpr int64_t kRelayBytesMax = 1LL << 30;  // of a part, which is held in memory
constexpr int64_t kRelayPartBytes = 16LL << 20;
constexpr int64_t kGranularity = 1LL << 20;

}  // namespace

int64_t S3UnderStore::copy_part_bytes(int64_t object_bytes) const {
  int64_t bytes = client_->settings().copy_part_bytes;
  if (client_->Lacks(StoreFeature::kCopyPart)) bytes = std::min(bytes, kRelayPartBytes);
  const int64_t least = (std::max<int64_t>(object_bytes, 0) + kPartsMax - 1) / kPartsMax;
  if (bytes >= least) return bytes;
  return (least + kGranularity - 1) / kGranularity * kGranularity;
}

StatusOr<UploadedPart> S3UnderStore::CopyPart(const std::string& source, int64_t offset,
                                              int64_t length, const std::string& target,
                                              const std::string& upload_id, int number,
                                              const CopyOptions& options) {
  static const AnswerRule kRule{
      "copy_part",         {200}, {}, "CopyPartResult", {{"ETag", FieldKind::kEtag}}, {},
      /*late_errors=*/true};
  if (offset < 0 || length <= 0 || length > copy_bytes_max())
    return InvalidArgument("A part cannot be made of {} bytes from {} on.", length, offset);
  if (client_->Lacks(StoreFeature::kCopyPart))
    return RelayPart(source, offset, length, target, upload_id, number, options);
  if (source_conditions_ != Support::kYes) SPILLWAY_RETURN_IF_ERROR(CheckSource(source, options));
  S3Request request;
  request.method = "PUT";
  request.key = client_->FullKey(target);
  request.query = {{"partNumber", std::to_string(number)}, {"uploadId", upload_id}};
  request.headers["x-amz-copy-source"] = CopySource(source);
  request.headers["x-amz-copy-source-range"] =
      fmt::format("bytes={}-{}", offset, offset + length - 1);
  if (!options.source_if_match.empty())
    request.headers["x-amz-copy-source-if-match"] = QuoteEtag(options.source_if_match);
  StringBody nothing("");
  request.body = &nothing;
  request.timeout_ms = client_->settings().CopyTimeoutMs(length);
  SPILLWAY_ASSIGN_OR_RETURN(HttpResponse response, client_->Send(request));
  // A store that takes this for UploadPart has made a part of nothing.
  const bool taken_for_upload = response.code == 200 && response.body.empty();
  const auto answer = client_->Judge(request, kRule, std::move(response));
  const S3Error error = S3ErrorOf(answer.status());
  const int http_code = error.http_code;
  // It may also have missed something that belongs to a part with bytes.
  if (error.code == "InvalidRequest" &&
      client_->Knows(StoreFeature::kCopyPart) == Support::kUnknown) {
    return RelayPart(source, offset, length, target, upload_id, number, options);
  }
  if (taken_for_upload || http_code == 501 || http_code == 405) {
    client_->Learn(StoreFeature::kCopyPart, Support::kNo);
    return RelayPart(source, offset, length, target, upload_id, number, options);
  }
  SPILLWAY_RETURN_IF_ERROR(answer.status());
  if (client_->Knows(StoreFeature::kCopyPart) == Support::kUnknown)
    client_->Learn(StoreFeature::kCopyPart, Support::kYes);
  UploadedPart part;
  part.number = number;
  part.etag = StripEtag(TextOf((*answer)->root, "ETag"));
  part.crc32c = ParseCrc32cBase64(TextOf((*answer)->root, "ChecksumCRC32C"));
  part.size_bytes = length;
  return part;
}

StatusOr<UploadedPart> S3UnderStore::RelayPart(const std::string& source, int64_t offset,
                                               int64_t length, const std::string& target,
                                               const std::string& upload_id, int number,
                                               const CopyOptions& options) {
  if (length > kRelayBytesMax)
    return InvalidArgument("A part of {} bytes is too long to be relayed.", length);
  GetOptions version;
  version.if_match = options.source_if_match;
  version.object_bytes = options.source_bytes;
  std::string data;
  data.reserve(static_cast<size_t>(length));
  SPILLWAY_RETURN_IF_ERROR(Get(source, offset, length, version, [&](std::string_view piece) {
    data += piece;
    return absl::OkStatus();
  }));
  if (static_cast<int64_t>(data.size()) != length) {
    return MakeStatus(StatusCode::kFailedPrecondition, "{} has no {} bytes from {} on", source,
                      length, offset);
  }
  const uint32_t crc = Crc32c(data);
  StringBody body(std::move(data));
  return UploadPart(target, upload_id, number, body, crc);
}

}  // namespace spillway
