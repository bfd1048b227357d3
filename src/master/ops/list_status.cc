#include <functional>

#include "common/path.h"
#include "master/master.h"

namespace spillway {
namespace {

// Depth first, by name, parents before children, beginning behind the cursor.
struct Walk {
  StateTxn& txn;
  const ListOptions& options;
  size_t entries_max;
  const std::set<InodeId>& unloadable;
  std::function<bool(const state::Inode&)> may_enter;
  std::function<void(const state::Inode&, const std::string& relative)> emit;
  size_t emitted = 0;
  std::optional<InodeId> load;
  std::string last;

  // resume: names below this directory of the last entry that was emitted. False: stopped.
  bool Directory(InodeId id, const std::string& relative, std::vector<std::string> resume) {
    std::string start_after;
    if (!resume.empty()) {
      start_after = resume.front();
      resume.erase(resume.begin());
      if (options.recursive) {
        const auto child = txn.GetChild(id, start_after);
        const auto inode = child ? txn.GetChildInode(id, start_after, *child) : std::nullopt;
        if (inode && inode->is_directory() && !Enter(*inode, Below(relative, start_after), resume))
          return false;
      }
    }
    std::vector<std::pair<std::string, InodeId>> children;
    while (true) {
      children.clear();
      txn.ForEachChild(id, start_after, [&](std::string_view name, InodeId child) {
        children.emplace_back(name, child);
        return children.size() < 256 && emitted + children.size() < entries_max + 1;
      });
      if (children.empty()) return true;
      for (const auto& [name, child] : children) {
        if (emitted >= entries_max) return false;
        const auto inode = txn.GetChildInode(id, name, child);
        if (!inode) continue;  // damaged
        const std::string at = Below(relative, inode->name());
        emit(*inode, at);
        ++emitted;
        last = at;
        if (options.recursive && inode->is_directory() && !Enter(*inode, at, {})) return false;
      }
      start_after = children.back().first;
    }
  }

  bool Enter(const state::Inode& inode, const std::string& relative,
             const std::vector<std::string>& resume) {
    if (!may_enter(inode)) return true;
    if (!inode.children_loaded() && options.load_type != LoadType::kNever &&
        unloadable.count(InodeId(inode.id())) == 0) {
      load = InodeId(inode.id());
      return false;
    }
    return Directory(InodeId(inode.id()), relative, resume);
  }

  static std::string Below(const std::string& relative, const std::string& name) {
    return relative.empty() ? name : relative + "/" + name;
  }
};

}  // namespace

Outcome<std::vector<FileStatus>> Master::ListStatus(const Caller& caller, const std::string& path,
                                                    const ListOptions& options, size_t entries_max,
                                                    ListCursor* cursor) {
  absl::MutexLock lock(&mutex_);
  StateTxn txn(journal_);
  cursor->load.reset();
  const auto lookup = FindReachable(txn, caller, path);
  if (!lookup.ok()) return {lookup.status(), txn.depends()};
  std::vector<FileStatus> entries;
  if (!lookup->last().is_directory()) {
    entries.push_back(MakeStatus(txn, lookup->last(), path, options.blocks));
    cursor->done = true;
    return {std::move(entries), txn.depends()};
  }
  if (Status status = CheckBits(caller, lookup->last(), kRead | kExecute, path); !status.ok()) {
    return {status, txn.depends()};
  }
  Walk walk{txn,
            options,
            entries_max,
            cursor->unloadable,
            [&](const state::Inode& inode) { return Allows(caller, inode, kRead | kExecute); },
            [&](const state::Inode& inode, const std::string& relative) {
              mutex_.AssertHeld();
              entries.push_back(MakeStatus(txn, inode, JoinPath(path, relative), options.blocks));
            }};
  const std::string after = cursor->after;
  const bool ended = walk.Directory(InodeId(lookup->last().id()), "", PathComponents("/" + after));
  if (!walk.last.empty()) cursor->after = walk.last;
  cursor->load = walk.load;
  cursor->done = ended;
  if (cursor->to_keep && ended && after.empty() && !options.recursive && safe_mode_over_) {
    std::vector<InodeId> ids;
    for (const FileStatus& entry : entries) ids.push_back(entry.id);
    cursor->folder = InodeId(lookup->last().id());
    cursor->ticket = listings_.Watch(cursor->folder, path, std::move(ids));
  }
  return {std::move(entries), txn.depends()};
}

Outcome<std::optional<SharedBytes>> Master::CachedListing(const Caller& caller,
                                                          const std::string& path) {
  absl::MutexLock lock(&mutex_);
  StateTxn txn(journal_);
  const auto lookup = FindExisting(txn, path);
  const bool may_be = lookup.ok() && lookup->last().is_directory() &&
                      lookup->last().children_loaded() &&
                      CheckTraverse(caller, *lookup, path).ok() &&
                      CheckBits(caller, lookup->last(), kRead | kExecute, path).ok();
  if (!may_be) return {std::nullopt, txn.depends()};
  return {listings_.Find(InodeId(lookup->last().id()), path), txn.depends()};
}

void Master::KeepListing(const ListCursor& cursor, SharedBytes listing) {
  absl::MutexLock lock(&mutex_);
  listings_.Keep(cursor.folder, cursor.ticket, std::move(listing));
}

}  // namespace spillway
