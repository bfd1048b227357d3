// Understores come into the namespace and leave it.
#include <algorithm>

#include "common/log.h"
#include "common/names.h"
#include "common/path.h"
#include "master/master.h"

namespace spillway {
namespace {

void FillMount(const MountOptions& options, state::Mount* mount) {
  mount->set_read_only(options.read_only);
  mount->set_shared(options.shared);
  mount->clear_properties();
  mount->mutable_properties()->insert(options.properties.begin(), options.properties.end());
}

bool Overlaps(const std::string& a, const std::string& b) {
  return a == b || a.rfind(b + "/", 0) == 0 || b.rfind(a + "/", 0) == 0;
}

Status CheckMountText(const std::string& uri, const MountOptions& options) {
  SPILLWAY_RETURN_IF_ERROR(CheckText("The address of the store", uri, kPathBytesMax));
  for (const auto& [key, value] : options.properties)
    SPILLWAY_RETURN_IF_ERROR(CheckText("The value of a property", value));
  return CheckKeys("The property", options.properties);
}

}  // namespace

StatusOr<state::Mount> Master::FindMount(const std::string& path) {
  for (const auto& [id, mount] : mounts_) {
    if (mount.path() == path) return mount;
  }
  return InvalidArgument("{} is not a mount point.", path);
}

Status Master::CheckMount(StateTxn& txn, const Caller& caller, const std::string& path,
                          const std::string& uri) {
  const Lookup lookup = Find(txn, path);
  if (lookup.found())
    return spillway::MakeStatus(StatusCode::kAlreadyExists,
                                "Cannot mount at {}: the path exists already.", path);
  if (!lookup.last().is_directory() || lookup.chain.size() < lookup.names.size())
    return NotFound("Cannot mount at {}: the directory {} does not exist.", path, ParentPath(path));
  SPILLWAY_RETURN_IF_ERROR(CheckNewPath(path));
  SPILLWAY_RETURN_IF_ERROR(CheckParentWrite(caller, lookup, path));
  for (const auto& [id, mount] : mounts_) {
    // Two names for one object: a write through one would go unseen, or undone, by the other.
    if (Overlaps(uri, mount.uri()))
      return spillway::MakeStatus(StatusCode::kAlreadyExists,
                                  "Cannot mount {} at {}: {} is mounted at {}.", uri, path,
                                  mount.uri(), mount.path());
  }
  return absl::OkStatus();
}

StatusOr<std::shared_ptr<UnderStore>> Master::TryMount(const state::Mount& mount) {
  SPILLWAY_ASSIGN_OR_RETURN(auto store, OpenStore(mount));
  const auto listed = store->once()->List("", "");
  if (!listed.ok())
    return spillway::MakeStatus(listed.status().code(), "Cannot mount {}: {}", mount.uri(),
                                Message(listed.status()));
  return store;
}

Outcome<Nothing> Master::Mount(const Caller& caller, const std::string& path,
                               const std::string& uri, const MountOptions& options) {
  if (Status status = CheckMountText(uri, options); !status.ok()) return {status, LogIndex()};
  state::Mount mount;
  mount.set_path(path);
  mount.set_uri(uri);
  FillMount(options, &mount);
  const auto check = [&]() ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    StateTxn txn(journal_);
    return CheckMount(txn, caller, path, uri);
  };
  if (Status status = check(); !status.ok()) return {status, LogIndex()};
  auto store = TryMount(mount);
  if (!store.ok()) return {store.status(), LogIndex()};
  LogIndex index;
  {
    absl::MutexLock lock(&mutex_);
    StateTxn txn(journal_);
    if (Status status = CheckMount(txn, caller, path, uri); !status.ok())
      return {status, txn.depends()};
    mount.set_mount_id(txn.Cluster().next_mount_id());
    state::Inode inode = NewDirectory(txn, caller, Find(txn, path).last(), BaseName(path),
                                      options.shared ? 0777 : 0777 & ~options_.umask);
    inode.set_children_loaded(false);
    inode.set_mount_point(true);
    inode.set_persistence_state(state::PERSISTED);
    txn.Apply(
        MakeEntry([&](auto& entry) { *entry.mutable_inode_created()->mutable_inode() = inode; }));
    txn.Apply(
        MakeEntry([&](auto& entry) { *entry.mutable_mount_added()->mutable_mount() = mount; }));
    const MountId id(mount.mount_id());
    mounts_[id] = mount;
    opened_[id] = *std::move(store);
    index = txn.Commit();
    TellMounts();
  }
  spdlog::info("mounted {} at {}", uri, path);
  return {Nothing(), index};
}

