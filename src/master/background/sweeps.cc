// What the understore still holds and nobody wants: objects of deleted files, abandoned uploads.
#include <algorithm>

#include "common/log.h"
#include "common/path.h"
#include "master/master.h"

namespace spillway {
namespace {

constexpr size_t kBatch = 1000;
constexpr int64_t kRetryMs = 1000;

}  // namespace

void Master::OrphanUpload(StateTxn& txn, MountId mount, const std::string& key,
                          const std::string& upload_id) {
  txn.Apply(MakeEntry([&](auto& entry) {
    auto* upload = entry.mutable_upload_orphaned()->mutable_upload();
    upload->set_mount_id(mount.value());
    upload->set_key(key);
    upload->set_upload_id(upload_id);
  }));
  orphans_pending_ = true;
}

bool Master::OrphanUploadOf(StateTxn& txn, state::PersistJob& job) {
  if (job.upload_key().empty()) return false;
  OrphanUpload(txn, MountId(job.upload_mount_id()), job.upload_key(), job.upload_id());
  job.clear_upload_id();
  job.clear_upload_key();
  return true;
}

void Master::DropPendingDelete(StateTxn& txn, MountId mount, const std::string& key) {
  if (!txn.GetPendingDelete(mount, key)) return;
  txn.Apply(MakeEntry([&](auto& entry) {
    entry.mutable_delete_done()->set_mount_id(mount.value());
    entry.mutable_delete_done()->set_key(key);
  }));
  ForgetMarkerDelete(mount, key);
  if (syncs_running_ > 0) gone_during_sync_.insert({mount, key});
}

// Old markers, and the page of the rest that comes next: what cannot be carried out yet holds up
// nothing behind it. Markers each time, since uploads wait for them.
std::vector<state::PendingDelete> Master::NextDeletes(StateTxn& txn, bool* any) {
  std::vector<state::PendingDelete> next;
  for (const auto& [scope, markers] : marker_deletes_) {
    for (const auto& [mount, key] : markers) {
      if (next.size() >= kBatch) break;
      if (auto record = txn.GetPendingDelete(mount, key)) next.push_back(*std::move(record));
    }
  }
  const bool first_page = !swept_to_;
  size_t seen = 0;
  std::optional<std::pair<MountId, std::string>> last;
  txn.ForEachPendingDelete(swept_to_, [&](const state::PendingDelete& record) {
    last = {MountId(record.mount_id()), record.key()};
    if (MarkerDepth("/" + record.key()) == 0) next.push_back(record);
    return ++seen < kBatch;
  });
  swept_to_ = seen < kBatch ? std::nullopt : last;
  *any = !next.empty() || !first_page || swept_to_;
  return next;
}

// Decides what of the pending deletes may be carried out now.
SweepPlan Master::PlanSweep() {
  SweepPlan plan;
  deletes_pending_ = false;  // what is asked for from now on says so again
  StateTxn txn(journal_);
  for (const auto& record : NextDeletes(txn, &plan.any)) {
    const MountId mount(record.mount_id());
    const std::string busy = BusyName(mount, record.key());
    if (busy_keys_.count(busy) > 0 || relocation_sources_.count(busy) > 0) continue;
    if (FencedFrom(busy, InodeId(), 0)) continue;
    // A folder goes after what is in it.
    if (record.is_directory() && txn.HasPendingDeleteBelow(mount, record.key())) continue;
    const auto found = mounts_.find(mount);
    const std::string path =
        found == mounts_.end() ? "" : JoinPath(found->second.path(), record.key());
    const Lookup lookup = Find(txn, path);
    if (lookup.found()) {
      const auto task = tasks_.find(InodeId(lookup.last().id()));
      const bool will_replace =
          task != tasks_.end() && !task->second->parked && task->second->kind == state::UPLOAD;
      // An old marker goes before what is new beside it, even if a new marker follows.
      if (will_replace && MarkerDepth("/" + record.key()) == 0) continue;
      const bool owns = lookup.last().has_object() && lookup.last().object().key() == record.key();
      if (owns || record.is_directory()) {
        DropPendingDelete(txn, mount, record.key());
        continue;
      }
    }
    busy_keys_.insert(busy);
    auto& part = record.is_directory()                 ? plan.folders
                 : MarkerDepth("/" + record.key()) > 0 ? plan.markers
                                                       : plan.objects;
    part[mount].push_back(record.key());
  }
  plan.durable = txn.Commit();
  return plan;
}

void Master::SweepDeletes() {
  SweepPlan plan;
  {
    absl::MutexLock lock(&mutex_);
    plan = PlanSweep();
  }
  // Carried out only once the operations that asked for it are durable.
  const LogIndex durable = plan.durable;
  journal_->WhenDurable(durable, [this, plan = std::move(plan)] {
    executor_->Post([this, plan] { CarryOutSweep(plan); });
  });
}

// Returns how many were deleted; fewer than asked for if some failed.
size_t Master::DeleteObjects(MountId mount, const std::vector<std::string>& keys) {
  std::shared_ptr<UnderStore> store;
  {
    absl::MutexLock lock(&mutex_);
    store = UnderStoreOf(mount);
  }
  std::vector<DeleteRequest> requests;
  for (const std::string& key : keys) requests.push_back({key, ""});
  const auto failures = store->Delete(requests);
  std::set<std::string> bad;
  if (failures.ok()) {
    for (const DeleteFailure& failure : *failures) bad.insert(failure.key);
  } else {
    spdlog::warn("deleting objects failed: {}", Message(failures.status()));
    bad.insert(keys.begin(), keys.end());
  }
  FinishDeletes(mount, keys, bad);
  return keys.size() - bad.size();
}

void Master::CarryOutSweep(const SweepPlan& plan) {
  size_t asked = 0;
  size_t done = 0;
  for (const auto* part : {&plan.markers, &plan.objects}) {
    for (const auto& [mount, keys] : *part) {
      asked += keys.size();
      done += DeleteObjects(mount, keys);
    }
  }
  const bool failed = done < asked;
  for (auto [mount, keys] : plan.folders) {
    std::shared_ptr<UnderStore> store;
    {
      absl::MutexLock lock(&mutex_);
      store = UnderStoreOf(mount);
    }
    // Deepest first; a folder that is not empty (others wrote there) stays.
    std::sort(keys.begin(), keys.end(),
              [](const auto& a, const auto& b) { return a.size() > b.size(); });
    for (const std::string& key : keys) (void)store->RemoveDirectory(key);
    FinishDeletes(mount, keys, {});
  }
  absl::MutexLock lock(&mutex_);
  sweeping_deletes_ = false;
  if (plan.any) deletes_pending_ = true;
  // Some may wait for a busy key: look again, soon if there was progress.
  next_sweep_ms_ = clock_->MonotonicMs() + (failed ? kRetryMs : done > 0 ? 0 : kRetryMs / 10);
}

void Master::FinishDeletes(MountId mount, const std::vector<std::string>& keys,
                           const std::set<std::string>& failed) {
  absl::MutexLock lock(&mutex_);
  StateTxn txn(journal_);
  for (const std::string& key : keys) {
    FreeKey(BusyName(mount, key));
    if (failed.count(key) > 0) continue;
    DropPendingDelete(txn, mount, key);
  }
  txn.Commit();
}

void Master::SweepOrphans() {
  std::vector<std::pair<state::OrphanUpload, std::shared_ptr<UnderStore>>> orphans;
  bool left = false;
  {
    absl::MutexLock lock(&mutex_);
    orphans_pending_ = false;
    StateTxn txn(journal_);
    for (auto& upload : txn.OrphanUploads()) {
      const std::string busy = BusyName(MountId(upload.mount_id()), upload.key());
      const bool by_key = upload.upload_id().empty();
      if (by_key && busy_keys_.count(busy) > 0) {
        left = true;  // somebody uploads there now
        continue;
      }
      if (by_key) busy_keys_.insert(busy);
      orphans.emplace_back(upload, UnderStoreOf(MountId(upload.mount_id())));
    }
  }
  for (const auto& orphan : orphans) {
    const state::OrphanUpload& upload = orphan.first;
    const Status status = AbortOrphan(upload, orphan.second.get());
    if (!status.ok()) {
      spdlog::warn("aborting upload {} of {} failed: {}", upload.upload_id(), upload.key(),
                   Message(status));
      left = true;
    }
    absl::MutexLock lock(&mutex_);
    if (upload.upload_id().empty()) FreeKey(BusyName(MountId(upload.mount_id()), upload.key()));
    if (!status.ok()) continue;
    StateTxn txn(journal_);
    txn.Apply(MakeEntry([&](auto& entry) {
      entry.mutable_upload_aborted()->set_upload_id(upload.upload_id());
      entry.mutable_upload_aborted()->set_mount_id(upload.mount_id());
      entry.mutable_upload_aborted()->set_key(upload.key());
    }));
    txn.Commit();
  }
  absl::MutexLock lock(&mutex_);
  sweeping_orphans_ = false;
  if (!left) return;
  orphans_pending_ = true;
  next_sweep_ms_ = clock_->MonotonicMs() + kRetryMs;
}

Status Master::AbortOrphan(const state::OrphanUpload& upload, UnderStore* store) {
  if (store == nullptr) return absl::OkStatus();
  if (!upload.upload_id().empty()) return store->AbortMultipart(upload.key(), upload.upload_id());
  SPILLWAY_ASSIGN_OR_RETURN(const auto uploads, store->ListUploads(upload.key()));
  for (const OpenUpload& open : uploads) {
    if (open.key != upload.key()) continue;
    SPILLWAY_RETURN_IF_ERROR(store->AbortMultipart(open.key, open.upload_id));
  }
  return absl::OkStatus();
}

void Master::CheckTtl() {
  // Expired files are found by a walk of the namespace, a page at a time, without holding up
  // others.
  const Caller superuser{options_.superuser, {options_.supergroup}};
  ListOptions options;
  options.recursive = true;
  options.blocks = false;
  ListCursor cursor;
  while (!cursor.done) {
    const auto page = ListStatus(superuser, "/", options, kBatch, &cursor);
    if (!page.result.ok()) return;
    for (const FileStatus& status : *page.result) {
      // A time to live may be as long as the type goes: nothing is added to it.
      if (status.ttl_ms < 0 || status.ttl_ms > clock_->NowMs() - status.creation_time_ms) continue;
      if (status.ttl_action == TtlAction::kFree) {
        (void)Free(superuser, status.path, true, true);
      } else {
        RemoveOptions remove;
        remove.recursive = true;
        remove.alluxio_only = status.ttl_action == TtlAction::kDeleteAlluxio;
        (void)Remove(superuser, status.path, remove);
      }
    }
    if (cursor.load) return;  // what was never loaded has no time to live
  }
}

}  // namespace spillway
