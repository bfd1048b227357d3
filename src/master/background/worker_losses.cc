// What the end of a worker's session, or its leaving, means for uploads and copies.
#include <algorithm>

#include "common/log.h"
#include "master/master.h"
#include "master/state/replication.h"

namespace spillway {

void Master::SettleUploads(
    WorkerId worker, const google::protobuf::RepeatedPtrField<session::RunningUpload>* running) {
  std::map<uint64_t, int64_t> still;  // job -> parts that the worker works on
  if (running != nullptr) {
    for (const auto& upload : *running) ++still[upload.job_id()];
  }
  const auto unsettled = [&](uint64_t job_id, const PersistTask& task) {
    const auto told = std::count(task.workers.begin(), task.workers.end(), worker);
    const auto it = still.find(job_id);
    return told > 0 && (it == still.end() || it->second < told);
  };
  std::vector<uint64_t> failed;
  for (const auto& [job_id, inode] : running_) {
    if (unsettled(job_id, *tasks_.at(inode))) failed.push_back(job_id);
  }
  std::vector<uint64_t> ended;
  for (const auto& [job_id, task] : zombies_) {
    if (unsettled(job_id, *task)) ended.push_back(job_id);
  }
  std::sort(failed.begin(), failed.end());
  std::sort(ended.begin(), ended.end());
  for (const uint64_t job_id : failed) {
    if (PersistTask* task = FindRunning(job_id)) {
      if (task->upload_id.empty() && task->kind == state::UPLOAD) NoteUnknown(*task);
      TaskFailed(*task, Unavailable("The uploading worker was lost or restarted."),
                 FailureOrigin::kWorker);
    }
  }
  for (const uint64_t job_id : ended) {
    const bool parts = !zombies_.at(job_id)->upload_id.empty();
    EndZombie(job_id, parts ? absl::OkStatus() : Unavailable("The uploading worker was lost."));
  }
  if (running == nullptr) return;
  for (const auto& upload : *running) {
    // Begun for a master of before: its key stays busy until it has ended.
    const bool known = running_.contains(upload.job_id()) || zombies_.contains(upload.job_id());
    const MountId mount(upload.mount_id());
    if (known || upload.part_number() > 0 || upload.key().empty() || !mounts_.contains(mount))
      continue;
    auto zombie = std::make_unique<PersistTask>();
    zombie->job_id = upload.job_id();
    zombie->mount_id = mount;
    zombie->key = upload.key();
    zombie->workers.push_back(worker);
    if (WorkerEntry* entry = cluster_.Find(worker)) ++entry->uploads_in_flight;
    busy_keys_.insert(BusyName(mount, upload.key()));
    zombies_[upload.job_id()] = std::move(zombie);
  }
}

// What it was told to upload, and perhaps began, may still reach the store.
void Master::FenceUploadsOf(WorkerId worker) {
  const int64_t until_ms = clock_->MonotonicMs() + options_.upload_fence_ms;
  const auto fence = [&](const PersistTask& task) {
    if (std::count(task.workers.begin(), task.workers.end(), worker) == 0) return;
    if (!task.parts.empty() || !task.upload_id.empty()) return;  // parts are published by us alone
    fences_[BusyName(task.mount_id, task.key)] = Fence{until_ms, task.inode, task.generation};
  };
  for (const auto& [job_id, inode] : running_) fence(*tasks_.at(inode));
  for (const auto& [job_id, task] : zombies_) fence(*task);
}

bool Master::FencedFrom(const std::string& busy, InodeId inode, int64_t generation) {
  const auto it = fences_.find(busy);
  if (it == fences_.end()) return false;
  if (it->second.until_ms <= clock_->MonotonicMs()) {
    fences_.erase(it);
    return false;
  }
  return it->second.inode != inode || it->second.generation != generation;
}

// Its copies do not count any more: others are made.
void Master::MoveAway(WorkerEntry& worker) {
  if (!safe_mode_over_) return;
  std::vector<BlockId> blocks(worker.blocks.begin(), worker.blocks.end());
  std::sort(blocks.begin(), blocks.end());
  StateTxn txn(journal_);
  for (const BlockId block : blocks) {
    if (cluster_.FindBlock(block)->pinned) CheckCopies(txn, block);
  }
  Heal();
}

// Blocks that would be missed if the worker went now.
int64_t Master::BlocksAtStake(const WorkerEntry& worker) {
  int64_t at_stake = 0;
  StateTxn txn(journal_);
  for (const BlockId block : worker.blocks) {
    if (!cluster_.FindBlock(block)->pinned) continue;
    const auto inode = txn.GetInode(FileIdOfBlock(block));
    if (!inode) continue;
    const bool last = !inode->completed() && cluster_.SoundCopies(block) == 0;
    if (last || (inode->completed() && cluster_.SoundCopies(block) < WantedCopies(*inode)))
      ++at_stake;
  }
  return at_stake;
}

StatusOr<Decommission> Master::DecommissionWorker(const std::string& host, int data_port,
                                                  bool undo) {
  absl::MutexLock lock(&mutex_);
  StateTxn txn(journal_);
  for (auto known : txn.KnownWorkers()) {
    if (known.host() != host || (data_port != 0 && known.data_port() != data_port)) continue;
    WorkerEntry* worker = cluster_.Find(WorkerId(known.worker_id()));
    if (known.decommissioned() == undo) {
      known.set_decommissioned(!undo);
      txn.Apply(
          MakeEntry([&](auto& entry) { *entry.mutable_worker_known()->mutable_worker() = known; }));
      txn.Commit();
    }
    if (worker == nullptr || worker->lost) return Decommission{};
    if (worker->decommissioned == undo) {
      worker->decommissioned = !undo;
      MoveAway(*worker);
    }
    return Decommission{true, undo ? 0 : BlocksAtStake(*worker),
                        static_cast<int64_t>(worker->blocks.size())};
  }
  return NotFound("No worker at {} is known.", host);
}

}  // namespace spillway
