#include "common/checked.h"
#include "common/names.h"
#include "common/path.h"
#include "master/master.h"
#include "master/state/acl.h"
#include "master/state/replication.h"

namespace spillway {
namespace {

Status ExistsAlready(const state::Inode& inode, const std::string& path) {
  if (inode.is_directory()) {
    return MakeStatus(StatusCode::kAlreadyExists,
                      "{} already exists. Directories cannot be overwritten with create", path);
  }
  return MakeStatus(StatusCode::kAlreadyExists,
                    "{} already exists. If you want to overwrite the file, you need to specify the "
                    "overwrite option.",
                    path);
}

Status CheckOptions(const CreateFileOptions& options, const std::string& path) {
  if (options.block_size_bytes <= 0 || options.block_size_bytes > kBytesMax)
    return InvalidArgument("Invalid block size {} for {}.", options.block_size_bytes, path);
  SPILLWAY_RETURN_IF_ERROR(CheckReplication(options.replication_min, options.replication_max));
  SPILLWAY_RETURN_IF_ERROR(
      InRange(options.durable_replicas, 0, kCopiesMax, "replicationDurable").status());
  SPILLWAY_RETURN_IF_ERROR(InRange(options.mode, 0, 07777, "a file's mode").status());
  SPILLWAY_RETURN_IF_ERROR(InRange(static_cast<int>(options.ttl_action), 0,
                                   static_cast<int>(TtlAction::kDeleteAlluxio),
                                   "what is done when a file's time is over")
                               .status());
  if (options.replication_max >= 0 && options.replication_min > options.replication_max) {
    return InvalidArgument("replicationMin {} is larger than replicationMax {} for {}.",
                           options.replication_min, options.replication_max, path);
  }
  return CheckKeys("The key of an extended attribute", options.xattr);
}

}  // namespace

Outcome<FileStatus> Master::CreateFile(const Caller& caller, const std::string& path,
                                       const CreateFileOptions& options) {
  Removed removed;
  Outcome<FileStatus> outcome{Internal("not carried out"), LogIndex()};
  {
    absl::MutexLock lock(&mutex_);
    StateTxn txn(journal_, &operations_);
    if (const auto done = FindOperation(txn, options.operation_id)) {
      const auto inode = txn.GetInode(*done);
      const auto at = inode ? txn.PathOf(*inode) : std::nullopt;
      if (at) return {MakeStatus(txn, *inode, *at, true), txn.depends()};
    }
    const auto inode = CreateOrReplace(txn, caller, path, options, 0, nullptr, &removed);
    if (!inode.ok()) return {inode.status(), txn.depends()};
    outcome.result = MakeStatus(txn, *inode, path, true);
    RememberOperation(txn, options.operation_id, outcome.result->id);
    outcome.wait_for = txn.Commit();
  }
  AfterRemoved(removed);
  return outcome;
}

StatusOr<state::Inode> Master::CreateOrReplace(StateTxn& txn, const Caller& caller,
                                               const std::string& path,
                                               const CreateFileOptions& options,
                                               int64_t length_bytes, const WholeFile* whole,
                                               Removed* removed) {
  Lookup lookup = Find(txn, path);
  std::optional<state::Inode> old;
  if (options.overwrite && lookup.found() && !lookup.last().is_directory()) old = lookup.last();
  // Everything that may refuse this comes before the old one goes, which cannot be taken back.
  if (old || !lookup.found()) {
    SPILLWAY_RETURN_IF_ERROR(
        CheckQuota(lookup.chain, old ? 0 : 1, length_bytes - (old ? old->length_bytes() : 0)));
  }
  if (path == "/") return spillway::MakeStatus(StatusCode::kAlreadyExists, "/ already exists.");
  SPILLWAY_RETURN_IF_ERROR(CheckOptions(options, path));
  if (lookup.found() && !old) return ExistsAlready(lookup.last(), path);
  SPILLWAY_RETURN_IF_ERROR(CheckParentWrite(caller, lookup, path));
  if (old) lookup.chain.pop_back();
  SPILLWAY_ASSIGN_OR_RETURN(const state::Inode parent,
                            CreateParents(txn, caller, &lookup, path, options.recursive));
  SPILLWAY_ASSIGN_OR_RETURN(const ResolvedKey resolved, Resolve(path));
  SPILLWAY_RETURN_IF_ERROR(CheckWritable(resolved, path));
  SPILLWAY_RETURN_IF_ERROR(CheckNewPath(path));
  SPILLWAY_RETURN_IF_ERROR(CheckKey(resolved, path));
  state::Inode inode = NewFile(txn, caller, parent, lookup.names.back(), options, whole);
  if (old) {
    // The old object stays in the understore until the new content replaces it.
    OwnObjects own = OwnObjects::ShadowedBy(*old);
    if (old->object().key() == resolved.key) own.Add(OwnObjects::ObjectOf(*old));
    if (old->completed() && MaybePublished(txn, InodeId(old->id()))) {
      // What can only be compared with its source is told by the pending delete, which keeps that.
      if (ContentOf(*old).copied_from().empty()) {
        own.Add(OwnObjects::ContentOf(*old));
      } else {
        ScheduleObjectDelete(txn, resolved.mount_id, resolved.key, OwnObjects::ContentOf(*old),
                             UnknownUntil(txn, InodeId(old->id())));
      }
    }
    // Whatever else stands there was never shown at this path: it is not what is overwritten.
    own.Write(&inode);
    DeleteOne(txn, *old, path, /*keep_object=*/true, removed);
  }
  txn.Apply(
      MakeEntry([&](auto& entry) { *entry.mutable_inode_created()->mutable_inode() = inode; }));
  return inode;
}

state::Inode Master::NewFile(StateTxn& txn, const Caller& caller, const state::Inode& parent,
                             const std::string& name, const CreateFileOptions& options,
                             const WholeFile* whole) {
  const int64_t now_ms = clock_->NowMs();
  state::Inode inode;
  inode.set_id(FileIdOfContainer(txn.Cluster().next_container_id()).value());
  inode.set_parent_id(parent.id());
  inode.set_name(name);
  inode.set_creation_time_ms(now_ms);
  inode.set_last_modification_time_ms(now_ms);
  inode.set_last_access_time_ms(now_ms);
  inode.set_owner(caller.user);
  inode.set_group(caller.groups.empty() ? "" : caller.groups.front());
  inode.set_mode(static_cast<uint32_t>(options.mode));
  InheritAcl(parent, &inode);
  inode.set_pinned(parent.pinned() || options.replication_min > 0);
  inode.set_ttl_ms(options.ttl_ms);
  inode.set_ttl_action(static_cast<state::TtlAction>(options.ttl_action));
  inode.set_block_size_bytes(options.block_size_bytes);
  inode.set_cacheable(true);
  inode.set_replication_min(options.replication_min);
  inode.set_replication_max(options.replication_max);
  inode.set_durable_replicas(options.durable_replicas);
  inode.set_persistence_wait_time_ms(options.persistence_wait_time_ms);
  inode.set_persistence_state(options.write_type == WriteType::kAsyncThrough
                                  ? state::TO_BE_PERSISTED
                                  : state::NOT_PERSISTED);
  inode.set_write_through(options.write_type == WriteType::kCacheThrough ||
                          options.write_type == WriteType::kThrough);
  // What an unloaded directory holds is not known; who overwrites means whatever it is.
  inode.set_shadows_object(options.overwrite && !parent.children_loaded());
  for (const auto& [name, value] : options.xattr) (*inode.mutable_xattr())[name] = value;
  if (whole != nullptr) {
    inode.set_completed(true);
    inode.set_length_bytes(whole->length_bytes);
    inode.set_generation(txn.Cluster().next_generation());
  }
  if (whole != nullptr && whole->length_bytes > 0) {
    inode.set_id(FileIdOfBlock(whole->block).value());
    inode.set_next_block_index(1);
    inode.add_blocks()->set_crc32c(whole->crc32c);
    inode.mutable_blocks(0)->set_crc_known(true);
  }
  return inode;
}

// What a store would refuse later.
Status Master::CheckKey(const ResolvedKey& resolved, const std::string& path) {
  SPILLWAY_RETURN_IF_ERROR(CheckText("The path", path, kPathBytesMax));
  const Status status = UnderStoreOf(resolved.mount_id)->CheckKey(resolved.key);
  return status.ok() ? status : InvalidArgument("Path {}: {}", path, Message(status));
}

state::Inode Master::NewDirectory(StateTxn& txn, const Caller& caller, const state::Inode& parent,
                                  const std::string& name, int mode) {
  const int64_t now_ms = clock_->NowMs();
  state::Inode inode;
  inode.set_id(txn.Cluster().next_directory_id());
  inode.set_parent_id(parent.id());
  inode.set_name(name);
  inode.set_is_directory(true);
  inode.set_creation_time_ms(now_ms);
  inode.set_last_modification_time_ms(now_ms);
  inode.set_last_access_time_ms(now_ms);
  inode.set_owner(caller.user);
  inode.set_group(caller.groups.empty() ? "" : caller.groups.front());
  inode.set_mode(static_cast<uint32_t>(mode));
  InheritAcl(parent, &inode);
  inode.set_pinned(parent.pinned());
  inode.set_ttl_ms(-1);
  // The understore holds nothing at a path that was not there when its parent was loaded.
  inode.set_children_loaded(parent.children_loaded());
  return inode;
}

StatusOr<state::Inode> Master::CreateParents(StateTxn& txn, const Caller& caller, Lookup* lookup,
                                             const std::string& path, bool recursive) {
  if (!lookup->last().is_directory()) {
    return InvalidArgument(
        "Traversal failed for path {}. Component {}({}) is a file, not a directory.", path,
        lookup->chain.size() - 1, lookup->last().name());
  }
  const size_t missing = lookup->names.size() - (lookup->chain.size() - 1);
  if (missing > 1 && !recursive) {
    return NotFound("File {} creation failed. Component {}({}) does not exist", path,
                    lookup->chain.size(), lookup->names[lookup->chain.size() - 1]);
  }
  while (lookup->chain.size() < lookup->names.size()) {
    state::Inode directory =
        NewDirectory(txn, caller, lookup->last(), lookup->names[lookup->chain.size() - 1],
                     0777 & ~options_.umask);
    txn.Apply(MakeEntry(
        [&](auto& entry) { *entry.mutable_inode_created()->mutable_inode() = directory; }));
    lookup->chain.push_back(std::move(directory));
  }
  return lookup->last();
}

std::optional<InodeId> Master::FindOperation(StateTxn& txn, const std::optional<OperationId>& id) {
  if (!id) return std::nullopt;
  return txn.GetOperation(id->most_significant, id->least_significant);
}

void Master::RememberOperation(StateTxn& txn, const std::optional<OperationId>& id, InodeId inode) {
  if (!id) return;
  txn.Apply(MakeEntry([&](auto& entry) {
    auto* done = entry.mutable_operation_done();
    done->set_most_significant(id->most_significant);
    done->set_least_significant(id->least_significant);
    done->set_inode_id(inode.value());
  }));
}

}  // namespace spillway
