#include "common/clock.h"

#include <chrono>

#include "absl/synchronization/mutex.h"

namespace spillway {

int64_t SystemClock::NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

int64_t SystemClock::MonotonicMs() { return MonotonicUs() / 1000; }

int64_t SystemClock::MonotonicUs() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

bool SystemClock::SleepMs(int64_t ms) {
  absl::Mutex mutex;
  absl::MutexLock lock(&mutex);
  return !changed_.Await(
      &mutex, [this] { return interrupted_.load(); }, ms);
}

void SystemClock::Interrupt() {
  interrupted_ = true;
  changed_.Notify();
}

}  // namespace spillway