Outcome<Nothing> Master::UpdateMount(const Caller& caller, const std::string& path,
                                     const MountOptions& options) {
  if (Status status = CheckMountText("", options); !status.ok()) return {status, LogIndex()};
  state::Mount mount;
  {
    absl::MutexLock lock(&mutex_);
    StateTxn txn(journal_);
    const auto lookup = FindExisting(txn, path);
    if (!lookup.ok()) return {lookup.status(), txn.depends()};
    if (Status status = CheckParentWrite(caller, *lookup, path); !status.ok())
      return {status, txn.depends()};
    auto found = FindMount(path);
    if (!found.ok()) return {found.status(), txn.depends()};
    mount = *std::move(found);
  }
  FillMount(options, &mount);
  mount.clear_profile();  // it may be another server's now
  auto store = TryMount(mount);
  if (!store.ok()) return {store.status(), LogIndex()};
  LogIndex index;
  {
    absl::MutexLock lock(&mutex_);
    StateTxn txn(journal_);
    const MountId id(mount.mount_id());
    if (mounts_.count(id) == 0)
      return {InvalidArgument("{} is not a mount point any more.", path), LogIndex()};
    txn.Apply(
        MakeEntry([&](auto& entry) { *entry.mutable_mount_added()->mutable_mount() = mount; }));
    mounts_[id] = mount;
    opened_[id] = *std::move(store);
    next_probe_ms_.erase(id);
    index = txn.Commit();
    TellMounts();
  }
  return {Nothing(), index};
}

std::string Master::MountIsBusy(StateTxn& txn, MountId mount, const std::string& path) {
  for (const auto& [id, other] : mounts_) {
    if (id != mount && IsWithin(other.path(), path)) return "it contains the mount " + other.path();
  }
  const auto of_mount = [&](const state::Inode& inode) {
    const auto at = txn.PathOf(inode);
    return at && IsWithin(*at, path);
  };
  for (const auto& [id, task] : tasks_) {
    if (task->parked) continue;  // never to be persisted
    const auto inode = txn.GetInode(id);
    if (task->mount_id == mount || (inode && of_mount(*inode)))
      return "files below it are still on their way to the understore";
  }
  const bool ending = std::any_of(zombies_.begin(), zombies_.end(),
                                  [&](const auto& z) { return z.second->mount_id == mount; });
  const auto orphans = txn.OrphanUploads();
  const bool uploads = std::any_of(orphans.begin(), orphans.end(), [&](const auto& upload) {
    return MountId(upload.mount_id()) == mount;
  });
  if (ending || uploads) return "uploads below it are still being ended";
  if (txn.HasPendingDeleteBelow(mount, "")) return "objects of deleted files are still deleted";
  return "";
}

Outcome<Nothing> Master::Unmount(const Caller& caller, const std::string& path) {
  Removed removed;
  LogIndex index;
  {
    absl::MutexLock lock(&mutex_);
    StateTxn txn(journal_);
    const auto lookup = FindExisting(txn, path);
    if (!lookup.ok()) return {lookup.status(), txn.depends()};
    const auto mount = FindMount(path);
    if (!mount.ok()) return {mount.status(), txn.depends()};
    if (path == "/") return {InvalidArgument("The root cannot be unmounted."), txn.depends()};
    if (Status status = CheckParentWrite(caller, *lookup, path); !status.ok())
      return {status, txn.depends()};
    const MountId id(mount->mount_id());
    if (const std::string why = MountIsBusy(txn, id, path); !why.empty())
      return {Unavailable("Cannot unmount {}: {}.", path, why), txn.depends()};
    std::vector<std::pair<state::Inode, std::string>> doomed;
    std::string unpersisted;
    const auto visit = [&](const state::Inode& inode, const std::string& at) {
      const bool acknowledged = inode.completed() && !IsBlacklisted(at) &&
                                inode.persistence_state() == state::TO_BE_PERSISTED;
      if (acknowledged) unpersisted = at;
      doomed.emplace_back(inode, at);
    };
    if (Status sound = VisitSubtree(txn, lookup->last(), path, visit); !sound.ok())
      return {sound, txn.depends()};
    if (!unpersisted.empty())
      return {
          spillway::MakeStatus(StatusCode::kFailedPrecondition,
                               "Cannot unmount {}: {} is not in the understore and is persisted "
                               "only on request. Persist it, or delete it.",
                               path, unpersisted),
          txn.depends()};
    for (auto it = doomed.rbegin(); it != doomed.rend(); ++it)
      DeleteOne(txn, it->first, it->second, /*keep_object=*/true, &removed);
    txn.Apply(
        MakeEntry([&](auto& entry) { entry.mutable_mount_removed()->set_mount_id(id.value()); }));
    mounts_.erase(id);
    opened_.erase(id);
    index = txn.Commit();
    TellMounts();
  }
  AfterRemoved(removed);
  spdlog::info("unmounted {}", path);
  return {Nothing(), index};
}

void Master::TellMounts() {
  const session::MasterMessage message = MountTableMessage();
  for (const auto& [id, worker] : cluster_.workers()) {
    if (!worker.lost) sender_->Send(id, worker.epoch, message);
  }
}

}  // namespace spillway
