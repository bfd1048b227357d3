// The operations that clients have asked for lately, by the ids that they gave them: a request that
// comes once more is answered, not carried out again. The records lie in the state store; this
// is where they are looked for.
#pragma once

#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "common/ids.h"
#include "journal.pb.h"

namespace spillway {

// Not thread-safe.
class OperationIndex {
 public:
  // As many are remembered as in Alluxio (alluxio.master.filesystem.operation.retry.cache.size).
  static constexpr int64_t kRemembered = 100'000;
  static int64_t SlotOf(int64_t sequence) { return sequence % kRemembered; }

  struct Entry {
    InodeId inode;
    LogIndex index;  // where the operation stands in the journal
  };

  std::optional<Entry> Find(uint64_t most, uint64_t least) const {
    const auto it = entries_.find({most, least});
    if (it == entries_.end()) return std::nullopt;
    return it->second;
  }

  // Takes the place of what was in the slot.
  void Put(int64_t slot, const journal::OperationDone& done, LogIndex index) {
    if (static_cast<size_t>(slot) >= slots_.size()) slots_.resize(slot + 1);
    entries_.erase(slots_[slot]);
    slots_[slot] = {done.most_significant(), done.least_significant()};
    entries_[slots_[slot]] = {InodeId(done.inode_id()), index};
  }

 private:
  using Id = std::pair<uint64_t, uint64_t>;
  absl::flat_hash_map<Id, Entry> entries_;
  std::vector<Id> slots_;
};

}  // namespace spillway
