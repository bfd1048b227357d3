#include "master/master.h"

namespace spillway {

// Drops the replicas of persisted files; metadata stays, reads come from the understore.
Outcome<Nothing> Master::Free(const Caller& caller, const std::string& path, bool recursive,
                              bool forced) {
  absl::MutexLock lock(&mutex_);
  StateTxn txn(journal_);
  const auto lookup = FindReachable(txn, caller, path);
  if (!lookup.ok()) return {lookup.status(), txn.depends()};
  if (Status status = CheckBits(caller, lookup->last(), kRead, path); !status.ok())
    return {status, txn.depends()};
  if (lookup->last().is_directory() && lookup->last().child_count() > 0 && !recursive) {
    return {spillway::MakeStatus(
                StatusCode::kUnknown,
                "Cannot free directory {} which is not empty. Please set the recursive flag", path),
            txn.depends()};
  }
  Status refused;
  std::vector<state::Inode> files;
  (void)VisitSubtree(
      txn, lookup->last(), path, [&](const state::Inode& inode, const std::string& at) {
        if (inode.is_directory() || !refused.ok()) return;
        if (inode.persistence_state() != state::PERSISTED) {
          refused = spillway::MakeStatus(StatusCode::kUnknown,
                                         "Cannot free file {} which is not persisted", at);
        } else if (inode.pinned() && !forced) {
          refused = spillway::MakeStatus(StatusCode::kUnknown,
                                         "Cannot free file {} which is pinned. Please unpin it "
                                         "first or set the \"forced\" flag "
                                         "of free operation to true",
                                         at);
        }
        files.push_back(inode);
      });
  if (!refused.ok()) return {refused, txn.depends()};
  std::map<WorkerId, std::vector<BlockId>> per_worker;
  for (const state::Inode& inode : files) {
    for (int i = 0; i < inode.blocks_size(); ++i) {
      const BlockId block = BlockIdOf(InodeId(inode.id()), i);
      for (const WorkerId worker : cluster_.ForgetBlock(block)) per_worker[worker].push_back(block);
    }
  }
  for (const auto& [worker, blocks] : per_worker) SendRemove(worker, blocks);
  return {Nothing(), txn.depends()};
}

}  // namespace spillway
