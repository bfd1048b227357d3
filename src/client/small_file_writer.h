// Writes small files by one call each, or one call for many: those that are asked for while calls
// are under way go together with the next.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "api/types.h"
#include "api/worker_api.h"

namespace spillway {

class FileSystem;

// Thread-safe.
class SmallFileWriter {
 public:
  static constexpr int64_t kFileBytesMax = 128 << 10;

  explicit SmallFileWriter(FileSystem* fs) : fs_(fs) {}

  struct File {
    std::string path;
    CreateFileOptions options;
    int copies = 0;  // on so many workers; 0: without data, of which only the master hears
    std::string_view data;
    bool done = false;
    // After UNAVAILABLE and DEADLINE_EXCEEDED the file may be there: options' operation id tells
    // when it is asked for again.
    Status status;
  };

  // Blocks until each of them is made or is not, as its status says then.
  void Write(const std::vector<File*>& files);

 private:
  static constexpr int kCallsMax = 3;
  static constexpr int kFilesPerCallMax = 64;
  static constexpr int64_t kBytesPerCallMax = 1 << 20;

  struct Waiting {
    File* file;
    const std::vector<File*>* call;  // of Write that asks for it
  };

  // The files at the head of the queue that go with one call.
  std::vector<File*> TakeBatch() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Send(const std::vector<File*>& items) ABSL_LOCKS_EXCLUDED(mutex_);
  void Answer(const std::vector<File*>& items,
              const StatusOr<smallfiles::PutFilesResponse>& response) ABSL_LOCKS_EXCLUDED(mutex_);

  FileSystem* const fs_;
  absl::Mutex mutex_;
  std::deque<Waiting> queue_ ABSL_GUARDED_BY(mutex_);
  int calls_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace spillway
