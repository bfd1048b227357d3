#include "common/timed_event.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <ctime>

namespace spillway {
namespace {

int64_t NowNs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

// The kernel counts a relative limit on the monotonic clock. Returns early if *word is not value.
void SleepWhile(std::atomic<uint32_t>* word, uint32_t value, int64_t ns) {
  const timespec limit{ns / 1'000'000'000, ns % 1'000'000'000};
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, &limit, nullptr, 0);
}

}  // namespace

void TimedEvent::Notify() {
  ++changes_;
  syscall(SYS_futex, &changes_, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

bool TimedEvent::Await(absl::Mutex* mutex, absl::FunctionRef<bool()> condition, int64_t ms) {
  constexpr int64_t kLongestMs = int64_t{365} * 24 * 3600 * 1000;
  const int64_t end_ns = NowNs() + std::clamp<int64_t>(ms, 0, kLongestMs) * 1'000'000;
  while (true) {
    const uint32_t seen = changes_;
    if (condition()) return true;
    const int64_t left_ns = end_ns - NowNs();
    if (left_ns <= 0) return false;
    mutex->Unlock();
    SleepWhile(&changes_, seen, left_ns);
    mutex->Lock();
  }
}

}  // namespace spillway
