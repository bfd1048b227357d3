#include "common/file_env.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "common/checked.h"

namespace spillway {

Status ErrnoStatus(int error, const std::string& what, const std::string& path) {
  StatusCode code = StatusCode::kUnknown;
  if (error == ENOENT || error == ENOTDIR) code = StatusCode::kNotFound;
  if (error == EACCES || error == EPERM || error == EROFS) code = StatusCode::kPermissionDenied;
  if (error == ENOSPC || error == EDQUOT) code = StatusCode::kResourceExhausted;
  if (error == EMFILE || error == ENFILE || error == ENOMEM) code = StatusCode::kResourceExhausted;
  if (error == EEXIST) code = StatusCode::kAlreadyExists;
  if (error == ENAMETOOLONG) code = StatusCode::kInvalidArgument;
  return MakeStatus(code, "{} {}: {}", what, path, std::strerror(error));
}

Status FileEnv::RenameNew(const std::string& from, const std::string& to) {
  if (Exists(to))
    return MakeStatus(StatusCode::kAlreadyExists, "Cannot rename {}: {} is there", from, to);
  return Rename(from, to);
}

StatusOr<SharedBytes> File::Map(int64_t, int64_t) {
  return MakeStatus(StatusCode::kUnimplemented, "The bytes of this file cannot be shared.");
}

namespace {

// A range of a file in memory.
class Mapping {
 public:
  Mapping(void* data, size_t size) : data_(data), size_(size) {}
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() { ::munmap(data_, size_); }
  std::string_view view() const { return {static_cast<const char*>(data_), size_}; }

 private:
  void* const data_;
  const size_t size_;
};

class PosixFile : public File {
 public:
  PosixFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  ~PosixFile() override { ::close(fd_); }

  Status WriteAt(int64_t offset, std::span<const iovec> data) override {
    std::vector<iovec> left(data.begin(), data.end());
    size_t first = 0;
    while (first < left.size()) {
      const int count = static_cast<int>(std::min<size_t>(left.size() - first, IOV_MAX));
      ssize_t n = ::pwritev(fd_, left.data() + first, count, offset);
      if (n < 0) {
        if (errno == EINTR) continue;
        return ErrnoStatus(errno, "Cannot write", path_);
      }
      offset += n;
      while (first < left.size() && static_cast<size_t>(n) >= left[first].iov_len) {
        n -= static_cast<ssize_t>(left[first++].iov_len);
      }
      if (first < left.size()) {
        left[first].iov_base = static_cast<char*>(left[first].iov_base) + n;
        left[first].iov_len -= static_cast<size_t>(n);
      }
    }
    return absl::OkStatus();
  }

  StatusOr<int64_t> ReadAt(int64_t offset, void* data, int64_t size) override {
    int64_t done = 0;
    while (done < size) {
      const ssize_t n = ::pread(fd_, static_cast<char*>(data) + done, size - done, offset + done);
      if (n < 0) {
        if (errno == EINTR) continue;
        return ErrnoStatus(errno, "Cannot read", path_);
      }
      if (n == 0) break;
      done += n;
    }
    return done;
  }

  StatusOr<SharedBytes> Map(int64_t offset, int64_t size) override {
    struct statfs at {};
    struct stat st {};
    // Reading a mapping of what others cut off ends the process: what others may write is read.
    const bool whole = ::fstatfs(fd_, &at) == 0 && at.f_type == TMPFS_MAGIC && size > 0 &&
                       offset % kMapBytes == 0 && ::fstat(fd_, &st) == 0 &&
                       IsRangeWithin(offset, size, st.st_size) && (st.st_mode & S_IWOTH) == 0;
    if (!whole) return File::Map(offset, size);
    void* const data = ::mmap(nullptr, static_cast<size_t>(size), PROT_READ,
                              MAP_SHARED | MAP_POPULATE, fd_, offset);
    if (data == MAP_FAILED) return File::Map(offset, size);  // too many mappings: it can be read
    const auto mapping = std::make_shared<const Mapping>(data, static_cast<size_t>(size));
    return SharedBytes(mapping, mapping->view());
  }

  StatusOr<int64_t> Size() override {
    struct stat st {};
    if (::fstat(fd_, &st) != 0) return ErrnoStatus(errno, "Cannot stat", path_);
    return static_cast<int64_t>(st.st_size);
  }

  Status Truncate(int64_t size) override {
    if (::ftruncate(fd_, size) != 0) return ErrnoStatus(errno, "Cannot truncate", path_);
    return absl::OkStatus();
  }

  Status Sync() override {
    if (::fdatasync(fd_) != 0) return ErrnoStatus(errno, "Cannot sync", path_);
    return absl::OkStatus();
  }

