// Files of removed blocks that are kept to be written again. The memory or disk space behind them
// is there already: a new file has to ask the kernel for every page, which costs as much as copying
// the data, and more on a virtual machine whose host takes free pages back.
#pragma once

#include <deque>
#include <string>

#include "common/file_env.h"

namespace spillway {

// Not thread-safe.
class FreeFiles {
 public:
  int64_t bytes() const { return bytes_; }
  // Moves the file into folder; removes it if that fails.
  void Keep(FileEnv* env, const std::string& path, const std::string& folder, int64_t bytes);
  // Puts the file that was kept last at path, in place of what is there. Its bytes; 0 if there is
  // none.
  int64_t Take(FileEnv* env, const std::string& path);
  // Removes those that were kept before the last ticks calls of this.
  void Age(FileEnv* env, int ticks);
  // Removes files until there are no more bytes than these.
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
  int64_t tick_ = 0;
  uint64_t next_ = 0;
};

}  // namespace spillway
