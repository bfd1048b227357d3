// Group commit over a StateStore. What is appended is visible at once to the writer and durable a
// little later; one sync makes durable all that was appended while the one before it ran. Nothing
// waits when the journal is idle.
#pragma once

#include <deque>
#include <functional>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/synchronization/mutex.h"
#include "common/executor.h"
#include "common/ids.h"
#include "journal/damaged_records.h"
#include "journal/read_cache.h"
#include "journal/state_store.h"

namespace spillway {

// Thread-safe. Appends must be ordered by the caller (the master's state has one writer).
class Journal {
 public:
  // Neither is owned. Commits run on executor, one at a time. A store that cannot be written stops
  // the process: what was appended has already been seen.
  Journal(StateStore* store, Executor* executor, LogIndex last);

  // The newest value, durable or not. *depends is raised to the index the value waits for. What the
  // store has and cannot read is kUnreadable, and noted as damaged.
  std::optional<std::string> Get(std::string_view key, LogIndex* depends);
  void Scan(std::string_view begin, std::string_view end, const StateStore::Visitor& visit,
            LogIndex* depends);

  LogIndex Append(StateBatch batch);
  // Is told what is appended, before it can be read; within Append. Null: nobody.
  void Observe(std::function<void(const StateBatch&)> observer) { observer_ = std::move(observer); }
  LogIndex last_index();
  // What is written over is no damaged record any more.
  DamagedRecords& damaged() { return damaged_; }

  // Runs done once everything up to index is durable: at once on this thread if it is already,
  // else on the executor.
  void WhenDurable(LogIndex index, std::function<void()> done);

  // No record of any kind can be read from it.
  static constexpr std::string_view kUnreadable = "\xff";

 private:
  static constexpr size_t kCacheBytes = 16 << 20;

  struct Pending {
    std::optional<std::string> value;
    int64_t index;
  };
  void CommitLoop();

  StateStore* const store_;
  Executor* const executor_;
  DamagedRecords damaged_;
  std::function<void(const StateBatch&)> observer_;  // appends are ordered, and so is this
  absl::Mutex mutex_;
  absl::btree_map<std::string, Pending, std::less<>> overlay_ ABSL_GUARDED_BY(mutex_);
  ReadCache cache_ ABSL_GUARDED_BY(mutex_){kCacheBytes};  // of keys that are not in overlay_
  std::vector<std::string> dirty_keys_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::pair<int64_t, std::function<void()>>> waiters_ ABSL_GUARDED_BY(mutex_);
  int64_t last_ ABSL_GUARDED_BY(mutex_);
  int64_t durable_ ABSL_GUARDED_BY(mutex_);
  bool committing_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace spillway
