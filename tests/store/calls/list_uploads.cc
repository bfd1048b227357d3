// ListMultipartUploads and ListParts.
#include <algorithm>

#include "store/calls/calls.h"
#include "store/digest.h"
#include "store/xml.h"

namespace spillway::strict {
namespace {

constexpr int64_t kPageMax = 1000;

std::string UploadOf(const Upload& upload, bool url) {
  std::string xml = "<Upload>" + XmlTag("Key", url ? PercentEncode(upload.key, "/") : upload.key) +
                    XmlTag("UploadId", upload.id) + XmlTag("StorageClass", "STANDARD") +
                    XmlTag("Initiated", IsoTime(upload.initiated_ms));
  if (upload.checksums) xml += XmlTag("ChecksumAlgorithm", "CRC32C");
  return xml + "</Upload>";
}

// Uploads behind the markers whose key begins with the prefix, in order of keys, then of ids.
std::vector<const Upload*> FindUploads(const Bucket& bucket, const Exchange& x) {
  const std::string prefix = x.QueryValue("prefix");
  const std::string key_marker = x.QueryValue("key-marker");
  const std::string id_marker = x.QueryValue("upload-id-marker");
  std::vector<const Upload*> found;
  for (const auto& [id, upload] : bucket.uploads) {
    const bool behind = key_marker.empty() || upload.key > key_marker ||
                        (upload.key == key_marker && !id_marker.empty() && id > id_marker);
    if (behind && upload.key.starts_with(prefix)) found.push_back(&upload);
  }
  std::sort(found.begin(), found.end(), [](const Upload* a, const Upload* b) {
    return std::tie(a->key, a->id) < std::tie(b->key, b->id);
  });
  return found;
}

}  // namespace

Answer ListMultipartUploads(World& world, Exchange& x) {
  const auto max = QueryNumber(x, "max-uploads", 1, INT32_MAX, kPageMax);
  if (!max) return ErrorAnswer("InvalidArgument");
  if (x.HasQuery("delimiter")) return ErrorAnswer("NotImplemented");
  const bool url = x.QueryValue("encoding-type") == "url";
  const auto encoded = [&](const std::string& text) {
    return url ? PercentEncode(text, "/") : text;
  };
  absl::MutexLock lock(&world.mutex);
  Bucket* bucket = FindBucket(world, x);
  if (bucket == nullptr) return ErrorAnswer("NoSuchBucket");
  std::vector<const Upload*> uploads = FindUploads(*bucket, x);
  const auto limit = static_cast<size_t>(std::min(*max, kPageMax));
  const bool truncated = uploads.size() > limit;
  if (truncated) uploads.resize(limit);
  std::string xml =
      "<ListMultipartUploadsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">" +
      XmlTag("Bucket", x.bucket) + XmlTag("KeyMarker", encoded(x.QueryValue("key-marker"))) +
      XmlTag("UploadIdMarker", x.QueryValue("upload-id-marker"));
  if (truncated) {
    xml += XmlTag("NextKeyMarker", encoded(uploads.back()->key)) +
           XmlTag("NextUploadIdMarker", uploads.back()->id);
  }
  xml += XmlTag("MaxUploads", std::to_string(limit)) +
         XmlTag("IsTruncated", truncated ? "true" : "false");
  if (url) xml += XmlTag("EncodingType", "url");
  for (const Upload* upload : uploads) xml += UploadOf(*upload, url);
  return XmlAnswer(xml + "</ListMultipartUploadsResult>");
}

Answer ListParts(World& world, Exchange& x) {
  const auto max = QueryNumber(x, "max-parts", 1, INT32_MAX, kPageMax);
  const auto marker = QueryNumber(x, "part-number-marker", 0, INT32_MAX, 0);
  if (!max || !marker) return ErrorAnswer("InvalidArgument");
  absl::MutexLock lock(&world.mutex);
  Bucket* bucket = FindBucket(world, x);
  if (bucket == nullptr) return ErrorAnswer("NoSuchBucket");
  const Upload* upload = FindUpload(bucket, x);
  if (upload == nullptr) return ErrorAnswer("NoSuchUpload");
  const int64_t limit = std::min(*max, kPageMax);
  std::string listed;
  int64_t count = 0;
  int last = 0;
  auto it = upload->parts.upper_bound(static_cast<int>(*marker));
  for (; it != upload->parts.end() && count < limit; ++it, ++count) {
    const auto& [number, part] = *it;
    listed += "<Part>" + XmlTag("PartNumber", std::to_string(number)) +
              XmlTag("LastModified", IsoTime(part.last_modified_ms)) +
              XmlTag("ETag", Quoted(part.etag)) + XmlTag("Size", std::to_string(part.data.size()));
    if (part.crc32c) listed += XmlTag("ChecksumCRC32C", ToBase64(BigEndian(*part.crc32c)));
    listed += "</Part>";
    last = number;
  }
  std::string xml = "<ListPartsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">" +
                    XmlTag("Bucket", x.bucket) + XmlTag("Key", x.key) +
                    XmlTag("UploadId", upload->id) +
                    XmlTag("PartNumberMarker", std::to_string(*marker));
  if (count > 0) xml += XmlTag("NextPartNumberMarker", std::to_string(last));
  xml += XmlTag("MaxParts", std::to_string(limit)) +
         XmlTag("IsTruncated", it != upload->parts.end() ? "true" : "false") + listed;
  return XmlAnswer(xml + "</ListPartsResult>");
}

}  // namespace spillway::strict