  // Errors are kept for Sync.
  void WriteBack(int64_t offset, int64_t size, bool wait) override {
    constexpr unsigned kAndWait = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WAIT_AFTER;
    (void)::sync_file_range(fd_, offset, size, SYNC_FILE_RANGE_WRITE | (wait ? kAndWait : 0));
  }

 private:
  const int fd_;
  const std::string path_;
};

}  // namespace

std::unique_ptr<File> AdoptFile(int fd, const std::string& path) {
  return std::make_unique<PosixFile>(fd, path);
}

Status PosixFileEnv::CreateDirs(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return ErrnoStatus(error.value(), "Cannot create folder", path);
  return absl::OkStatus();
}

StatusOr<std::unique_ptr<File>> PosixFileEnv::Open(const std::string& path, bool create) {
  const int flags = O_RDWR | O_CLOEXEC | (create ? O_CREAT | O_TRUNC : 0);
  const int fd = ::open(path.c_str(), flags, 0666);
  if (fd < 0) return ErrnoStatus(errno, "Cannot open", path);
  return std::make_unique<PosixFile>(fd, path);
}

StatusOr<std::unique_ptr<File>> PosixFileEnv::OpenForRead(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return ErrnoStatus(errno, "Cannot open", path);
  return std::make_unique<PosixFile>(fd, path);
}

StatusOr<std::unique_ptr<File>> PosixFileEnv::OpenDirect(const std::string& path, bool create) {
  const int flags = O_RDWR | O_CLOEXEC | O_DIRECT | (create ? O_CREAT | O_TRUNC : 0);
  const int fd = ::open(path.c_str(), flags, 0666);
  if (fd < 0 && errno == EINVAL) return InvalidArgument("{} has to be written by the cache.", path);
  if (fd < 0) return ErrnoStatus(errno, "Cannot open", path);
  return std::make_unique<PosixFile>(fd, path);
}

Status PosixFileEnv::Rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return ErrnoStatus(errno, "Cannot rename", from);
  return absl::OkStatus();
}

Status PosixFileEnv::RenameNew(const std::string& from, const std::string& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0)
    return absl::OkStatus();
  if (errno != EINVAL && errno != ENOSYS) return ErrnoStatus(errno, "Cannot rename", from);
  // This file system cannot promise it.
  struct stat st {};
  if (::lstat(to.c_str(), &st) == 0) return ErrnoStatus(EEXIST, "Cannot rename", from);
  if (errno != ENOENT) return ErrnoStatus(errno, "Cannot look at", to);
  return Rename(from, to);
}

Status PosixFileEnv::Remove(const std::string& path) {
  if (::unlink(path.c_str()) != 0) return ErrnoStatus(errno, "Cannot remove", path);
  return absl::OkStatus();
}

Status PosixFileEnv::SyncDir(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return ErrnoStatus(errno, "Cannot open", path);
  const int result = ::fsync(fd);
  const int error = errno;
  ::close(fd);
  return result == 0 ? absl::OkStatus() : ErrnoStatus(error, "Cannot sync", path);
}

StatusOr<std::vector<std::string>> PosixFileEnv::List(const std::string& path) {
  DIR* dir = ::opendir(path.c_str());
  if (dir == nullptr) return ErrnoStatus(errno, "Cannot list", path);
  std::vector<std::string> names;
  int error = 0;
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(dir);
    if (entry == nullptr) {
      error = errno;
      break;
    }
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  ::closedir(dir);
  if (error != 0) return ErrnoStatus(error, "Cannot list", path);
  return names;
}

bool PosixFileEnv::Exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

Status ReadFileToString(FileEnv& env, const std::string& path, std::string* out) {
  SPILLWAY_ASSIGN_OR_RETURN(auto file, env.OpenForRead(path));
  SPILLWAY_ASSIGN_OR_RETURN(const int64_t size, file->Size());
  out->resize(size);
  SPILLWAY_ASSIGN_OR_RETURN(const int64_t n, file->ReadAt(0, out->data(), size));
  out->resize(n);
  return absl::OkStatus();
}

Status WriteStringToFile(FileEnv& env, const std::string& path, const std::string& data) {
  const std::string temp = path + ".tmp";
  {
    SPILLWAY_ASSIGN_OR_RETURN(auto file, env.Open(temp, true));
    const iovec part{const_cast<char*>(data.data()), data.size()};
    SPILLWAY_RETURN_IF_ERROR(file->WriteAt(0, std::span(&part, 1)));
    SPILLWAY_RETURN_IF_ERROR(file->Sync());
  }
  return env.Rename(temp, path);
}

}  // namespace spillway
