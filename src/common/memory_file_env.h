// The in-memory twin of the disk, with faults on request. For tests and simulation.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "common/file_env.h"

namespace spillway {

// Thread-safe. Directories exist implicitly once created or used.
class MemoryFileEnv : public FileEnv {
 public:
  Status CreateDirs(const std::string& path) override;
  StatusOr<std::unique_ptr<File>> Open(const std::string& path, bool create) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status Remove(const std::string& path) override;
  Status SyncDir(const std::string&) override;
  StatusOr<std::vector<std::string>> List(const std::string& path) override;
  bool Exists(const std::string& path) override;

  // Faults. Bytes that may still be written before the device is full; -1: no limit.
  void SetSpaceLeft(int64_t bytes);
  // Drops what was never synced, as a power loss does; files keep their size with keep_size, their
  // lost bytes being zeros.
  void LoseUnsynced(bool keep_size = false);
  // Operations on paths below prefix fail with status until it is OK.
  void FailBelow(const std::string& prefix, Status status);
  // What the file holds, nothing if it is missing; never fails.
  std::optional<std::string> Contents(const std::string& path);
  std::vector<std::string> FilesBelow(const std::string& prefix);
  // Flips one bit. NOT_FOUND if path is missing.
  Status FlipBit(const std::string& path, int64_t offset);

 private:
  friend class MemoryFile;
  void GiveBack(int64_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  struct Content {
    std::string data;
    std::string synced;
  };

  absl::Mutex mutex_;
  std::map<std::string, std::shared_ptr<Content>> files_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, bool> dirs_ ABSL_GUARDED_BY(mutex_);
  Status Broken(const std::string& path) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  std::string broken_ ABSL_GUARDED_BY(mutex_);
  Status failure_ ABSL_GUARDED_BY(mutex_);
  int64_t space_left_ ABSL_GUARDED_BY(mutex_) = -1;
};

}  // namespace spillway
