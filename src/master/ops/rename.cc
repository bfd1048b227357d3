#include "common/checked.h"
#include "common/names.h"
#include "common/path.h"
#include "master/master.h"

namespace spillway {
namespace {

Quota SumsOf(const std::vector<std::pair<state::Inode, std::string>>& tree) {
  Quota sums;
  for (const auto& [inode, path] : tree) {
    if (inode.is_directory()) continue;
    ++sums.files;
    sums.bytes = SaturatingAdd(sums.bytes, inode.length_bytes());
  }
  return sums;
}

}  // namespace

Outcome<Nothing> Master::Rename(const Caller& caller, const std::string& source,
                                const std::string& target, const RenameOptions& options) {
  std::vector<state::PersistJob> jobs;
  LogIndex index;
  {
    absl::MutexLock lock(&mutex_);
    StateTxn txn(journal_, &operations_);
    if (FindOperation(txn, options.operation_id)) return {Nothing(), txn.depends()};
    if (Status status = DoRename(txn, caller, source, target, options, &jobs); !status.ok()) {
      return {status, txn.depends()};
    }
    index = txn.Commit();
    for (const auto& job : jobs) AddTask(job, index);
  }
  QueueWhenDurable(jobs, index);
  return {Nothing(), index};
}

Status Master::DoRename(StateTxn& txn, const Caller& caller, const std::string& source,
                        const std::string& target, const RenameOptions& options,
                        std::vector<state::PersistJob>* jobs) {
  if (source == "/") return InvalidArgument("Cannot rename the root");
  if (target == "/") return InvalidArgument("Cannot rename to the root");
  SPILLWAY_ASSIGN_OR_RETURN(const Lookup from, FindExisting(txn, source));
  if (source == target) return absl::OkStatus();
  SPILLWAY_RETURN_IF_ERROR(CheckNewPath(target));
  if (IsWithin(target, source)) {
    return InvalidArgument(
        "Cannot rename because the destination lies within the source. src: {} dst: {}", source,
        target);
  }
  for (const auto& [id, mount] : mounts_) {
    if (mount.path() != "/" && IsWithin(mount.path(), source)) {
      return InvalidArgument("Cannot rename {}: it is or contains the mount point {}", source,
                             mount.path());
    }
  }
  SPILLWAY_ASSIGN_OR_RETURN(const ResolvedKey from_key, Resolve(source));
  SPILLWAY_ASSIGN_OR_RETURN(const ResolvedKey to_key, Resolve(target));
  if (from_key.mount_id != to_key.mount_id) {
    return InvalidArgument("Cannot rename across mounts. src: {} dst: {}", source, target);
  }
  const Lookup to = Find(txn, target);
  if (to.found()) {
    return spillway::MakeStatus(StatusCode::kAlreadyExists,
                                "Cannot rename because destination already exists. src: {} dst: {}",
                                source, target);
  }
  // A parent that is a file is no directory that exists: Hadoop takes that as "not renamed".
  if (!to.last().is_directory() || to.chain.size() < to.names.size()) {
    return NotFound("Cannot rename {}: the directory {} of its destination does not exist.", source,
                    ParentPath(target));
  }
  SPILLWAY_RETURN_IF_ERROR(CheckParentWrite(caller, from, source));
  SPILLWAY_RETURN_IF_ERROR(CheckParentWrite(caller, to, target));

  SPILLWAY_RETURN_IF_ERROR(CheckWritable(from_key, source));
  std::vector<std::pair<state::Inode, std::string>> moved;
  size_t longest = 0;
  (void)VisitSubtree(txn, from.last(), source,
                     [&](const state::Inode& inode, const std::string& at) {
                       if (moved.empty() || at.size() > moved[longest].second.size())
                         longest = moved.size();
                       moved.emplace_back(inode, at);
                     });
  const std::string deepest = target + moved[longest].second.substr(source.size());
  SPILLWAY_ASSIGN_OR_RETURN(const ResolvedKey deepest_key, Resolve(deepest));
  SPILLWAY_RETURN_IF_ERROR(CheckKey(deepest_key, deepest));
  Quota sums;
  if (txn.Cluster().quota_count() > 0) {
    sums = SumsOf(moved);
    SPILLWAY_RETURN_IF_ERROR(CheckQuota(to.chain, sums.files, sums.bytes, from.chain));
  }
  txn.Apply(MakeEntry([&](auto& entry) {
    auto* renamed = entry.mutable_inode_renamed();
    renamed->set_files(sums.files);
    renamed->set_bytes(sums.bytes);
    renamed->set_inode_id(from.last().id());
    renamed->set_parent_id(to.last().id());
    renamed->set_name(BaseName(target));
    renamed->set_op_time_ms(clock_->NowMs());
  }));
  // Children before parents: folders of a local understore are removed empty.
  for (auto it = moved.rbegin(); it != moved.rend(); ++it) {
    const std::string new_path = target + it->second.substr(source.size());
    RenameUnderStore(txn, it->first, it->second, new_path, options, jobs);
  }
  RememberOperation(txn, options.operation_id, InodeId(from.last().id()));
  return absl::OkStatus();
}

// What a rename of the namespace means for one inode's object.
void Master::RenameUnderStore(StateTxn& txn, const state::Inode& inode, const std::string& old_path,
                              const std::string& new_path, const RenameOptions& options,
                              std::vector<state::PersistJob>* jobs) {
  const auto old_key = Resolve(old_path);
  const auto new_key = Resolve(new_path);
  if (!old_key.ok() || !new_key.ok()) return;
  const InodeId id(inode.id());
  if (inode.is_directory()) {
    // In object stores only those that were found there may have a marker object.
    const auto store = UnderStoreOf(old_key->mount_id);
    const bool is_there = !store->is_object_store() || inode.from_understore();
    if (inode.persistence_state() == state::PERSISTED && is_there)
      ScheduleFolderDelete(txn, old_key->mount_id, old_key->key);
    if (store->is_object_store() && inode.from_understore()) {
      // The new key has no marker: a comparison must not take the folder for gone.
      state::Inode updated = *txn.GetInode(id);
      updated.set_from_understore(false);
      txn.Apply(MakeEntry(
          [&](auto& entry) { *entry.mutable_inode_updated()->mutable_inode() = updated; }));
    }
    return;
  }
  auto job = txn.GetPersistJob(id);
  if (inode.shadows_object()) {
    ScheduleObjectDelete(txn, old_key->mount_id, old_key->key, OwnObjects::ShadowedBy(inode));
    state::Inode updated = *txn.GetInode(id);
    OwnObjects().Write(&updated);
    txn.Apply(
        MakeEntry([&](auto& entry) { *entry.mutable_inode_updated()->mutable_inode() = updated; }));
  }
  if (MaybePublished(txn, id) && !(inode.has_object() && inode.object().key() == old_key->key)) {
    // What was begun at the old key may have been published, or may still be.
    ScheduleObjectDelete(txn, old_key->mount_id, old_key->key, OwnObjects::ContentOf(inode),
                         UnknownUntil(txn, id));
  }
  if (job) OrphanUploadOf(txn, *job);
  if (inode.has_object()) {
    if (inode.object().key() == new_key->key) {
      // Renamed back before it was moved.
      if (job)
        txn.Apply(MakeEntry(
            [&](auto& entry) { entry.mutable_persist_dropped()->set_inode_id(inode.id()); }));
      CancelTask(id);
      return;
    }
    job = NewPersistJob(inode, state::RELOCATE, 0);
  } else if (job) {
    if (options.persist) job->set_due_at_ms(SteadyMs());
  } else if (options.persist && inode.completed() &&
             inode.persistence_state() != state::PERSISTED) {
    job =
        NewPersistJob(inode, state::UPLOAD, std::max<int64_t>(0, inode.persistence_wait_time_ms()));
  } else {
    return;
  }
  // The task is put in its place once all of the rename is known (Rename).
  txn.Apply(
      MakeEntry([&](auto& entry) { *entry.mutable_persist_scheduled()->mutable_job() = *job; }));
  jobs->push_back(*job);
}

}  // namespace spillway
