#include "common/checksum.h"
#include "understore/s3/calls.h"

namespace spillway {
namespace {

constexpr int64_t kMsPerPart = 10;  // 1 s for 100 parts

std::string PartsDocument(const std::vector<UploadedPart>& parts, bool checksums) {
  std::string xml = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";
  for (const UploadedPart& part : parts) {
    xml += fmt::format("<Part><PartNumber>{}</PartNumber><ETag>{}</ETag>", part.number,
                       XmlEscape(QuoteEtag(part.etag)));
    if (part.crc32c && checksums)
      xml += "<ChecksumCRC32C>" + Crc32cBase64(*part.crc32c) + "</ChecksumCRC32C>";
    xml += "</Part>";
  }
  return xml + "</CompleteMultipartUpload>";
}

}  // namespace

StatusOr<PutResult> S3UnderStore::CompleteMultipart(const std::string& key,
                                                    const std::string& upload_id,
                                                    const std::vector<UploadedPart>& parts,
                                                    const PutOptions& options) {
  static const AnswerRule kRule{"complete_upload",
                                {200},
                                {},
                                "CompleteMultipartUploadResult",
                                {{"ETag", FieldKind::kEtag}},
                                {},
                                /*late_errors=*/true};
  constexpr StoreFeature kFeature = StoreFeature::kCompleteConditions;
  const S3Belief belief{options.if_absent, options.if_match};
  const S3Settings& settings = client_->settings();
  S3Request request;
  request.method = "POST";
  request.key = client_->FullKey(key);
  request.query = {{"uploadId", upload_id}};
  request.headers["content-type"] = "application/xml";
  StringBody body(PartsDocument(parts, !client_->Lacks(StoreFeature::kChecksums)));
  request.body = &body;
  request.timeout_ms =
      settings.complete_timeout_ms + static_cast<int64_t>(parts.size()) * kMsPerPart;
  SPILLWAY_ASSIGN_OR_RETURN(const auto answer,
                            CallBelieving(kFeature, key, belief, std::nullopt, request, kRule));
  return PutResult{EtagAfterComplete(key, parts, StripEtag(TextOf(answer->root, "ETag")))};
}

// Some stores answer an etag of parts, and have that of the whole for ever after. It is told by its
// form, which has no '-': an etag of parts that differs is another writer's.
std::string S3UnderStore::EtagAfterComplete(const std::string& key,
                                            const std::vector<UploadedPart>& parts,
                                            const std::string& etag) {
  if (complete_etag_stays_ == Support::kYes || etag.find('-') == std::string::npos) return etag;
  const auto found = Head(key);
  if (!found.ok()) return etag;
  if (found->etag == etag) complete_etag_stays_ = Support::kYes;
  if (found->etag.find('-') != std::string::npos) return etag;
  int64_t bytes = 0;
  for (const UploadedPart& part : parts) bytes += part.size_bytes;
  if (found->size_bytes != bytes) return etag;
  complete_etag_stays_ = Support::kNo;
  return found->etag;
}

}  // namespace spillway
