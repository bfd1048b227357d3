#include "common/checksum.h"
#include "store/calls/calls.h"
#include "store/digest.h"
#include "store/xml.h"

namespace spillway::strict {
namespace {

bool IsItself(const Exchange& x) {
  std::string source = x.request.Get("x-amz-copy-source");
  if (source.starts_with('/')) source = source.substr(1);
  return PercentDecode(source) == x.bucket + "/" + x.key;
}

}  // namespace

Answer CopyObject(World& world, Exchange& x) {
  CopySource source;
  {
    absl::MutexLock lock(&world.mutex);
    if (FindBucket(world, x) == nullptr) return ErrorAnswer("NoSuchBucket");
    source = FindCopySource(world, x);
  }
  if (source.refusal) return *source.refusal;
  Object object = std::move(source.object);
  if (object.data.size() > kSingleBytesMax) {
    return ErrorAnswer("InvalidRequest",
                       "The specified copy source is larger than the maximum allowable size for a "
                       "copy source: 5368709120");
  }
  const bool replace = x.request.Get("x-amz-metadata-directive") == "REPLACE";
  if (IsItself(x) && !replace) {
    return ErrorAnswer("InvalidRequest",
                       "This copy request is illegal because it is trying to copy an object to "
                       "itself without changing the object's metadata.");
  }
  if (replace) object.headers = KeptHeaders(x.request);
  object.etag = object.data.Etag();
  const bool asked = x.request.Get("x-amz-checksum-algorithm") == "CRC32C";
  if (!object.crc32c.empty() || asked) {
    object.crc32c = ToBase64(BigEndian(object.data.Crc32c()));
    object.checksum_type = "FULL_OBJECT";
  }
  object.last_modified_ms = x.now_ms;
  std::string xml = "<CopyObjectResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">" +
                    XmlTag("LastModified", IsoTime(x.now_ms)) + XmlTag("ETag", Quoted(object.etag));
  if (!object.crc32c.empty()) xml += XmlTag("ChecksumCRC32C", object.crc32c);
  absl::MutexLock lock(&world.mutex);
  Bucket* bucket = FindBucket(world, x);
  if (bucket == nullptr) return ErrorAnswer("NoSuchBucket");
  if (auto refusal = CheckWriteConditions(*bucket, x)) return *refusal;
  x.bytes_copied = object.data.size();
  bucket->objects[x.key] = std::move(object);
  return XmlAnswer(xml + "</CopyObjectResult>");
}

}  // namespace spillway::strict
