// Comparisons with the understore that somebody asked for and follows: they run on the pool, tell
// how far they are, and can be cancelled.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/synchronization/mutex.h"
#include "common/clock.h"
#include "common/executor.h"
#include "master/master.h"

namespace spillway {

struct SyncTaskInfo {
  enum class State { kRunning, kSucceeded, kFailed, kCancelled };
  int64_t id = 0;
  std::string path;
  State state = State::kRunning;
  int64_t duration_ms = 0;
  SyncCounts counts;
  Status status;  // of a failed one
};

// Thread-safe. Remembers the last 1,000.
class SyncTasks {
 public:
  // All outlive it; executor ends before it does.
  SyncTasks(Master* master, Executor* executor, Clock* clock)
      : master_(master), executor_(executor), clock_(clock) {}
  int64_t Start(const std::string& path, SyncDepth depth);
  std::optional<SyncTaskInfo> Find(int64_t id);
  // False if it is not running.
  bool Cancel(int64_t id);
  // On this thread.
  SyncTaskInfo Run(const std::string& path, SyncDepth depth);

 private:
  struct Task {
    SyncTaskInfo info;
    int64_t began_ms = 0;
    bool cancelled = false;
  };
  std::shared_ptr<Task> Add(const std::string& path);
  void RunTask(const std::shared_ptr<Task>& task, SyncDepth depth) ABSL_LOCKS_EXCLUDED(mutex_);

  Master* const master_;
  Executor* const executor_;
  Clock* const clock_;
  absl::Mutex mutex_;
  int64_t next_id_ ABSL_GUARDED_BY(mutex_) = 1;
  std::map<int64_t, std::shared_ptr<Task>> tasks_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace spillway
