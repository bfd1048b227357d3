// Time as a parameter. Cores never read a clock of the machine.
#pragma once

#include <atomic>
#include <cstdint>

#include "absl/synchronization/mutex.h"
#include "common/timed_event.h"

namespace spillway {

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  // Wall time, milliseconds since 1970. May step; for timestamps shown to users only.
  virtual int64_t NowMs() = 0;
  // Never goes back; for deadlines and intervals. The origin has no meaning.
  virtual int64_t MonotonicMs() = 0;
  // The same clock in microseconds, as finely as it is known; for what is measured.
  virtual int64_t MonotonicUs() { return MonotonicMs() * 1000; }
  // Blocks the caller. For clients, whose calls block anyway; servers' cores never wait. False,
  // at once, if the process or the client is to end: the caller gives up what it waits for.
  virtual bool SleepMs(int64_t ms) = 0;
};

class SystemClock : public Clock {
 public:
  int64_t NowMs() override;
  int64_t MonotonicMs() override;
  int64_t MonotonicUs() override;
  bool SleepMs(int64_t ms) override;
  // Ends all sleeps, now and from now on.
  void Interrupt();

 private:
  std::atomic<bool> interrupted_{false};
  TimedEvent changed_;
};

// Moves only when told; starts at start_ms. Wall and monotonic time are the same until the wall
// clock is set.
class ManualClock : public Clock {
 public:
  explicit ManualClock(int64_t start_ms = 1'700'000'000'000) : now_ms_(start_ms) {}
  int64_t NowMs() override {
    absl::MutexLock lock(&mutex_);
    return now_ms_ + wall_ahead_ms_;
  }
  int64_t MonotonicMs() override {
    absl::MutexLock lock(&mutex_);
    return now_ms_;
  }
  bool SleepMs(int64_t ms) override {
    AdvanceMs(ms);
    return true;
  }
  // Somebody sets the wall clock, delta_ms ahead or back.
  void JumpWallMs(int64_t delta_ms) {
    absl::MutexLock lock(&mutex_);
    wall_ahead_ms_ += delta_ms;
  }
  void AdvanceMs(int64_t delta_ms) {
    absl::MutexLock lock(&mutex_);
    now_ms_ += delta_ms;
  }

 private:
  absl::Mutex mutex_;
  int64_t now_ms_ ABSL_GUARDED_BY(mutex_);
  int64_t wall_ahead_ms_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace spillway
