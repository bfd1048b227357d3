#include "store/calls/calls.h"
#include "store/digest.h"

namespace spillway::strict {

Bucket* FindBucket(World& world, const Exchange& x) {
  const auto found = world.buckets.find(x.bucket);
  return found == world.buckets.end() ? nullptr : &found->second;
}

std::optional<Answer> CheckWriteConditions(const Bucket& bucket, const Exchange& x) {
  const auto object = bucket.objects.find(x.key);
  const bool there = object != bucket.objects.end();
  const std::string match = x.request.Get("if-match");
  const std::string none_match = x.request.Get("if-none-match");
  if (!match.empty() && !none_match.empty()) return ErrorAnswer("InvalidRequest");
  if (!none_match.empty() && none_match != "*") {
    return ErrorAnswer("NotImplemented", "", {{"Header", "If-None-Match"}});
  }
  if (!none_match.empty() && there)
    return ErrorAnswer("PreconditionFailed", "", {{"Condition", "If-None-Match"}});
  if (match.empty()) return std::nullopt;
  if (!there) return ErrorAnswer("NoSuchKey", "", {{"Key", x.key}});
  if (match != "*" && Unquoted(match) != object->second.etag)
    return ErrorAnswer("PreconditionFailed", "", {{"Condition", "If-Match"}});
  return std::nullopt;
}

Headers KeptHeaders(const HttpRequest& request) {
  Headers kept;
  const std::string type = request.Get("content-type");
  kept.emplace_back("Content-Type", type.empty() ? "binary/octet-stream" : type);
  for (const auto& header : request.headers) {
    if (header.first.starts_with("x-amz-meta-")) kept.push_back(header);
  }
  return kept;
}

std::optional<int64_t> QueryNumber(const Exchange& x, const std::string& name, int64_t low,
                                   int64_t high, int64_t fallback) {
  if (!x.HasQuery(name) || x.QueryValue(name).empty()) return fallback;
  const auto number = ParseNumber(x.QueryValue(name));
  return number && *number >= low && *number <= high ? number : std::nullopt;
}

Upload* FindUpload(Bucket* bucket, const Exchange& x) {
  if (bucket == nullptr) return nullptr;
  const auto found = bucket->uploads.find(x.QueryValue("uploadId"));
  return found == bucket->uploads.end() || found->second.key != x.key ? nullptr : &found->second;
}

CopySource FindCopySource(World& world, const Exchange& x) {
  std::string raw = x.request.Get("x-amz-copy-source");
  if (raw.starts_with('/')) raw = raw.substr(1);
  if (raw.find('?') != std::string::npos) return {{}, ErrorAnswer("NotImplemented")};
  const auto decoded = PercentDecode(raw);
  const size_t slash = decoded ? decoded->find('/') : std::string::npos;
  if (slash == std::string::npos || slash + 1 == decoded->size()) {
    return {{}, ErrorAnswer("InvalidArgument", "Invalid copy source object key")};
  }
  const auto bucket = world.buckets.find(decoded->substr(0, slash));
  if (bucket == world.buckets.end()) return {{}, ErrorAnswer("NoSuchBucket")};
  const std::string key = decoded->substr(slash + 1);
  const auto object = bucket->second.objects.find(key);
  if (object == bucket->second.objects.end())
    return {{}, ErrorAnswer("NoSuchKey", "", {{"Key", key}})};
  const std::string match = x.request.Get("x-amz-copy-source-if-match");
  const std::string none_match = x.request.Get("x-amz-copy-source-if-none-match");
  const auto names = [&](const std::string& value) {
    return value == "*" || Unquoted(value) == object->second.etag;
  };
  if (!match.empty() && !names(match)) {
    return {{},
            ErrorAnswer("PreconditionFailed", "", {{"Condition", "x-amz-copy-source-If-Match"}})};
  }
  if (!none_match.empty() && names(none_match)) {
    return {
        {},
        ErrorAnswer("PreconditionFailed", "", {{"Condition", "x-amz-copy-source-If-None-Match"}})};
  }
  return {object->second, std::nullopt};
}

Answer HeadBucket(World& world, Exchange& x) {
  absl::MutexLock lock(&world.mutex);
  if (FindBucket(world, x) == nullptr) return ErrorAnswer("NoSuchBucket");
  Answer answer;
  answer.headers.emplace_back("x-amz-bucket-region", world.options.region);
  return answer;
}

Answer CarryOut(World& world, Exchange& x) {
  switch (*x.call) {
    case S3Call::kPutObject:
      return PutObject(world, x);
    case S3Call::kGetObject:
    case S3Call::kHeadObject:
      return GetObject(world, x);
    case S3Call::kDeleteObject:
      return DeleteObject(world, x);
    case S3Call::kDeleteObjects:
      return DeleteObjects(world, x);
    case S3Call::kListObjectsV2:
      return ListObjects(world, x, x.profile.list_v2 == Support::kYes);
    case S3Call::kListObjectsV1:
      return ListObjects(world, x, false);
    case S3Call::kCreateMultipartUpload:
      return CreateMultipartUpload(world, x);
    case S3Call::kUploadPart:
      return UploadPart(world, x);
    case S3Call::kUploadPartCopy:
      return x.profile.multipart_copy == Support::kYes ? UploadPartCopy(world, x)
                                                       : UploadPart(world, x);
    case S3Call::kCompleteMultipartUpload:
      return CompleteMultipartUpload(world, x);
    case S3Call::kAbortMultipartUpload:
      return AbortMultipartUpload(world, x);
    case S3Call::kListMultipartUploads:
      return ListMultipartUploads(world, x);
    case S3Call::kListParts:
      return ListParts(world, x);
    case S3Call::kCopyObject:
      return CopyObject(world, x);
    case S3Call::kHeadBucket:
      return HeadBucket(world, x);
  }
  return ErrorAnswer("NotImplemented");
}

}  // namespace spillway::strict
