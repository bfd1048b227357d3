// The system calls of a store in a folder, relative to open directories: the seam at which tests
// record them.
#pragma once

#include <cstdint>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace spillway {

// Tells one directory from all others of its time, also from one whose inode number it was given.
struct FileIdentity {
  uint64_t device = 0;
  uint64_t inode = 0;
  int64_t born_ns = 0;  // 0 where the file system does not know

  auto Tuple() const { return std::tie(device, inode, born_ns); }
  bool operator==(const FileIdentity& other) const { return Tuple() == other.Tuple(); }
  template <typename H>
  friend H AbslHashValue(H h, const FileIdentity& id) {
    return H::combine(std::move(h), id.device, id.inode, id.born_ns);
  }
};

struct FileFacts {
  FileIdentity id;
  uint32_t mode = 0;  // type and permissions, as in stat
  uint32_t links = 0;
  int64_t size_bytes = 0;
  int64_t modified_ns = 0;

  bool is_file() const;
  bool is_directory() const;
  bool is_link() const;
};

// Each call returns what the system call of its name returns, or -errno; interrupted ones are made
// again. A name is one component, and a link at a name is never followed. Thread-safe.
class FileCalls {
 public:
  virtual ~FileCalls() = default;
  // path is as the process sees it: for the root alone.
  virtual int OpenPath(const std::string& path, int flags) = 0;
  // Follows links as long as they stay beneath dir: -EXDEV if not. -ENOSYS where the kernel cannot.
  virtual int OpenBeneath(int dir, const std::string& path, int flags) = 0;
  virtual int OpenName(int dir, const std::string& name, int flags, uint32_t mode) = 0;
  // A file without a name, on dir's file system. Gone when it is closed without a name.
  virtual int OpenUnnamed(int dir, int flags, uint32_t mode) = 0;
  virtual void Close(int fd) = 0;

  virtual int Facts(int fd, FileFacts* facts) = 0;
  virtual int FactsOf(int dir, const std::string& name, FileFacts* facts) = 0;
  // Unsorted, without "." and "..".
  virtual int Names(int dir, std::vector<std::string>* names) = 0;
  virtual int64_t Read(int fd, void* data, int64_t size, int64_t offset) = 0;

  virtual int64_t Write(int fd, const void* data, int64_t size, int64_t offset) = 0;
  // Both files at the same offset.
  virtual int64_t CopyRange(int from, int to, int64_t size, int64_t offset) = 0;
  virtual int Truncate(int fd, int64_t size) = 0;
  virtual int SetMode(int fd, uint32_t mode) = 0;
  virtual int SetModified(int fd, int64_t modified_ns) = 0;
  // Begins to write the range to the device, or has it written on return. Makes nothing durable.
  virtual void WriteBack(int fd, int64_t offset, int64_t size, bool wait) = 0;
  // Of a file: its bytes and attributes are durable. Of a directory: its names are.
  virtual int Sync(int fd) = 0;
  // Everything on the file system that fd lies on is durable.
  virtual int SyncFileSystem(int fd) = 0;

  // Gives an open unnamed file a name. -EEXIST if it is taken.
  virtual int LinkUnnamed(int fd, int dir, const std::string& name) = 0;
  virtual int Link(int from_dir, const std::string& from, int dir, const std::string& name) = 0;
  // Without replace: -EEXIST if the name is taken, -EINVAL where the file system cannot tell.
  virtual int Rename(int from_dir, const std::string& from, int dir, const std::string& name,
                     bool replace) = 0;
  virtual int Unlink(int dir, const std::string& name) = 0;
  virtual int MakeDirectory(int dir, const std::string& name, uint32_t mode) = 0;
  virtual int RemoveDirectory(int dir, const std::string& name) = 0;

  virtual int64_t NowNs() = 0;  // since the epoch
};

// The machine's.
class PosixFileCalls : public FileCalls {
 public:
  int OpenPath(const std::string& path, int flags) override;
  int OpenBeneath(int dir, const std::string& path, int flags) override;
  int OpenName(int dir, const std::string& name, int flags, uint32_t mode) override;
  int OpenUnnamed(int dir, int flags, uint32_t mode) override;
  void Close(int fd) override;
  int Facts(int fd, FileFacts* facts) override;
  int FactsOf(int dir, const std::string& name, FileFacts* facts) override;
  int Names(int dir, std::vector<std::string>* names) override;
  int64_t Read(int fd, void* data, int64_t size, int64_t offset) override;
  int64_t Write(int fd, const void* data, int64_t size, int64_t offset) override;
  int64_t CopyRange(int from, int to, int64_t size, int64_t offset) override;
  int Truncate(int fd, int64_t size) override;
  int SetMode(int fd, uint32_t mode) override;
  int SetModified(int fd, int64_t modified_ns) override;
  void WriteBack(int fd, int64_t offset, int64_t size, bool wait) override;
  int Sync(int fd) override;
  int SyncFileSystem(int fd) override;
  int LinkUnnamed(int fd, int dir, const std::string& name) override;
  int Link(int from_dir, const std::string& from, int dir, const std::string& name) override;
  int Rename(int from_dir, const std::string& from, int dir, const std::string& name,
             bool replace) override;
  int Unlink(int dir, const std::string& name) override;
  int MakeDirectory(int dir, const std::string& name, uint32_t mode) override;
  int RemoveDirectory(int dir, const std::string& name) override;
  int64_t NowNs() override;
};

// An open file or directory; closed with it. calls must outlive it.
class Descriptor {
 public:
  Descriptor() = default;
  Descriptor(FileCalls* calls, int fd) : calls_(calls), fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept
      : calls_(other.calls_), fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(calls_, other.calls_);
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) calls_->Close(fd_);
  }
  int fd() const { return fd_; }

 private:
  FileCalls* calls_ = nullptr;
  int fd_ = -1;
};

}  // namespace spillway
