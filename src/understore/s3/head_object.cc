#include "understore/s3/calls.h"
#include "understore/s3/list_page.h"

namespace spillway {

// An answer without etag may be a web page's. Gateways over a folder give none to files that were
// put there past them: then the store's listing shows the object without one, too.
Status S3UnderStore::CheckListedWithoutEtag(const ObjectInfo& info, const HttpResponse& response) {
  SPILLWAY_ASSIGN_OR_RETURN(const auto listed,
                            ListedObject(client_.get(), client_->FullKey(info.key)));
  const bool same = listed && listed->etag.empty() && listed->size_bytes == info.size_bytes;
  if (same) return absl::OkStatus();
  return client_->Strange("head_object", "missing or malformed header etag", response);
}

StatusOr<ObjectInfo> S3UnderStore::Head(const std::string& key) {
  // Without its length an object cannot be read.
  static const AnswerRule kRule{"head_object",
                                {200},
                                {{"content-length", FieldKind::kSize},
                                 {"etag", FieldKind::kEtag, false},
                                 {"last-modified", FieldKind::kHttpTime, false}}};
  S3Request request;
  request.method = "HEAD";
  request.key = client_->FullKey(key);
  if (!client_->Lacks(StoreFeature::kChecksums)) request.headers["x-amz-checksum-mode"] = "ENABLED";
  auto called = client_->Call(request, kRule);
  if (S3ErrorOf(called.status()).http_code == 501 &&
      request.headers.erase("x-amz-checksum-mode") > 0) {
    called = client_->Call(request, kRule);
    if (S3ErrorOf(called.status()).http_code != 501)
      client_->Learn(StoreFeature::kChecksums, Support::kNo);
  }
  SPILLWAY_RETURN_IF_ERROR(called.status());
  const Answer* answer = called->get();
  ObjectInfo info;
  info.key = key;
  info.etag = StripEtag(answer->header("etag"));
  info.size_bytes = *ParseDecimal(answer->header("content-length"), kObjectBytesMax);
  info.last_modified_ms = ParseHttpTimeMs(answer->header("last-modified")).value_or(0);
  if (info.etag.empty()) SPILLWAY_RETURN_IF_ERROR(CheckListedWithoutEtag(info, answer->http));
  // A store that does not check them may keep wrong ones.
  if (client_->Lacks(StoreFeature::kChecksums)) return info;
  const std::string checksum = answer->header("x-amz-checksum-crc32c");
  info.crc32c = ParseCrc32cBase64(checksum);
  if (checksum.find('-') != std::string::npos && IsEtag(checksum)) info.composite_crc32c = checksum;
  return info;
}

}  // namespace spillway
