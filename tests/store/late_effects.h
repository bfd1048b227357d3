// Effects that happen after their answer.
#pragma once

#include <functional>
#include <map>
#include <thread>

#include "absl/synchronization/mutex.h"

namespace spillway::strict {

// Thread-safe. Its time is what AdvanceMs added up, and real time on top unless manual.
class LateEffects {
 public:
  explicit LateEffects(bool manual);
  ~LateEffects();  // effects that are not due are dropped

  void Add(int64_t after_ms, std::function<void()> effect);
  // Returns when every effect that is due by then has happened.
  void AdvanceMs(int64_t ms);
  int64_t pending() const;

 private:
  int64_t NowMs() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RunDue() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Loop();

  const bool manual_;
  mutable absl::Mutex mutex_;
  std::multimap<int64_t, std::function<void()>> effects_ ABSL_GUARDED_BY(mutex_);  // by due time
  int64_t advanced_ms_ ABSL_GUARDED_BY(mutex_) = 0;
  int running_ ABSL_GUARDED_BY(mutex_) = 0;
  bool changed_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace spillway::strict
