// Copies of files and trees that somebody asked for and follows. The workers copy. In memory: a
// copy that a restart forgets is asked for again.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "rpc/master/job_report.h"
#include "rpc/master/master_services.h"

namespace spillway {

struct CopyRequest {
  std::string source;
  std::string target;  // takes the place of source's name
  // Of each new file. CACHE_THROUGH and THROUGH: the job ends when all of it is persisted.
  CreateFileOptions options;
};

// INVALID_ARGUMENT for what is no path or no write type; options say the rest.
StatusOr<CopyRequest> MakeCopyRequest(const std::string& source, const std::string& target,
                                      const std::string& write_type,
                                      const CreateFileOptions& options);

// Thread-safe. Remembers the last hundred that have ended.
class CopyJobs {
 public:
  // What context points to and ids outlive it; context's executor ends before it does.
  CopyJobs(const MasterServiceContext& context, JobIds* ids) : context_(context), ids_(ids) {}
  using Started = std::function<void(StatusOr<int64_t>)>;
  // done gets the job's id, or why none was begun: no source, no parent of target, or
  // RESOURCE_EXHAUSTED while too many run. Off this thread.
  void Start(const Caller& caller, const CopyRequest& request, Started done);
  // Files that are complete stay. NOT_FOUND if no such job is known; PERMISSION_DENIED for who is
  // neither a superuser nor has started it.
  Status Cancel(const Caller& caller, int64_t id);
  // With names, those of the files that are done.
  std::optional<JobReport> Report(int64_t id, bool names);
  std::vector<JobReport> Reports();

 private:
  struct File {
    std::string source;
    std::string target;
    int64_t bytes = 0;
  };
  struct Job {
    JobReport report;  // without names
    std::vector<std::string> done;
    Caller caller;
    CopyRequest request;
    bool wait_persisted = false;
    std::optional<int64_t> persist_cut;  // everything completed before is waited for
    int64_t persist_asked_ms = 0;        // monotonic
    bool reading = false;                // of the listing's next page
    ListCursor cursor;
    std::deque<File> found;
    std::deque<File> markers;  // commit markers, which come when all else is copied
    std::map<std::string, std::optional<InodeId>>
        in_flight;  // targets; their files once they exist
  };
  using JobPtr = std::shared_ptr<Job>;

  void Begin(const JobPtr& job, const Started& done);
  // Gives the job its id.
  Status Enlist(const JobPtr& job);
  Status MakeFolder(const Job& job, const std::string& path);
  void Pump(const JobPtr& job);
  void ReadPage(const JobPtr& job);
  Status AddPage(const JobPtr& job);
  void Add(const JobPtr& job, File file);
  void Copy(const JobPtr& job, const File& file);
  void CopyFile(const JobPtr& job, const File& file);
  bool IsRunning(const JobPtr& job);
  void Ended(const JobPtr& job, const File& file, const Status& status);
  static void AddFailure(Job* job, const std::string& path, const Status& why);
  // The whole job cannot go on.
  void Fail(const JobPtr& job, const Status& why);
  void StartMarkers(Job* job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  static bool AllIsCopied(const Job& job);
  void EndIfDone(Job* job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void End(Job* job, JobState state) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Of what was copied and is still to be persisted.
  void CheckPersisted(const JobPtr& job);
  JobPtr Find(int64_t id);

  const MasterServiceContext context_;
  JobIds* const ids_;
  absl::Mutex mutex_;
  std::map<int64_t, JobPtr> jobs_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace spillway
