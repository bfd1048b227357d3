// Jobs of the master: what users have asked for and follow.
#pragma once

#include <atomic>
#include <cstdint>

#include "api/types.h"

namespace spillway {

// Ids of jobs; none of an earlier start is given again.
class JobIds {
 public:
  explicit JobIds(int64_t now_ms) : next_(now_ms) {}
  int64_t Next() { return next_++; }

 private:
  std::atomic<int64_t> next_;
};

}  // namespace spillway
