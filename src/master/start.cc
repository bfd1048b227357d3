// Start and stop of the master core.
#include "common/log.h"
#include "common/path.h"
#include "master/master.h"

namespace spillway {

Master::Master(MasterOptions options, MasterContext context)
    : MasterState(std::move(options), context) {
  for (const std::string& pattern : options_.marker_patterns)
    marker_globs_.push_back(PathComponents("/" + pattern));
  // Both run under the lock.
  journal_->Observe([this](const StateBatch& batch)
                        ABSL_NO_THREAD_SAFETY_ANALYSIS { listings_.NoteChanges(batch); });
  cluster_.Observe([this](BlockId block) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    listings_.NoteChange(FileIdOfBlock(block));
  });
}

Master::~Master() { journal_->Observe(nullptr); }

namespace {

state::Inode RootInode(int64_t now_ms, const std::string& owner) {
  state::Inode root;
  root.set_id(kRootInodeId.value());
  root.set_is_directory(true);
  root.set_creation_time_ms(now_ms);
  root.set_last_modification_time_ms(now_ms);
  root.set_last_access_time_ms(now_ms);
  root.set_owner(owner);
  root.set_group(owner);
  root.set_mode(0755);
  root.set_ttl_ms(-1);
  root.set_persistence_state(state::PERSISTED);
  root.set_mount_point(true);
  return root;
}

// What nothing can be done without: the cluster's record, the root and the mounts.
Status CheckHead(StateTxn& txn, Journal* journal) {
  const auto damaged = [](const std::string& what) {
    return spillway::MakeStatus(
        StatusCode::kDataLoss,
        "The state store's record of {} is damaged and the master cannot start without it. Start "
        "with a backup: spillway master --restore.",
        what);
  };
  if (journal->damaged().count() > 0) return damaged("the cluster");
  if (txn.Cluster().format_version() == 0) return absl::OkStatus();  // a new one
  const auto root = txn.GetInode(kRootInodeId);
  if (!root || !root->is_directory()) return damaged("the root directory");
  bool has_root = false;
  for (const auto& mount : txn.Mounts())
    has_root = has_root || (mount.mount_id() == kRootMountId.value() && mount.path() == "/");
  if (journal->damaged().count() > 0 || !has_root) return damaged("a mount");
  return absl::OkStatus();
}

}  // namespace

// The entries of a new cluster.
void Master::Format(StateTxn& txn) {
  txn.Apply(MakeEntry([&](auto& entry) {
    auto* formatted = entry.mutable_cluster_formatted();
    formatted->set_cluster_id(random_->Uuid());
    formatted->set_op_time_ms(start_time_ms_);
    formatted->set_format_version(kStateFormatVersion);
  }));
  txn.Apply(MakeEntry([&](auto& entry) {
    *entry.mutable_inode_created()->mutable_inode() = RootInode(start_time_ms_, options_.superuser);
  }));
  txn.Apply(MakeEntry([&](auto& entry) {
    auto* mount = entry.mutable_mount_added()->mutable_mount();
    mount->set_mount_id(kRootMountId.value());
    mount->set_path("/");
    mount->set_uri(options_.root_uri);
  }));
}

