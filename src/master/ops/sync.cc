// Others change the understore too: what they did comes into the namespace, and never costs what
// the understore does not have yet.
#include "common/log.h"
#include "common/path.h"
#include "common/planted_bug.h"
#include "master/master.h"
#include "master/state/listed_object.h"

namespace spillway {
namespace {

constexpr size_t kSyncedMax = 10'000;

// What a new content keeps of the file that it replaces.
void KeepAttributes(const state::Inode& old, state::Inode* inode) {
  inode->set_owner(old.owner());
  inode->set_group(old.group());
  inode->set_mode(old.mode());
  *inode->mutable_acl() = old.acl();
  *inode->mutable_xattr() = old.xattr();
  inode->set_pinned(old.pinned());
  inode->set_replication_min(old.replication_min());
  inode->set_replication_max(old.replication_max());
  inode->set_ttl_ms(old.ttl_ms());
  inode->set_ttl_action(old.ttl_action());
}

}  // namespace

struct Master::SyncedFolder {
  InodeId id;
  std::string path;
  ResolvedKey key;
  std::shared_ptr<UnderStore> store;
  int64_t began_at_ms = 0;
  SyncCounts* counts = nullptr;
  // The names that the understore has there, each as object or as folder or as both.
  enum Kind { kObject = 1, kFolder = 2 };
  std::map<std::string, int> seen;
  PassiveTtl ttl;   // of files that appear
  ListPage hidden;  // by an entry of the other kind in the namespace

