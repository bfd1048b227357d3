// ListMultipartUploads: who has begun an upload and not ended it.
#include <pugixml.hpp>

#include "understore/s3/calls.h"
#include "understore/s3/s3_client.h"

namespace spillway {

StatusOr<std::vector<OpenUpload>> S3UnderStore::ListUploads(const std::string& prefix) {
  const S3Settings& settings = client_->settings();
  std::vector<OpenUpload> uploads;
  std::string key_marker;
  std::string id_marker;
  while (true) {
    S3Request request;
    request.method = "GET";
    request.query = {{"uploads", ""}, {"prefix", client_->FullKey(prefix)}};
    if (!key_marker.empty()) request.query.emplace_back("key-marker", key_marker);
    if (!id_marker.empty()) request.query.emplace_back("upload-id-marker", id_marker);
    SPILLWAY_ASSIGN_OR_RETURN(HttpResponse response, client_->Send(request));
    pugi::xml_document doc;
    if (!doc.load_buffer(response.body.data(), response.body.size())) {
      return Unavailable("Listing uploads of s3://{}: the answer is not XML.", settings.bucket);
    }
    const pugi::xml_node root = doc.child("ListMultipartUploadsResult");
    for (const pugi::xml_node& node : root.children("Upload")) {
      const std::string key = node.child_value("Key");
      if (key.rfind(settings.prefix, 0) != 0) continue;
      uploads.push_back({key.substr(settings.prefix.size()), node.child_value("UploadId"),
                         ParseS3TimeMs(node.child_value("Initiated"))});
    }
    key_marker = root.child_value("NextKeyMarker");
    id_marker = root.child_value("NextUploadIdMarker");
    const bool more = root.child("IsTruncated").text().as_bool() && !key_marker.empty();
    if (!more) return uploads;
  }
}

}  // namespace spillway
