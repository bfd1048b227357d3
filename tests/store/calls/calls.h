// The calls. Each takes world.mutex itself, and answers as S3 does.
#pragma once

#include "store/world.h"

namespace spillway::strict {

Answer PutObject(World& world, Exchange& x);
Answer GetObject(World& world, Exchange& x);  // and HeadObject
Answer DeleteObject(World& world, Exchange& x);
Answer DeleteObjects(World& world, Exchange& x);
Answer ListObjects(World& world, Exchange& x, bool v2);
Answer CreateMultipartUpload(World& world, Exchange& x);
Answer UploadPart(World& world, Exchange& x);
Answer UploadPartCopy(World& world, Exchange& x);
Answer CompleteMultipartUpload(World& world, Exchange& x);
Answer AbortMultipartUpload(World& world, Exchange& x);
Answer ListMultipartUploads(World& world, Exchange& x);
Answer ListParts(World& world, Exchange& x);
Answer CopyObject(World& world, Exchange& x);
Answer HeadBucket(World& world, Exchange& x);

// The call that x.call names.
Answer CarryOut(World& world, Exchange& x);

// Shared by the calls.

// Null if there is none.
Bucket* FindBucket(World& world, const Exchange& x) ABSL_EXCLUSIVE_LOCKS_REQUIRED(world.mutex);
// If-Match and If-None-Match of a call that writes x.key. Nothing if they hold.
std::optional<Answer> CheckWriteConditions(const Bucket& bucket, const Exchange& x);
// A writing call's headers that are kept with the object.
Headers KeptHeaders(const HttpRequest& request);
// A whole number that must lie in [low, high]; Nothing if it does not. fallback if it is not given.
std::optional<int64_t> QueryNumber(const Exchange& x, const std::string& name, int64_t low,
                                   int64_t high, int64_t fallback);
// The upload that the query names, if it is x.key's. Null if there is none.
Upload* FindUpload(Bucket* bucket, const Exchange& x);

// Where a copy comes from.
struct CopySource {
  Object object;
  std::optional<Answer> refusal;
};
// x-amz-copy-source and its conditions.
CopySource FindCopySource(World& world, const Exchange& x)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(world.mutex);

// One listed stretch of keys in order; see listing.cc.
struct Listing {
  std::vector<std::pair<std::string, const Object*>> objects;
  std::vector<std::string> prefixes;
  bool truncated = false;
  std::string last;  // the last key or prefix that is in this stretch
};
Listing ListKeys(const Bucket& bucket, const std::string& prefix, const std::string& delimiter,
                 const std::string& after, int64_t max);

inline constexpr int64_t kSingleBytesMax = 5LL << 30;  // of a put, a part and a copy

}  // namespace spillway::strict