  // What hides another entry, and is not there itself any more, was not seen.
  void DropGone() {
    const auto drop = [&](const std::string& key, int needed) {
      const auto it = seen.find(NameOfKey(key));
      if (it != seen.end() && (it->second & needed) == 0) seen.erase(it);
    };
    for (const std::string& key : hidden.directories) drop(key, kObject);
    for (const ObjectInfo& object : hidden.objects) drop(object.key, kFolder);
  }
};

bool Master::SyncIsDue(const std::string& path, SyncDepth depth, int64_t interval_ms) {
  if (interval_ms < 0 && !any_needs_sync_) return false;  // as almost always: without the lock
  absl::MutexLock lock(&mutex_);
  for (const std::string& asked : needs_sync_) {
    if (IsWithin(path, asked) || (depth == SyncDepth::kAll && IsWithin(asked, path))) return true;
  }
  if (interval_ms <= 0) return interval_ms == 0;
  const int64_t since = clock_->MonotonicMs() - interval_ms;
  for (std::string at = path;; at = ParentPath(at)) {
    const auto it = synced_.find(at);
    const bool covers =
        it != synced_.end() && it->second.at_ms > since &&
        (it->second.depth == SyncDepth::kAll || (at == path && it->second.depth >= depth) ||
         (at == ParentPath(path) && depth == SyncDepth::kPath &&
          it->second.depth == SyncDepth::kChildren));
    if (covers) return false;
    if (at == "/") return true;
  }
}

Outcome<Nothing> Master::NeedsSync(const Caller& caller, const std::string& path) {
  absl::MutexLock lock(&mutex_);
  StateTxn txn(journal_);
  // It may be there already, and only not known here.
  if (Status status = CheckTraverse(caller, Find(txn, path), path); !status.ok())
    return {status, txn.depends()};
  needs_sync_.insert(path);
  any_needs_sync_ = true;
  return {Nothing(), txn.depends()};
}

Status Master::SyncMetadata(const std::string& path, SyncDepth depth, SyncCounts* counts,
                            const std::function<bool()>& stopped, const PassiveTtl& ttl) {
  const int64_t began_ms = clock_->MonotonicMs();
  std::vector<InodeId> folders;
  SPILLWAY_RETURN_IF_ERROR(SyncEntry(path, depth, counts, ttl));
  {
    absl::MutexLock lock(&mutex_);
    StateTxn txn(journal_);
    const Lookup now = Find(txn, path);
    if (now.found() && now.last().is_directory() && depth != SyncDepth::kPath)
      folders.push_back(InodeId(now.last().id()));
  }
  while (!folders.empty()) {
    if (stopped && stopped())
      return spillway::MakeStatus(StatusCode::kCancelled, "The sync of {} was cancelled.", path);
    const InodeId folder = folders.back();
    folders.pop_back();
    SPILLWAY_RETURN_IF_ERROR(SyncFolder(folder, nullptr, counts, ttl));
    if (depth != SyncDepth::kAll) continue;
    absl::MutexLock lock(&mutex_);
    StateTxn txn(journal_);
    std::vector<std::pair<std::string, InodeId>> children;
    txn.ForEachChild(folder, "", [&](std::string_view name, InodeId child) {
      children.emplace_back(name, child);
      return true;
    });
    for (const auto& [name, child] : children) {
      const auto inode = txn.GetChildInode(folder, name, child);
      if (inode && inode->is_directory()) folders.push_back(child);
    }
  }
  absl::MutexLock lock(&mutex_);
  if (synced_.size() >= kSyncedMax) synced_.clear();
  synced_[path] = {began_ms, depth};
  std::erase_if(needs_sync_, [&](const std::string& asked) {
    return depth == SyncDepth::kAll ? IsWithin(asked, path) : asked == path;
  });
  any_needs_sync_ = !needs_sync_.empty();
  return absl::OkStatus();
}

Status Master::SyncEntry(const std::string& path, SyncDepth depth, SyncCounts* counts,
                         const PassiveTtl& ttl) {
  InodeId parent;
  std::string name;
  {
    absl::MutexLock lock(&mutex_);
    StateTxn txn(journal_);
    const Lookup lookup = Find(txn, path);
    const bool folder = lookup.found() && lookup.last().is_directory();
    if (path == "/" || (lookup.found() && lookup.last().mount_point())) return absl::OkStatus();
    if (folder && depth != SyncDepth::kPath) return absl::OkStatus();  // its children say it
    // Of a path that is not here: the first that is missing may have come.
    const size_t at = lookup.found() || !lookup.last().is_directory() ? lookup.chain.size() - 2
                                                                      : lookup.chain.size() - 1;
    parent = InodeId(lookup.chain[at].id());
    name = lookup.names[at];
  }
  return SyncFolder(parent, &name, counts, ttl);
}

Status Master::SyncFolder(InodeId directory, const std::string* only, SyncCounts* counts,
                          const PassiveTtl& ttl) {
  SyncedFolder folder;
  folder.ttl = ttl;
  folder.counts = counts;
  {
    absl::MutexLock lock(&mutex_);
    StateTxn txn(journal_);
    const auto inode = txn.GetInode(directory);
    const auto path = inode ? txn.PathOf(*inode) : std::nullopt;
    if (!path || !inode->is_directory()) return absl::OkStatus();
    folder.id = directory;
    folder.path = *path;
    SPILLWAY_ASSIGN_OR_RETURN(folder.key, Resolve(*path));
    folder.store = UnderStoreOf(folder.key.mount_id);
    folder.began_at_ms = clock_->NowMs();
    ++syncs_running_;
  }
  const Status status = CompareFolder(folder, only);
  absl::MutexLock lock(&mutex_);
  if (--syncs_running_ == 0) gone_during_sync_.clear();
  if (status.ok()) return status;
  return spillway::MakeStatus(StatusCode::kUnavailable, "Cannot compare {} with the understore: {}",
                              folder.key.full(), Message(status));
}

Status Master::CompareFolder(SyncedFolder& folder, const std::string* only) {
  const auto compare = [&](const ListPage& page) ABSL_LOCKS_EXCLUDED(mutex_) {
    for (const ObjectInfo& object : page.objects)
      folder.seen[NameOfKey(object.key)] |= SyncedFolder::kObject;
    for (const std::string& key : page.directories)
      folder.seen[NameOfKey(key)] |= SyncedFolder::kFolder;
    ComparePage(folder, page);
  };
  if (only != nullptr) {
    const std::string key = folder.key.key.empty() ? *only : folder.key.key + "/" + *only;
    SPILLWAY_ASSIGN_OR_RETURN(ListPage page, folder.store->LookUp(key));
    (void)LeaveOutUnnamed(folder.path, &page);
    compare(page);
    // Beside an object nobody has looked for a folder.
    folder.hidden.objects.clear();
    RemoveMissing(folder, only);
    return absl::OkStatus();
  }
  std::string token;
  do {
    const bool first = token.empty();
    auto page = folder.store->List(folder.key.key, token);
    if (!page.ok() && IsPlanted(PlantedBug::kBelieveUnread)) page = ListPage();
    SPILLWAY_RETURN_IF_ERROR(page.status());
    token = page->next_token;
    NoteLeftOut(folder.key.full(), LeaveOutUnnamed(folder.path, &*page), first);
    compare(*page);
  } while (!token.empty());
  RemoveMissing(folder, nullptr);
  absl::MutexLock lock(&mutex_);
  StateTxn txn(journal_);
  const auto inode = txn.GetInode(folder.id);
  const bool same = inode && txn.PathOf(*inode) == folder.path;
  if (!same || inode->children_loaded()) return absl::OkStatus();
  txn.Apply(MakeEntry(
      [&](auto& entry) { entry.mutable_directory_loaded()->set_inode_id(folder.id.value()); }));
  txn.Commit();
  return absl::OkStatus();
}

bool Master::IsSettled(const state::Inode& inode, const std::string& key, int64_t before_ms) {
  return inode.completed() && inode.persistence_state() == state::PERSISTED && inode.has_object() &&
         inode.object().key() == key &&
         (inode.object().persisted_at_ms() < before_ms || IsPlanted(PlantedBug::kStaleListing)) &&
         tasks_.count(InodeId(inode.id())) == 0;
}

void Master::ComparePage(SyncedFolder& folder, const ListPage& page) {
  Removed removed;
  {
    absl::MutexLock lock(&mutex_);
    StateTxn txn(journal_);
    const auto parent = txn.GetInode(folder.id);
    if (!parent || txn.PathOf(*parent) != folder.path) return;  // that is another key's listing
    const MountId mount = folder.key.mount_id;
    for (const std::string& key : page.directories) {
      const std::string name = NameOfKey(key);
      const auto child = txn.GetChild(folder.id, name);
      const auto old = child ? txn.GetChildInode(folder.id, name, *child) : std::nullopt;
      ++folder.counts->seen;
      if (child && !old) continue;  // damaged, and left to an operator
      if (old && !old->is_directory()) folder.hidden.directories.push_back(key);
      if (name.empty() || old || IsLeaving(txn, mount, key, nullptr)) continue;
      AddLoadedFolder(txn, *parent, name);
      ++folder.counts->added;
    }
    for (const ObjectInfo& object : page.objects) {
      const std::string name = NameOfKey(object.key);
      ++folder.counts->seen;
      if (name.empty() || IsLeaving(txn, mount, object.key, &object)) continue;
      const auto child = txn.GetChild(folder.id, name);
      const auto old = child ? txn.GetChildInode(folder.id, name, *child) : std::nullopt;
      if (child && !old) continue;
      if (old && old->is_directory()) folder.hidden.objects.push_back(object);
      if (old && (old->is_directory() || !IsSettled(*old, object.key, folder.began_at_ms) ||
                  !HasChanged(*old, object)))
        continue;
      if (old) DeleteOne(txn, *old, JoinPath(folder.path, name), /*keep_object=*/true, &removed);
      state::Inode inode =
          LoadedFile(txn, *parent, JoinPath(folder.path, name), object, folder.ttl);
      if (old) KeepAttributes(*old, &inode);
      txn.Apply(
          MakeEntry([&](auto& entry) { *entry.mutable_inode_created()->mutable_inode() = inode; }));
      ++(old ? folder.counts->changed : folder.counts->added);
    }
    txn.Commit();
  }
  AfterRemoved(removed);
}

void Master::RemoveMissing(SyncedFolder& folder, const std::string* only) {
  constexpr size_t kBatch = 1000;
  folder.DropGone();
  std::string after;
  bool more = true;
  while (more) {
    Removed removed;
    {
      absl::MutexLock lock(&mutex_);
      StateTxn txn(journal_);
      const auto parent = txn.GetInode(folder.id);
      if (!parent || txn.PathOf(*parent) != folder.path) return;
      std::vector<std::pair<std::string, InodeId>> missing;
      size_t looked = 0;
      more = false;
      if (only != nullptr) {
        const auto child = txn.GetChild(folder.id, *only);
        if (child && folder.seen.empty()) missing.emplace_back(*only, *child);
      }
      const auto visit = [&](std::string_view name, InodeId child) {
        after = std::string(name);
        if (folder.seen.count(after) == 0) missing.emplace_back(name, child);
        more = ++looked == kBatch;
        return !more;
      };
      if (only == nullptr) txn.ForEachChild(folder.id, after, visit);
      for (const auto& [name, id] : missing) {
        const auto inode = txn.GetChildInode(folder.id, name, id);
        if (inode)
          RemoveGone(txn, *inode, JoinPath(folder.path, inode->name()), folder.began_at_ms,
                     &removed, folder.counts);
      }
      txn.Commit();
    }
    AfterRemoved(removed);
  }
  const int64_t seen_before = folder.counts->seen;
  ComparePage(folder, std::exchange(folder.hidden, ListPage()));
  folder.counts->seen = seen_before;
}

bool Master::RemoveGone(StateTxn& txn, const state::Inode& inode, const std::string& path,
                        int64_t before_ms, Removed* removed, SyncCounts* counts) {
  const auto resolved = Resolve(path);
  if (!resolved.ok() || inode.mount_point()) return false;
  if (!inode.is_directory()) {
    if (!IsSettled(inode, resolved->key, before_ms)) return false;
    DeleteOne(txn, inode, path, /*keep_object=*/true, removed);
    ++counts->removed;
    return true;
  }
  std::vector<std::pair<std::string, InodeId>> children;
  txn.ForEachChild(InodeId(inode.id()), "", [&](std::string_view name, InodeId child) {
    children.emplace_back(name, child);
    return true;
  });
  size_t gone = 0;
  for (const auto& [name, id] : children) {
    const auto child = txn.GetChildInode(InodeId(inode.id()), name, id);
    if (child && RemoveGone(txn, *child, JoinPath(path, child->name()), before_ms, removed, counts))
      ++gone;
  }
  // A folder that somebody made here and that the understore never had stays.
  const bool was_there =
      inode.persistence_state() == state::PERSISTED && (inode.from_understore() || gone > 0);
  if (gone < children.size() || !was_there || inode.creation_time_ms() >= before_ms) return false;
  const auto now = txn.GetInode(InodeId(inode.id()));
  DeleteOne(txn, *now, path, /*keep_object=*/true, removed);
  ++counts->removed;
  return true;
}

}  // namespace spillway
