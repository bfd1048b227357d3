// Soft truth, learned from worker sessions and never journaled: who is live, which worker holds
// which block. Not thread-safe: guarded by the master's lock.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "api/types.h"

namespace spillway {

struct BlockRecordSoft {
  int64_t length_bytes = 0;
  uint32_t crc32c = 0;
  bool crc_known = false;
  bool pinned = false;  // as its holders were told
  struct Holder {
    WorkerId worker;
    uint8_t tier = 0;
    bool at_risk = false;     // in a failing folder: may be read, does not count
    bool unverified = false;  // counts, but nothing is removed on the strength of it
  };
  std::vector<Holder> holders;
};

struct WorkerEntry {
  WorkerId id;
  Epoch epoch;
  WorkerAddress address;
  std::vector<TierUsage> tiers;
  int64_t start_time_ms = 0;
  int64_t last_contact_ms = 0;    // monotonic
  int64_t suspect_since_ms = -1;  // monotonic; session broken
  bool registered = false;        // all blocks reported
  bool lost = false;
  bool leaving = false;         // told to stop
  bool decommissioned = false;  // told to go for good
  int uploads_in_flight = 0;
  int heals_in_flight = 0;  // as source or target
  int64_t heal_bytes = 0;   // on their way here
  absl::flat_hash_set<BlockId> blocks;
  // Told to remove and not answered: reports of these have crossed with the command.
  absl::flat_hash_set<BlockId> removing;
  // Of no file when they were asked about: whoever thinks they are held here comes too late.
  absl::flat_hash_set<BlockId> refused;
  // Ids for files that it takes whole: first and number.
  std::vector<std::pair<int64_t, int64_t>> reserved_ids;
  // Held before it was lost or came back, and not reported since; with the tier.
  absl::flat_hash_map<BlockId, uint8_t> former;
  std::vector<FolderInfo> folders;
  std::vector<LostFile> lost_files;  // the first of them
  // New copies go here, and copies here count.
  bool stays() const { return registered && !lost && !leaving && !decommissioned; }
  int64_t free_bytes() const {
    int64_t free = 0;
    for (const TierUsage& tier : tiers) free += tier.capacity_bytes - tier.pinned_bytes;
    return free;
  }
};

class ClusterState {
 public:
  // Is told of each block whose copies may have changed; set once.
  void Observe(std::function<void(BlockId)> observer) { observer_ = std::move(observer); }
  // A worker of the past or a new one; its former session, if any, is fenced by the new epoch.
  WorkerEntry& BeginSession(WorkerId id, const WorkerAddress& address, int64_t now_ms);
  WorkerEntry* Find(WorkerId id);
  // The worker if epoch is its present one.
  WorkerEntry* FindCurrent(WorkerId id, Epoch epoch);
  std::map<WorkerId, WorkerEntry>& workers() { return workers_; }
  // Buckets of the worker's former blocks whose digest differs from its own. What is in the others
  // counts again at once.
  std::vector<uint32_t> RestoreFormer(WorkerId worker, const std::vector<uint64_t>& digests);
  void SetPinned(BlockId block, bool pinned);
  // Copies that count: on workers that stay, in sound folders.
  int SoundCopies(BlockId block) const;
  // A copy on a worker whose session is not broken.
  bool HasSureHolder(BlockId block) const;
  // Registered and not lost, by id.
  std::vector<const WorkerEntry*> Live() const;

  void AddReplica(WorkerId worker, BlockId block, int64_t length_bytes, uint32_t crc32c,
                  bool crc_known, int tier, bool at_risk = false, bool unverified = false);
  void RemoveReplica(WorkerId worker, BlockId block);
  // Forgets the block itself; returns who held it.
  std::vector<WorkerId> ForgetBlock(BlockId block);
  // The worker's copies do not count any more; they become its former ones. Lengths stay known.
  // Returns its blocks.
  void DropReplicasOf(WorkerId worker);
  const BlockRecordSoft* FindBlock(BlockId block) const;

  // Locations on live workers.
  std::vector<BlockLocation> Locations(BlockId block) const;

 private:
  void Changed(BlockId block) {
    if (observer_) observer_(block);
  }

  std::function<void(BlockId)> observer_;
  std::map<WorkerId, WorkerEntry> workers_;
  absl::flat_hash_map<BlockId, BlockRecordSoft> blocks_;
  int64_t next_epoch_ = 1;
};

}  // namespace spillway
