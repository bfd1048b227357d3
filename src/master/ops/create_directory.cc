#include "common/names.h"
#include "master/master.h"

namespace spillway {

Outcome<Nothing> Master::CreateDirectory(const Caller& caller, const std::string& path,
                                         const CreateDirectoryOptions& options) {
  absl::MutexLock lock(&mutex_);
  StateTxn txn(journal_, &operations_);
  if (FindOperation(txn, options.operation_id)) return {Nothing(), txn.depends()};
  const Status status = DoCreateDirectory(txn, caller, path, options);
  if (!status.ok()) return {status, txn.depends()};
  return {Nothing(), txn.Commit()};
}

Status Master::DoCreateDirectory(StateTxn& txn, const Caller& caller, const std::string& path,
                                 const CreateDirectoryOptions& options) {
  Lookup lookup = Find(txn, path);
  if (lookup.found()) {
    if (!options.allow_exists) {
      return spillway::MakeStatus(StatusCode::kAlreadyExists,
                                  "Not allowed to create directory because path already exists: {}",
                                  path);
    }
    if (!lookup.last().is_directory())
      return Internal("Inode {} is not a directory", lookup.last().name());
    return absl::OkStatus();
  }
  SPILLWAY_RETURN_IF_ERROR(CheckKeys("The key of an extended attribute", options.xattr));
  SPILLWAY_RETURN_IF_ERROR(CheckParentWrite(caller, lookup, path));
  SPILLWAY_ASSIGN_OR_RETURN(const ResolvedKey resolved, Resolve(path));
  SPILLWAY_RETURN_IF_ERROR(CheckWritable(resolved, path));
  SPILLWAY_RETURN_IF_ERROR(CheckNewPath(path));
  SPILLWAY_RETURN_IF_ERROR(CheckKey(resolved, path));
  SPILLWAY_ASSIGN_OR_RETURN(const state::Inode parent,
                            CreateParents(txn, caller, &lookup, path, options.recursive));
  state::Inode inode = NewDirectory(txn, caller, parent, lookup.names.back(), options.mode);
  inode.set_ttl_ms(options.ttl_ms);
  inode.set_ttl_action(static_cast<state::TtlAction>(options.ttl_action));
  for (const auto& [name, value] : options.xattr) (*inode.mutable_xattr())[name] = value;
  txn.Apply(
      MakeEntry([&](auto& entry) { *entry.mutable_inode_created()->mutable_inode() = inode; }));
  const bool through =
      options.write_type == WriteType::kThrough || options.write_type == WriteType::kCacheThrough;
  if (through) {
    // Object stores have no directories; a folder gets its own with the first file below it.
    txn.Apply(MakeEntry([&](auto& entry) { entry.mutable_persisted()->set_inode_id(inode.id()); }));
  }
  RememberOperation(txn, options.operation_id, InodeId(inode.id()));
  return absl::OkStatus();
}

}  // namespace spillway
