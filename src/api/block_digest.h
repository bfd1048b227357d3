// Digests of a set of blocks, in buckets by id, so that two sides find out cheaply where their
// sets differ. Independent of order.
#pragma once

#include <cstdint>
#include <vector>

#include "common/ids.h"

namespace spillway {

inline constexpr size_t kDigestBuckets = 256;

inline size_t DigestBucket(BlockId id) {
  return static_cast<size_t>(static_cast<uint64_t>(id.value()) >> 24) % kDigestBuckets;
}

class BlockDigests {
 public:
  BlockDigests() : buckets_(kDigestBuckets, 0) {}
  void Add(BlockId id, int64_t length_bytes, uint32_t crc32c, bool pinned) {
    uint64_t hash = Mix(static_cast<uint64_t>(id.value()));
    hash = Mix(hash ^ static_cast<uint64_t>(length_bytes));
    hash = Mix(hash ^ (static_cast<uint64_t>(crc32c) << 1) ^ (pinned ? 1 : 0));
    buckets_[DigestBucket(id)] ^= hash;
  }
  const std::vector<uint64_t>& buckets() const { return buckets_; }

 private:
  static uint64_t Mix(uint64_t x) {
    x += 0x9E3779B97F4A7C15ULL;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
    return x ^ (x >> 31);
  }
  std::vector<uint64_t> buckets_;
};

}  // namespace spillway
