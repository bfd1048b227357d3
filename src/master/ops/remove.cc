#include "common/names.h"
#include "common/path.h"
#include "master/master.h"

namespace spillway {

Outcome<Nothing> Master::Remove(const Caller& caller, const std::string& path,
                                const RemoveOptions& options) {
  Removed removed;
  LogIndex index;
  {
    absl::MutexLock lock(&mutex_);
    StateTxn txn(journal_, &operations_);
    if (FindOperation(txn, options.operation_id)) return {Nothing(), txn.depends()};
    const auto lookup = FindExisting(txn, path);
    if (!lookup.ok()) return {lookup.status(), txn.depends()};
    const auto refuse = [&](StatusCode code, const std::string& text) {
      return Outcome<Nothing>{Status(code, Printable(text)), txn.depends()};
    };
    if (Status status = CheckParentWrite(caller, *lookup, path); !status.ok())
      return {status, txn.depends()};
    for (const auto& [id, mount] : mounts_) {
      if (path != "/" && IsWithin(mount.path(), path)) {
        return refuse(
            StatusCode::kPermissionDenied,
            "Cannot delete " + path + ": it is or contains the mount point " + mount.path());
      }
    }
    const auto resolved = Resolve(path);
    if (!resolved.ok()) return {resolved.status(), txn.depends()};
    if (Status status = options.alluxio_only ? absl::OkStatus() : CheckWritable(*resolved, path);
        !status.ok())
      return {status, txn.depends()};
    const state::Inode& target = lookup->last();
    if (target.is_directory() && target.child_count() > 0 && !options.recursive) {
      return refuse(StatusCode::kFailedPrecondition, "Cannot delete non-empty directory " + path +
                                                         " because recursive is set to false");
    }
    if (target.is_directory() && !target.children_loaded() && !options.recursive &&
        !options.alluxio_only) {
      return refuse(StatusCode::kUnavailable,
                    "What the understore holds in " + path + " has yet to be loaded: ask again.");
    }
    // As HDFS: Hadoop's delete answers false then.
    if (path == "/") return refuse(StatusCode::kInvalidArgument, "Cannot delete the root");
    std::vector<std::pair<state::Inode, std::string>> doomed;
    Status denied;
    const Status sound =
        VisitSubtree(txn, target, path, [&](const state::Inode& inode, const std::string& at) {
          if (inode.is_directory() && inode.child_count() > 0 && denied.ok()) {
            denied = CheckBits(caller, inode, kWrite | kExecute, at);
          }
          doomed.emplace_back(inode, at);
        });
    denied.Update(sound);  // what cannot be read is left to an operator
    if (!denied.ok()) return {denied, txn.depends()};
    for (auto it = doomed.rbegin(); it != doomed.rend(); ++it) {
      DeleteOne(txn, it->first, it->second, options.alluxio_only, &removed);
    }
    RememberOperation(txn, options.operation_id, InodeId(target.id()));
    index = txn.Commit();
  }
  AfterRemoved(removed);
  return {Nothing(), index};
}

void Master::DeleteOne(StateTxn& txn, const state::Inode& inode, const std::string& path,
                       bool keep_object, Removed* removed) {
  const InodeId id(inode.id());
  const auto resolved = Resolve(path);
  const bool maybe_published = inode.completed() && MaybePublished(txn, id);
  if (!keep_object && resolved.ok()) {
    const MountId mount = resolved->mount_id;
    if (inode.is_directory()) {
      // In object stores only those that were found there may have a marker object.
      const bool is_there = !UnderStoreOf(mount)->is_object_store() || inode.from_understore();
      if (inode.persistence_state() == state::PERSISTED && is_there)
        ScheduleFolderDelete(txn, mount, resolved->key);
    } else {
      ScheduleObjectDelete(txn, mount, inode.object().key(), OwnObjects::ObjectOf(inode));
      ScheduleObjectDelete(txn, mount, resolved->key, OwnObjects::ShadowedBy(inode));
      // What was begun may have been published, or may still be; the delete waits for its end.
      if (maybe_published)
        ScheduleObjectDelete(txn, mount, resolved->key, OwnObjects::ContentOf(inode),
                             UnknownUntil(txn, id));
    }
  }
  const bool elsewhere =
      keep_object && inode.has_object() && resolved.ok() && inode.object().key() != resolved->key;
  if (elsewhere) {
    // Renamed and not yet moved: nobody names the object at its old key any more.
    ScheduleObjectDelete(txn, resolved->mount_id, inode.object().key(),
                         OwnObjects::ObjectOf(inode));
  }
  if (auto job = txn.GetPersistJob(id)) OrphanUploadOf(txn, *job);
  txn.Apply(MakeEntry([&](auto& entry) {
    entry.mutable_inode_deleted()->set_inode_id(inode.id());
    entry.mutable_inode_deleted()->set_op_time_ms(clock_->NowMs());
  }));
  if (inode.is_directory()) return;
  CancelTask(id);
  removed->files.push_back(id);
  removed->blocks.emplace_back(id,
                               std::max<int64_t>(inode.next_block_index(), inode.blocks_size()));
}

void Master::AfterRemoved(const Removed& removed) {
  if (removed.files.empty()) return;
  journal_->WhenDurable(journal_->last_index(), [this, removed] {
    absl::MutexLock lock(&mutex_);
    std::map<WorkerId, std::vector<BlockId>> per_worker;
    for (const auto& [file, count] : removed.blocks) {
      for (int64_t i = 0; i < count; ++i) {
        const BlockId block = BlockIdOf(file, i);
        DropHeal(block);
        loads_.Fail(block, LoadRequests::Deleted());
        for (const WorkerId worker : cluster_.ForgetBlock(block))
          per_worker[worker].push_back(block);
      }
    }
    for (const auto& [worker, blocks] : per_worker) SendRemove(worker, blocks);
  });
}

}  // namespace spillway
