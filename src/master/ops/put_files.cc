// Small files that a worker took whole, and empty ones: made, complete and to be persisted, in one
// step each.
#include <algorithm>
#include <set>

#include "common/checked.h"
#include "common/names.h"
#include "common/path.h"
#include "common/planted_bug.h"
#include "master/master.h"

namespace spillway {
namespace {

constexpr int64_t kIdsReserved = 10'000;

CreateFileOptions ToOptions(const smallfiles::NewFileOptions& wire) {
  CreateFileOptions options;
  options.operation_id = {wire.operation_most_significant(), wire.operation_least_significant()};
  options.block_size_bytes = wire.block_size_bytes();
  options.recursive = wire.recursive();
  options.overwrite = wire.overwrite();
  options.mode = static_cast<int>(wire.mode());
  options.replication_min = wire.replication_min();
  options.replication_max = wire.replication_max();
  options.durable_replicas = wire.durable_replicas();
  options.write_type = WriteType::kAsyncThrough;
  options.persistence_wait_time_ms = wire.persistence_wait_time_ms();
  options.ttl_ms = wire.ttl_ms();
  options.ttl_action = static_cast<TtlAction>(wire.ttl_action());
  options.xattr.insert(wire.xattr().begin(), wire.xattr().end());
  return options;
}

BlockId BlockOf(const session::PutFiles::File& file) {
  return BlockId(static_cast<int64_t>(file.block_id()));
}

Status CheckCaller(const Caller& caller) {
  SPILLWAY_RETURN_IF_ERROR(CheckText("The user", caller.user, kPrincipalBytesMax));
  for (const std::string& group : caller.groups)
    SPILLWAY_RETURN_IF_ERROR(CheckText("The group", group, kPrincipalBytesMax));
  return absl::OkStatus();
}

PutOutcome NotListedYet(const std::string& path) {
  return {Unavailable("The folder of {} has yet to be listed in the store.", path)};
}

}  // namespace

void Master::ReserveIds(const Session& session, std::function<void(session::ReservedIds)> done) {
  session::ReservedIds reserved;
  LogIndex index;
  {
    absl::MutexLock lock(&mutex_);
    WorkerEntry* worker = cluster_.FindCurrent(session.worker, session.epoch);
    if (worker == nullptr) return;
    StateTxn txn(journal_, &operations_);
    const int64_t first = txn.Cluster().next_container_id();
    txn.Apply(MakeEntry([&](auto& entry) {
      entry.mutable_container_ids_reserved()->set_next_container_id(first + kIdsReserved);
    }));
    index = txn.Commit();
    worker->reserved_ids.emplace_back(first, kIdsReserved);
    reserved.set_first_container_id(first);
    reserved.set_count(kIdsReserved);
  }
  journal_->WhenDurable(index, [reserved, done = std::move(done)] { done(reserved); });
}

void Master::PutFiles(const Session& session, const session::PutFiles& request,
                      std::function<void(session::PutFilesAck)> done) {
  session::PutFilesAck ack;
  ack.set_request_id(request.request_id());
  PutEffects effects;
  for (const auto& file : request.files()) {
    const PutOutcome put = PutFile(session, request, file, &effects);
    auto* outcome = ack.add_outcomes();
    outcome->set_code(static_cast<int>(put.status.code()));
    outcome->set_message(Message(put.status));
    outcome->set_repeated_operation(put.repeated_operation);
  }
  const LogIndex after = effects.after;
  AfterPut(std::move(effects));
  journal_->WhenDurable(after, [ack = std::move(ack), done = std::move(done)] { done(ack); });
}

Outcome<smallfiles::PutFilesResponse> Master::PutEmptyFiles(
    const Caller& caller, const smallfiles::PutFilesRequest& request) {
  smallfiles::PutFilesResponse response;
  PutEffects effects;
  for (const auto& file : request.files()) {
    Status status = file.data().empty()
                        ? PutEmptyFile(caller, file.options(), &effects).status
                        : InvalidArgument("The data of {} is for workers, not for the master.",
                                          file.options().path());
    auto* outcome = response.add_outcomes();
    outcome->set_code(static_cast<int>(status.code()));
    outcome->set_message(Message(status));
  }
  const LogIndex after = effects.after;
  AfterPut(std::move(effects));
  return {std::move(response), after};
}

void Master::AfterPut(PutEffects effects) {
  if (IsPlanted(PlantedBug::kForgetBatched) && effects.jobs.size() > 1)
    effects.jobs.erase(effects.jobs.begin(), effects.jobs.end() - 1);
  if (!effects.jobs.empty()) QueueWhenDurable(effects.jobs, effects.after);
  AfterRemoved(effects.removed);
}

Status Master::CheckPut(StateTxn& txn, const WorkerEntry& worker, const session::PutFiles& request,
                        const session::PutFiles::File& file, const CreateFileOptions& options) {
  const BlockId block = BlockOf(file);
  const bool reserved =
      std::any_of(worker.reserved_ids.begin(), worker.reserved_ids.end(), [&](const auto& range) {
        return ContainerOf(block) >= range.first && ContainerOf(block) < range.first + range.second;
      });
  if (!reserved || BlockIndex(block) != 0 || txn.Exists(FileIdOfBlock(block)))
    return Internal("Block {} was not reserved for this worker's files.", block.value());
  if (file.length_bytes() <= 0 || file.length_bytes() > options.block_size_bytes)
    return InvalidArgument("{} bytes are not one block of {}.", file.length_bytes(),
                           file.options().path());
  std::set<WorkerId> holders;
  for (const auto& holder : request.holders()) {
    const WorkerEntry* entry =
        cluster_.FindCurrent(WorkerId(holder.worker_id()), Epoch(holder.epoch()));
    const bool sure = entry != nullptr && entry->stays() && entry->suspect_since_ms < 0 &&
                      !entry->removing.contains(block) && !entry->refused.contains(block);
    if (!sure)
      return Unavailable("Worker {} is not there any more to keep block {}.", holder.worker_id(),
                         block.value());
    holders.insert(entry->id);
  }
  const int wanted = std::max({1, options.durable_replicas, options.replication_min});
  if (static_cast<int>(holders.size()) < wanted) {
    return spillway::MakeStatus(StatusCode::kFailedPrecondition,
                                "{} was stored {} times; {} copies are asked for.",
                                file.options().path(), holders.size(), wanted);
  }
  return absl::OkStatus();
}

std::optional<PutOutcome> Master::FindPut(StateTxn& txn, const std::string& path,
                                          const CreateFileOptions& options, PutEffects* effects) {
  const auto done = FindOperation(txn, options.operation_id);
  if (!done) return std::nullopt;
  effects->after = std::max(effects->after, txn.depends());
  const auto inode = txn.GetInode(*done);
  if (inode && inode->completed()) return PutOutcome{absl::OkStatus(), true};
  return PutOutcome{
      Unavailable("{} is being written, or was deleted, since this was asked.", path)};
}

StatusOr<state::Inode> Master::MakeWhole(StateTxn& txn, const Caller& caller,
                                         const std::string& path, const CreateFileOptions& options,
                                         const WholeFile& whole, PutEffects* effects) {
  Removed replaced;
  auto inode = CreateOrReplace(txn, caller, path, options, whole.length_bytes, &whole, &replaced);
  effects->after = std::max(effects->after, txn.depends());
  SPILLWAY_RETURN_IF_ERROR(inode.status());
  std::optional<state::PersistJob> job;
  if (options.write_type == WriteType::kAsyncThrough) {
    job = NewPersistJob(*inode, state::UPLOAD, options.persistence_wait_time_ms);
    txn.Apply(
        MakeEntry([&](auto& entry) { *entry.mutable_persist_scheduled()->mutable_job() = *job; }));
  }
  RememberOperation(txn, options.operation_id, InodeId(inode->id()));
  const LogIndex index = txn.Commit();
  effects->after = std::max(effects->after, index);
  if (job) {
    AddTask(*job, index);
    effects->jobs.push_back(*std::move(job));
  }
  Removed& removed = effects->removed;
  removed.files.insert(removed.files.end(), replaced.files.begin(), replaced.files.end());
  removed.blocks.insert(removed.blocks.end(), replaced.blocks.begin(), replaced.blocks.end());
  return inode;
}

PutOutcome Master::PutFile(const Session& session, const session::PutFiles& request,
                           const session::PutFiles::File& file, PutEffects* effects) {
  const auto path = NormalizePath(file.options().path());
  if (!path.ok()) return {path.status()};
  const Caller caller{request.user(), {request.groups().begin(), request.groups().end()}};
  if (Status status = CheckCaller(caller); !status.ok()) return {status};
  const CreateFileOptions options = ToOptions(file.options());
  // These are for the longer way, which can wait.
  if (DirectoryToLoad(*path, false)) return NotListedYet(*path);
  absl::MutexLock lock(&mutex_);
  WorkerEntry* worker = cluster_.FindCurrent(session.worker, session.epoch);
  if (worker == nullptr) return {Unavailable("The worker's session is over.")};
  worker->last_contact_ms = clock_->MonotonicMs();
  if (BacklogPressure(*path) > 0)
    return {Unavailable("There is so much unpersisted data that {} has to wait.", *path)};
  StateTxn txn(journal_, &operations_);
  if (auto done = FindPut(txn, *path, options, effects)) return *std::move(done);
  if (Status status = CheckPut(txn, *worker, request, file, options); !status.ok()) return {status};
  const WholeFile whole{BlockOf(file), file.length_bytes(), file.crc32c()};
  const auto inode = MakeWhole(txn, caller, *path, options, whole, effects);
  if (!inode.ok()) return {inode.status()};
  for (int i = 0; i < request.holders_size(); ++i) {
    WorkerEntry* entry = cluster_.Find(WorkerId(request.holders(i).worker_id()));
    const int tier = i < file.tiers_size() ? static_cast<int>(file.tiers(i)) : 0;
    cluster_.AddReplica(entry->id, whole.block, whole.length_bytes, whole.crc32c, true, tier);
    if (entry->tiers.empty()) continue;
    int64_t& pinned = entry->tiers.front().pinned_bytes;
    pinned = std::min(kBytesMax, SaturatingAdd(pinned, whole.length_bytes));
  }
  cluster_.SetPinned(whole.block, true);
  CheckCopiesOf(*inode);
  NoteBlockBytes(static_cast<double>(whole.length_bytes));
  return {absl::OkStatus()};
}

PutOutcome Master::PutEmptyFile(const Caller& caller, const smallfiles::NewFileOptions& asked,
                                PutEffects* effects) {
  const auto path = NormalizePath(asked.path());
  if (!path.ok()) return {path.status()};
  CreateFileOptions options = ToOptions(asked);
  if (asked.not_persisted()) options.write_type = WriteType::kMustCache;
  if (DirectoryToLoad(*path, false)) return NotListedYet(*path);
  absl::MutexLock lock(&mutex_);
  StateTxn txn(journal_, &operations_);
  if (auto done = FindPut(txn, *path, options, effects)) return *std::move(done);
  return {MakeWhole(txn, caller, *path, options, WholeFile(), effects).status()};
}

}  // namespace spillway
