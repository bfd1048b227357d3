// Keys of a folder store as files below its root, and nowhere else. It alone makes paths of keys.
//
// Symbolic links below the root are followed as long as they stay beneath it; an absolute link does
// not. A key whose path leads out is PERMISSION_DENIED. Where the kernel has no openat2, no link is
// followed.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/synchronization/mutex.h"
#include "common/status.h"
#include "understore/local/file_calls.h"

namespace spillway {

// The folder, in the root, of what is not published yet.
inline constexpr std::string_view kInternalFolder = ".spillway-uploads";

struct OpenFile {
  Descriptor descriptor;
  FileFacts facts;
  int fd() const { return descriptor.fd(); }
};

// An open directory below the root.
struct OpenFolder {
  std::string key;  // "" is the root
  Descriptor descriptor;
  FileFacts facts;
  int fd() const { return descriptor.fd(); }
};
using FolderHandle = std::shared_ptr<const OpenFolder>;

// A name in an open directory.
struct Place {
  FolderHandle folder;
  std::string name;
};

// Thread-safe. calls must outlive it and what it hands out.
class RootedFolder {
 public:
  // The root is made when it is first needed.
  RootedFolder(std::string root, FileCalls* calls);

  // OK if a file of this key can be below the root; otherwise INVALID_ARGUMENT that says why.
  static Status CheckKey(const std::string& key);
  // As CheckKey, but "" is the root.
  static Status CheckDirectory(const std::string& key);
  static bool IsInternal(std::string_view name);

  FileCalls& calls() const { return *calls_; }
  // The key's path, for people.
  std::string Shown(const std::string& key) const;

  // Of what stands at the key, links followed. NOT_FOUND if nothing does.
  StatusOr<FileFacts> Look(const std::string& key);
  // A regular file to be read. NOT_FOUND if there is none.
  StatusOr<OpenFile> OpenToRead(const std::string& key);
  StatusOr<FolderHandle> OpenDirectory(const std::string& key);
  // NOT_FOUND if the directory that the key lies in is missing.
  StatusOr<Place> Find(const std::string& key);
  // Makes that directory and those above it, which are durable only after MakeDurable.
  // FAILED_PRECONDITION if a file stands where a directory is needed.
  StatusOr<Place> FindOrMake(const std::string& key);
  StatusOr<FolderHandle> OpenOrMakeDirectory(const std::string& key);
  // The internal folder, which is durable.
  StatusOr<FolderHandle> Internal();

  // On return all names in the directory are durable, and so are its own name and those of the
  // directories above it, whoever made them. UNAVAILABLE if that cannot be had.
  Status MakeDurable(const OpenFolder& folder);
  // The same of the directory that the key lies in, or of the nearest above it that is there: a key
  // that is missing stays so.
  Status MakeAbsenceDurable(const std::string& key);
  // The file system that holds folder was synced: its name needs no other sync.
  void NoteDurable(const OpenFolder& folder);
  // A directory was removed: another may be given its number.
  void NoteRemoved(const FileIdentity& id);

 private:
  StatusOr<FolderHandle> Root();
  StatusOr<FolderHandle> OpenRoot() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  StatusOr<int> OpenOrMakePath(const std::string& path);
  // A descriptor or -errno; links are followed as long as they stay beneath.
  int OpenBeneath(const OpenFolder& root, const std::string& key, int flags);
  int OpenWithoutLinks(const OpenFolder& root, const std::string& key, int flags);
  int OpenParts(const OpenFolder& root, const std::string& key, int flags);
  StatusOr<FolderHandle> AsFolder(const std::string& key, int fd);
  StatusOr<FolderHandle> MakeDirectories(const std::string& key);
  bool IsDurable(const FileIdentity& id);
  Status SyncNames(const OpenFolder& folder);

  const std::string root_path_;
  FileCalls* const calls_;
  absl::Mutex mutex_;
  FolderHandle root_ ABSL_GUARDED_BY(mutex_);
  bool has_openat2_ ABSL_GUARDED_BY(mutex_) = true;
  // Directories whose names are durable, up to the root. Forgotten when there are too many.
  absl::flat_hash_set<FileIdentity> durable_ ABSL_GUARDED_BY(mutex_);
};

// Of a call that returned error (negative): with what is done about links said clearly.
Status FolderError(int64_t error, const std::string& what, const std::string& shown);

}  // namespace spillway
