#include <algorithm>

#include "common/checked.h"
#include "master/master.h"

namespace spillway {
namespace {

constexpr int64_t kComeBackMs = 15'000;

// A worker that had it fell silent so lately that it may be restarting, or was only held up.
bool MayComeBack(ClusterState& cluster, BlockId block, int64_t now_ms) {
  const auto& workers = cluster.workers();
  return std::any_of(workers.begin(), workers.end(), [&](const auto& entry) {
    const WorkerEntry& worker = entry.second;
    return worker.former.contains(block) && now_ms - worker.last_contact_ms < kComeBackMs;
  });
}

Status CheckThrough(const state::Inode& inode, const std::string& path, int64_t length) {
  const int64_t block_size = inode.block_size_bytes();
  if (length >= 0 && length <= kBytesMax && length / block_size < kSequenceMask)
    return absl::OkStatus();
  return InvalidArgument("File {} cannot have {} bytes in blocks of {}.", path, length, block_size);
}

// A stream that was cut off may have ended as if it were whole.
Status CheckWritten(const CompleteFileOptions& options, const std::string& path, int64_t length) {
  if (!options.length_bytes || *options.length_bytes == length) return absl::OkStatus();
  return MakeStatus(StatusCode::kDataLoss, "{} has {} bytes on its workers, and {} were written.",
                    path, length, *options.length_bytes);
}

}  // namespace

Outcome<Nothing> Master::CompleteFile(const Caller& caller, const std::string& path,
                                      const CompleteFileOptions& options,
                                      const std::string& content_hash) {
  std::optional<state::PersistJob> job;
  LogIndex index;
  {
    absl::MutexLock lock(&mutex_);
    StateTxn txn(journal_, &operations_);
    if (FindOperation(txn, options.operation_id)) return {Nothing(), txn.depends()};
    const auto id = DoCompleteFile(txn, caller, path, options, content_hash, &job);
    if (!id.ok()) return {id.status(), txn.depends()};
    index = txn.Commit();
    if (job) AddTask(*job, index);
    writing_seen_ms_.erase(*id);
    if (const auto inode = txn.GetInode(*id)) {
      CheckCopiesOf(*inode);
      if (inode->blocks_size() > 0)
        NoteBlockBytes(static_cast<double>(inode->length_bytes()) / inode->blocks_size());
    }
  }
  if (job) QueueWhenDurable({*job}, index);
  return {Nothing(), index};
}

StatusOr<InodeId> Master::DoCompleteFile(StateTxn& txn, const Caller&, const std::string& path,
                                         const CompleteFileOptions& options,
                                         const std::string& content_hash,
                                         std::optional<state::PersistJob>* job) {
  SPILLWAY_ASSIGN_OR_RETURN(const Lookup lookup, FindExisting(txn, path));
  state::Inode inode = lookup.last();
  if (inode.is_directory())
    return InvalidArgument("{} is a directory and cannot be completed.", path);
  if (options.file && *options.file != InodeId(inode.id())) return ReplacedByAnother(path);
  if (inode.completed()) {
    return spillway::MakeStatus(StatusCode::kAlreadyExists, "File {} has already been completed.",
                                inode.name());
  }
  const bool through = options.understore_length.has_value();
  int64_t length = 0;
  std::vector<state::BlockRecord> blocks;
  if (through) {
    length = *options.understore_length;
    SPILLWAY_RETURN_IF_ERROR(CheckThrough(inode, path, length));
    const int64_t count = length == 0 ? 0 : (length - 1) / inode.block_size_bytes() + 1;
    blocks.resize(count);
    for (int64_t i = 0; i < std::max<int64_t>(count, inode.next_block_index()); ++i) {
      const BlockId id = BlockIdOf(InodeId(inode.id()), i);
      const auto* block = cluster_.FindBlock(id);
      if (block == nullptr) continue;
      const int64_t left = std::max<int64_t>(0, length - i * inode.block_size_bytes());
      if (block->length_bytes != std::min(left, inode.block_size_bytes())) {
        // A copy that broke off must not lend the file its checksum.
        DropCopies(id, std::nullopt);
      } else if (block->crc_known && i < count) {
        blocks[i].set_crc32c(block->crc32c);
        blocks[i].set_crc_known(true);
      }
    }
  } else {
    SPILLWAY_ASSIGN_OR_RETURN(blocks, CommittedBlocks(inode, &length));
  }
  SPILLWAY_RETURN_IF_ERROR(CheckWritten(options, path, length));
  SPILLWAY_RETURN_IF_ERROR(CheckQuota(lookup.chain, 0, length));
  const int64_t generation = txn.Cluster().next_generation();
  txn.Apply(MakeEntry([&](auto& entry) {
    auto* completed = entry.mutable_file_completed();
    completed->set_inode_id(inode.id());
    completed->set_length_bytes(length);
    completed->set_generation(generation);
    completed->set_op_time_ms(clock_->NowMs());
    for (auto& block : blocks) *completed->add_blocks() = block;
    completed->set_persistence_state(through ? state::NOT_PERSISTED : inode.persistence_state());
  }));
  inode = *txn.GetInode(InodeId(inode.id()));
  if (through) {
    SPILLWAY_ASSIGN_OR_RETURN(const ResolvedKey resolved, Resolve(path));
    txn.Apply(MakeEntry([&](auto& entry) {
      auto* persisted = entry.mutable_persisted();
      persisted->set_inode_id(inode.id());
      persisted->set_generation(generation);
      persisted->mutable_object()->set_key(resolved.key);
      persisted->mutable_object()->set_etag(content_hash);
      persisted->mutable_object()->set_persisted_at_ms(clock_->NowMs());
    }));
    // An older object's delete, had it waited, is overtaken by this write.
    DropPendingDelete(txn, resolved.mount_id, resolved.key);
  } else if (options.persist && inode.persistence_state() == state::TO_BE_PERSISTED) {
    *job = NewPersistJob(inode, state::UPLOAD, options.persistence_wait_time_ms);
    txn.Apply(
        MakeEntry([&](auto& entry) { *entry.mutable_persist_scheduled()->mutable_job() = **job; }));
  }
  RememberOperation(txn, options.operation_id, InodeId(inode.id()));
  return InodeId(inode.id());
}

StatusOr<std::vector<state::BlockRecord>> Master::CommittedBlocks(const state::Inode& inode,
                                                                  int64_t* length) {
  std::vector<state::BlockRecord> records;
  for (int64_t i = 0; i < inode.next_block_index(); ++i) {
    const BlockId id = BlockIdOf(InodeId(inode.id()), i);
    const auto* block = cluster_.FindBlock(id);
    const bool missing = block == nullptr || block->holders.empty();
    if (!missing && !cluster_.HasSureHolder(id)) {
      // Whoever holds it has just gone, for a moment or for good: nothing is acknowledged on that.
      return Unavailable("Block {} of {} is only on workers whose sessions are broken.", id.value(),
                         inode.name());
    }
    if (missing && !safe_mode_over_) {
      return Unavailable("Block {} of {} is not known yet: the master has just started.",
                         id.value(), inode.name());
    }
    if (missing && MayComeBack(cluster_, id, clock_->MonotonicMs())) {
      return Unavailable("Block {} of {} is only on workers that were lost a moment ago.",
                         id.value(), inode.name());
    }
    if (missing) {
      return InvalidArgument(
          "Cannot complete a file without all the blocks committed: block {} of {} has no copy on "
          "a live worker.",
          id.value(), inode.name());
    }
    if (i + 1 < inode.next_block_index() && block->length_bytes != inode.block_size_bytes()) {
      return InvalidArgument(
          "Block {} of {} has {} bytes, but only the last block may be shorter than {}.",
          id.value(), inode.name(), block->length_bytes, inode.block_size_bytes());
    }
    SPILLWAY_ASSIGN_OR_RETURN(*length, CheckedAdd(*length, block->length_bytes, inode.name()));
    state::BlockRecord record;
    record.set_crc32c(block->crc32c);
    record.set_crc_known(block->crc_known);
    records.push_back(record);
  }
  return records;
}

}  // namespace spillway
