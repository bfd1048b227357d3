// The executor's single-stepped twin: tasks run when they are told to, in order, on the caller's
// thread. For tests and simulation.
#pragma once

#include <deque>
#include <map>
#include <utility>

#include "common/executor.h"

namespace spillway {

// Not thread-safe.
class StepExecutor : public Executor {
 public:
  void Post(Task task) override { tasks_.push_back(std::move(task)); }
  // Delays are measured in calls of AdvanceMs.
  void PostAfter(int64_t delay_ms, Task task) override {
    timers_.emplace(now_ms_ + delay_ms, std::move(task));
  }

  bool RunOne() {
    if (tasks_.empty()) return false;
    Task task = std::move(tasks_.front());
    tasks_.pop_front();
    task();
    return true;
  }
  void RunAll() {
    while (RunOne()) {
    }
  }
  void AdvanceMs(int64_t delta_ms) {
    now_ms_ += delta_ms;
    while (!timers_.empty() && timers_.begin()->first <= now_ms_) {
      tasks_.push_back(std::move(timers_.begin()->second));
      timers_.erase(timers_.begin());
    }
  }
  // What a crash does. What the tasks hold may post others as it goes: these are dropped, too.
  void Drop() {
    while (!tasks_.empty() || !timers_.empty()) {
      const auto tasks = std::exchange(tasks_, {});
      const auto timers = std::exchange(timers_, {});
    }
  }

 private:
  std::deque<Task> tasks_;
  std::multimap<int64_t, Task> timers_;
  int64_t now_ms_ = 0;
};

}  // namespace spillway
