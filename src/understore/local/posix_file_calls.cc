#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "understore/local/file_calls.h"

namespace spillway {
namespace {

constexpr int kAgainMax = 64;

// A call's result or -errno.
template <typename F>
auto Outcome(F&& call) -> decltype(call()) {
  while (true) {
    const auto result = call();
    if (result >= 0) return result;
    if (errno != EINTR) return -errno;
  }
}

int64_t Nanoseconds(const struct statx_timestamp& at) {
  return at.tv_sec * 1'000'000'000LL + at.tv_nsec;
}

int FactsAt(int dir, const char* name, int flags, FileFacts* facts) {
  struct statx st {};
  const int result =
      Outcome([&] { return ::statx(dir, name, flags, STATX_BASIC_STATS | STATX_BTIME, &st); });
  if (result < 0) return result;
  facts->id.device = (static_cast<uint64_t>(st.stx_dev_major) << 32) | st.stx_dev_minor;
  facts->id.inode = st.stx_ino;
  facts->id.born_ns = (st.stx_mask & STATX_BTIME) != 0 ? Nanoseconds(st.stx_btime) : 0;
  facts->mode = st.stx_mode;
  facts->links = st.stx_nlink;
  facts->size_bytes = static_cast<int64_t>(st.stx_size);
  facts->modified_ns = Nanoseconds(st.stx_mtime);
  return 0;
}

}  // namespace

bool FileFacts::is_file() const { return S_ISREG(mode); }
bool FileFacts::is_directory() const { return S_ISDIR(mode); }
bool FileFacts::is_link() const { return S_ISLNK(mode); }

int PosixFileCalls::OpenPath(const std::string& path, int flags) {
  return Outcome([&] { return ::open(path.c_str(), flags | O_CLOEXEC); });
}

int PosixFileCalls::OpenBeneath(int dir, const std::string& path, int flags) {
  open_how how{};
  how.flags = static_cast<uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  int result = -EAGAIN;
  // A rename anywhere may make the kernel unsure of a "..".
  for (int i = 0; i < kAgainMax && result == -EAGAIN; ++i) {
    result = Outcome([&] {
      return static_cast<int>(::syscall(SYS_openat2, dir, path.c_str(), &how, sizeof(how)));
    });
  }
  return result;
}

int PosixFileCalls::OpenName(int dir, const std::string& name, int flags, uint32_t mode) {
  return Outcome([&] { return ::openat(dir, name.c_str(), flags | O_NOFOLLOW | O_CLOEXEC, mode); });
}

int PosixFileCalls::OpenUnnamed(int dir, int flags, uint32_t mode) {
  return Outcome([&] { return ::openat(dir, ".", flags | O_TMPFILE | O_CLOEXEC, mode); });
}

void PosixFileCalls::Close(int fd) { ::close(fd); }

int PosixFileCalls::Facts(int fd, FileFacts* facts) {
  return FactsAt(fd, "", AT_EMPTY_PATH, facts);
}

int PosixFileCalls::FactsOf(int dir, const std::string& name, FileFacts* facts) {
  return FactsAt(dir, name.c_str(), AT_SYMLINK_NOFOLLOW, facts);
}

int PosixFileCalls::Names(int dir, std::vector<std::string>* names) {
  const int fd = OpenName(dir, ".", O_RDONLY | O_DIRECTORY, 0);
  if (fd < 0) return fd;
  DIR* const stream = ::fdopendir(fd);
  if (stream == nullptr) {
    const int error = errno;
    ::close(fd);
    return -error;
  }
  errno = 0;
  while (const dirent* entry = ::readdir(stream)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names->push_back(name);
    errno = 0;
  }
  const int error = errno;
  ::closedir(stream);
  return -error;
}

int64_t PosixFileCalls::Read(int fd, void* data, int64_t size, int64_t offset) {
  return Outcome([&] { return ::pread(fd, data, static_cast<size_t>(size), offset); });
}

int64_t PosixFileCalls::Write(int fd, const void* data, int64_t size, int64_t offset) {
  return Outcome([&] { return ::pwrite(fd, data, static_cast<size_t>(size), offset); });
}

int64_t PosixFileCalls::CopyRange(int from, int to, int64_t size, int64_t offset) {
  loff_t from_at = offset;
  loff_t to_at = offset;
  return Outcome(
      [&] { return ::copy_file_range(from, &from_at, to, &to_at, static_cast<size_t>(size), 0); });
}

int PosixFileCalls::Truncate(int fd, int64_t size) {
  return Outcome([&] { return ::ftruncate(fd, size); });
}

int PosixFileCalls::SetMode(int fd, uint32_t mode) {
  return Outcome([&] { return ::fchmod(fd, mode); });
}

int PosixFileCalls::SetModified(int fd, int64_t modified_ns) {
  const timespec times[2] = {{0, UTIME_OMIT},
                             {modified_ns / 1'000'000'000, modified_ns % 1'000'000'000}};
  return Outcome([&] { return ::futimens(fd, times); });
}

// Errors are kept for Sync.
void PosixFileCalls::WriteBack(int fd, int64_t offset, int64_t size, bool wait) {
  constexpr unsigned kAndWait = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WAIT_AFTER;
  (void)::sync_file_range(fd, offset, size, SYNC_FILE_RANGE_WRITE | (wait ? kAndWait : 0));
}

int PosixFileCalls::Sync(int fd) {
  return Outcome([&] { return ::fsync(fd); });
}

int PosixFileCalls::SyncFileSystem(int fd) {
  return Outcome([&] { return ::syncfs(fd); });
}

int PosixFileCalls::LinkUnnamed(int fd, int dir, const std::string& name) {
  const std::string unnamed = "/proc/self/fd/" + std::to_string(fd);
  const int result = Outcome(
      [&] { return ::linkat(AT_FDCWD, unnamed.c_str(), dir, name.c_str(), AT_SYMLINK_FOLLOW); });
  if (result != -ENOENT) return result;
  // There is no /proc, or dir was removed. Not every kernel lets everybody do this.
  return Outcome([&] { return ::linkat(fd, "", dir, name.c_str(), AT_EMPTY_PATH); });
}

int PosixFileCalls::Link(int from_dir, const std::string& from, int dir, const std::string& name) {
  return Outcome([&] { return ::linkat(from_dir, from.c_str(), dir, name.c_str(), 0); });
}

int PosixFileCalls::Rename(int from_dir, const std::string& from, int dir, const std::string& name,
                           bool replace) {
  return Outcome([&] {
    return ::renameat2(from_dir, from.c_str(), dir, name.c_str(), replace ? 0 : RENAME_NOREPLACE);
  });
}

int PosixFileCalls::Unlink(int dir, const std::string& name) {
  return Outcome([&] { return ::unlinkat(dir, name.c_str(), 0); });
}

int PosixFileCalls::MakeDirectory(int dir, const std::string& name, uint32_t mode) {
  return Outcome([&] { return ::mkdirat(dir, name.c_str(), mode); });
}

int PosixFileCalls::RemoveDirectory(int dir, const std::string& name) {
  return Outcome([&] { return ::unlinkat(dir, name.c_str(), AT_REMOVEDIR); });
}

int64_t PosixFileCalls::NowNs() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

}  // namespace spillway
