#include "master/master.h"

namespace spillway {

// By id and under one lock: what another writer has put at the path meanwhile, or what was
// completed after all, is not touched.
Outcome<Nothing> Master::AbandonFile(const Caller& caller, InodeId file, bool maybe_published) {
  Removed removed;
  LogIndex index;
  {
    absl::MutexLock lock(&mutex_);
    StateTxn txn(journal_);
    const auto inode = txn.GetInode(file);
    const auto path = inode ? txn.PathOf(*inode) : std::nullopt;
    if (!path || inode->is_directory() || inode->completed()) return {Nothing(), txn.depends()};
    if (Status status = CheckBits(caller, *inode, kWrite, *path);
        !status.ok() && caller.user != inode->owner()) {
      return {status, txn.depends()};
    }
    DeleteOne(txn, *inode, *path, /*keep_object=*/false, &removed);
    if (const auto resolved = Resolve(*path); maybe_published && resolved.ok())
      ScheduleObjectDelete(txn, resolved->mount_id, resolved->key, OwnObjects::Anything());
    writing_seen_ms_.erase(file);
    index = txn.Commit();
  }
  AfterRemoved(removed);
  return {Nothing(), index};
}

Status Master::ReplacedByAnother(const std::string& path) {
  return spillway::MakeStatus(StatusCode::kFailedPrecondition,
                              "{} was replaced by another file while this one was written.", path);
}

}  // namespace spillway