Status Master::Start() {
  start_time_ms_ = clock_->NowMs();
  start_monotonic_ms_ = clock_->MonotonicMs();
  steady_start_ms_ = start_time_ms_;
  {
    absl::MutexLock lock(&mutex_);
    next_job_id_ = random_->NextU64() >> 8;
  }
  {
    absl::MutexLock lock(&mutex_);
    StateTxn txn(journal_, &operations_);
    const auto cluster = txn.Cluster();
    if (cluster.format_version() > kStateFormatVersion) {
      return spillway::MakeStatus(
          StatusCode::kFailedPrecondition,
          "The state store has format {}, this version reads up to {}: use a newer Spillway.",
          cluster.format_version(), kStateFormatVersion);
    }
    if (cluster.format_version() > 0 && cluster.format_version() < kStateFormatOldest) {
      return spillway::MakeStatus(
          StatusCode::kFailedPrecondition,
          "The state store has format {} of a version before the first release, this one reads {}: "
          "start with an empty alluxio.master.journal.folder.",
          cluster.format_version(), kStateFormatVersion);
    }
    SPILLWAY_RETURN_IF_ERROR(CheckHead(txn, journal_));
    if (cluster.format_version() == 0) {
      Format(txn);
    } else if (cluster.format_version() < kStateFormatVersion) {
      txn.Apply(MakeEntry([](auto& entry) {
        entry.mutable_format_raised()->set_format_version(kStateFormatVersion);
      }));
    }
    SPILLWAY_RETURN_IF_ERROR(OpenMounts(txn));
    const std::string stored = mounts_[kRootMountId].uri();
    if (stored != options_.root_uri) {
      return spillway::MakeStatus(StatusCode::kFailedPrecondition,
                                  "The state store was made for root understore {}, but "
                                  "alluxio.master.mount.table.root.ufs says {}: use another "
                                  "alluxio.master.journal.folder or the old understore.",
                                  stored, options_.root_uri);
    }
    for (const auto& worker : txn.KnownWorkers())
      awaited_workers_.insert(WorkerId(worker.worker_id()));
    safe_mode_over_ = awaited_workers_.empty();
    txn.LoadOperations();
    txn.ForEachPendingDelete(std::nullopt, [&](const state::PendingDelete& pending) {
      NotePendingDelete(pending);
      steady_start_ms_ = std::max(steady_start_ms_, pending.requested_at_ms() + 1);
      return true;
    });
    next_ttl_check_ms_ = start_monotonic_ms_ + options_.ttl_check_interval_ms;
    txn.Commit();
  }
  executor_->Post([this] { LoadJobs(""); });
  spdlog::info("master started");
  return absl::OkStatus();
}

std::string Master::cluster_id() {
  absl::MutexLock lock(&mutex_);
  StateTxn txn(journal_);
  return txn.Cluster().cluster_id();
}

bool Master::InSafeMode() {
  absl::MutexLock lock(&mutex_);
  if (!safe_mode_over_ &&
      (awaited_workers_.empty() ||
       clock_->MonotonicMs() - start_monotonic_ms_ >= options_.safe_mode_ms_max)) {
    safe_mode_over_ = true;
  }
  return !safe_mode_over_;
}

void Master::Tick() {
  InSafeMode();  // ends it when its time is over
  CheckWorkers();
  bool deletes = false;
  bool orphans = false;
  bool ttl = false;
  {
    absl::MutexLock lock(&mutex_);
    DispatchPersist();
    Heal();
    Audit();
    ProbeStores();
    for (const auto& [target, copy] : file_copies_) copies_to_settle_.insert(target);
    const int64_t now = clock_->MonotonicMs();
    deletes = safe_mode_over_ && deletes_pending_ && !sweeping_deletes_ && now >= next_sweep_ms_;
    orphans = orphans_pending_ && !sweeping_orphans_ && now >= next_orphans_ms_;
    if (deletes) sweeping_deletes_ = true;
    if (orphans) sweeping_orphans_ = true;
    if (now >= next_ttl_check_ms_ && !checking_ttl_) {
      next_ttl_check_ms_ = now + options_.ttl_check_interval_ms;
      ttl = checking_ttl_ = true;
    }
  }
  PumpAdmissions();
  SettleCopies();
  ReapIncomplete();
  if (deletes) executor_->Post([this] { SweepDeletes(); });
  if (orphans) executor_->Post([this] { SweepOrphans(); });
  if (!ttl) return;
  executor_->Post([this] {
    CheckTtl();
    absl::MutexLock lock(&mutex_);
    checking_ttl_ = false;
  });
}

}  // namespace spillway
