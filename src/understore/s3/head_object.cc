#include <ctime>

#include "absl/strings/numbers.h"
#include "understore/s3/calls.h"

namespace spillway {

StatusOr<ObjectInfo> S3UnderStore::Head(const std::string& key) {
  S3Request request;
  request.method = "HEAD";
  request.key = client_->FullKey(key);
  if (client_->settings().checksums) request.headers["x-amz-checksum-mode"] = "ENABLED";
  SPILLWAY_ASSIGN_OR_RETURN(HttpResponse response, client_->Send(request));
  ObjectInfo info;
  info.key = key;
  info.etag = StripEtag(response.headers["etag"]);
  if (!absl::SimpleAtoi(response.headers["content-length"], &info.size_bytes)) info.size_bytes = 0;
  std::tm utc{};
  if (strptime(response.headers["last-modified"].c_str(), "%a, %d %b %Y %H:%M:%S", &utc) !=
      nullptr) {
    info.last_modified_ms = static_cast<int64_t>(timegm(&utc)) * 1000;
  }
  const std::string& checksum = response.headers["x-amz-checksum-crc32c"];
  info.crc32c = ParseCrc32cBase64(checksum);
  if (checksum.find('-') != std::string::npos) info.composite_crc32c = checksum;
  return info;
}

}  // namespace spillway
