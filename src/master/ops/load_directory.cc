// What the understore holds becomes visible in the namespace: once per directory, on first access.
#include <algorithm>

#include "common/log.h"
#include "common/path.h"
#include "master/master.h"
#include "master/state/acl.h"
#include "master/state/listed_object.h"

namespace spillway {
namespace {

constexpr int64_t kBriefMs = 2000;   // what adding a path waits for a store that is away
constexpr int64_t kAwayMs = 10'000;  // and does not wait again
constexpr int64_t kSubtreeMs = 60'000;

bool IsAway(const Status& status) {
  return status.code() == StatusCode::kUnavailable ||
         status.code() == StatusCode::kDeadlineExceeded;
}

}  // namespace

std::optional<InodeId> Master::DirectoryToLoad(const std::string& path, bool children) {
  absl::MutexLock lock(&mutex_);
  StateTxn txn(journal_);
  const Lookup lookup = Find(txn, path);
  const state::Inode& last = lookup.last();
  if (!last.is_directory() || last.children_loaded()) return std::nullopt;
  if (lookup.found() && !children) return std::nullopt;
  return InodeId(last.id());
}

bool PassiveTtl::Covers(const std::string& file) const {
  if (ttl_ms < 0) return false;
  if (file == path) return true;
  return depth == SyncDepth::kAll ? IsWithin(file, path)
                                  : depth == SyncDepth::kChildren && ParentPath(file) == path;
}

Status Master::LoadDirectory(InodeId directory, const PassiveTtl& ttl) {
  std::string what;
  const Status status = LoadFrom(directory, ttl, /*briefly=*/false, &what);
  if (status.ok()) return status;
  return spillway::MakeStatus(IsAway(status) || status.code() == StatusCode::kResourceExhausted
                                  ? StatusCode::kUnavailable
                                  : StatusCode::kUnknown,
                              "Cannot load {} from the understore: {}", what, Message(status));
}

Status Master::LoadForCreate(const std::string& path) {
  while (const auto directory = DirectoryToLoad(path, false)) {
    std::string what;
    const Status status = LoadFrom(*directory, {}, /*briefly=*/true, &what);
    if (IsAway(status)) return absl::OkStatus();
    // One that asks for fewer requests is there: it is waited for.
    if (!status.ok()) SPILLWAY_RETURN_IF_ERROR(LoadDirectory(*directory));
  }
  return absl::OkStatus();
}

std::vector<InodeId> Master::UnloadedBelow(const std::string& path) {
  std::vector<InodeId> unloaded;
  absl::MutexLock lock(&mutex_);
  StateTxn txn(journal_);
  const Lookup lookup = Find(txn, path);
  if (!lookup.found() || !lookup.last().is_directory()) return unloaded;
  (void)VisitSubtree(txn, lookup.last(), path, [&](const state::Inode& inode, const std::string&) {
    if (inode.is_directory() && !inode.children_loaded()) unloaded.emplace_back(inode.id());
  });
  return unloaded;
}

Status Master::LoadForRename(const std::string& path) {
  std::vector<InodeId> folders = UnloadedBelow(path);
  const int64_t begin_ms = clock_->MonotonicMs();
  while (!folders.empty()) {
    const InodeId folder = folders.back();
    folders.pop_back();
    std::string what;
    const Status status = LoadFrom(folder, {}, /*briefly=*/true, &what);
    if (IsAway(status)) return absl::OkStatus();
    if (!status.ok()) SPILLWAY_RETURN_IF_ERROR(LoadDirectory(folder));
    if (clock_->MonotonicMs() - begin_ms > kSubtreeMs) {
      return Unavailable("What the understore holds below {} is still being loaded: ask again.",
                         path);
    }
    absl::MutexLock lock(&mutex_);
    StateTxn txn(journal_);
    std::vector<std::pair<std::string, InodeId>> children;
    txn.ForEachChild(folder, "", [&](std::string_view name, InodeId id) {
      children.emplace_back(name, id);
      return true;
    });
    for (const auto& [name, id] : children) {
      const auto child = txn.GetChildInode(folder, name, id);
      if (child && child->is_directory()) folders.push_back(id);
    }
  }
  return absl::OkStatus();
}

Status Master::LoadFrom(InodeId directory, const PassiveTtl& ttl, bool briefly, std::string* what) {
  std::shared_ptr<UnderStore> store;
  ResolvedKey resolved;
  std::string folder;
  {
    absl::MutexLock lock(&mutex_);
    StateTxn txn(journal_);
    const auto inode = txn.GetInode(directory);
    const auto path = inode ? txn.PathOf(*inode) : std::nullopt;
    if (!path || !inode->is_directory() || inode->children_loaded()) return absl::OkStatus();
    folder = *path;
    SPILLWAY_ASSIGN_OR_RETURN(resolved, Resolve(*path));
    *what = resolved.full();
    store = UnderStoreOf(resolved.mount_id);
    if (briefly) {
      const auto away = away_until_ms_.find(resolved.mount_id);
      if (away != away_until_ms_.end() && clock_->MonotonicMs() < away->second)
        return Unavailable("It did not answer a moment ago.");
      store = MakeRetryingUnderStore(std::shared_ptr<UnderStore>(store, store->once()), clock_,
                                     random_, kBriefMs);
    }
  }
  std::string token;
  while (true) {
    const bool first = token.empty();
    auto page = store->List(resolved.key, token);
    if (!page.ok()) {
      spdlog::warn("cannot load {} from the understore: {}", *what, Message(page.status()));
      absl::MutexLock lock(&mutex_);
      if (IsAway(page.status()))
        away_until_ms_[resolved.mount_id] = clock_->MonotonicMs() + kAwayMs;
      return page.status();
    }
    token = page->next_token;
    NoteLeftOut(resolved.full(), LeaveOutUnnamed(folder, &*page), first);
    SPILLWAY_RETURN_IF_ERROR(AddLoadedPage(directory, resolved, *page, token.empty(), ttl));
    if (token.empty()) return absl::OkStatus();
  }
}

bool Master::IsLeaving(StateTxn& txn, MountId mount, const std::string& key,
                       const ObjectInfo* object) {
  const auto gone = std::pair{mount, key};
  if (txn.GetPendingDelete(mount, key) || gone_during_sync_.count(gone) > 0) return true;
  const std::string busy = BusyName(mount, key);
  if (object != nullptr) {
    // Others may have put another one there, which stays.
    const auto [first, last] = relocation_sources_.equal_range(busy);
    return std::any_of(first, last, [&](const auto& source) {
      const auto inode = txn.GetInode(source.second);
      return inode && (inode->object().etag().empty() || inode->object().etag() == object->etag);
    });
  }
  if (txn.HasPendingDeleteBelow(mount, key)) return true;
  const auto source = relocation_sources_.lower_bound(busy + "/");
  if (source != relocation_sources_.end() && source->first.rfind(busy + "/", 0) == 0) return true;
  const auto below = gone_during_sync_.lower_bound({mount, key + "/"});
  return below != gone_during_sync_.end() && below->first == mount &&
         below->second.rfind(key + "/", 0) == 0;
}

void Master::AddLoadedFolder(StateTxn& txn, const state::Inode& parent, const std::string& name) {
  const Caller owner{options_.superuser, {options_.superuser}};
  state::Inode inode = NewDirectory(txn, owner, parent, name, 0777 & ~options_.umask);
  inode.set_children_loaded(false);
  inode.set_from_understore(true);
  inode.set_persistence_state(state::PERSISTED);
  txn.Apply(
      MakeEntry([&](auto& entry) { *entry.mutable_inode_created()->mutable_inode() = inode; }));
}

state::Inode Master::LoadedFile(StateTxn& txn, const state::Inode& parent, const std::string& path,
                                const ObjectInfo& object, const PassiveTtl& ttl) {
  constexpr int64_t kBlockSize = 64 << 20;
  const int64_t time_ms = object.last_modified_ms > 0 ? object.last_modified_ms : clock_->NowMs();
  state::Inode inode;
  inode.set_id(FileIdOfContainer(txn.Cluster().next_container_id()).value());
  inode.set_parent_id(parent.id());
  inode.set_name(BaseName(path));
  // A TTL counts from here, and what has just come into the namespace does not expire at once.
  inode.set_creation_time_ms(clock_->NowMs());
  inode.set_last_modification_time_ms(time_ms);
  inode.set_last_access_time_ms(time_ms);
  inode.set_owner(options_.superuser);
  inode.set_group(options_.superuser);
  inode.set_mode(static_cast<uint32_t>(0666 & ~options_.umask));
  InheritAcl(parent, &inode);
  const bool expires = ttl.Covers(path);
  inode.set_ttl_ms(expires ? ttl.ttl_ms : -1);
  if (expires) inode.set_ttl_action(static_cast<state::TtlAction>(ttl.action));
  inode.set_block_size_bytes(kBlockSize);
  inode.set_length_bytes(object.size_bytes);
  inode.set_completed(true);
  inode.set_cacheable(true);
  inode.set_replication_max(-1);
  inode.set_durable_replicas(1);
  inode.set_persistence_state(state::PERSISTED);
  inode.set_generation(txn.Cluster().next_generation());
  const int64_t blocks = (object.size_bytes + kBlockSize - 1) / kBlockSize;
  for (int64_t i = 0; i < blocks; ++i) inode.add_blocks();
  inode.set_next_block_index(blocks);
  inode.mutable_object()->set_key(object.key);
  inode.mutable_object()->set_etag(object.etag);
  inode.mutable_object()->set_persisted_at_ms(object.last_modified_ms);
  return inode;
}

Status Master::AddLoadedPage(InodeId directory, const ResolvedKey& from, const ListPage& page,
                             bool last, const PassiveTtl& ttl) {
  absl::MutexLock lock(&mutex_);
  StateTxn txn(journal_);
  auto parent = txn.GetInode(directory);
  if (!parent) return absl::OkStatus();  // deleted meanwhile
  const auto path = txn.PathOf(*parent);
  const auto now = path ? Resolve(*path) : StatusOr<ResolvedKey>(NotFound("gone"));
  if (!now.ok() || now->full() != from.full())
    return Unavailable("{} was renamed while it was loaded.", from.full());
  const MountId mount = from.mount_id;
  for (const std::string& key : page.directories) {
    const std::string name = NameOfKey(key);
    if (name.empty() || txn.GetChild(directory, name) || IsLeaving(txn, mount, key, nullptr))
      continue;
    AddLoadedFolder(txn, *parent, name);
  }
  for (const ObjectInfo& object : page.objects) {
    const std::string name = NameOfKey(object.key);
    if (name.empty() || txn.GetChild(directory, name) || IsLeaving(txn, mount, object.key, &object))
      continue;
    const state::Inode inode = LoadedFile(txn, *parent, JoinPath(*path, name), object, ttl);
    txn.Apply(
        MakeEntry([&](auto& entry) { *entry.mutable_inode_created()->mutable_inode() = inode; }));
  }
  if (last) {
    txn.Apply(MakeEntry(
        [&](auto& entry) { entry.mutable_directory_loaded()->set_inode_id(directory.value()); }));
  }
  txn.Commit();
  return absl::OkStatus();
}

}  // namespace spillway
