#include "common/path.h"
#include "master/master.h"

namespace spillway {

Outcome<FileStatus> Master::GetStatus(const Caller& caller, const std::string& path) {
  const bool safe_mode = InSafeMode();
  absl::MutexLock lock(&mutex_);
  StateTxn txn(journal_);
  const auto lookup = FindReachable(txn, caller, path);
  if (!lookup.ok()) return {lookup.status(), txn.depends()};
  if (safe_mode && lookup->last().blocks_size() > 0) {
    return {Unavailable("The master is in safe mode: the workers are not back yet."),
            txn.depends()};
  }
  return {MakeStatus(txn, lookup->last(), path, true), txn.depends()};
}

Outcome<bool> Master::Exists(const Caller& caller, const std::string& path) {
  absl::MutexLock lock(&mutex_);
  StateTxn txn(journal_);
  const Lookup lookup = Find(txn, path);
  if (Status status = CheckTraverse(caller, lookup, path); !status.ok())
    return {status, txn.depends()};
  return {lookup.found(), txn.depends()};
}

Outcome<Nothing> Master::CheckAccess(const Caller& caller, const std::string& path, int bits) {
  absl::MutexLock lock(&mutex_);
  StateTxn txn(journal_);
  const auto lookup = FindReachable(txn, caller, path);
  if (!lookup.ok()) return {lookup.status(), txn.depends()};
  if (Status status = CheckBits(caller, lookup->last(), bits, path); !status.ok())
    return {status, txn.depends()};
  return {Nothing(), txn.depends()};
}

Outcome<std::string> Master::GetFilePath(InodeId id) {
  absl::MutexLock lock(&mutex_);
  StateTxn txn(journal_);
  const auto inode = txn.GetInode(id);
  const auto path = inode ? txn.PathOf(*inode) : std::nullopt;
  if (!path) return {NotFound("File id {} does not exist.", id.value()), txn.depends()};
  return {*path, txn.depends()};
}

Outcome<BlockInfo> Master::GetBlockInfo(BlockId id) {
  const bool safe_mode = InSafeMode();
  absl::MutexLock lock(&mutex_);
  if (safe_mode)
    return {Unavailable("The master is in safe mode: the workers are not back yet."), LogIndex()};
  StateTxn txn(journal_);
  const auto inode = txn.GetInode(FileIdOfBlock(id));
  const bool known =
      inode && !inode->is_directory() &&
      BlockIndex(id) < (inode->completed() ? inode->blocks_size() : inode->next_block_index());
  if (!known)
    return {InvalidArgument("BlockMeta not found for blockId {}", id.value()), txn.depends()};
  return {MakeBlockInfo(*inode, BlockIndex(id)), txn.depends()};
}

Outcome<std::string> Master::ReverseResolve(const std::string& uri) {
  absl::MutexLock lock(&mutex_);
  for (const auto& [id, mount] : mounts_) {
    if (uri == mount.uri()) return {mount.path(), LogIndex()};
    if (uri.rfind(mount.uri() + "/", 0) == 0) {
      return {JoinPath(mount.path(), uri.substr(mount.uri().size() + 1)), LogIndex()};
    }
  }
  return {InvalidArgument("{} lies in no mounted understore.", uri), LogIndex()};
}

}  // namespace spillway
