#include "common/checked.h"
#include "master/master.h"

namespace spillway {

// Waited for like any other change: a master that forgot an id would complete the file without its
// block, or hand the id out twice.
Outcome<BlockId> Master::NewBlockId(const Caller& caller, const std::string& path,
                                    const std::optional<BlockOfFile>& asked) {
  absl::MutexLock lock(&mutex_);
  StateTxn txn(journal_);
  const auto lookup = FindExisting(txn, path);
  if (!lookup.ok()) return {lookup.status(), txn.depends()};
  const state::Inode& inode = lookup->last();
  if (inode.is_directory())
    return {InvalidArgument("{} is a directory: blocks belong to files.", path), txn.depends()};
  if (inode.completed()) {
    return {spillway::MakeStatus(StatusCode::kFailedPrecondition,
                                 "File {} is completed: no block can be added.", path),
            txn.depends()};
  }
  if (Status status = CheckBits(caller, inode, kWrite, path);
      !status.ok() && caller.user != inode.owner()) {
    return {status, txn.depends()};
  }
  const int64_t index = inode.next_block_index();
  if (asked && asked->file != InodeId(inode.id())) return {ReplacedByAnother(path), txn.depends()};
  if (asked && asked->index == index - 1)
    return {BlockIdOf(InodeId(inode.id()), index - 1), txn.depends()};  // the answer was lost
  if (asked && asked->index != index) {
    return {spillway::MakeStatus(StatusCode::kFailedPrecondition,
                                 "File {} has {} blocks so far: there is no block {} to begin.",
                                 path, index, asked->index),
            txn.depends()};
  }
  if (index >= kSequenceMask)
    return {InvalidArgument("File {} has the most blocks a file can have.", path), txn.depends()};
  if (inode.block_size_bytes() > kBytesMax / (index + 1)) {
    return {InvalidArgument("{} cannot have {} blocks of {} bytes: a file has at most {} bytes.",
                            path, index + 1, inode.block_size_bytes(), kBytesMax),
            txn.depends()};
  }
  // At least a byte of it comes; its writer hears early that there is no room for it.
  if (Status status = CheckQuota(lookup->chain, 0, index * inode.block_size_bytes() + 1);
      !status.ok())
    return {status, txn.depends()};
  txn.Apply(MakeEntry([&](auto& entry) {
    entry.mutable_block_allocated()->set_inode_id(inode.id());
    entry.mutable_block_allocated()->set_block_index(index);
  }));
  writing_seen_ms_[InodeId(inode.id())] = clock_->MonotonicMs();
  return {BlockIdOf(InodeId(inode.id()), index), txn.Commit()};
}

}  // namespace spillway
