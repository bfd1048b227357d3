// Copies that somebody asks for ahead of reading. They are made by workers, as healing makes them,
// and are no more than a cache afterwards.
#include <algorithm>

#include "master/master.h"
#include "master/state/replication.h"

namespace spillway {

Outcome<std::vector<BlockId>> Master::LoadFile(const Caller& caller, const std::string& path,
                                               int copies) {
  absl::MutexLock lock(&mutex_);
  StateTxn txn(journal_);
  const auto lookup = FindReachable(txn, caller, path);
  if (!lookup.ok()) return {lookup.status(), txn.depends()};
  if (Status status = CheckBits(caller, lookup->last(), kRead, path); !status.ok())
    return {status, txn.depends()};
  const state::Inode& inode = lookup->last();
  std::vector<BlockId> missing;
  if (inode.is_directory() || !inode.completed()) return {std::move(missing), txn.depends()};
  for (int i = 0; i < inode.blocks_size(); ++i) {
    const BlockId block = BlockIdOf(InodeId(inode.id()), i);
    if (cluster_.SoundCopies(block) >= copies) continue;
    loads_.Ask(block, copies, clock_->MonotonicMs());
    missing.push_back(block);
    CheckCopies(inode, i);
  }
  return {std::move(missing), txn.depends()};
}

bool Master::IsOnlyAskedFor(StateTxn& txn, BlockId block) {
  if (FindCopyOf(block) != nullptr) return true;
  if (!loads_.Copies(block)) return false;
  const auto inode = txn.GetInode(FileIdOfBlock(block));
  return inode && cluster_.SoundCopies(block) >= WantedCopies(*inode);
}

size_t Master::StillToLoad(const std::vector<BlockId>& blocks, FailedLoads* failed) {
  absl::MutexLock lock(&mutex_);
  *failed = loads_.TakeFailed(blocks);
  return static_cast<size_t>(std::count_if(blocks.begin(), blocks.end(), [&](BlockId block) {
    mutex_.AssertHeld();
    return loads_.Copies(block).has_value();
  }));
}

void Master::CancelLoad(const std::vector<BlockId>& blocks) {
  absl::MutexLock lock(&mutex_);
  StateTxn txn(journal_);
  for (const BlockId block : blocks) {
    if (loads_.Erase(block)) CheckCopies(txn, block);
  }
}

}  // namespace spillway
