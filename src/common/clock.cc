#include "common/clock.h"

#include <chrono>

#include "absl/time/clock.h"

namespace spillway {

int64_t SystemClock::NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

int64_t SystemClock::MonotonicMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void SystemClock::SleepMs(int64_t ms) { absl::SleepFor(absl::Milliseconds(ms)); }

}  // namespace spillway
