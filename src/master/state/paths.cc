// From paths to inodes and understore keys.
#include "common/log.h"
#include "common/path.h"
#include "master/master.h"

namespace spillway {

Lookup Master::Find(StateTxn& txn, const std::string& path) {
  Lookup lookup;
  lookup.names = PathComponents(path);
  auto root = txn.GetInode(kRootInodeId);
  if (!root) Panic("the state store has no root");
  lookup.chain.push_back(*std::move(root));
  for (const std::string& name : lookup.names) {
    if (!lookup.last().is_directory()) break;
    const auto child = txn.GetChild(InodeId(lookup.last().id()), name);
    if (!child) break;
    auto inode = txn.GetInode(*child);
    if (!inode) Panic("a directory entry names an inode that does not exist");
    lookup.chain.push_back(*std::move(inode));
  }
  return lookup;
}

StatusOr<Lookup> Master::FindExisting(StateTxn& txn, const std::string& path) {
  Lookup lookup = Find(txn, path);
  if (lookup.found()) return lookup;
  if (!lookup.last().is_directory()) {
    // Alluxio says INVALID_ARGUMENT, and Hadoop's exists() throws instead of answering false.
    return NotFound("Traversal failed for path {}. Component {}({}) is a file, not a directory.",
                    path, lookup.chain.size() - 1, lookup.last().name());
  }
  return NotFound("Path \"{}\" does not exist.", path);
}

StatusOr<Lookup> Master::FindReachable(StateTxn& txn, const Caller& caller,
                                       const std::string& path) {
  SPILLWAY_ASSIGN_OR_RETURN(Lookup lookup, FindExisting(txn, path));
  SPILLWAY_RETURN_IF_ERROR(CheckTraverse(caller, lookup, path));
  return lookup;
}

StatusOr<ResolvedKey> Master::Resolve(const std::string& path) {
  const state::Mount* best = nullptr;
  for (const auto& [id, mount] : mounts_) {
    if (IsWithin(path, mount.path()) &&
        (best == nullptr || mount.path().size() > best->path().size())) {
      best = &mount;
    }
  }
  if (best == nullptr) return Internal("No understore is mounted at {}.", path);
  ResolvedKey resolved{MountId(best->mount_id()), best->uri(), ""};
  const size_t skip = best->path() == "/" ? 1 : best->path().size() + 1;
  if (path.size() > skip) resolved.key = path.substr(skip);
  return resolved;
}

std::shared_ptr<UnderStore> Master::UnderStoreOf(MountId mount) {
  const auto it = opened_.find(mount);
  if (it == opened_.end())
    Panic(fmt::format("a record names mount {}, which does not exist", mount.value()));
  return it->second;
}

Status Master::OpenMounts(StateTxn& txn) {
  for (const auto& mount : txn.Mounts()) {
    const MountId id(mount.mount_id());
    mounts_[id] = mount;
    SPILLWAY_ASSIGN_OR_RETURN(opened_[id], OpenStore(mount));
  }
  return absl::OkStatus();
}

// Parents before children, children by name.
void Master::VisitSubtree(
    StateTxn& txn, const state::Inode& inode, const std::string& path,
    const std::function<void(const state::Inode&, const std::string&)>& visit) {
  visit(inode, path);
  if (!inode.is_directory()) return;
  std::vector<InodeId> children;
  txn.ForEachChild(InodeId(inode.id()), "", [&](std::string_view, InodeId id) {
    children.push_back(id);
    return true;
  });
  for (const InodeId id : children) {
    const auto child = txn.GetInode(id);
    if (child) VisitSubtree(txn, *child, JoinPath(path, child->name()), visit);
  }
}

std::vector<MountInfo> Master::GetMounts() {
  absl::MutexLock lock(&mutex_);
  std::vector<MountInfo> infos;
  for (const auto& [id, mount] : mounts_) {
    MountInfo info;
    info.id = id;
    info.path = mount.path();
    info.uri = mount.uri();
    info.read_only = mount.read_only();
    info.shared = mount.shared();
    info.properties.insert(mount.properties().begin(), mount.properties().end());
    info.type = UnderStoreOf(id)->type();
    infos.push_back(std::move(info));
  }
  return infos;
}

}  // namespace spillway
