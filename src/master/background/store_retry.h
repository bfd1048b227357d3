// When the sweeps of deletes and of orphaned uploads ask the store again.
#pragma once

#include <algorithm>
#include <cstdint>

namespace spillway {

inline constexpr int64_t kStoreRetryMs = 1000;

// After so many attempts before this one that failed.
inline int64_t StoreRetryDelayMs(int attempts) {
  constexpr int64_t kMsMax = 30'000;
  return std::min<int64_t>(kMsMax, kStoreRetryMs << std::min(attempts, 10));
}

}  // namespace spillway
