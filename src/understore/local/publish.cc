// Gives a file that is whole and synced its name at a key.
#include <cerrno>

#include "common/file_env.h"
#include "understore/local/local_under_store.h"

namespace spillway {
namespace {

// A folder that is removed again and again ends the attempts.
constexpr int kPublishAttempts = 8;

Status NameError(int error, const std::string& shown) {
  const Status status = ErrnoStatus(-error, "Cannot publish", shown);
  // An error that nobody knows may have come after the name.
  return status.code() == StatusCode::kUnknown ? Unavailable("{}", Message(status)) : status;
}

}  // namespace

int LocalUnderStore::NameNew(StagedFile& staged) {
  const int folder = staged.place.folder->fd();
  const std::string& name = staged.place.name;
  TemporaryName& temporary = staged.temporary;
  if (temporary.empty()) return calls().LinkUnnamed(staged.file.fd(), folder, name);
  const int error = calls().Rename(temporary.folder_fd(), temporary.name(), folder, name,
                                   /*replace=*/false);
  if (error >= 0) temporary.Release();
  if (error != -EINVAL && error != -ENOSYS) return error;
  return calls().Link(temporary.folder_fd(), temporary.name(), folder, name);
}

StatusOr<int> LocalUnderStore::Replace(StagedFile& staged) {
  if (staged.temporary.empty()) {
    // Only a file with a name can take another's.
    SPILLWAY_ASSIGN_OR_RETURN(FolderHandle internal, folder_.Internal());
    std::string name = NewName();
    const int error = calls().LinkUnnamed(staged.file.fd(), internal->fd(), name);
    if (error < 0) return error;
    staged.temporary = TemporaryName(calls_, std::move(internal), std::move(name));
  }
  const int error = calls().Rename(staged.temporary.folder_fd(), staged.temporary.name(),
                                   staged.place.folder->fd(), staged.place.name, /*replace=*/true);
  if (error >= 0) staged.temporary.Release();
  return error;
}

// 0 or -errno of the call that was to give the name; another status if it was not made.
StatusOr<int> LocalUnderStore::GiveName(StagedFile& staged, const Conditions& conditions) {
  if (conditions.if_absent) return NameNew(staged);
  if (conditions.if_match.empty()) return Replace(staged);
  absl::MutexLock lock(&match_mutex_);
  SPILLWAY_RETURN_IF_ERROR(CheckMatch(staged.key, conditions.if_match));
  return Replace(staged);
}

Status LocalUnderStore::MakeStandingDurable(const std::string& key) {
  const auto file = folder_.OpenToRead(key);
  if (file.ok()) {
    if (const int error = calls().Sync(file->fd()); error < 0)
      return Unavailable("{}", Message(ErrnoStatus(-error, "Cannot sync", folder_.Shown(key))));
  }
  return folder_.MakeAbsenceDurable(key);
}

StatusOr<PutResult> LocalUnderStore::Conflict(const StagedFile& staged, const Status& why) {
  FileFacts standing;
  const bool ours = calls().FactsOf(staged.place.folder->fd(), staged.place.name, &standing) == 0 &&
                    standing.id == staged.file.facts.id;
  // A file server repeats a call whose answer was lost.
  if (ours) return PutResult{EtagOf(staged.file.facts)};
  // Callers compare what stands there with what they wanted to put, and may be content with it: it
  // must not go with the power because whoever put it was killed before he synced its name.
  SPILLWAY_RETURN_IF_ERROR(MakeStandingDurable(staged.key));
  return why;
}

StatusOr<PutResult> LocalUnderStore::Publish(StagedFile& staged, const Conditions& conditions) {
  auto error = GiveName(staged, conditions);
  for (int i = 0; i < kPublishAttempts && error.ok() && *error == -ENOENT; ++i) {
    // The folder was removed meanwhile.
    SPILLWAY_ASSIGN_OR_RETURN(staged.place, folder_.FindOrMake(staged.key));
    error = GiveName(staged, conditions);
  }
  const std::string shown = folder_.Shown(staged.key);
  if (error.status().code() == StatusCode::kFailedPrecondition)
    return Conflict(staged, error.status());
  SPILLWAY_RETURN_IF_ERROR(error.status());
  if (*error == -EISDIR || *error == -EEXIST) {
    return Conflict(staged, MakeStatus(StatusCode::kFailedPrecondition, "{} {}", shown,
                                       *error == -EISDIR ? "is a directory" : "already exists"));
  }
  if (*error < 0) return NameError(*error, shown);
  return PutResult{EtagOf(staged.file.facts)};
}

StatusOr<PutResult> LocalUnderStore::PublishDurably(StagedFile& staged,
                                                    const Conditions& conditions) {
  SPILLWAY_RETURN_IF_ERROR(Sync(staged));
  SPILLWAY_ASSIGN_OR_RETURN(PutResult result, Publish(staged, conditions));
  SPILLWAY_RETURN_IF_ERROR(folder_.MakeDurable(*staged.place.folder));
  return result;
}

}  // namespace spillway
