#include "store/calls/calls.h"

namespace spillway::strict {

Answer PutObject(World& world, Exchange& x) {
  Object object;
  object.data = Rope(x.request.body);
  object.etag = object.data.Etag();
  object.crc32c = x.request.Get("x-amz-checksum-crc32c");
  if (!object.crc32c.empty()) object.checksum_type = "FULL_OBJECT";
  object.last_modified_ms = x.now_ms;
  object.headers = KeptHeaders(x.request);
  Answer answer;
  answer.headers.emplace_back("ETag", Quoted(object.etag));
  if (!object.crc32c.empty()) {
    answer.headers.emplace_back("x-amz-checksum-crc32c", object.crc32c);
    answer.headers.emplace_back("x-amz-checksum-type", object.checksum_type);
  }
  absl::MutexLock lock(&world.mutex);
  Bucket* bucket = FindBucket(world, x);
  if (bucket == nullptr) return ErrorAnswer("NoSuchBucket");
  if (auto refusal = CheckWriteConditions(*bucket, x)) return *refusal;
  bucket->objects[x.key] = std::move(object);
  return answer;
}

}  // namespace spillway::strict
