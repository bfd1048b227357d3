// Files of removed blocks. Some are kept to be written again: the memory or disk space behind them
// is there already, while a new file has to ask the kernel for every page, which costs as much as
// copying the data, and more on a virtual machine whose host takes free pages back. Others could
// not be removed and still take space.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>

#include "common/file_env.h"

namespace spillway {

// Not thread-safe.
class FreeFiles {
 public:
  // Of files that are kept to be written again.
  int64_t bytes() const { return bytes_; }
  // Of files that are to be removed and are still there.
  int64_t left_bytes() const { return left_bytes_; }
  size_t left_files() const { return left_.size(); }
  // Moves the file into folder; discards it if that fails.
  void Keep(FileEnv* env, const std::string& path, const std::string& folder, int64_t bytes);
  // Removes the file. If that fails it is remembered, and its bytes count until it is gone.
  void Discard(FileEnv* env, const std::string& path, int64_t bytes);
  // Something else stands at path now, in place of what was to be removed there.
  void Replaced(const std::string& path);
  // Tries to remove what could not be removed.
  void RetryLeft(FileEnv* env);
  // Forgets all files, and touches none.
  void Forget();
  // Puts the file that was kept last at path, in place of what is there, and opens it. Returns its
  // bytes; 0 if there is none that can be opened: *file and what is at path are as before.
  int64_t Take(FileEnv* env, const std::string& path, std::unique_ptr<File>* file);
  // Removes those that were kept before the last ticks calls of this.
  void Age(FileEnv* env, int ticks);
  // Removes kept files until there are no more bytes than these.
  void ShrinkTo(FileEnv* env, int64_t bytes);

 private:
  struct Kept {
    std::string path;
    int64_t bytes;
    int64_t tick;
  };
  void RemoveOldest(FileEnv* env);

  std::deque<Kept> kept_;
  int64_t bytes_ = 0;
  std::map<std::string, int64_t> left_;  // path -> bytes
  int64_t left_bytes_ = 0;
  int64_t tick_ = 0;
  uint64_t next_ = 0;
};

}  // namespace spillway
