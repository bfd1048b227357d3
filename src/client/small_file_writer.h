// Writes small files by one call each, or one call for many: those that are asked for while calls
// are under way go together with the next. A call that takes much longer than the others is made
// once more, to other workers: whichever answers first counts, and the files' operation ids see to
// it that they are made once.
#pragma once

#include <deque>
#include <list>
#include <memory>
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

  explicit SmallFileWriter(FileSystem* fs) : fs_(fs), listener_(std::make_shared<Listener>(this)) {}
  // The slower one of two calls may still be under way.
  ~SmallFileWriter();

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
  static constexpr size_t kCallsMax = 3;
  static constexpr int kFilesPerCallMax = 64;
  static constexpr int64_t kBytesPerCallMax = 1 << 20;
  // A call is late when it has taken so many times the usual, but not before and not after these.
  static constexpr int64_t kLateFactor = 8;
  static constexpr int64_t kLateMsMin = 250;
  static constexpr int64_t kLateMsMax = 2'000;

  struct Waiting {
    File* file;
    const std::vector<File*>* call;  // of Write that asks for it
  };

  struct Call;  // of one batch, made once or twice
  // What calls answer to, which may be after the writer's end.
  struct Listener {
    explicit Listener(SmallFileWriter* w) : writer(w) {}
    absl::Mutex mutex;
    SmallFileWriter* writer ABSL_GUARDED_BY(mutex);
  };

  // The files at the head of the queue that go with one call.
  std::vector<File*> TakeBatch() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Send(const std::shared_ptr<Call>& call) ABSL_LOCKS_EXCLUDED(mutex_);
  void Ask(const WorkerInfo& worker, const smallfiles::PutFilesRequest& request,
           const std::shared_ptr<Call>& call) ABSL_LOCKS_EXCLUDED(mutex_);
  void Answer(const std::shared_ptr<Call>& call,
              const StatusOr<smallfiles::PutFilesResponse>& response) ABSL_LOCKS_EXCLUDED(mutex_);
  int64_t LateAtMs(const Call& call) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Until the first call that was made once is late.
  absl::Duration UntilLate() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::shared_ptr<Call> TakeLate() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Hedge(const std::shared_ptr<Call>& call) ABSL_LOCKS_EXCLUDED(mutex_);

  FileSystem* const fs_;
  const std::shared_ptr<Listener> listener_;
  absl::Mutex mutex_;
  std::deque<Waiting> queue_ ABSL_GUARDED_BY(mutex_);
  std::list<std::shared_ptr<Call>> calls_ ABSL_GUARDED_BY(mutex_);  // not answered yet
  int64_t usual_ms_ ABSL_GUARDED_BY(mutex_) = 0;                    // that a call takes
};

}  // namespace spillway
