#include "bin/pid_file.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "common/clock.h"

namespace spillway {
namespace {

constexpr int64_t kPollMs = 20;
constexpr int64_t kAfterKillMs = 10'000;
constexpr int kLockTries = 50;

// False if it has not ended after ms milliseconds.
bool AwaitEnd(const PidFile& file, int process, pid_t pid, int64_t ms) {
  if (process >= 0) {
    pollfd ended{process, POLLIN, 0};
    return ::poll(&ended, 1, static_cast<int>(ms)) > 0;
  }
  SystemClock clock;
  for (const int64_t end_ms = clock.MonotonicMs() + ms; file.Running() == pid;) {
    if (clock.MonotonicMs() >= end_ms) return false;
    clock.SleepMs(kPollMs);
  }
  return true;
}

void Signal(int process, pid_t pid, int signal) {
  if (process >= 0) {
    ::syscall(SYS_pidfd_send_signal, process, signal, nullptr, 0);
  } else {
    ::kill(pid, signal);
  }
}

}  // namespace

int LockPath(const std::string& path, int open_flags) {
  const int fd = ::open(path.c_str(), open_flags | O_CLOEXEC, 0644);
  if (fd < 0) return -1;
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
  const int why = errno;
  ::close(fd);
  errno = why;
  return -1;
}

pid_t PidFile::Running() const {
  const int fd = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  pid_t pid = 0;
  if (::flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    char text[32] = "";
    if (::pread(fd, text, sizeof(text) - 1, 0) > 0) pid = std::atoi(text);
  }
  ::close(fd);
  return pid > 0 ? pid : 0;
}

bool PidFile::Take() const {
  const int fd = ::open(path_.c_str(), O_RDWR | O_CREAT, 0644);  // stays open past exec
  if (fd < 0) return false;
  // Who looks whether it is held holds it himself for a moment.
  for (int i = 0; ::flock(fd, LOCK_EX | LOCK_NB) != 0; ++i) {
    if (errno != EWOULDBLOCK || i == kLockTries) return false;
    ::usleep(kPollMs * 1000);
  }
  const std::string text = std::to_string(::getpid()) + "\n";
  return ::ftruncate(fd, 0) == 0 &&
         ::pwrite(fd, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size());
}

PidFile::Ended PidFile::Stop(int64_t ms) const {
  Ended ended = Ended::kWasNotRunning;
  const pid_t pid = Running();
  // The descriptor means one process for good: it is ours if the lock is still held now.
  const int process = pid > 0 ? static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)) : -1;
  if (pid > 0 && Running() == pid) {
    ended = Ended::kWhenTold;
    Signal(process, pid, SIGTERM);
    if (!AwaitEnd(*this, process, pid, ms)) {
      ended = Ended::kKilled;
      Signal(process, pid, SIGKILL);
      AwaitEnd(*this, process, pid, kAfterKillMs);
    }
  }
  if (process >= 0) ::close(process);
  ::unlink(path_.c_str());
  return ended;
}

}  // namespace spillway
