// What the master knows: its connections to the outside, and its soft state. The operations on it
// are Master's.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "master/background/heal_queue.h"
#include "master/background/load_requests.h"
#include "master/background/persist_lane.h"
#include "master/cluster/cluster_state.h"
#include "master/cluster/listing_cache.h"
#include "master/master_types.h"

// The caller of a method holds the master's lock, or does not hold it.
#define HOLDING_MUTEX ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_)
#define WITHOUT_MUTEX ABSL_LOCKS_EXCLUDED(mutex_)

namespace spillway {

class MasterState {
 protected:
  MasterState(MasterOptions options, const MasterContext& context)
      : options_(std::move(options)),
        clock_(context.clock),
        random_(context.random),
        executor_(context.executor),
        journal_(context.journal),
        sender_(context.sender),
        understores_(context.understores),
        metrics_(context.metrics) {}
  ~MasterState() = default;

  const MasterOptions options_;
  Clock* const clock_;
  Random* const random_;
  Executor* const executor_;
  Journal* const journal_;
  WorkerSender* const sender_;
  UnderStoreOpener* const understores_;
  Metrics* const metrics_;
  int64_t start_time_ms_ = 0;
  int64_t start_monotonic_ms_ = 0;
  // Wall time as it was at the start, and what has passed since: for deadlines that are stored or
  // compared with stored ones. Steps of the wall clock do not move it. A restart begins it later
  // than what masters of before have stored as the time of a delete.
  int64_t SteadyMs() const {
    return steady_start_ms_ + clock_->MonotonicMs() - start_monotonic_ms_;
  }

  absl::Mutex mutex_;
  OperationIndex operations_ ABSL_GUARDED_BY(mutex_);
  ListingCache listings_ ABSL_GUARDED_BY(mutex_){8 << 20};
  ClusterState cluster_ ABSL_GUARDED_BY(mutex_);
  std::map<MountId, state::Mount> mounts_ ABSL_GUARDED_BY(mutex_);
  std::map<MountId, std::shared_ptr<UnderStore>> opened_ ABSL_GUARDED_BY(mutex_);
  std::map<MountId, int64_t> away_until_ms_ ABSL_GUARDED_BY(mutex_);  // what did not answer
  // When what is below these paths was last compared with the understore (monotonic).
  std::map<std::string, Synced> synced_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> needs_sync_ ABSL_GUARDED_BY(mutex_);
  std::atomic<bool> any_needs_sync_{false};  // it is not empty; written under the lock
  int syncs_running_ ABSL_GUARDED_BY(mutex_) = 0;
  // Objects that were deleted since a sync that still runs may have seen them.
  std::set<std::pair<MountId, std::string>> gone_during_sync_ ABSL_GUARDED_BY(mutex_);
  // Files whose object was met as another one: until when they are not compared again (monotonic;
  // INT64_MAX while they wait or are compared), and those that wait.
  std::map<InodeId, int64_t> compared_ ABSL_GUARDED_BY(mutex_);
  std::deque<InodeId> to_compare_ ABSL_GUARDED_BY(mutex_);
  int comparing_ ABSL_GUARDED_BY(mutex_) = 0;  // tasks that take from them
  // What listings of the understore have that cannot be named, by folder.
  std::map<std::string, LeftOut> left_out_ ABSL_GUARDED_BY(mutex_);
  std::set<WorkerId> awaited_workers_
      ABSL_GUARDED_BY(mutex_);  // known before the start, not back yet
  bool safe_mode_over_ ABSL_GUARDED_BY(mutex_) = false;

