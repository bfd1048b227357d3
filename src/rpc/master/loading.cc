#include "rpc/master/loading.h"

#include <utility>

#include "common/log.h"
#include "common/path.h"

namespace spillway {
namespace {

struct Unloaded {
  InodeId directory;
  std::string path;  // for which it is needed
};

std::optional<Unloaded> FirstUnloaded(Master* master, const std::vector<std::string>& paths,
                                      const Loading& loading) {
  if (loading.never_load) return std::nullopt;
  for (const std::string& path : paths) {
    if (const auto directory = master->DirectoryToLoad(path, loading.children))
      return Unloaded{*directory, path};
  }
  return std::nullopt;
}

std::vector<std::string> PathsToSync(Master* master, const std::vector<std::string>& paths,
                                     const Loading& loading) {
  std::vector<std::string> due;
  if (loading.never_load) return due;
  for (const std::string& path : paths) {
    if (master->SyncIsDue(path, loading.depth(), loading.sync_interval_ms)) due.push_back(path);
  }
  return due;
}

Status Load(Master* master, const std::vector<std::string>& paths,
            const std::vector<std::string>& to_sync, const Loading& loading) {
  for (const std::string& path : to_sync) {
    SyncCounts counts;
    const Status status =
        master->SyncMetadata(path, loading.depth(), &counts, nullptr, loading.TtlBelow(path));
    if (status.ok()) continue;
    if (!loading.if_it_answers) return status;
    spdlog::warn("{}; it is taken as it was known", Message(status));
  }
  if (loading.if_it_answers) {
    for (const std::string& path : paths) SPILLWAY_RETURN_IF_ERROR(master->LoadForCreate(path));
    return absl::OkStatus();
  }
  while (const auto unloaded = FirstUnloaded(master, paths, loading)) {
    SPILLWAY_RETURN_IF_ERROR(
        master->LoadDirectory(unloaded->directory, loading.TtlBelow(unloaded->path)));
  }
  return absl::OkStatus();
}

}  // namespace

void WithLoaded(const MasterServiceContext& context, std::vector<std::string> paths,
                const Loading& loading, std::function<void(Status)> then) {
  auto to_sync = PathsToSync(context.master, paths, loading);
  if (to_sync.empty() && !FirstUnloaded(context.master, paths, loading))
    return then(absl::OkStatus());
  context.executor->Post([master = context.master, paths = std::move(paths),
                          to_sync = std::move(to_sync), loading,
                          then = std::move(then)] { then(Load(master, paths, to_sync, loading)); });
}

Status LoadNow(const MasterServiceContext& context, const std::vector<std::string>& paths,
               const Loading& loading) {
  return Load(context.master, paths, PathsToSync(context.master, paths, loading), loading);
}

StatusOr<std::vector<FileStatus>> NextPage(Master* master, const Caller& caller,
                                           const std::string& path, const ListOptions& options,
                                           ListCursor* cursor, const FolderFailed& failed) {
  constexpr size_t kEntriesPerPage = 1000;
  if (const auto directory = std::exchange(cursor->load, std::nullopt)) {
    const Status loaded = master->LoadDirectory(*directory, cursor->ttl);
    if (!loaded.ok() && !failed) return loaded;
    if (!loaded.ok()) {
      cursor->unloadable.insert(*directory);
      failed(JoinPath(path, cursor->after), loaded);
    }
    return std::vector<FileStatus>();
  }
  if (const auto directory = master->DirectoryToLoad(path, true)) {
    SPILLWAY_RETURN_IF_ERROR(master->LoadDirectory(*directory, cursor->ttl));
    return std::vector<FileStatus>();
  }
  return master->ListStatus(caller, path, options, kEntriesPerPage, cursor).result;
}

Status VisitListing(Master* master, const Caller& caller, const std::string& path,
                    const ListOptions& options, ListCursor cursor,
                    const std::function<StatusOr<bool>(const FileStatus&)>& visit,
                    const FolderFailed& failed) {
  while (!cursor.done) {
    SPILLWAY_ASSIGN_OR_RETURN(const auto page,
                              NextPage(master, caller, path, options, &cursor, failed));
    for (const FileStatus& status : page) {
      SPILLWAY_ASSIGN_OR_RETURN(const bool more, visit(status));
      if (!more) return absl::OkStatus();
    }
  }
  return absl::OkStatus();
}

int64_t SyncIntervalMs(const MasterServiceContext& context,
                       const fswire::FileSystemMasterCommonPOptions& options) {
  if (options.has_syncintervalms()) return options.syncintervalms();
  return context.sync_interval_ms;
}

}  // namespace spillway
