// From paths to inodes and understore keys.
#include "common/log.h"
#include "common/path.h"
#include "master/master.h"

namespace spillway {

Lookup Master::Find(StateTxn& txn, const std::string& path) {
  Lookup lookup;
  lookup.names = PathComponents(path);
  auto root = txn.GetInode(kRootInodeId);
  if (!root) Panic("the state store has no root");  // Start has seen it
  lookup.chain.push_back(*std::move(root));
  for (const std::string& name : lookup.names) {
    if (!lookup.last().is_directory()) break;
    const auto child = txn.GetChild(InodeId(lookup.last().id()), name);
    if (!child) break;
    auto inode = txn.GetChildInode(InodeId(lookup.last().id()), name, *child);
    if (!inode) {
      lookup.damaged = true;
      break;
    }
    lookup.chain.push_back(*std::move(inode));
  }
  return lookup;
}

Status Master::CheckSound(const Lookup& lookup) {
  if (!lookup.damaged) return absl::OkStatus();
  std::string path;
  for (size_t i = 0; i < lookup.chain.size(); ++i) path += "/" + lookup.names[i];
  return spillway::MakeStatus(
      StatusCode::kDataLoss,
      "The record of {} is damaged: fsadmin damaged lists it, and can export and drop it.", path);
}

StatusOr<Lookup> Master::FindExisting(StateTxn& txn, const std::string& path) {
  Lookup lookup = Find(txn, path);
  if (lookup.found()) return lookup;
  SPILLWAY_RETURN_IF_ERROR(CheckSound(lookup));
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
Status Master::VisitSubtree(
    StateTxn& txn, const state::Inode& inode, const std::string& path,
    const std::function<void(const state::Inode&, const std::string&)>& visit) {
  visit(inode, path);
  Status sound;
  if (!inode.is_directory()) return sound;
  std::vector<std::pair<std::string, InodeId>> children;
  txn.ForEachChild(InodeId(inode.id()), "", [&](std::string_view name, InodeId id) {
    children.emplace_back(name, id);
    return true;
  });
  for (const auto& [name, id] : children) {
    const std::string at = JoinPath(path, name);
    const auto child = txn.GetChildInode(InodeId(inode.id()), name, id);
    sound.Update(child ? VisitSubtree(txn, *child, at, visit)
                       : spillway::MakeStatus(StatusCode::kDataLoss,
                                              "The record of {} is damaged: fsadmin damaged lists "
                                              "it, and can export and drop it.",
                                              at));
  }
  return sound;
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
