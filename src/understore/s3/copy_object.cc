#include <pugixml.hpp>

#include "understore/s3/calls.h"
#include "understore/s3/object_headers.h"
#include "understore/s3/sigv4.h"

namespace spillway {
namespace {

constexpr int64_t kSingleCopyBytesMax = 5LL << 30;
constexpr int64_t kCopyPartBytes = 1LL << 30;

// S3 may answer 200 and put an error in the body.
StatusOr<std::string> EtagOfCopy(const HttpResponse& response, const char* root,
                                 const std::string& what) {
  pugi::xml_document doc;
  doc.load_buffer(response.body.data(), response.body.size());
  if (const pugi::xml_node result = doc.child(root)) return StripEtag(result.child_value("ETag"));
  return StatusFromS3(500, response.body, what);
}

}  // namespace

StatusOr<PutResult> S3UnderStore::Copy(const std::string& source, const std::string& target,
                                       const CopyOptions&) {
  SPILLWAY_ASSIGN_OR_RETURN(const ObjectInfo info, Head(source));
  if (info.size_bytes > kSingleCopyBytesMax) return CopyInParts(source, target, info.size_bytes);
  S3Request request;
  request.method = "PUT";
  request.key = client_->FullKey(target);
  request.headers["x-amz-copy-source"] =
      UriEncode("/" + client_->settings().bucket + "/" + client_->FullKey(source), true);
  AddObjectHeaders(client_->settings(), &request.headers);
  StringBody nothing("");
  request.body = &nothing;
  request.payload_bytes = info.size_bytes;
  SPILLWAY_ASSIGN_OR_RETURN(HttpResponse response, client_->Send(request));
  SPILLWAY_ASSIGN_OR_RETURN(std::string etag,
                            EtagOfCopy(response, "CopyObjectResult", "Copy to " + request.key));
  return PutResult{std::move(etag)};
}

StatusOr<PutResult> S3UnderStore::CopyInParts(const std::string& source, const std::string& target,
                                              int64_t size_bytes) {
  SPILLWAY_ASSIGN_OR_RETURN(const std::string upload_id, CreateMultipart(target, PutOptions()));
  std::vector<UploadedPart> parts;
  for (int64_t at = 0; at < size_bytes; at += kCopyPartBytes) {
    const int number = static_cast<int>(parts.size()) + 1;
    const int64_t end = std::min(size_bytes, at + kCopyPartBytes);
    S3Request request;
    request.method = "PUT";
    request.key = client_->FullKey(target);
    request.query = {{"partNumber", std::to_string(number)}, {"uploadId", upload_id}};
    request.headers["x-amz-copy-source"] =
        UriEncode("/" + client_->settings().bucket + "/" + client_->FullKey(source), true);
    request.headers["x-amz-copy-source-range"] = fmt::format("bytes={}-{}", at, end - 1);
    StringBody nothing("");
    request.body = &nothing;
    auto response = client_->Send(request);
    StatusOr<std::string> etag = response.ok()
                                     ? EtagOfCopy(*response, "CopyPartResult", "Copy part")
                                     : StatusOr<std::string>(response.status());
    if (!etag.ok()) {
      (void)AbortMultipart(target, upload_id);
      return etag.status();
    }
    parts.push_back(UploadedPart{number, *etag, std::nullopt, 0});
  }
  return CompleteMultipart(target, upload_id, parts, PutOptions());
}

}  // namespace spillway
