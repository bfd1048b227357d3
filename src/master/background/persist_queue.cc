// Which files wait to be persisted, and which may start now: earliest due first.
#include <algorithm>

#include "common/checked.h"
#include "common/log.h"
#include "common/path.h"
#include "common/planted_bug.h"
#include "master/master.h"

namespace spillway {
namespace {

constexpr int64_t kBusyKeyRetryMs = 20;
constexpr int64_t kMarkerRetryMs = 50;
constexpr int64_t kMoveAsideAfterMs = 10'000;
constexpr size_t kLanesMax = 256;
constexpr size_t kJobsPerLoad = 2000;

}  // namespace

state::PersistJob Master::NewPersistJob(const state::Inode& inode, state::PersistKind kind,
                                        int64_t wait_ms) {
  state::PersistJob job;
  job.set_inode_id(inode.id());
  job.set_generation(inode.generation());
  job.set_kind(kind);
  job.set_requested_at_ms(SteadyMs());
  job.set_due_at_ms(SaturatingAdd(SteadyMs(), std::max<int64_t>(0, wait_ms)));
  return job;
}

std::string Master::BusyName(MountId mount, const std::string& key) const {
  return fmt::format("{}/{}", mount.value(), key);
}

bool Master::IsBlacklisted(const std::string& path) const {
  return std::any_of(
      options_.persist_blacklist.begin(), options_.persist_blacklist.end(),
      [&](const std::string& pattern) { return path.find(pattern) != std::string::npos; });
}

// An upload of this file was begun, perhaps before a crash.
bool Master::MaybePublished(StateTxn& txn, InodeId inode) {
  const auto task = tasks_.find(inode);
  if (task != tasks_.end()) return task->second->maybe_published;
  return !jobs_loaded_ && txn.GetPersistJob(inode).has_value();
}

// Until when (SteadyMs) an upload or copy of this file may still have its effect unseen; 0 if it
// may not, or if it is under way: then its end says so.
int64_t Master::UnknownUntil(StateTxn& txn, InodeId inode) {
  const auto task = tasks_.find(inode);
  if (task != tasks_.end()) return task->second->running ? 0 : task->second->unknown_until_ms;
  const bool from_before = !jobs_loaded_ && txn.GetPersistJob(inode).has_value();
  return from_before ? SteadyMs() + options_.unknown_outcome_ms : 0;
}

// One lane per first component of the key; few hundred at most.
PersistLane* Master::LaneOf(const ResolvedKey& resolved) {
  const size_t slash = resolved.key.find('/');
  std::string name =
      BusyName(resolved.mount_id, slash == std::string::npos ? "" : resolved.key.substr(0, slash));
  if (lanes_.size() >= kLanesMax && lanes_.count(name) == 0) name = "";
  auto& lane = lanes_[name];
  if (lane == nullptr) lane = std::make_unique<PersistLane>(options_.persist_jobs_max);
  return lane.get();
}

void Master::AddTask(const state::PersistJob& job, LogIndex index) {
  const InodeId id(job.inode_id());
  StateTxn txn(journal_);
  const bool maybe_published = MaybePublished(txn, id);
  const int64_t unknown_until_ms = UnknownUntil(txn, id);
  CancelTask(id);
  const auto inode = txn.GetInode(id);
  const auto path = inode ? txn.PathOf(*inode) : std::nullopt;
  const auto resolved = path ? Resolve(*path) : StatusOr<ResolvedKey>(Internal("gone"));
  if (!resolved.ok()) return;
  if (inode->is_directory()) return;  // a damaged record
  auto task = std::make_unique<PersistTask>();
  task->maybe_published = maybe_published;
  task->unknown_until_ms = unknown_until_ms;
  task->inode = id;
  task->generation = job.generation();
  task->kind = job.kind();
  // A clock that was ahead when the job was stored, and has been set right, must not delay it.
  const int64_t ahead_ms = std::max<int64_t>(0, job.requested_at_ms() - SteadyMs());
  task->requested_at_ms = job.requested_at_ms() - ahead_ms;
  task->due_at_ms = job.due_at_ms() - ahead_ms;
  task->durable_at = index;
  task->lane = LaneOf(*resolved);
  task->directory = InodeId(inode->parent_id());
  task->length_bytes = inode->length_bytes();
  if (job.kind() == state::RELOCATE) {
    task->source_key = inode->object().key();
    task->source = BusyName(resolved->mount_id, task->source_key);
    relocation_sources_.insert({task->source, id});
  }
  if (const int depth = MarkerDepth(*path); depth > 0) {
    InodeId scope = task->directory;
    for (int i = 1; i < depth; ++i) scope = InodeId(txn.GetInode(scope)->parent_id());
    task->marker_scope = scope;
  }
  task->parked = job.kind() == state::UPLOAD && IsBlacklisted(*path);
  if (!task->parked) pending_in_[task->directory].insert({task->generation, id});
  if (task->kind == state::UPLOAD) NoteDirty(*task, *path);
  tasks_[id] = std::move(task);
}

void Master::QueueWhenDurable(const std::vector<state::PersistJob>& jobs, LogIndex index) {
  if (jobs.empty()) return;
  journal_->WhenDurable(index, [this, jobs, index] {
    absl::MutexLock lock(&mutex_);
    for (const auto& job : jobs) {
      const auto it = tasks_.find(InodeId(job.inode_id()));
      // Unless a later operation has put another in its place, which is queued for itself.
      if (it == tasks_.end() || index < it->second->durable_at || it->second->queued) continue;
      it->second->queued = true;
      if (!it->second->parked) Requeue(*it->second, it->second->due_at_ms);
    }
    DispatchPersist();
  });
}

void Master::LoadJobs(std::string after) {
  {
    absl::MutexLock lock(&mutex_);
    StateTxn txn(journal_);
    const auto jobs = txn.PersistJobs(after, kJobsPerLoad);
    for (const auto& [key, stored] : jobs) {
      state::PersistJob job = stored;
      after = key;
      if (tasks_.contains(InodeId(job.inode_id()))) continue;  // asked for since the start
      if (!txn.GetInode(InodeId(job.inode_id()))) continue;    // one of the two is damaged
      // Nobody remembers an upload's parts, or whether it was begun: abort it and begin again.
      if (OrphanUploadOf(txn, job)) {
        txn.Apply(MakeEntry(
            [&](auto& entry) { *entry.mutable_persist_scheduled()->mutable_job() = job; }));
      }
      AddTask(job, LogIndex());
      const auto it = tasks_.find(InodeId(job.inode_id()));
      if (it == tasks_.end()) continue;
      it->second->maybe_published = true;
      it->second->unknown_until_ms = SteadyMs() + options_.unknown_outcome_ms;
      if (const auto inode = txn.GetInode(it->first)) FenceFromBefore(*it->second, *inode);
      it->second->queued = true;
      if (!it->second->parked) Requeue(*it->second, it->second->due_at_ms);
    }
    txn.Commit();
    if (jobs.size() < kJobsPerLoad) {
      jobs_loaded_ = true;
      spdlog::info("{} files wait to be persisted", tasks_.size());
      return DispatchPersist();
    }
  }
  executor_->Post([this, after = std::move(after)] { LoadJobs(after); });
}

void Master::Requeue(PersistTask& task, int64_t due_at_ms) {
  task.lane->due.erase({task.due_at_ms, task.requested_at_ms, task.inode});
  task.due_at_ms = due_at_ms;
  task.lane->due.insert({due_at_ms, task.requested_at_ms, task.inode});
}

void Master::RemoveTask(InodeId inode) {
  const auto it = tasks_.find(inode);
  if (it == tasks_.end()) return;
  PersistTask& task = *it->second;
  task.lane->due.erase({task.due_at_ms, task.requested_at_ms, inode});
  if (!task.source.empty()) {
    const auto [first, last] = relocation_sources_.equal_range(task.source);
    relocation_sources_.erase(
        std::find_if(first, last, [&](const auto& source) { return source.second == inode; }));
    wanted_sources_.erase(task.source);
  }
  if (const auto pending = pending_in_.find(task.directory); pending != pending_in_.end()) {
    pending->second.erase({task.generation, inode});
    if (pending->second.empty()) pending_in_.erase(pending);
  }
  if (task.kind == state::UPLOAD) ForgetDirty(task);
  tasks_.erase(it);
}

void Master::CancelTask(InodeId inode) {
  const auto it = tasks_.find(inode);
  if (it == tasks_.end()) return;
  if (it->second->running && IsPlanted(PlantedBug::kForgetCancelled)) {
    StopRunning(*it->second);
  } else if (it->second->running) {
    session::MasterMessage message;
    message.mutable_cancel_persist()->set_job_id(it->second->job_id);
    for (const WorkerId worker : it->second->workers) {
      if (const WorkerEntry* entry = cluster_.Find(worker))
        sender_->Send(worker, entry->epoch, message);
    }
    // The key stays busy until whoever works on it has ended; the entry is moved, not copied.
    auto zombie = std::make_unique<PersistTask>(*it->second);
    running_.erase(zombie->job_id);
    zombies_[zombie->job_id] = std::move(zombie);
  } else if (!it->second->maybe_published && metrics_ != nullptr) {
    metrics_
        ->Counter("spillway_master_requests_avoided_total",
                  "Uploads that a rename, delete or overwrite made needless before they began.")
        .Increment();
  }
  RemoveTask(inode);
}

void Master::FreeKey(const std::string& busy) {
  const auto it = busy_keys_.find(busy);
  if (it == busy_keys_.end()) Panic("a key that nobody works on was freed: " + busy);
  busy_keys_.erase(it);
}

void Master::StopRunning(PersistTask& task) {
  FreeKey(BusyName(task.mount_id, task.key));
  running_.erase(task.job_id);
  for (const WorkerId worker : task.workers) {
    if (WorkerEntry* entry = cluster_.Find(worker)) --entry->uploads_in_flight;
  }
  task.workers.clear();
  if (task.lane != nullptr) --task.lane->running;
  task.running = false;
}

void Master::EndZombie(uint64_t job_id, const Status& outcome) {
  const auto it = zombies_.find(job_id);
  if (it == zombies_.end()) return;
  // What ended may not have been the first attempt.
  if (MayHaveHappened(outcome) || it->second->unknown_until_ms > SteadyMs())
    NoteUnknown(*it->second);
  StopRunning(*it->second);
  zombies_.erase(it);
}

PersistTask* Master::FindRunning(uint64_t job_id) {
  const auto it = running_.find(job_id);
  return it == running_.end() ? nullptr : tasks_.at(it->second).get();
}

void Master::DispatchPersist() {
  // Until the workers of before are back nobody knows what they still upload.
  if (!safe_mode_over_ || !jobs_loaded_) return;
  const int64_t now_ms = SteadyMs();
  const int64_t monotonic_ms = clock_->MonotonicMs();
  if (options_.persist_bytes_per_second_max > 0) {
    const double rate = static_cast<double>(options_.persist_bytes_per_second_max) / 1000.0;
    byte_tokens_ = std::min(
        rate * 200, byte_tokens_ + rate * static_cast<double>(monotonic_ms - byte_tokens_at_ms_));
    byte_tokens_at_ms_ = monotonic_ms;
  }
  while (static_cast<int>(running_.size()) < options_.persist_jobs_max) {
    if (options_.persist_bytes_per_second_max > 0 && byte_tokens_ <= 0) return;
    PersistLane* best = nullptr;
    for (auto& [name, lane] : lanes_) {
      if (lane->due.empty() || std::get<0>(*lane->due.begin()) > now_ms) continue;
      if (best != nullptr && *best->due.begin() < *lane->due.begin()) continue;
      if (lane->MayStart(monotonic_ms)) best = lane.get();
    }
    if (best == nullptr) return;
    const InodeId inode = std::get<2>(*best->due.begin());
    best->due.erase(best->due.begin());
    StartTask(*tasks_.at(inode));
  }
}

// Something of ours that was never answered may still come to the key, or be deleted there, and the
// store knows no condition that would stop it.
bool Master::MayStillChange(const ResolvedKey& resolved) {
  StateTxn txn(journal_);
  const auto pending = txn.GetPendingDelete(resolved.mount_id, resolved.key);
  if (!pending) return false;
  if (MayBeSentFromBefore(*pending)) return true;
  if (HasConditions(resolved.mount_id)) return false;
  const int64_t rest_ms = options_.unknown_outcome_ms - unguarded_fence_ms();
  return pending->unknown_until_ms() > SteadyMs() + rest_ms;
}

// A delete that a master of before has sent, and that nobody remembers, may still be carried out,
// and the store knows no condition that would stop it.
bool Master::MayBeSentFromBefore(const state::PendingDelete& pending) {
  return pending.requested_at_ms() < steady_start_ms_ &&
         clock_->MonotonicMs() < start_monotonic_ms_ + unguarded_fence_ms() &&
         !UnderStoreOf(MountId(pending.mount_id()))->profile().Has(StoreFeature::kDeleteIfMatch) &&
         !IsPlanted(PlantedBug::kTimeoutIsNo);
}

// The same of an upload that a master of before has begun: of the inode, or of what it replaces.
void Master::FenceFromBefore(const PersistTask& task, const state::Inode& inode) {
  StateTxn txn(journal_);
  const auto path = txn.PathOf(inode);
  const auto resolved = path ? Resolve(*path) : StatusOr<ResolvedKey>(Internal("gone"));
  if (!resolved.ok() || HasConditions(resolved->mount_id)) return;
  if (IsPlanted(PlantedBug::kTimeoutIsNo)) return;
  const bool of_another = std::any_of(inode.shadowed().begin(), inode.shadowed().end(),
                                      [](const auto& object) { return object.etag().empty(); });
  fences_[BusyName(resolved->mount_id, resolved->key)] =
      Fence{clock_->MonotonicMs() + unguarded_fence_ms(), of_another ? InodeId() : task.inode,
            of_another ? 0 : task.generation};
}

// Somebody works on the key, or its object is still read from, or has to go first.
bool Master::KeyTaken(const PersistTask& task, const ResolvedKey& resolved) {
  const std::string busy = BusyName(resolved.mount_id, resolved.key);
  const size_t own_source = task.source == busy ? 1 : 0;
  const bool source_of_another = relocation_sources_.count(busy) > own_source;
  if (source_of_another) wanted_sources_.insert(busy);
  return busy_keys_.count(busy) > 0 || source_of_another || MayStillChange(resolved) ||
         HasUndecidedCopies(resolved.mount_id, resolved.key) ||
         FencedFrom(busy, task.inode, task.generation) ||
         OldMarkerAbove(resolved.mount_id, resolved.key, task.kind);
}

std::string Master::AsideKey(InodeId inode) {
  return fmt::format(".spillway-moving-{}", inode.value());
}

// Moves may wait for each other in a circle: files that change names, or a marker's move for the
// file that is to take its old key. One that is blocked for long, and whose source is waited for,
// makes way: its object goes to a key of its own first.
bool Master::MovesAside(PersistTask& task, MountId mount, std::string* key) {
  const int64_t now_ms = clock_->MonotonicMs();
  if (task.blocked_since_ms < 0) task.blocked_since_ms = now_ms;
  if (task.kind != state::RELOCATE || wanted_sources_.count(task.source) == 0 ||
      now_ms - task.blocked_since_ms < kMoveAsideAfterMs)
    return false;
  *key = AsideKey(task.inode);
  const std::string busy = BusyName(mount, *key);
  return task.source != busy && busy_keys_.count(busy) == 0;
}

void Master::StartTask(PersistTask& task) {
  StateTxn txn(journal_);
  const auto inode = txn.GetInode(task.inode);
  const auto path = inode ? txn.PathOf(*inode) : std::nullopt;
  const bool wanted =
      path && inode->generation() == task.generation &&
      (task.kind == state::RELOCATE || inode->persistence_state() != state::PERSISTED);
  if (!wanted) {
    if (inode && txn.GetPersistJob(task.inode)) {
      txn.Apply(MakeEntry(
          [&](auto& entry) { entry.mutable_persist_dropped()->set_inode_id(task.inode.value()); }));
      txn.Commit();
    }
    return RemoveTask(task.inode);
  }
  const auto resolved = Resolve(*path);
  if (!resolved.ok()) return RemoveTask(task.inode);
  std::string key = resolved->key;
  int64_t retry_ms = 0;
  if (KeyTaken(task, *resolved)) {
    retry_ms = kBusyKeyRetryMs;
  } else {
    task.waits_for = task.marker_scope ? MarkerWaitsFor(txn, task) : "";
    if (!task.waits_for.empty()) retry_ms = kMarkerRetryMs;
  }
  const bool aside = retry_ms > 0 && MovesAside(task, resolved->mount_id, &key);
  if (retry_ms > 0 && !aside) return Requeue(task, SteadyMs() + retry_ms);
  task.blocked_since_ms = -1;
  const std::string busy = BusyName(resolved->mount_id, key);
  task.mount_id = resolved->mount_id;
  task.key = key;
  task.job_id = next_job_id_++;
  task.running = true;
  task.maybe_published = true;
  task.upload_id.clear();
  task.parts.clear();
  task.parts_begun = 0;
  task.copies_in_flight = 0;
  task.complete_attempts = 0;
  task.copy_failure = absl::OkStatus();
  busy_keys_.insert(busy);
  running_[task.job_id] = task.inode;
  task.lane->OnStarted(1);
  byte_tokens_ -= static_cast<double>(task.kind == state::UPLOAD ? task.length_bytes : 0);
  if (IsPlanted(PlantedBug::kUnpinOnUpload)) {
    for (int i = 0; i < inode->blocks_size(); ++i) {
      const BlockId block = BlockIdOf(task.inode, i);
      for (const auto& at : cluster_.Locations(block)) SendPin(at.worker_id, {block}, false);
    }
  }
  if (task.kind == state::RELOCATE) {
    // Should the move aside not end, nobody will name the object.
    if (aside)
      ScheduleObjectDelete(txn, task.mount_id, key, OwnObjects::ContentOf(*inode),
                           SteadyMs() + options_.unknown_outcome_ms);
    return StartRelocate(task, *inode, txn.Commit());
  }
  if (Status status = StartUpload(txn, task, *inode, *path); !status.ok())
    TaskFailed(task, status, FailureOrigin::kWorker);
}

}  // namespace spillway
