#include "rpc/master/load_jobs.h"

#include "rpc/master/loading.h"

namespace spillway {

bool LoadJobs::Start(const Caller& caller, const std::string& path, int copies) {
  constexpr size_t kRemembered = 1000;
  auto job = std::make_shared<Job>();
  job->progress.state = "RUNNING";
  job->began_ms = clock_->MonotonicMs();
  {
    absl::MutexLock lock(&mutex_);
    if (const auto it = jobs_.find(path); it != jobs_.end()) {
      Settle(it->second.get());
      if (it->second->progress.state == "RUNNING") return false;
    }
    if (jobs_.size() >= kRemembered)
      std::erase_if(jobs_,
                    [](const auto& entry) { return entry.second->progress.state != "RUNNING"; });
    jobs_[path] = job;
  }
  executor_->Post([this, job, caller, path, copies] { Walk(job, caller, path, copies); });
  return true;
}

void LoadJobs::Walk(const std::shared_ptr<Job>& job, const Caller& caller, const std::string& path,
                    int copies) {
  const Status status = Collect(job, caller, path, copies);
  absl::MutexLock lock(&mutex_);
  job->walked = true;
  if (job->stopped || status.ok()) return;
  job->progress.state = "FAILED";
  job->progress.error = Message(status);
}

Status LoadJobs::Collect(const std::shared_ptr<Job>& job, const Caller& caller,
                         const std::string& path, int copies) {
  ListOptions options;
  options.recursive = true;
  options.blocks = false;
  return VisitListing(
      master_, caller, path, options, {}, [&](const FileStatus& file) -> StatusOr<bool> {
        if (file.is_directory) return true;
        auto blocks = master_->LoadFile(caller, file.path, copies);
        SPILLWAY_RETURN_IF_ERROR(blocks.result.status());
        absl::MutexLock lock(&mutex_);
        if (job->stopped) {
          master_->CancelLoad(*blocks.result);
          return false;
        }
        job->blocks.insert(job->blocks.end(), blocks.result->begin(), blocks.result->end());
        ++job->progress.files;
        job->progress.bytes += file.length_bytes;
        return true;
      });
}

void LoadJobs::Settle(Job* job) {
  if (job->progress.state != "RUNNING") return;
  job->progress.blocks = job->blocks.size();
  job->progress.blocks_left = master_->StillToLoad(job->blocks);
  job->progress.duration_ms = clock_->MonotonicMs() - job->began_ms;
  if (job->walked && job->progress.blocks_left == 0) job->progress.state = "SUCCEEDED";
}

bool LoadJobs::Stop(const std::string& path) {
  absl::MutexLock lock(&mutex_);
  const auto it = jobs_.find(path);
  if (it == jobs_.end()) return false;
  Settle(it->second.get());
  if (it->second->progress.state != "RUNNING") return false;
  it->second->stopped = true;
  it->second->progress.state = "STOPPED";
  master_->CancelLoad(it->second->blocks);
  return true;
}

std::optional<LoadProgress> LoadJobs::Progress(const std::string& path) {
  absl::MutexLock lock(&mutex_);
  const auto it = jobs_.find(path);
  if (it == jobs_.end()) return std::nullopt;
  Settle(it->second.get());
  return it->second->progress;
}

}  // namespace spillway
