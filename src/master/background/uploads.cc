// One upload under way: a single PUT by the worker that holds the file, or a multipart upload whose
// parts are sent by the workers that hold them.
#include <algorithm>

#include "common/checksum.h"
#include "master/master.h"

namespace spillway {
namespace {

constexpr int64_t kPartsMax = 10'000;
constexpr int64_t kPartUnit = 1 << 20;
constexpr int64_t kBlockBytesMax = 1LL << 30;  // longer blocks are sent in several parts

// How long parts are: whole blocks, unless these are so long that a part would be unwieldy.
int64_t PartBytes(const state::Inode& inode, int64_t part_size_bytes) {
  const int64_t block = inode.block_size_bytes();
  if (block > kBlockBytesMax) {
    const int64_t least = (inode.length_bytes() + kPartsMax - 1) / kPartsMax;
    const int64_t bytes = std::max(part_size_bytes, least);
    return (bytes + kPartUnit - 1) / kPartUnit * kPartUnit;
  }
  // Rounded up: S3 refuses parts that are too small.
  const int64_t wanted = (part_size_bytes + block - 1) / block;
  const int64_t least = (inode.blocks_size() + kPartsMax - 1) / kPartsMax;
  return std::max(wanted, least) * block;
}

// The bytes of task's part, counted from 1.
int64_t BytesOfPart(const PersistTask& task, int number) {
  return std::min(task.part_bytes, task.length_bytes - (number - 1) * task.part_bytes);
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
  task.part_bytes = PartBytes(inode, options_.part_size_bytes);
  SPILLWAY_ASSIGN_OR_RETURN(session::PersistCommand command,
                            MakePersistCommand(task, inode, 0, inode.blocks_size()));
  task.crc_known = command.crc_known();
  task.crc32c = command.crc32c();
  task.length_bytes = inode.length_bytes();
  if (inode.length_bytes() > task.part_bytes) {
    // Many bytes are not sent again to a key that somebody else had taken: it is looked at first.
    const bool taken = task.last_error.code() == StatusCode::kFailedPrecondition && !task.condition;
    if (!taken) StartMultipart(task);
    if (taken)
      executor_->Post(
          [this, job_id = task.job_id, why = task.last_error] { ResolveConflict(job_id, why); });
    return absl::OkStatus();
  }
  const PutOptions condition = ConditionOf(txn, task, inode);
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
    started->set_begun_at_ms(task.upload_begun_at_ms);
  }));
}

// The intent is journaled first: an upload whose id nobody heard of is found by its key.
void Master::StartMultipart(PersistTask& task) {
  StateTxn txn(journal_);
  task.upload_begun_at_ms = clock_->NowMs();
  NoteUpload(txn, task);
  const auto create = [this, job_id = task.job_id, store = UnderStoreOf(task.mount_id),
                       key = task.key, part_bytes = task.part_bytes] {
    PutOptions options;
    options.part_bytes = part_bytes;
    const Status learnt = LearnChecksum(job_id);
    auto upload_id = learnt.ok() ? store->once()->CreateMultipart(key, options) : learnt;
    LogIndex index;
    {
      absl::MutexLock lock(&mutex_);
      StateTxn txn(journal_);
      PersistTask* task = FindRunning(job_id);
      if (task == nullptr) {
        const auto zombie = zombies_.find(job_id);
        if (zombie != zombies_.end()) {
          // Without an id the upload, should there be one, is found by its key.
          OrphanUpload(txn, zombie->second->mount_id, key, upload_id.value_or(""),
                       zombie->second->upload_begun_at_ms);
          txn.Commit();
        }
        EndZombie(job_id, absl::OkStatus());
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

Status Master::SendPart(PersistTask& task, const state::Inode& inode, int number) {
  const int64_t first_byte = (number - 1) * task.part_bytes;
  const int64_t end = first_byte + BytesOfPart(task, number);
  const int64_t block = inode.block_size_bytes();
  const int64_t first_block = first_byte / block;
  const int64_t last_block = (end + block - 1) / block;
  SPILLWAY_ASSIGN_OR_RETURN(session::PersistCommand command,
                            MakePersistCommand(task, inode, first_block, last_block));
  command.set_upload_id(task.upload_id);
  command.set_part_number(static_cast<uint32_t>(number));
  if (command.length_bytes() != end - first_byte) {
    command.set_first_byte(first_byte - first_block * block);
    command.set_length_bytes(end - first_byte);
    command.set_crc_known(false);
    command.clear_crc32c();
  }
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
    EndZombie(job_id, absl::OkStatus());
    return;
  }
  StateTxn txn(journal_);
  const auto inode = txn.GetInode(task->inode);
  if (!inode) return TaskFailed(*task, Internal("the file is gone"), FailureOrigin::kWorker);
  task->parts_expected =
      static_cast<size_t>((task->length_bytes + task->part_bytes - 1) / task->part_bytes);
  task->lane->rate.Charge(static_cast<int>(task->parts_expected) + 1);
  if (task->kind == state::RELOCATE) return CopyParts(*task);
  for (int number = 1; number <= static_cast<int>(task->parts_expected); ++number) {
    if (Status status = SendPart(*task, *inode, number); !status.ok())
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
  const Status status(static_cast<StatusCode>(result.code()), result.message());
  const bool whole = result.part_number() == 0;
  if (const auto zombie = zombies_.find(result.job_id()); zombie != zombies_.end()) {
    forget_worker(*zombie->second);
    if (zombie->second->workers.empty())
      EndZombie(result.job_id(), whole && !result.unsent() ? status : absl::OkStatus());
    return;
  }
  PersistTask* task = FindRunning(result.job_id());
  if (task == nullptr) return;
  forget_worker(*task);
  if (whole && status.code() == StatusCode::kFailedPrecondition) {
    executor_->Post([this, job_id = result.job_id(), status] { ResolveConflict(job_id, status); });
    return;
  }
  if (!status.ok()) {
    if (whole && !result.unsent() && MayHaveHappened(status)) NoteUnknown(*task);
    TaskFailed(*task, status, result.from_store() ? FailureOrigin::kStore : FailureOrigin::kWorker);
    return DispatchPersist();
  }
  if (whole) {
    TaskSucceeded(*task, result.etag(), result.duration_ms());
    return DispatchPersist();
  }
  task->lane->rate.OnSuccess(clock_->MonotonicMs());
  UploadedPart part{static_cast<int>(result.part_number()), result.etag(), std::nullopt,
                    BytesOfPart(*task, static_cast<int>(result.part_number()))};
  if (result.crc_known()) part.crc32c = result.crc32c();
  PartDone(*task, std::move(part));
}

void Master::PartDone(PersistTask& task, UploadedPart part) {
  task.parts.push_back(std::move(part));
  if (task.parts.size() < task.parts_expected) return;
  std::sort(task.parts.begin(), task.parts.end(),
            [](const UploadedPart& a, const UploadedPart& b) { return a.number < b.number; });
  executor_->Post([this, job_id = task.job_id] { CompleteUpload(job_id); });
}

}  // namespace spillway
