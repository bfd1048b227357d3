#include <cerrno>

#include "common/file_env.h"
#include "understore/local/local_under_store.h"

namespace spillway {

Status LocalUnderStore::MakeDirectory(const std::string& key, int mode) {
  SPILLWAY_ASSIGN_OR_RETURN(const FolderHandle folder, folder_.OpenOrMakeDirectory(key));
  const int error = calls().SetMode(folder->fd(), static_cast<uint32_t>(mode & 0777));
  if (error < 0) return ErrnoStatus(-error, "Cannot chmod", folder_.Shown(key));
  return folder_.MakeDurable(*folder);
}

Status LocalUnderStore::RemoveDirectory(const std::string& key) {
  const auto place = folder_.Find(key);
  if (place.status().code() == StatusCode::kNotFound) return folder_.MakeAbsenceDurable(key);
  SPILLWAY_RETURN_IF_ERROR(place.status());
  FileFacts facts;
  const bool found = calls().FactsOf(place->folder->fd(), place->name, &facts) == 0;
  const int error = calls().RemoveDirectory(place->folder->fd(), place->name);
  if (error == -ENOTEMPTY || error == -EEXIST)
    return MakeStatus(StatusCode::kFailedPrecondition, "{} is not empty", folder_.Shown(key));
  if (error < 0 && error != -ENOENT)
    return ErrnoStatus(-error, "Cannot remove folder", folder_.Shown(key));
  if (found) folder_.NoteRemoved(facts.id);
  return folder_.MakeDurable(*place->folder);
}

}  // namespace spillway
