// One upload under way: a single PUT by the worker that holds the file, or a multipart upload whose
// parts are sent by the workers that hold them.
#include <algorithm>

#include "common/checksum.h"
#include "common/log.h"
#include "master/master.h"

namespace spillway {
namespace {

constexpr int64_t kPartsMax = 10'000;

int64_t BlocksPerPart(const state::Inode& inode, int64_t part_size_bytes) {
  const int64_t wanted = std::max<int64_t>(1, part_size_bytes / inode.block_size_bytes());
  const int64_t least = (inode.blocks_size() + kPartsMax - 1) / kPartsMax;
  return std::max(wanted, least);
}

PutOptions ConditionOf(const state::Inode& inode, bool delete_pending) {
  PutOptions options;
  if (inode.shadows_object()) {
    options.if_match = inode.shadowed_etag();
  } else {
    options.if_absent = !delete_pending;
  }
  return options;
}

// True if object has the bytes of task, by its checksum: of all bytes, or of the parts' checksums.
bool IsOurs(const ObjectInfo& object, const PersistTask& task) {
  if (!task.crc_known) return false;
  if (object.crc32c) return *object.crc32c == task.crc32c;
  std::string checksums;
  for (const UploadedPart& part : task.parts) {
    for (int shift = 24; shift >= 0; shift -= 8) {
      checksums.push_back(static_cast<char>(part.crc32c.value_or(0) >> shift));
    }
  }
  const std::string composite =
      fmt::format("{}-{}", Crc32cBase64(Crc32c(checksums)), task.parts.size());
  return object.composite_crc32c == composite;
}

}  // namespace

StatusOr<session::PersistCommand> Master::MakePersistCommand(const PersistTask& task,
                                                             const state::Inode& inode,
                                                             int64_t first_block,
                                                             int64_t last_block) {
  session::PersistCommand command;
  command.set_job_id(task.job_id);
  command.set_mount_id(task.mount_id.value());
  command.set_key(task.key);
  command.set_mode(inode.mode());
  command.set_owner(inode.owner());
  command.set_group(inode.group());
  uint32_t crc = 0;
  bool crc_known = true;
  int64_t length = 0;
  for (int64_t i = first_block; i < last_block; ++i) {
    const BlockInfo info = MakeBlockInfo(inode, i);
    if (info.locations.empty()) {
      return Unavailable("Block {} of file {} has no copy on a live worker.", info.id.value(),
                         inode.id());
    }
    auto* source = command.add_blocks();
    source->set_block_id(static_cast<uint64_t>(info.id.value()));
    source->set_length_bytes(info.length_bytes);
    source->set_crc32c(inode.blocks(static_cast<int>(i)).crc32c());
    for (const BlockLocation& location : info.locations) {
      auto* holder = source->add_holders();
      holder->set_host(location.address.host);
      holder->set_data_port(location.address.data_port);
    }
    crc_known = crc_known && inode.blocks(static_cast<int>(i)).crc_known();
    crc = Crc32cCombine(crc, source->crc32c(), static_cast<uint64_t>(info.length_bytes));
    length += info.length_bytes;
  }
  command.set_length_bytes(length);
  command.set_crc_known(crc_known);
  command.set_crc32c(crc);
  return command;
}

// The live worker that holds most of the command's bytes; among equals the least busy one.
WorkerEntry* Master::ChooseUploader(const session::PersistCommand& command) {
  WorkerEntry* best = nullptr;
  int64_t best_bytes = -1;
  for (auto& [id, worker] : cluster_.workers()) {
    if (!worker.registered || worker.lost) continue;
    int64_t bytes = 0;
    for (const auto& block : command.blocks()) {
      if (worker.blocks.contains(BlockId(static_cast<int64_t>(block.block_id()))))
        bytes += block.length_bytes();
    }
    const bool better = best == nullptr || bytes > best_bytes ||
                        (bytes == best_bytes && worker.uploads_in_flight < best->uploads_in_flight);
    if (better) {
      best = &worker;
      best_bytes = bytes;
    }
  }
  return best;
}

Status Master::StartUpload(StateTxn& txn, PersistTask& task, const state::Inode& inode,
                           const std::string&) {
  const bool one_part = inode.blocks_size() <= BlocksPerPart(inode, options_.part_size_bytes);
  SPILLWAY_ASSIGN_OR_RETURN(session::PersistCommand command,
                            MakePersistCommand(task, inode, 0, inode.blocks_size()));
  task.crc_known = command.crc_known();
  task.crc32c = command.crc32c();
  if (!one_part) {
    StartMultipart(task, BlocksPerPart(inode, options_.part_size_bytes) * inode.block_size_bytes());
    return absl::OkStatus();
  }
  const PutOptions condition =
      ConditionOf(inode, txn.GetPendingDelete(task.mount_id, task.key).has_value());
  command.set_if_absent(condition.if_absent);
  command.set_if_match(condition.if_match);
  WorkerEntry* worker = ChooseUploader(command);
  if (worker == nullptr) return Unavailable("No worker is live.");
  ++worker->uploads_in_flight;
  task.workers.push_back(worker->id);
  session::MasterMessage message;
  *message.mutable_persist() = std::move(command);
  sender_->Send(worker->id, worker->epoch, std::move(message));
  return absl::OkStatus();
}

void Master::NoteUpload(StateTxn& txn, const PersistTask& task) {
  txn.Apply(MakeEntry([&](auto& entry) {
    auto* started = entry.mutable_upload_started();
    started->set_inode_id(task.inode.value());
    started->set_generation(task.generation);
    started->set_upload_id(task.upload_id);
    started->set_key(task.key);
    started->set_mount_id(task.mount_id.value());
  }));
}

// The intent is journaled first: an upload whose id nobody heard of is found by its key.
void Master::StartMultipart(PersistTask& task, int64_t part_bytes) {
  StateTxn txn(journal_);
  NoteUpload(txn, task);
  const auto create = [this, job_id = task.job_id, store = UnderStoreOf(task.mount_id),
                       key = task.key, part_bytes] {
    PutOptions options;
    options.part_bytes = part_bytes;
    auto upload_id = store->once()->CreateMultipart(key, options);
    LogIndex index;
    {
      absl::MutexLock lock(&mutex_);
      StateTxn txn(journal_);
      PersistTask* task = FindRunning(job_id);
      if (task == nullptr) {
        const auto zombie = zombies_.find(job_id);
        if (upload_id.ok() && zombie != zombies_.end()) {
          OrphanUpload(txn, zombie->second->mount_id, key, *upload_id);
          txn.Commit();
        }
        EndZombie(job_id);
        return;
      }
      if (!upload_id.ok()) {
        return TaskFailed(*task, upload_id.status(), FailureOrigin::kStore);
      }
      task->upload_id = *upload_id;
      NoteUpload(txn, *task);
      index = txn.Commit();
    }
    journal_->WhenDurable(index, [this, job_id] { SendParts(job_id); });
  };
  executor_->Post([this, index = txn.Commit(), create] {
    journal_->WhenDurable(index, [this, create] { executor_->Post(create); });
  });
}

Status Master::SendPart(PersistTask& task, const state::Inode& inode, int number,
                        int64_t first_block, int64_t last_block) {
  SPILLWAY_ASSIGN_OR_RETURN(session::PersistCommand command,
                            MakePersistCommand(task, inode, first_block, last_block));
  command.set_upload_id(task.upload_id);
  command.set_part_number(static_cast<uint32_t>(number));
  WorkerEntry* worker = ChooseUploader(command);
  if (worker == nullptr) return Unavailable("No worker is live.");
  ++worker->uploads_in_flight;
  task.workers.push_back(worker->id);
  session::MasterMessage message;
  *message.mutable_persist() = std::move(command);
  sender_->Send(worker->id, worker->epoch, std::move(message));
  return absl::OkStatus();
}

void Master::SendParts(uint64_t job_id) {
  absl::MutexLock lock(&mutex_);
  PersistTask* task = FindRunning(job_id);
  if (task == nullptr) {
    EndZombie(job_id);
    return;
  }
  StateTxn txn(journal_);
  const auto inode = txn.GetInode(task->inode);
  if (!inode) return TaskFailed(*task, Internal("the file is gone"), FailureOrigin::kWorker);
  const int64_t step = BlocksPerPart(*inode, options_.part_size_bytes);
  task->parts_expected = static_cast<size_t>((inode->blocks_size() + step - 1) / step);
  task->lane->rate.Charge(static_cast<int>(task->parts_expected) + 1);
  int number = 0;
  for (int64_t first = 0; first < inode->blocks_size(); first += step) {
    const int64_t last = std::min<int64_t>(inode->blocks_size(), first + step);
    if (Status status = SendPart(*task, *inode, ++number, first, last); !status.ok())
      return TaskFailed(*task, status, FailureOrigin::kWorker);
  }
}

void Master::PersistDone(const Session& session, const session::PersistResult& result) {
  absl::MutexLock lock(&mutex_);
  const auto forget_worker = [&](PersistTask& task) {
    const auto it = std::find(task.workers.begin(), task.workers.end(), session.worker);
    if (it == task.workers.end()) return;
    task.workers.erase(it);
    if (WorkerEntry* entry = cluster_.Find(session.worker)) --entry->uploads_in_flight;
  };
  if (const auto zombie = zombies_.find(result.job_id()); zombie != zombies_.end()) {
    forget_worker(*zombie->second);
    if (zombie->second->workers.empty()) EndZombie(result.job_id());
    return;
  }
  PersistTask* task = FindRunning(result.job_id());
  if (task == nullptr) return;
  forget_worker(*task);
  if (result.code() != 0) {
    TaskFailed(*task, Status(static_cast<StatusCode>(result.code()), result.message()),
               result.from_store() ? FailureOrigin::kStore : FailureOrigin::kWorker);
    return DispatchPersist();
  }
  if (result.part_number() == 0) {
    TaskSucceeded(*task, result.etag(), result.duration_ms());
    return DispatchPersist();
  }
  task->lane->rate.OnSuccess(clock_->MonotonicMs());
  UploadedPart part{static_cast<int>(result.part_number()), result.etag(), result.crc32c(), 0};
  task->parts.push_back(std::move(part));
  if (task->parts.size() == task->parts_expected) {
    executor_->Post([this, job_id = result.job_id()] { CompleteUpload(job_id); });
  }
}

void Master::CompleteUpload(uint64_t job_id) {
  std::shared_ptr<UnderStore> store;
  PersistTask copy;
  PutOptions options;
  {
    absl::MutexLock lock(&mutex_);
    PersistTask* task = FindRunning(job_id);
    if (task == nullptr) {
      EndZombie(job_id);
      return;
    }
    StateTxn txn(journal_);
    const auto inode = txn.GetInode(task->inode);
    if (!inode) return TaskFailed(*task, Internal("the file is gone"), FailureOrigin::kWorker);
    options = ConditionOf(*inode, txn.GetPendingDelete(task->mount_id, task->key).has_value());
    std::sort(task->parts.begin(), task->parts.end(),
              [](const UploadedPart& a, const UploadedPart& b) { return a.number < b.number; });
    store = UnderStoreOf(task->mount_id);
    copy = *task;
  }
  const int64_t begin_ms = clock_->MonotonicMs();
  auto result = store->once()->CompleteMultipart(copy.key, copy.upload_id, copy.parts, options);
  bool by_earlier = false;
  if (result.status().code() == StatusCode::kFailedPrecondition) {
    // An earlier attempt may have been carried out without anybody hearing of it.
    const auto head = store->Head(copy.key);
    by_earlier = head.ok() && IsOurs(*head, copy);
    if (by_earlier) result = PutResult{head->etag};
  }
  absl::MutexLock lock(&mutex_);
  PersistTask* task = FindRunning(job_id);
  if (task == nullptr) {
    EndZombie(job_id);
    return;
  }
  if (!result.ok()) return TaskFailed(*task, result.status(), FailureOrigin::kStore);
  if (by_earlier) {
    // This attempt's own upload is still open.
    StateTxn txn(journal_);
    OrphanUpload(txn, task->mount_id, task->key, task->upload_id);
    txn.Commit();
  }
  task->upload_id.clear();
  TaskSucceeded(*task, result->etag, clock_->MonotonicMs() - begin_ms);
  DispatchPersist();
}

// The object follows its renamed file: copied to the new key, then deleted at the old one.
void Master::StartRelocate(PersistTask& task, const state::Inode& inode, LogIndex after) {
  task.crc_known = inode.object().crc_known();
  task.crc32c = inode.object().crc32c();
  auto relocate = [this, job_id = task.job_id, store = UnderStoreOf(task.mount_id),
                   source = task.source_key, target = task.key] {
    const int64_t begin_ms = clock_->MonotonicMs();
    const auto result = source == target ? StatusOr<PutResult>(PutResult())
                                         : store->once()->Copy(source, target, {});
    absl::MutexLock lock(&mutex_);
    PersistTask* task = FindRunning(job_id);
    if (task == nullptr) {
      EndZombie(job_id);
      return;
    }
    if (!result.ok()) return TaskFailed(*task, result.status(), FailureOrigin::kStore);
    TaskSucceeded(*task, result->etag, clock_->MonotonicMs() - begin_ms);
    DispatchPersist();
  };
  journal_->WhenDurable(after,
                        [this, relocate = std::move(relocate)] { executor_->Post(relocate); });
}

}  // namespace spillway
