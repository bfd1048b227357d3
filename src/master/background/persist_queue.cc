// Which files wait to be persisted, and which may start now: earliest due first.
#include <algorithm>

#include "common/log.h"
#include "common/path.h"
#include "master/master.h"

namespace spillway {
namespace {

constexpr int64_t kBusyKeyRetryMs = 20;
constexpr int64_t kFirstRetryMs = 100;

}  // namespace

state::PersistJob Master::NewPersistJob(const state::Inode& inode, state::PersistKind kind,
                                        int64_t wait_ms) {
  state::PersistJob job;
  job.set_inode_id(inode.id());
  job.set_generation(inode.generation());
  job.set_kind(kind);
  job.set_requested_at_ms(clock_->NowMs());
  job.set_due_at_ms(clock_->NowMs() + std::max<int64_t>(0, wait_ms));
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

void Master::EnqueuePersist(const std::vector<state::PersistJob>& jobs) {
  absl::MutexLock lock(&mutex_);
  for (const auto& job : jobs) AddTask(job);
  DispatchPersist();
}

void Master::AddTask(const state::PersistJob& job) {
  const InodeId id(job.inode_id());
  const auto old = tasks_.find(id);
  const bool maybe_published = old != tasks_.end() && old->second->maybe_published;
  CancelTask(id);
  auto task = std::make_unique<PersistTask>();
  task->maybe_published = maybe_published;
  task->inode = id;
  task->generation = job.generation();
  task->kind = job.kind();
  task->requested_at_ms = job.requested_at_ms();
  if (job.kind() == state::RELOCATE) {
    StateTxn txn(journal_);
    const auto inode = txn.GetInode(id);
    const auto path = inode ? txn.PathOf(*inode) : std::nullopt;
    const auto resolved = path ? Resolve(*path) : StatusOr<ResolvedKey>(Internal("gone"));
    if (!resolved.ok()) return;
    task->source_key = inode->object().key();
    task->source = BusyName(resolved->mount_id, task->source_key);
    relocation_sources_.insert(task->source);
  }
  PersistTask& added = *(tasks_[id] = std::move(task));
  Requeue(added, job.due_at_ms());
}

void Master::Requeue(PersistTask& task, int64_t due_at_ms) {
  due_.erase({task.due_at_ms, task.requested_at_ms, task.inode});
  task.due_at_ms = due_at_ms;
  due_.insert({due_at_ms, task.requested_at_ms, task.inode});
}

void Master::RemoveTask(InodeId inode) {
  const auto it = tasks_.find(inode);
  if (it == tasks_.end()) return;
  PersistTask& task = *it->second;
  due_.erase({task.due_at_ms, task.requested_at_ms, inode});
  if (!task.source.empty()) relocation_sources_.erase(relocation_sources_.find(task.source));
  tasks_.erase(it);
}

void Master::CancelTask(InodeId inode) {
  const auto it = tasks_.find(inode);
  if (it == tasks_.end()) return;
  if (it->second->running) {
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
  }
  RemoveTask(inode);
}

void Master::StopRunning(PersistTask& task) {
  busy_keys_.erase(BusyName(task.mount_id, task.key));
  running_.erase(task.job_id);
  for (const WorkerId worker : task.workers) {
    if (WorkerEntry* entry = cluster_.Find(worker)) --entry->uploads_in_flight;
  }
  task.workers.clear();
  task.running = false;
}

bool Master::EndZombie(uint64_t job_id) {
  const auto it = zombies_.find(job_id);
  if (it == zombies_.end()) return false;
  StopRunning(*it->second);
  zombies_.erase(it);
  return true;
}

PersistTask* Master::FindRunning(uint64_t job_id) {
  const auto it = running_.find(job_id);
  return it == running_.end() ? nullptr : tasks_.at(it->second).get();
}

void Master::DispatchPersist() {
  // Until the workers of before are back nobody knows what they still upload.
  if (!safe_mode_over_) return;
  const int64_t now_ms = clock_->NowMs();
  while (!due_.empty() && static_cast<int>(running_.size()) < options_.persist_jobs_max) {
    const auto [due_at_ms, requested_at_ms, inode] = *due_.begin();
    if (due_at_ms > now_ms) return;
    due_.erase(due_.begin());
    StartTask(*tasks_.at(inode));
  }
}

void Master::StartTask(PersistTask& task) {
  StateTxn txn(journal_);
  const auto inode = txn.GetInode(task.inode);
  const auto path = inode ? txn.PathOf(*inode) : std::nullopt;
  const bool wanted =
      path && inode->generation() == task.generation &&
      (task.kind == state::RELOCATE || inode->persistence_state() != state::PERSISTED);
  if (!wanted) {
    if (txn.GetPersistJob(task.inode)) {
      txn.Apply(MakeEntry(
          [&](auto& entry) { entry.mutable_persist_dropped()->set_inode_id(task.inode.value()); }));
      txn.Commit();
    }
    return RemoveTask(task.inode);
  }
  if (task.kind == state::UPLOAD && IsBlacklisted(*path)) {
    task.parked = true;  // a rename that takes it out queues it again
    return;
  }
  const auto resolved = Resolve(*path);
  if (!resolved.ok()) return RemoveTask(task.inode);
  const std::string busy = BusyName(resolved->mount_id, resolved->key);
  const size_t own_source = task.source == busy ? 1 : 0;
  if (busy_keys_.count(busy) > 0 || relocation_sources_.count(busy) > own_source) {
    return Requeue(task, clock_->NowMs() + kBusyKeyRetryMs);
  }
  task.mount_id = resolved->mount_id;
  task.key = resolved->key;
  task.job_id = next_job_id_++;
  task.running = true;
  task.maybe_published = true;
  task.upload_id.clear();
  task.parts.clear();
  busy_keys_.insert(busy);
  running_[task.job_id] = task.inode;
  if (task.kind == state::RELOCATE) return StartRelocate(task, *inode);
  if (Status status = StartUpload(txn, task, *inode, *path); !status.ok()) TaskFailed(task, status);
}

void Master::TaskFailed(PersistTask& task, const Status& why) {
  StopRunning(task);
  ++task.attempts;
  task.last_error = why;
  const int64_t cap = options_.persist_retry_ms_max;
  const int64_t delay = std::min<int64_t>(cap, kFirstRetryMs << std::min(task.attempts - 1, 20));
  const int64_t jittered = delay / 2 + static_cast<int64_t>(random_->Below(delay / 2 + 1));
  spdlog::warn("persist of inode {} at {} failed (attempt {}, again in {} ms): {}",
               task.inode.value(), task.key, task.attempts, jittered, Message(why));
  if (!task.upload_id.empty()) {
    StateTxn txn(journal_);
    OrphanUpload(txn, task.mount_id, task.key, task.upload_id);
    if (auto job = txn.GetPersistJob(task.inode)) {
      job->clear_upload_id();
      job->clear_upload_key();
      txn.Apply(MakeEntry(
          [&](auto& entry) { *entry.mutable_persist_scheduled()->mutable_job() = *job; }));
    }
    txn.Commit();
    task.upload_id.clear();
  }
  Requeue(task, clock_->NowMs() + jittered);
}

void Master::TaskSucceeded(PersistTask& task, const std::string& etag) {
  StateTxn txn(journal_);
  const auto inode = txn.GetInode(task.inode);
  const int64_t now_ms = clock_->NowMs();
  StopRunning(task);
  txn.Apply(MakeEntry([&](auto& entry) {
    auto* persisted = entry.mutable_persisted();
    persisted->set_inode_id(task.inode.value());
    persisted->set_generation(task.generation);
    auto* object = persisted->mutable_object();
    object->set_key(task.key);
    object->set_etag(etag);
    object->set_persisted_at_ms(now_ms);
    object->set_crc_known(task.crc_known);
    object->set_crc32c(task.crc32c);
  }));
  // Whatever waited to be deleted at this key has been replaced.
  if (txn.GetPendingDelete(task.mount_id, task.key)) {
    txn.Apply(MakeEntry([&](auto& entry) {
      entry.mutable_delete_done()->set_mount_id(task.mount_id.value());
      entry.mutable_delete_done()->set_key(task.key);
    }));
  }
  if (task.kind == state::RELOCATE && task.source_key != task.key) {
    ScheduleObjectDelete(txn, task.mount_id, task.source_key, false);
  }
  const LogIndex index = txn.Commit();
  if (metrics_ != nullptr) {
    metrics_
        ->Seconds("spillway_master_persist_lag_seconds",
                  "From the request to persist to the object in the store.")
        .Observe(static_cast<double>(now_ms - task.requested_at_ms) / 1000.0);
  }
  RemoveTask(task.inode);
  executor_->Post([this, index, inode = *inode] {
    journal_->WhenDurable(index, [this, inode] {
      absl::MutexLock lock(&mutex_);
      UnpinBlocks(inode);
    });
  });
}

Master::PersistSummary Master::GetPersistSummary() {
  absl::MutexLock lock(&mutex_);
  PersistSummary summary;
  const int64_t now_ms = clock_->NowMs();
  for (const auto& [id, task] : tasks_) {
    (task->running ? summary.running : task->parked ? summary.parked : summary.waiting)++;
    summary.oldest_age_ms = std::max(summary.oldest_age_ms, now_ms - task->requested_at_ms);
  }
  return summary;
}

}  // namespace spillway
