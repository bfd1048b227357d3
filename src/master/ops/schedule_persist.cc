#include "master/master.h"

namespace spillway {

Outcome<Nothing> Master::SchedulePersist(const Caller& caller, const std::string& path,
                                         int64_t wait_time_ms) {
  state::PersistJob job;
  LogIndex index;
  {
    absl::MutexLock lock(&mutex_);
    StateTxn txn(journal_);
    const auto lookup = FindExisting(txn, path);
    if (!lookup.ok()) return {lookup.status(), txn.depends()};
    const state::Inode& inode = lookup->last();
    if (Status status = CheckBits(caller, inode, kWrite, path); !status.ok())
      return {status, txn.depends()};
    if (inode.is_directory()) return {NotFound("Path \"{}\" must be a file.", path), txn.depends()};
    if (!inode.completed()) {
      return {InvalidArgument("Cannot persist an incomplete Alluxio file: {}", path),
              txn.depends()};
    }
    if (inode.persistence_state() == state::PERSISTED) return {Nothing(), txn.depends()};
    const auto old = txn.GetPersistJob(InodeId(inode.id()));
    if (old && old->due_at_ms() <= SteadyMs()) return {Nothing(), txn.depends()};
    job = NewPersistJob(inode, state::UPLOAD, std::max<int64_t>(0, wait_time_ms));
    if (old) {
      job.set_upload_id(old->upload_id());
      job.set_upload_key(old->upload_key());
      job.set_upload_mount_id(old->upload_mount_id());
    }
    txn.Apply(
        MakeEntry([&](auto& entry) { *entry.mutable_persist_scheduled()->mutable_job() = job; }));
    index = txn.Commit();
    AddTask(job, index);
    CheckCopiesOf(*txn.GetInode(InodeId(inode.id())));
    // Not evictable from now on, wherever it is.
    for (int i = 0; i < inode.blocks_size(); ++i) {
      const BlockId block = BlockIdOf(InodeId(inode.id()), i);
      for (const auto& location : cluster_.Locations(block))
        SendPin(location.worker_id, {block}, true);
    }
  }
  QueueWhenDurable({job}, index);
  return {Nothing(), index};
}

}  // namespace spillway
