// The disk as a parameter: what block stores and local understores need of a file system.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/shared_bytes.h"
#include "common/status.h"

namespace spillway {

// An open file. Thread-safe for disjoint ranges.
class File {
 public:
  virtual ~File() = default;
  // Writes all bytes at offset. RESOURCE_EXHAUSTED when the device is full.
  virtual Status WriteAt(int64_t offset, std::span<const iovec> data) = 0;
  // Reads up to size bytes; fewer only at the end of the file.
  virtual StatusOr<int64_t> ReadAt(int64_t offset, void* data, int64_t size) = 0;
  // The same bytes where they lie, which must neither change nor be cut off while the result or a
  // part of it lives; offset is a multiple of kMapBytes. UNIMPLEMENTED where they lie on a device,
  // whose errors could not be told, or where a copy is as good.
  static constexpr int64_t kMapBytes = 4096;
  virtual StatusOr<SharedBytes> Map(int64_t offset, int64_t size);
  virtual StatusOr<int64_t> Size() = 0;
  virtual Status Truncate(int64_t size) = 0;
  // Durable against power loss on return.
  virtual Status Sync() = 0;
  // Begins to write the range to the device, or has it written on return. Makes nothing durable;
  // who syncs a lot without it keeps the device from others for as long.
  virtual void WriteBack(int64_t offset, int64_t size, bool wait) {}
};

// Thread-safe.
class FileEnv {
 public:
  virtual ~FileEnv() = default;
  virtual Status CreateDirs(const std::string& path) = 0;
  // Opens for reading and writing; creates when asked, and then truncates.
  virtual StatusOr<std::unique_ptr<File>> Open(const std::string& path, bool create) = 0;
  virtual Status Rename(const std::string& from, const std::string& to) = 0;
  virtual Status Remove(const std::string& path) = 0;
  // Names in the directory are durable on return.
  virtual Status SyncDir(const std::string& path) = 0;
  // All names in a directory, unsorted. NOT_FOUND if it is missing.
  virtual StatusOr<std::vector<std::string>> List(const std::string& path) = 0;
  virtual bool Exists(const std::string& path) = 0;
  // Opens for reading alone, which also works where nothing may be written.
  virtual StatusOr<std::unique_ptr<File>> OpenForRead(const std::string& path) {
    return Open(path, false);
  }
  // As Rename, but ALREADY_EXISTS if there is something at to.
  virtual Status RenameNew(const std::string& from, const std::string& to);
};

// The machine's files.
class PosixFileEnv : public FileEnv {
 public:
  Status CreateDirs(const std::string& path) override;
  StatusOr<std::unique_ptr<File>> Open(const std::string& path, bool create) override;
  StatusOr<std::unique_ptr<File>> OpenForRead(const std::string& path) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status RenameNew(const std::string& from, const std::string& to) override;
  Status Remove(const std::string& path) override;
  Status SyncDir(const std::string& path) override;
  StatusOr<std::vector<std::string>> List(const std::string& path) override;
  bool Exists(const std::string& path) override;
  // A file that is written past the page cache: buffers, offsets and sizes are multiples of
  // kDirectBytes. INVALID_ARGUMENT where the file system cannot.
  static constexpr int64_t kDirectBytes = 4096;
  StatusOr<std::unique_ptr<File>> OpenDirect(const std::string& path, bool create);
};

// A file of this machine that is open already, and closed with it.
std::unique_ptr<File> AdoptFile(int fd, const std::string& path);

// Status of an errno, with the path named. NOT_FOUND and ALREADY_EXISTS say what the errno says;
// PERMISSION_DENIED also stands for a file system that is read-only; RESOURCE_EXHAUSTED for a full
// device, and for too many open files or too little memory. A device's errors are UNKNOWN.
Status ErrnoStatus(int error, const std::string& what, const std::string& path);

Status ReadFileToString(FileEnv& env, const std::string& path, std::string* out);
// Replaces path atomically and durably.
Status WriteStringToFile(FileEnv& env, const std::string& path, const std::string& data);

}  // namespace spillway