  absl::flat_hash_map<InodeId, std::unique_ptr<PersistTask>> tasks_ ABSL_GUARDED_BY(mutex_);
  bool jobs_loaded_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<std::string, std::unique_ptr<PersistLane>> lanes_ ABSL_GUARDED_BY(mutex_);
  // Tasks that are not parked, by directory and generation: what markers wait for.
  std::map<InodeId, absl::btree_set<std::pair<int64_t, InodeId>>> pending_in_
      ABSL_GUARDED_BY(mutex_);
  // Old markers that wait to be deleted, by the folder (its busy name) that they vouch for.
  std::vector<std::vector<std::string>> marker_globs_;  // patterns by component; set once
  std::map<std::string, std::set<std::pair<MountId, std::string>>> marker_deletes_
      ABSL_GUARDED_BY(mutex_);
  // Bytes that may be told to workers before persist_bytes_per_second_max holds back.
  double byte_tokens_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t byte_tokens_at_ms_ ABSL_GUARDED_BY(mutex_) = 0;
  // By busy name.
  std::map<std::string, Fence> fences_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<uint64_t, InodeId> running_ ABSL_GUARDED_BY(mutex_);
  // Cancelled while under way: they keep their key busy until they end.
  absl::flat_hash_map<uint64_t, std::unique_ptr<PersistTask>> zombies_ ABSL_GUARDED_BY(mutex_);
  // Keys whose object waits to be moved elsewhere: nothing may be written there before.
  std::multimap<std::string, InodeId> relocation_sources_ ABSL_GUARDED_BY(mutex_);
  // Those that another file waits for.
  std::set<std::string> wanted_sources_ ABSL_GUARDED_BY(mutex_);
  // Keys at which something is written or deleted, once for each that does: an upload of before a
  // failover or a lost session may still be under way beside the next one.
  std::multiset<std::string> busy_keys_ ABSL_GUARDED_BY(mutex_);
  uint64_t next_job_id_ ABSL_GUARDED_BY(mutex_) =
      0;  // begins anywhere, so that no start repeats ids
  bool sweeping_deletes_ ABSL_GUARDED_BY(mutex_) = false;
  bool sweeping_orphans_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<std::pair<MountId, std::string>> swept_to_ ABSL_GUARDED_BY(mutex_);
  // Objects to be deleted that wait for another try; at most kDeleteWaitsMax.
  std::map<std::pair<MountId, std::string>, DeleteWait> delete_waits_ ABSL_GUARDED_BY(mutex_);
  // Uploads to be aborted that wait for another try, by their key in the state store.
  std::map<std::string, DeleteWait> orphan_waits_ ABSL_GUARDED_BY(mutex_);
  // By busy name, where objects wait to be deleted that may be copies of the one there: it stands
  // until they are decided, or until that time (monotonic; 0: they could not be looked at yet).
  std::map<std::string, std::map<std::pair<MountId, std::string>, int64_t>> copies_of_
      ABSL_GUARDED_BY(mutex_);
  std::map<MountId, int64_t> next_probe_ms_ ABSL_GUARDED_BY(mutex_);  // monotonic
  std::set<MountId> probing_ ABSL_GUARDED_BY(mutex_);
  bool deletes_pending_ ABSL_GUARDED_BY(mutex_) = true;
  bool orphans_pending_ ABSL_GUARDED_BY(mutex_) = true;
  int64_t next_sweep_ms_ ABSL_GUARDED_BY(mutex_) = 0;    // of deletes; monotonic
  int64_t next_orphans_ms_ ABSL_GUARDED_BY(mutex_) = 0;  // of uploads to abort
  // Files that are being written, by when a worker last said so (monotonic).
  absl::flat_hash_map<InodeId, int64_t> writing_seen_ms_ ABSL_GUARDED_BY(mutex_);
  // Backlog.
  std::deque<Admission> admissions_ ABSL_GUARDED_BY(mutex_);
  double admission_tokens_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t admitted_at_ms_ ABSL_GUARDED_BY(mutex_) = 0;
  double typical_block_bytes_ ABSL_GUARDED_BY(mutex_) = 1 << 20;
  int64_t dirty_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, int64_t> dirty_below_ ABSL_GUARDED_BY(mutex_);
  int64_t drained_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t drain_window_ms_ ABSL_GUARDED_BY(mutex_) = 0;
  double drain_rate_ ABSL_GUARDED_BY(mutex_) = 0;
  std::deque<std::pair<LogIndex, state::Inode>> to_unpin_ ABSL_GUARDED_BY(mutex_);
  std::deque<int64_t> persisted_at_ms_ ABSL_GUARDED_BY(mutex_);  // monotonic, of late
  int64_t next_reap_ms_ ABSL_GUARDED_BY(mutex_) = 0;

  HealQueue heal_ ABSL_GUARDED_BY(mutex_);
  // Copies asked for ahead of reading, until they are there.
  LoadRequests loads_ ABSL_GUARDED_BY(mutex_);
  // Files being made as copies of others, by id, and those of them that may be done or given up.
  absl::flat_hash_map<InodeId, FileCopy> file_copies_ ABSL_GUARDED_BY(mutex_);
  std::set<InodeId> copies_to_settle_ ABSL_GUARDED_BY(mutex_);
  std::optional<InodeId> audit_after_ ABSL_GUARDED_BY(mutex_);  // an audit is under way
  int64_t next_audit_ms_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t next_ttl_check_ms_ ABSL_GUARDED_BY(mutex_) = 0;
  bool checking_ttl_ ABSL_GUARDED_BY(mutex_) = false;

  int64_t steady_start_ms_ = 0;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace spillway
