// CreateMultipartUpload, UploadPart, UploadPartCopy and AbortMultipartUpload.
#include "common/checksum.h"
#include "fmt/format.h"
#include "store/calls/calls.h"
#include "store/digest.h"
#include "store/xml.h"

namespace spillway::strict {
namespace {

constexpr int kPartNumberMax = 10'000;

std::optional<int64_t> PartNumber(const Exchange& x) {
  return QueryNumber(x, "partNumber", 1, kPartNumberMax, 0);
}

Answer WrongPartNumber() {
  return ErrorAnswer("InvalidArgument",
                     "Part number must be an integer between 1 and 10000, inclusive");
}

// Nothing if the part's checksum is the kind that the upload was announced with.
std::optional<Answer> CheckKind(const StoreOptions& options, const Upload& upload,
                                const Exchange& x) {
  const bool given = x.request.Has("x-amz-checksum-crc32c");
  const bool missing = upload.checksums && !given && options.require_part_checksums;
  if (!missing && (upload.checksums || !given)) return std::nullopt;
  return ErrorAnswer("InvalidRequest",
                     fmt::format("Checksum Type mismatch occurred, expected checksum Type: {}, "
                                 "actual checksum Type: {}",
                                 upload.checksums ? "crc32c" : "null", given ? "crc32c" : "null"));
}

// "bytes=a-b", wholly inside size bytes.
std::optional<std::pair<int64_t, int64_t>> ParseCopyRange(const std::string& text, int64_t size) {
  const size_t dash = text.find('-');
  if (!text.starts_with("bytes=") || dash == std::string::npos) return std::nullopt;
  const auto first = ParseNumber(text.substr(6, dash - 6));
  const auto last = ParseNumber(text.substr(dash + 1));
  if (!first || !last || *last < *first || *last >= size) return std::nullopt;
  return std::pair(*first, *last - *first + 1);
}

}  // namespace

Answer CreateMultipartUpload(World& world, Exchange& x) {
  const std::string algorithm = x.request.Get("x-amz-checksum-algorithm");
  const std::string type = x.request.Get("x-amz-checksum-type");
  if (!algorithm.empty() && algorithm != "CRC32C")
    return ErrorAnswer("NotImplemented", "", {{"Header", "x-amz-checksum-algorithm"}});
  if (!type.empty() && (algorithm.empty() || (type != "COMPOSITE" && type != "FULL_OBJECT")))
    return ErrorAnswer("InvalidRequest", "x-amz-checksum-type is not valid.");
  absl::MutexLock lock(&world.mutex);
  Bucket* bucket = FindBucket(world, x);
  if (bucket == nullptr) return ErrorAnswer("NoSuchBucket");
  Upload upload;
  const int64_t number = ++world.ids_given;
  upload.id = fmt::format("{:06}.{}", number, Hex(Md5Of(std::to_string(number) + x.key)));
  upload.key = x.key;
  upload.initiated_ms = x.now_ms;
  upload.checksums = !algorithm.empty();
  upload.full_object = type == "FULL_OBJECT";
  upload.headers = KeptHeaders(x.request);
  Answer answer = XmlAnswer(
      "<InitiateMultipartUploadResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">" +
      XmlTag("Bucket", x.bucket) + XmlTag("Key", x.key) + XmlTag("UploadId", upload.id) +
      "</InitiateMultipartUploadResult>");
  if (upload.checksums) {
    answer.headers.emplace_back("x-amz-checksum-algorithm", "CRC32C");
    answer.headers.emplace_back("x-amz-checksum-type",
                                upload.full_object ? "FULL_OBJECT" : "COMPOSITE");
  }
  bucket->uploads[upload.id] = std::move(upload);
  return answer;
}

Answer UploadPart(World& world, Exchange& x) {
  const auto number = PartNumber(x);
  if (!number || *number == 0) return WrongPartNumber();
  Part part;
  part.data = Rope(x.request.body);
  part.etag = part.data.Etag();
  part.crc32c = part.data.Crc32c();
  part.last_modified_ms = x.now_ms;
  Answer answer;
  answer.headers.emplace_back("ETag", Quoted(part.etag));
  if (x.request.Has("x-amz-checksum-crc32c"))
    answer.headers.emplace_back("x-amz-checksum-crc32c", x.request.Get("x-amz-checksum-crc32c"));
  absl::MutexLock lock(&world.mutex);
  Bucket* bucket = FindBucket(world, x);
  if (bucket == nullptr) return ErrorAnswer("NoSuchBucket");
  Upload* upload = FindUpload(bucket, x);
  if (upload == nullptr) return ErrorAnswer("NoSuchUpload");
  if (auto refusal = CheckKind(world.options, *upload, x)) return *refusal;
  if (!upload->checksums) part.crc32c.reset();
  upload->parts[static_cast<int>(*number)] = std::move(part);
  return answer;
}

Answer UploadPartCopy(World& world, Exchange& x) {
  const auto number = PartNumber(x);
  if (!number || *number == 0) return WrongPartNumber();
  absl::MutexLock lock(&world.mutex);
  Bucket* bucket = FindBucket(world, x);
  if (bucket == nullptr) return ErrorAnswer("NoSuchBucket");
  Upload* upload = FindUpload(bucket, x);
  if (upload == nullptr) return ErrorAnswer("NoSuchUpload");
  const CopySource source = FindCopySource(world, x);
  if (source.refusal) return *source.refusal;
  Part part;
  part.data = source.object.data;
  if (x.request.Has("x-amz-copy-source-range")) {
    const auto range =
        ParseCopyRange(x.request.Get("x-amz-copy-source-range"), source.object.data.size());
    if (!range) {
      return ErrorAnswer("InvalidArgument",
                         "Range specified is not valid for source object of size: " +
                             std::to_string(source.object.data.size()));
    }
    part.data = part.data.Slice(range->first, range->second);
  }
  if (part.data.size() > kSingleBytesMax) {
    return ErrorAnswer("InvalidRequest",
                       "The specified copy source is larger than the maximum allowable size for a "
                       "copy source: 5368709120");
  }
  part.etag = part.data.Etag();
  part.last_modified_ms = x.now_ms;
  std::string xml = "<CopyPartResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">" +
                    XmlTag("LastModified", IsoTime(x.now_ms)) + XmlTag("ETag", Quoted(part.etag));
  if (upload->checksums) {
    part.crc32c = part.data.Crc32c();
    xml += XmlTag("ChecksumCRC32C", ToBase64(BigEndian(*part.crc32c)));
  }
  x.bytes_copied = part.data.size();
  upload->parts[static_cast<int>(*number)] = std::move(part);
  return XmlAnswer(xml + "</CopyPartResult>");
}

Answer AbortMultipartUpload(World& world, Exchange& x) {
  absl::MutexLock lock(&world.mutex);
  Bucket* bucket = FindBucket(world, x);
  if (bucket == nullptr) return ErrorAnswer("NoSuchBucket");
  Upload* upload = FindUpload(bucket, x);
  if (upload == nullptr) return ErrorAnswer("NoSuchUpload");
  bucket->uploads.erase(upload->id);
  Answer answer;
  answer.status = 204;
  return answer;
}

}  // namespace spillway::strict
