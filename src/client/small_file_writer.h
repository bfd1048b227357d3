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

  // Blocks until the file is made, with copies on so many workers, or is not. After UNAVAILABLE and
  // DEADLINE_EXCEEDED it may be there: options' operation id tells when it is asked for again.
  Status Write(const std::string& path, const CreateFileOptions& options, int copies,
               std::string_view data);

 private:
  static constexpr int kCallsMax = 2;
  static constexpr int kFilesPerCallMax = 64;
  static constexpr int64_t kBytesPerCallMax = 1 << 20;

  struct Item {
    const std::string* path = nullptr;
    const CreateFileOptions* options = nullptr;
    int copies = 0;
    std::string_view data;
    bool done = false;
    Status status;
  };

  // The files at the head of the queue that go with one call.
  std::vector<Item*> TakeBatch() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Send(const std::vector<Item*>& items) ABSL_LOCKS_EXCLUDED(mutex_);
  void Answer(const std::vector<Item*>& items,
              const StatusOr<smallfiles::PutFilesResponse>& response) ABSL_LOCKS_EXCLUDED(mutex_);

  FileSystem* const fs_;
  absl::Mutex mutex_;
  std::deque<Item*> queue_ ABSL_GUARDED_BY(mutex_);
  int calls_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace spillway
