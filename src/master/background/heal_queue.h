// Blocks with fewer copies than wanted: which is next, which wait, which are under way. Decides
// nothing about workers. Not thread-safe: guarded by the master's lock.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "common/ids.h"

namespace spillway {

struct HealEntry {
  int copies = 0;        // when it was last looked at
  int attempts = 0;      // failed ones
  int64_t since_ms = 0;  // monotonic
  int64_t not_before_ms = 0;
  WorkerId avoid;  // where the last attempt failed
  // Under way if target is set.
  std::optional<WorkerId> target;
  std::optional<WorkerId> source;
  int64_t bytes = 0;
  int64_t deadline_ms = 0;
};

class HealQueue {
 public:
  // Adds or updates what is known of block; one under way stays so.
  void Put(BlockId block, int copies, int64_t now_ms);
  void Erase(BlockId block);
  HealEntry* Find(BlockId block);
  const absl::flat_hash_map<BlockId, HealEntry>& entries() const { return entries_; }

  // Blocks that may be tried now, fewest copies first, at most count. Those without any copy are
  // not among them: a returning one puts them here again.
  std::vector<BlockId> Ready(int64_t now_ms, size_t count);
  void Begin(BlockId block, WorkerId source, WorkerId target, int64_t bytes, int64_t deadline_ms);
  // Not under way any more.
  void End(BlockId block);
  void Defer(BlockId block, int64_t not_before_ms);
  // Under way to or from worker, or past their deadline.
  std::vector<BlockId> RunningWith(WorkerId worker) const;
  std::vector<BlockId> Overdue(int64_t now_ms) const;

 private:
  void Queue(BlockId block, const HealEntry& entry);
  void Unqueue(BlockId block, const HealEntry& entry);

  absl::flat_hash_map<BlockId, HealEntry> entries_;
  std::set<std::pair<int, BlockId>> ready_;        // by copies
  std::set<std::pair<int64_t, BlockId>> waiting_;  // by not_before_ms
  std::set<BlockId> running_;
};

}  // namespace spillway
