// Commit markers tell readers of the store that everything they vouch for is there. So they go
// last, and an old one goes away before anything new appears beside it.
#include <fnmatch.h>

#include <algorithm>

#include "common/path.h"
#include "common/planted_bug.h"
#include "master/master.h"

namespace spillway {

int Master::MarkerDepth(const std::string& path) const {
  const auto names = PathComponents(path);
  for (const auto& globs : marker_globs_) {
    // The scope is a directory: at least the root is above the first component.
    if (globs.empty() || globs.size() > names.size()) continue;
    bool matches = true;
    for (size_t i = 0; i < globs.size() && matches; ++i) {
      matches = ::fnmatch(globs[i].c_str(), names[names.size() - globs.size() + i].c_str(), 0) == 0;
    }
    if (matches) return static_cast<int>(globs.size());
  }
  return 0;
}

bool Master::IsBelow(StateTxn& txn, InodeId directory, InodeId ancestor) {
  while (directory != ancestor) {
    if (directory == kRootInodeId) return false;
    const auto inode = txn.GetInode(directory);
    if (!inode) return false;
    directory = InodeId(inode->parent_id());
  }
  return true;
}

std::string Master::MarkerWaitsFor(StateTxn& txn, const PersistTask& task) {
  if (IsPlanted(PlantedBug::kMarkerEarly)) return "";
  for (const auto& [directory, files] : pending_in_) {
    const auto& [generation, inode] = *files.begin();
    if (generation >= task.generation || !IsBelow(txn, directory, *task.marker_scope)) continue;
    const auto first = txn.GetInode(inode);
    const auto path = first ? txn.PathOf(*first) : std::nullopt;
    return path.value_or("a file that goes away");
  }
  return "";
}

namespace {

std::string ParentKey(const std::string& key) {
  const size_t slash = key.rfind('/');
  return slash == std::string::npos ? "" : key.substr(0, slash);
}

// The scope's key is that of the marker less the components that its pattern matched.
std::string ScopeKey(const std::string& key, int depth) {
  std::string scope = key;
  for (int i = 0; i < depth; ++i) scope = ParentKey(scope);
  return scope;
}

}  // namespace

bool Master::OldMarkerAbove(MountId mount, const std::string& key, state::PersistKind kind) {
  if (marker_deletes_.empty()) return false;
  std::string at = key;
  while (!at.empty()) {
    at = ParentKey(at);
    const auto it = marker_deletes_.find(BusyName(mount, at));
    if (it == marker_deletes_.end()) continue;
    for (const auto& [marker_mount, marker] : it->second) {
      const bool read = relocation_sources_.count(BusyName(marker_mount, marker)) > 0;
      if (kind != state::RELOCATE || !read) return true;
    }
  }
  return false;
}

void Master::NotePendingDelete(const state::PendingDelete& pending) {
  const MountId mount(pending.mount_id());
  const std::string& key = pending.key();
  for (const auto& object : pending.objects()) {
    if (!object.copied_from().empty())
      copies_of_[BusyName(mount, object.copied_from())][{mount, key}] = 0;
  }
  if (const int depth = MarkerDepth("/" + key); depth > 0) {
    marker_deletes_[BusyName(mount, ScopeKey(key, depth))].insert({mount, key});
  }
}

void Master::ForgetPendingDelete(const state::PendingDelete& pending) {
  const MountId mount(pending.mount_id());
  const std::string& key = pending.key();
  for (const auto& object : pending.objects()) {
    const auto it = copies_of_.find(BusyName(mount, object.copied_from()));
    if (object.copied_from().empty() || it == copies_of_.end()) continue;
    it->second.erase({mount, key});
    if (it->second.empty()) copies_of_.erase(it);
  }
  if (const int depth = MarkerDepth("/" + key); depth > 0) {
    const auto it = marker_deletes_.find(BusyName(mount, ScopeKey(key, depth)));
    if (it == marker_deletes_.end()) return;
    it->second.erase({mount, key});
    if (it->second.empty()) marker_deletes_.erase(it);
  }
}

}  // namespace spillway
