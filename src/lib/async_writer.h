// Whole files that are written while their caller goes on. Small ones that wait go together.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "client/file_system.h"
#include "common/executor.h"

namespace spillway {

// Thread-safe. Its end waits for what was asked.
class AsyncWriter {
 public:
  using Done = std::function<void(const Status&)>;

  // Neither is owned; the executor's threads block while they write.
  AsyncWriter(FileSystem* fs, Executor* executor) : fs_(fs), executor_(executor) {}
  ~AsyncWriter();

  // Runs done once, on a thread of the executor; it must not wait for other files.
  void Write(FileContent file, const WriteOptions& options, Done done);

 private:
  static constexpr int kDrainsMax = 2;
  static constexpr size_t kFilesTogether = 64;

  struct Waiting {
    FileContent file;
    WriteOptions options;
    Done done;
  };

  void Drain();
  // Those at the head of the queue that are written alike, and no more than is fair.
  std::vector<Waiting> TakeBatch() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  FileSystem* const fs_;
  Executor* const executor_;
  absl::Mutex mutex_;
  std::deque<Waiting> queue_ ABSL_GUARDED_BY(mutex_);
  size_t under_way_ ABSL_GUARDED_BY(mutex_) = 0;  // small files that are being written
  int drains_ ABSL_GUARDED_BY(mutex_) = 0;
  int long_files_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace spillway
