#include "rpc/master/sync_tasks.h"

namespace spillway {

std::shared_ptr<SyncTasks::Task> SyncTasks::Add(const std::string& path) {
  constexpr size_t kRemembered = 1000;
  absl::MutexLock lock(&mutex_);
  auto task = std::make_shared<Task>();
  task->info.id = next_id_++;
  task->info.path = path;
  task->began_ms = clock_->MonotonicMs();
  tasks_[task->info.id] = task;
  while (tasks_.size() > kRemembered) tasks_.erase(tasks_.begin());
  return task;
}

int64_t SyncTasks::Start(const std::string& path, SyncDepth depth) {
  auto task = Add(path);
  executor_->Post([this, task, depth] { RunTask(task, depth); });
  return task->info.id;
}

SyncTaskInfo SyncTasks::Run(const std::string& path, SyncDepth depth) {
  auto task = Add(path);
  RunTask(task, depth);
  absl::MutexLock lock(&mutex_);
  return task->info;
}

void SyncTasks::RunTask(const std::shared_ptr<Task>& task, SyncDepth depth) {
  SyncCounts counts;
  const auto note = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    task->info.counts = counts;
    task->info.duration_ms = clock_->MonotonicMs() - task->began_ms;
  };
  const Status status = master_->SyncMetadata(task->info.path, depth, &counts, [&] {
    absl::MutexLock lock(&mutex_);
    note();
    return task->cancelled;
  });
  using State = SyncTaskInfo::State;
  absl::MutexLock lock(&mutex_);
  note();
  task->info.status = status;
  task->info.state = status.ok()                               ? State::kSucceeded
                     : status.code() == StatusCode::kCancelled ? State::kCancelled
                                                               : State::kFailed;
}

std::optional<SyncTaskInfo> SyncTasks::Find(int64_t id) {
  absl::MutexLock lock(&mutex_);
  const auto it = tasks_.find(id);
  if (it == tasks_.end()) return std::nullopt;
  return it->second->info;
}

bool SyncTasks::Cancel(int64_t id) {
  absl::MutexLock lock(&mutex_);
  const auto it = tasks_.find(id);
  if (it == tasks_.end() || it->second->info.state != SyncTaskInfo::State::kRunning) return false;
  it->second->cancelled = true;
  return true;
}

}  // namespace spillway
