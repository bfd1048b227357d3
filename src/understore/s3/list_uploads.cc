// ListMultipartUploads: who has begun an upload and not ended it.
#include "understore/s3/calls.h"
#include "understore/s3/list_page.h"

namespace spillway {
namespace {

constexpr int kPagesMax = 10'000;

const AnswerRule& ListUploadsRule() {
  // An upload's age decides whether it is aborted.
  static const AnswerRule kRule{"list_uploads",
                                {200},
                                {},
                                "ListMultipartUploadsResult",
                                {{"IsTruncated", FieldKind::kBool}},
                                {{"Upload",
                                  {{"Key", FieldKind::kText},
                                   {"UploadId", FieldKind::kText},
                                   {"Initiated", FieldKind::kTime}}}}};
  return kRule;
}

}  // namespace

StatusOr<std::vector<OpenUpload>> S3UnderStore::ListUploads(const std::string& prefix) {
  const S3Settings& settings = client_->settings();
  const std::string full_prefix = client_->FullKey(prefix);
  std::vector<OpenUpload> uploads;
  std::string key_marker;
  std::string id_marker;
  TokenTrail trail;
  for (int pages = 0; pages < kPagesMax; ++pages) {
    S3Request request;
    request.method = "GET";
    request.query = {{"uploads", ""}, {"encoding-type", "url"}, {"prefix", full_prefix}};
    if (!key_marker.empty()) request.query.emplace_back("key-marker", key_marker);
    if (!id_marker.empty()) request.query.emplace_back("upload-id-marker", id_marker);
    SPILLWAY_ASSIGN_OR_RETURN(const auto answer, client_->Call(request, ListUploadsRule()));
    const bool encoded = TextOf(answer->root, "EncodingType") == "url";
    for (const pugi::xml_node& node : answer->root.children("Upload")) {
      const auto key = ListedText(TextOf(node, "Key"), encoded);
      if (const char* why = WhyNotListed(key, full_prefix); why != nullptr) {
        client_->CountSkipped(ListUploadsRule().call, why);
        continue;
      }
      uploads.push_back({key->substr(settings.prefix.size()), TextOf(node, "UploadId"),
                         *ParseIsoTimeMs(TextOf(node, "Initiated"))});
    }
    if (TextOf(answer->root, "IsTruncated") != "true") return uploads;
    key_marker = ListedText(TextOf(answer->root, "NextKeyMarker"), encoded).value_or("");
    id_marker = TextOf(answer->root, "NextUploadIdMarker");
    if (key_marker.rfind(full_prefix, 0) != 0 || key_marker.empty() ||
        !trail.Add(key_marker + '\0' + id_marker))
      return client_->Strange(ListUploadsRule().call, "there is more, but no way to go on",
                              answer->http);
  }
  return Unavailable("Listing uploads of s3://{}: there are more than {} pages.", settings.bucket,
                     kPagesMax);
}

}  // namespace spillway
