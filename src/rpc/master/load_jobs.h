// Loads of files and trees into the workers that somebody asked for and follows. In memory: a load
// that a restart forgets is asked for again.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "common/clock.h"
#include "common/executor.h"
#include "master/master.h"
#include "rpc/master/job_report.h"

namespace spillway {

struct LoadProgress {
  std::string state;  // RUNNING, SUCCEEDED, FAILED, STOPPED
  int64_t files = 0;  // looked at; a folder that cannot be listed counts as one
  int64_t bytes = 0;  // of them
  size_t blocks = 0;  // to be loaded
  size_t blocks_left = 0;
  int64_t duration_ms = 0;
  // What could not be loaded, and why: the first of them, and how many there are.
  std::vector<std::pair<std::string, std::string>> failures;
  int64_t files_failed = 0;
};

// Thread-safe. One load a path; remembers the last 1,000.
class LoadJobs {
 public:
  // All outlive it; executor ends before it does.
  LoadJobs(Master* master, Executor* executor, Clock* clock, JobIds* ids)
      : master_(master), executor_(executor), clock_(clock), ids_(ids) {}
  struct Started {
    int64_t id = 0;
    bool before = false;  // path is being loaded already, by that job
  };
  Started Start(const Caller& caller, const std::string& path, int copies);
  // False if it is not running.
  bool Stop(const std::string& path);
  std::optional<LoadProgress> Progress(const std::string& path);
  // The path that a job loads.
  std::optional<std::string> PathOf(int64_t id);
  // With names, those of the files that are done.
  std::optional<JobReport> Report(int64_t id, bool names);
  std::vector<JobReport> Reports();

 private:
  struct File {
    std::string path;
    int64_t bytes = 0;
  };
  struct Job {
    LoadProgress progress;
    int64_t id = 0;
    int64_t began_ms = 0;
    int64_t begun_at_ms = 0;
    std::vector<std::string> files;
    bool walked = false;
    bool stopped = false;
    std::vector<BlockId> blocks;      // until it has ended
    std::map<InodeId, File> waiting;  // those that the blocks are of
    std::set<std::string> failed;
    std::optional<int64_t> settled_at_ms;  // monotonic
  };
  void Walk(const std::shared_ptr<Job>& job, const Caller& caller, const std::string& path,
            int copies);
  // Goes on past what cannot be loaded.
  Status Collect(const std::shared_ptr<Job>& job, const Caller& caller, const std::string& path,
                 int copies);
  void AddFailure(Job* job, const std::string& path, const Status& why)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // What of job's blocks is left decides whether it has ended.
  void Settle(Job* job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  JobReport ReportOf(const std::string& path, Job* job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Master* const master_;
  Executor* const executor_;
  Clock* const clock_;
  JobIds* const ids_;
  absl::Mutex mutex_;
  std::map<std::string, std::shared_ptr<Job>> jobs_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace spillway
