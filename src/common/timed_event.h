// Waiting with a limit that steps of the wall clock do not move: absl's timed waits follow wall
// time and last an hour longer when the clock is set back by an hour.
#pragma once

#include <atomic>
#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/synchronization/mutex.h"

namespace spillway {

// Thread-safe. Whoever changes what others wait for calls Notify afterwards.
class TimedEvent {
 public:
  void Notify();
  // Returns once condition holds (true) or ms milliseconds have passed (false). Calls condition
  // with mutex held, which the caller holds before and after.
  bool Await(absl::Mutex* mutex, absl::FunctionRef<bool()> condition, int64_t ms)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);

 private:
  std::atomic<uint32_t> changes_{0};
};

}  // namespace spillway
