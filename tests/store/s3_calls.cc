#include "store/s3_calls.h"

namespace spillway::strict {
namespace {

struct CallInfo {
  S3Call call;
  const char* name;
  const char* root;
  std::vector<std::string> fields;
  std::vector<std::string> headers;
};

// clang-format off
const std::vector<CallInfo>& Infos() {
  static const auto* const infos = new std::vector<CallInfo>{
      {S3Call::kPutObject, "PutObject", "", {}, {"ETag", "x-amz-checksum-crc32c"}},
      {S3Call::kGetObject, "GetObject", "", {}, {"ETag", "Last-Modified", "Content-Type", "Content-Range", "Accept-Ranges", "x-amz-checksum-crc32c"}},
      {S3Call::kHeadObject, "HeadObject", "", {}, {"ETag", "Last-Modified", "Content-Type", "Content-Length", "Accept-Ranges", "x-amz-checksum-crc32c", "x-amz-checksum-type"}},
      {S3Call::kDeleteObject, "DeleteObject", "", {}, {}},
      {S3Call::kDeleteObjects, "DeleteObjects", "DeleteResult", {"Deleted", "Error", "Key", "Code", "Message"}, {"Content-Type"}},
      {S3Call::kListObjectsV2, "ListObjectsV2", "ListBucketResult", {"Name", "Prefix", "Delimiter", "MaxKeys", "KeyCount", "IsTruncated", "EncodingType", "ContinuationToken", "NextContinuationToken", "Contents", "Key", "Size", "ETag", "LastModified", "StorageClass", "CommonPrefixes"}, {"Content-Type"}},
      {S3Call::kListObjectsV1, "ListObjectsV1", "ListBucketResult", {"Name", "Prefix", "Marker", "Delimiter", "MaxKeys", "IsTruncated", "EncodingType", "NextMarker", "Contents", "Key", "Size", "ETag", "LastModified", "StorageClass", "CommonPrefixes"}, {"Content-Type"}},
      {S3Call::kCreateMultipartUpload, "CreateMultipartUpload", "InitiateMultipartUploadResult", {"Bucket", "Key", "UploadId"}, {"Content-Type", "x-amz-checksum-algorithm", "x-amz-checksum-type"}},
      {S3Call::kUploadPart, "UploadPart", "", {}, {"ETag", "x-amz-checksum-crc32c"}},
      {S3Call::kUploadPartCopy, "UploadPartCopy", "CopyPartResult", {"ETag", "LastModified", "ChecksumCRC32C"}, {"Content-Type"}},
      {S3Call::kCompleteMultipartUpload, "CompleteMultipartUpload", "CompleteMultipartUploadResult", {"Location", "Bucket", "Key", "ETag", "ChecksumCRC32C", "ChecksumType"}, {"Content-Type"}},
      {S3Call::kAbortMultipartUpload, "AbortMultipartUpload", "", {}, {}},
      {S3Call::kListMultipartUploads, "ListMultipartUploads", "ListMultipartUploadsResult", {"Bucket", "KeyMarker", "UploadIdMarker", "NextKeyMarker", "NextUploadIdMarker", "MaxUploads", "IsTruncated", "EncodingType", "Upload", "Key", "UploadId", "Initiated"}, {"Content-Type"}},
      {S3Call::kListParts, "ListParts", "ListPartsResult", {"Bucket", "Key", "UploadId", "PartNumberMarker", "NextPartNumberMarker", "MaxParts", "IsTruncated", "Part", "PartNumber", "LastModified", "ETag", "Size", "ChecksumCRC32C"}, {"Content-Type"}},
      {S3Call::kCopyObject, "CopyObject", "CopyObjectResult", {"ETag", "LastModified", "ChecksumCRC32C"}, {"Content-Type"}},
      {S3Call::kHeadBucket, "HeadBucket", "", {}, {"x-amz-bucket-region"}},
  };
  return *infos;
}
// clang-format on

const CallInfo& InfoOf(S3Call call) { return Infos()[static_cast<size_t>(call)]; }

}  // namespace

const std::vector<S3Call>& AllCalls() {
  static const auto* const calls = [] {
    auto* all = new std::vector<S3Call>;
    for (const CallInfo& info : Infos()) all->push_back(info.call);
    return all;
  }();
  return *calls;
}

std::string CallName(S3Call call) { return InfoOf(call).name; }

std::optional<S3Call> CallByName(std::string_view name) {
  for (const CallInfo& info : Infos()) {
    if (info.name == name) return info.call;
  }
  return std::nullopt;
}

bool AnswersXml(S3Call call) { return *InfoOf(call).root != '\0'; }
std::string RootOf(S3Call call) { return InfoOf(call).root; }
std::vector<std::string> FieldsOf(S3Call call) { return InfoOf(call).fields; }
std::vector<std::string> HeadersOf(S3Call call) { return InfoOf(call).headers; }

}  // namespace spillway::strict
