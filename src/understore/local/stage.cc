// A file has no name before it is whole: nothing is left of a broken upload, and uploads do not
// wait for each other at a common folder. Where the file system knows no such files, it has a name
// in the internal folder.
#include <fcntl.h>

#include <cerrno>

#include "common/file_env.h"
#include "understore/local/local_under_store.h"

namespace spillway {
namespace {

// Never what would let a file act for its owner.
constexpr int kModeMask = 0777;

}  // namespace

StatusOr<StagedFile> LocalUnderStore::Stage(const std::string& key, Place place, bool direct) {
  const int fd_of_folder = place.folder->fd();
  int fd = calls().OpenUnnamed(fd_of_folder, O_RDWR | (direct ? O_DIRECT : 0), 0600);
  if (fd == -EINVAL && direct) {
    direct = false;
    fd = calls().OpenUnnamed(fd_of_folder, O_RDWR, 0600);
  }
  if (fd == -EOPNOTSUPP || fd == -EISDIR || fd == -EINVAL || fd == -ENOENT)
    return StageByName(key, std::move(place), direct);
  if (fd < 0) return ErrnoStatus(-fd, "Cannot create a file for", folder_.Shown(key));
  return StagedFile{key, std::move(place), OpenFile{Descriptor(calls_, fd), {}}, direct, {}};
}

StatusOr<StagedFile> LocalUnderStore::StageByName(const std::string& key, Place place,
                                                  bool direct) {
  SPILLWAY_ASSIGN_OR_RETURN(FolderHandle internal, folder_.Internal());
  constexpr int kNew = O_RDWR | O_CREAT | O_EXCL;
  std::string name = NewName();
  int fd = calls().OpenName(internal->fd(), name, kNew | (direct ? O_DIRECT : 0), 0600);
  if (fd == -EINVAL && direct) {
    // It may be there although it could not be opened.
    (void)calls().Unlink(internal->fd(), name);
    direct = false;
    fd = calls().OpenName(internal->fd(), name, kNew, 0600);
  }
  if (fd < 0) return ErrnoStatus(-fd, "Cannot create a file for", folder_.Shown(key));
  return StagedFile{key, std::move(place), OpenFile{Descriptor(calls_, fd), {}}, direct,
                    TemporaryName(calls_, std::move(internal), std::move(name))};
}

StatusOr<StagedFile> LocalUnderStore::StageBody(const std::string& key, Place place,
                                                BodySource& body, const PutOptions& options) {
  SPILLWAY_ASSIGN_OR_RETURN(StagedFile staged,
                            Stage(key, std::move(place), body.size_bytes() >= kDirectBytesMin));
  const WrittenFile file{calls_, staged.file.fd(), staged.direct, folder_.Shown(key)};
  SPILLWAY_RETURN_IF_ERROR(WriteWhole(file, body, options.crc32c));
  SPILLWAY_RETURN_IF_ERROR(Finish(staged, options.mode));
  return staged;
}

Status LocalUnderStore::Finish(StagedFile& staged, int mode) {
  const int fd = staged.file.fd();
  int error = calls().SetMode(fd, static_cast<uint32_t>(mode & kModeMask));
  if (error < 0) return ErrnoStatus(-error, "Cannot chmod", folder_.Shown(staged.key));
  // The kernel's own times are of one tick for many files. Where they cannot be set they stand.
  (void)calls().SetModified(fd, NewModifiedNs());
  error = calls().Facts(fd, &staged.file.facts);
  if (error < 0) return ErrnoStatus(-error, "Cannot look at", folder_.Shown(staged.key));
  return absl::OkStatus();
}

Status LocalUnderStore::Sync(const StagedFile& staged) {
  const int error = calls().Sync(staged.file.fd());
  return error < 0 ? ErrnoStatus(-error, "Cannot sync", folder_.Shown(staged.key))
                   : absl::OkStatus();
}

}  // namespace spillway
