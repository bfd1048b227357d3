#include <cerrno>
#include <map>

#include "common/file_env.h"
#include "understore/local/local_under_store.h"

namespace spillway {

// A link at the key goes itself, not what it leads to. Between the look at the etag and the end of
// the file another process may put a new one.
Status LocalUnderStore::DeleteOne(const DeleteRequest& request, const OpenFolder& folder) {
  const std::string& key = request.key;
  const size_t slash = key.rfind('/');
  const std::string name = slash == std::string::npos ? key : key.substr(slash + 1);
  const auto unlink = [&] { return calls().Unlink(folder.fd(), name); };
  int error = 0;
  if (request.if_match.empty()) {
    error = unlink();
  } else {
    absl::MutexLock lock(&match_mutex_);
    const auto standing = folder_.Look(key);
    const bool missing = standing.status().code() == StatusCode::kNotFound;
    if (!missing) SPILLWAY_RETURN_IF_ERROR(standing.status());
    if (!missing && standing->is_file() && EtagOf(*standing) != request.if_match) {
      return MakeStatus(StatusCode::kFailedPrecondition, "{} was changed by others",
                        folder_.Shown(key));
    }
    if (!missing && standing->is_file()) error = unlink();
  }
  if (error >= 0 || error == -ENOENT) return absl::OkStatus();
  FileFacts facts;
  // A directory is no object.
  if (calls().FactsOf(folder.fd(), name, &facts) == 0 && facts.is_directory())
    return absl::OkStatus();
  return ErrnoStatus(-error, "Cannot delete", folder_.Shown(key));
}

StatusOr<std::vector<DeleteFailure>> LocalUnderStore::Delete(
    const std::vector<DeleteRequest>& requests) {
  struct Group {
    StatusOr<FolderHandle> folder = Internal("not opened");
    std::vector<const DeleteRequest*> deleted;
  };
  std::vector<DeleteFailure> failures;
  std::map<std::string, Group> groups;  // by the key of the directory
  for (const DeleteRequest& request : requests) {
    Status status = CheckKey(request.key);
    if (status.ok()) {
      const size_t slash = request.key.rfind('/');
      const std::string directory = slash == std::string::npos ? "" : request.key.substr(0, slash);
      const auto [group, is_new] = groups.try_emplace(directory);
      if (is_new) group->second.folder = folder_.OpenDirectory(directory);
      const auto& folder = group->second.folder;
      if (folder.ok()) {
        status = DeleteOne(request, **folder);
      } else if (folder.status().code() != StatusCode::kNotFound) {
        status = folder.status();
      }
      if (status.ok()) group->second.deleted.push_back(&request);
    }
    if (!status.ok()) failures.push_back({request.key, std::move(status)});
  }
  // Also where nothing was found: whoever deleted it may have been killed before he synced.
  for (const auto& [directory, group] : groups) {
    if (group.deleted.empty()) continue;
    const Status durable = group.folder.ok()
                               ? folder_.MakeDurable(**group.folder)
                               : folder_.MakeAbsenceDurable(group.deleted.front()->key);
    if (durable.ok()) continue;
    for (const DeleteRequest* request : group.deleted) failures.push_back({request->key, durable});
  }
  return failures;
}

}  // namespace spillway
