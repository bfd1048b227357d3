#include "understore/local/rooted_folder.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "common/file_env.h"
#include "common/log.h"
#include "common/path.h"

namespace spillway {
namespace {

constexpr size_t kComponentBytesMax = 255;
constexpr size_t kKeyBytesMax = 4000;
constexpr size_t kDurableMax = 100'000;
// A file in another's place, or one that comes and goes, ends a walk after so many attempts.
constexpr int kFolderAttempts = 8;
constexpr int kToList = O_RDONLY | O_DIRECTORY;

std::string ParentKey(const std::string& key) {
  const size_t slash = key.rfind('/');
  return slash == std::string::npos ? "" : key.substr(0, slash);
}

std::string NameOf(const std::string& key) {
  const size_t slash = key.rfind('/');
  return slash == std::string::npos ? key : key.substr(slash + 1);
}

}  // namespace

Status FolderError(int64_t error, const std::string& what, const std::string& shown) {
  if (error == -EXDEV || error == -ELOOP) {
    return MakeStatus(StatusCode::kPermissionDenied,
                      "{} {}: a symbolic link leads out of the understore's folder or in a circle",
                      what, shown);
  }
  if (error == -EROFS) {
    return MakeStatus(StatusCode::kPermissionDenied, "{} {}: the file system is read-only", what,
                      shown);
  }
  return ErrnoStatus(static_cast<int>(-error), what, shown);
}

RootedFolder::RootedFolder(std::string root, FileCalls* calls)
    : root_path_(std::move(root)), calls_(calls) {}

bool RootedFolder::IsInternal(std::string_view name) {
  // File systems exist that do not tell upper case from lower.
  return absl::AsciiStrToLower({name.data(), name.size()}) == kInternalFolder;
}

Status RootedFolder::CheckDirectory(const std::string& key) {
  return key.empty() ? absl::OkStatus() : CheckKey(key);
}

Status RootedFolder::CheckKey(const std::string& key) {
  if (key.size() > kKeyBytesMax)
    return InvalidArgument("A folder takes no key of {} bytes: {} are the most.", key.size(),
                           kKeyBytesMax);
  if (key.find('\0') != std::string::npos)
    return InvalidArgument("A folder takes no key with a zero byte.");
  const std::vector<std::string> parts = absl::StrSplit(key, '/');
  for (const std::string& part : parts) {
    if (part.empty() || part == "." || part == "..")
      return InvalidArgument("A folder takes no key with the component \"{}\": \"{}\"", part, key);
    if (part.size() > kComponentBytesMax)
      return InvalidArgument("A folder takes no name of {} bytes: {} are the most.", part.size(),
                             kComponentBytesMax);
  }
  if (IsInternal(parts.front()))
    return InvalidArgument("\"{}\" lies in a folder of Spillway's own.", key);
  return absl::OkStatus();
}

std::string RootedFolder::Shown(const std::string& key) const {
  return key.empty() ? root_path_ : JoinPath(root_path_, key);
}

StatusOr<FolderHandle> RootedFolder::Root() {
  absl::MutexLock lock(&mutex_);
  if (root_ != nullptr) {
    FileFacts facts;
    // It may have been removed and made again.
    if (calls_->Facts(root_->fd(), &facts) == 0 && facts.links > 0) return root_;
    root_ = nullptr;
    durable_.clear();
  }
  return OpenRoot();
}

StatusOr<FolderHandle> RootedFolder::OpenRoot() {
  SPILLWAY_ASSIGN_OR_RETURN(const int fd, OpenOrMakePath(root_path_));
  auto root = std::make_shared<OpenFolder>(OpenFolder{"", Descriptor(calls_, fd), {}});
  if (const int error = calls_->Facts(fd, &root->facts); error < 0)
    return FolderError(error, "Cannot look at", root_path_);
  // A container's filter may forbid the call, with whatever error it likes.
  const int probe = calls_->OpenBeneath(fd, ".", kToList);
  has_openat2_ = probe >= 0;
  if (probe >= 0) calls_->Close(probe);
  if (!has_openat2_)
    spdlog::warn("openat2 is not to be had: symbolic links below {} are not followed", root_path_);
  durable_.insert(root->facts.id);
  root_ = root;
  return root_;
}

// The root's own path is its administrator's word: links in it are followed.
StatusOr<int> RootedFolder::OpenOrMakePath(const std::string& path) {
  const int found = calls_->OpenPath(path, kToList);
  if (found >= 0) return found;
  if (found != -ENOENT || path == "/") {
    return MakeStatus(found == -EACCES || found == -EPERM ? StatusCode::kPermissionDenied
                                                          : StatusCode::kUnavailable,
                      "{}", Message(ErrnoStatus(-found, "Cannot open the folder", path)));
  }
  SPILLWAY_ASSIGN_OR_RETURN(const int parent_fd, OpenOrMakePath(ParentPath(path)));
  const Descriptor parent(calls_, parent_fd);
  const int made = calls_->MakeDirectory(parent_fd, BaseName(path), 0777);
  if (made < 0 && made != -EEXIST) {
    return MakeStatus(made == -EACCES || made == -EPERM || made == -EROFS
                          ? StatusCode::kPermissionDenied
                          : StatusCode::kUnavailable,
                      "{}", Message(ErrnoStatus(-made, "Cannot make the folder", path)));
  }
  if (const int error = calls_->Sync(parent_fd); error < 0)
    return Unavailable("{}", Message(ErrnoStatus(-error, "Cannot sync", ParentPath(path))));
  const int fd = calls_->OpenPath(path, kToList);
  if (fd < 0) return Unavailable("{}", Message(ErrnoStatus(-fd, "Cannot open the folder", path)));
  return fd;
}

int RootedFolder::OpenBeneath(const OpenFolder& root, const std::string& key, int flags) {
  bool has_openat2 = false;
  {
    absl::MutexLock lock(&mutex_);
    has_openat2 = has_openat2_;
  }
  const std::string path = key.empty() ? "." : key;
  return has_openat2 ? calls_->OpenBeneath(root.fd(), path, flags)
                     : OpenWithoutLinks(root, path, flags);
}

int RootedFolder::OpenWithoutLinks(const OpenFolder& root, const std::string& key, int flags) {
  const std::vector<std::string> parts = absl::StrSplit(key, '/');
  Descriptor folder;
  int at = root.fd();
  for (size_t i = 0; i < parts.size(); ++i) {
    const bool last = i + 1 == parts.size();
    const int fd = calls_->OpenName(at, parts[i], last ? flags : O_PATH | O_DIRECTORY, 0);
    FileFacts facts;
    // Some flags open the link itself, others call it no directory.
    const bool is_link =
        fd >= 0 ? calls_->Facts(fd, &facts) == 0 && facts.is_link()
                : fd == -ENOTDIR && calls_->FactsOf(at, parts[i], &facts) == 0 && facts.is_link();
    if (is_link && fd >= 0) calls_->Close(fd);
    if (is_link) return -ELOOP;
    if (fd < 0 || last) return fd;
    folder = Descriptor(calls_, fd);
    at = fd;
  }
  return -ENOENT;
}

StatusOr<FileFacts> RootedFolder::Look(const std::string& key) {
  SPILLWAY_RETURN_IF_ERROR(CheckDirectory(key));
  SPILLWAY_ASSIGN_OR_RETURN(const FolderHandle root, Root());
  const Descriptor at(calls_, OpenBeneath(*root, key, O_PATH));
  if (at.fd() < 0) return FolderError(at.fd(), "Cannot look at", Shown(key));
  FileFacts facts;
  if (const int error = calls_->Facts(at.fd(), &facts); error < 0)
    return FolderError(error, "Cannot look at", Shown(key));
  return facts;
}

StatusOr<OpenFile> RootedFolder::OpenToRead(const std::string& key) {
  SPILLWAY_RETURN_IF_ERROR(CheckKey(key));
  SPILLWAY_ASSIGN_OR_RETURN(const FolderHandle root, Root());
  // Not to wait for the writer of a pipe.
  const int fd = OpenBeneath(*root, key, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return FolderError(fd == -ENXIO ? -ENOENT : fd, "Cannot open", Shown(key));
  OpenFile file{Descriptor(calls_, fd), {}};
  if (const int error = calls_->Facts(fd, &file.facts); error < 0)
    return FolderError(error, "Cannot look at", Shown(key));
  if (!file.facts.is_file())
    return NotFound("{} is {}", Shown(key),
                    file.facts.is_directory() ? "a directory" : "no regular file");
  return file;
}

StatusOr<FolderHandle> RootedFolder::AsFolder(const std::string& key, int fd) {
  auto folder = std::make_shared<OpenFolder>(OpenFolder{key, Descriptor(calls_, fd), {}});
  if (const int error = calls_->Facts(fd, &folder->facts); error < 0)
    return FolderError(error, "Cannot look at", Shown(key));
  return folder;
}

StatusOr<FolderHandle> RootedFolder::OpenDirectory(const std::string& key) {
  SPILLWAY_RETURN_IF_ERROR(CheckDirectory(key));
  SPILLWAY_ASSIGN_OR_RETURN(const FolderHandle root, Root());
  if (key.empty()) return root;
  const int fd = OpenBeneath(*root, key, kToList);
  if (fd < 0) return FolderError(fd, "Cannot open the folder", Shown(key));
  SPILLWAY_ASSIGN_OR_RETURN(FolderHandle folder, AsFolder(key, fd));
  // A link may lead there.
  FileFacts internal;
  if (calls_->FactsOf(root->fd(), std::string(kInternalFolder), &internal) == 0 &&
      internal.id == folder->facts.id)
    return MakeStatus(StatusCode::kPermissionDenied, "{} leads to a folder of Spillway's own",
                      Shown(key));
  return folder;
}

StatusOr<Place> RootedFolder::Find(const std::string& key) {
  SPILLWAY_RETURN_IF_ERROR(CheckKey(key));
  SPILLWAY_ASSIGN_OR_RETURN(FolderHandle folder, OpenDirectory(ParentKey(key)));
  return Place{std::move(folder), NameOf(key)};
}

StatusOr<Place> RootedFolder::FindOrMake(const std::string& key) {
  SPILLWAY_RETURN_IF_ERROR(CheckKey(key));
  SPILLWAY_ASSIGN_OR_RETURN(FolderHandle folder, OpenOrMakeDirectory(ParentKey(key)));
  return Place{std::move(folder), NameOf(key)};
}

StatusOr<FolderHandle> RootedFolder::OpenOrMakeDirectory(const std::string& key) {
  auto folder = OpenDirectory(key);
  // Others may remove what was just made.
  for (int i = 0; i < kFolderAttempts && folder.status().code() == StatusCode::kNotFound; ++i)
    folder = MakeDirectories(key);
  if (folder.status().code() == StatusCode::kNotFound)
    return MakeStatus(StatusCode::kFailedPrecondition, "{}: {}", Shown(key),
                      Message(folder.status()));
  return folder;
}

// NOT_FOUND if something is in the way, or was removed meanwhile.
StatusOr<FolderHandle> RootedFolder::MakeDirectories(const std::string& key) {
  SPILLWAY_ASSIGN_OR_RETURN(FolderHandle folder, OpenDirectory(""));
  const std::vector<std::string> parts = absl::StrSplit(key, '/');
  std::string below;
  for (const std::string& part : parts) {
    below = below.empty() ? part : JoinPath(below, part);
    auto next = OpenDirectory(below);
    if (next.status().code() == StatusCode::kNotFound) {
      const int error = calls_->MakeDirectory(folder->fd(), part, 0777);
      if (error < 0 && error != -EEXIST)
        return FolderError(error, "Cannot make the folder", Shown(below));
      next = OpenDirectory(below);
    }
    SPILLWAY_RETURN_IF_ERROR(next.status());
    folder = *std::move(next);
  }
  return folder;
}

StatusOr<FolderHandle> RootedFolder::Internal() {
  SPILLWAY_ASSIGN_OR_RETURN(const FolderHandle root, Root());
  const std::string name(kInternalFolder);
  int fd = calls_->OpenName(root->fd(), name, kToList, 0);
  if (fd == -ENOENT) {
    const int error = calls_->MakeDirectory(root->fd(), name, 0777);
    if (error < 0 && error != -EEXIST)
      return FolderError(error, "Cannot make the folder", Shown(name));
    fd = calls_->OpenName(root->fd(), name, kToList, 0);
  }
  if (fd == -ENOTDIR)
    return MakeStatus(StatusCode::kPermissionDenied, "{} is no folder", Shown(name));
  if (fd < 0) return FolderError(fd, "Cannot open the folder", Shown(name));
  SPILLWAY_ASSIGN_OR_RETURN(FolderHandle folder, AsFolder(name, fd));
  if (!IsDurable(folder->facts.id)) {
    SPILLWAY_RETURN_IF_ERROR(SyncNames(*root));
    NoteDurable(*folder);
  }
  return folder;
}

bool RootedFolder::IsDurable(const FileIdentity& id) {
  absl::MutexLock lock(&mutex_);
  return durable_.contains(id);
}

void RootedFolder::NoteDurable(const OpenFolder& folder) {
  // A new directory could not be told from the one that had its number before.
  if (folder.facts.id.born_ns == 0) return;
  absl::MutexLock lock(&mutex_);
  if (durable_.size() >= kDurableMax) durable_.clear();
  durable_.insert(folder.facts.id);
}

void RootedFolder::NoteRemoved(const FileIdentity& id) {
  absl::MutexLock lock(&mutex_);
  durable_.erase(id);
}

Status RootedFolder::SyncNames(const OpenFolder& folder) {
  const int error = calls_->Sync(folder.fd());
  // Some file systems have no sync of directories; what they promise of names is theirs.
  if (error >= 0 || error == -EINVAL || error == -EOPNOTSUPP) return absl::OkStatus();
  return Unavailable("{}", Message(ErrnoStatus(-error, "Cannot sync", Shown(folder.key))));
}

Status RootedFolder::MakeDurable(const OpenFolder& folder) {
  SPILLWAY_RETURN_IF_ERROR(SyncNames(folder));
  // Another thread, or a process that was killed, may have made the directories above and not
  // synced them: that they are there says nothing.
  std::string key = folder.key;
  std::vector<FolderHandle> named;
  if (!key.empty() && !IsDurable(folder.facts.id)) {
    while (!key.empty()) {
      key = ParentKey(key);
      auto above = OpenDirectory(key);
      // It was removed or replaced under our hands, and with it what was published in it.
      if (!above.ok()) return Unavailable("{}", Message(above.status()));
      SPILLWAY_RETURN_IF_ERROR(SyncNames(**above));
      named.push_back(*std::move(above));
      if (IsDurable(named.back()->facts.id)) break;
    }
    for (const FolderHandle& above : named) NoteDurable(*above);
    NoteDurable(folder);
  }
  return absl::OkStatus();
}

Status RootedFolder::MakeAbsenceDurable(const std::string& key) {
  std::string directory = key;
  do {
    directory = ParentKey(directory);
    const auto folder = OpenDirectory(directory);
    if (folder.ok()) return MakeDurable(**folder);
    if (folder.status().code() != StatusCode::kNotFound) return folder.status();
  } while (!directory.empty());
  return absl::OkStatus();
}

}  // namespace spillway
