// A process of a local cluster, known by its pid file. Who runs holds a lock on the file for as
// long as it lives, so a pid that the kernel has given to somebody else is never signalled.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <utility>

namespace spillway {

class PidFile {
 public:
  explicit PidFile(std::string path) : path_(std::move(path)) {}

  // Of the process that holds the file's lock; 0 if there is none.
  pid_t Running() const;
  // Between fork and exec: writes the caller's pid and keeps the lock past exec. False if another
  // process holds it.
  bool Take() const;

  enum class Ended {
    kWasNotRunning,
    kWhenTold,
    kKilled,  // it had not ended after ms milliseconds
  };
  // Tells the process to end and waits. The file is removed.
  Ended Stop(int64_t ms) const;

 private:
  const std::string path_;
};

// Takes the lock of a file or folder for as long as the process lives, or until the descriptor that
// it returns is closed; -1 with errno: EWOULDBLOCK if another process has it, else why it cannot
// be.
int LockPath(const std::string& path, int open_flags);

}  // namespace spillway
