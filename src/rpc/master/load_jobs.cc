#include "rpc/master/load_jobs.h"

#include <utility>

#include "common/checked.h"
#include "rpc/master/loading.h"

namespace spillway {

LoadJobs::Started LoadJobs::Start(const Caller& caller, const std::string& path, int copies) {
  constexpr size_t kRemembered = 1000;
  constexpr size_t kNamed = 100;
  auto job = std::make_shared<Job>();
  job->progress.state = "RUNNING";
  job->id = ids_->Next();
  job->began_ms = clock_->MonotonicMs();
  job->begun_at_ms = clock_->NowMs();
  {
    absl::MutexLock lock(&mutex_);
    if (const auto it = jobs_.find(path); it != jobs_.end()) {
      it->second->settled_at_ms.reset();
      Settle(it->second.get());
      if (it->second->progress.state == "RUNNING") return {it->second->id, true};
    }
    // Files are named of the latest only.
    if (jobs_.size() >= kNamed) {
      for (auto& [other, ended] : jobs_) {
        if (ended->progress.state != "RUNNING") ended->files = {};
      }
    }
    if (jobs_.size() >= kRemembered) {
      for (auto& [other, followed] : jobs_) Settle(followed.get());
      std::erase_if(jobs_,
                    [](const auto& entry) { return entry.second->progress.state != "RUNNING"; });
    }
    jobs_[path] = job;
  }
  executor_->Post([this, job, caller, path, copies] { Walk(job, caller, path, copies); });
  return {job->id, false};
}

void LoadJobs::Walk(const std::shared_ptr<Job>& job, const Caller& caller, const std::string& path,
                    int copies) {
  const Status status = Collect(job, caller, path, copies);
  absl::MutexLock lock(&mutex_);
  job->walked = true;
  if (job->stopped || status.ok()) return;
  ++job->progress.files;
  AddFailure(job.get(), path, status);
}

void LoadJobs::AddFailure(Job* job, const std::string& path, const Status& why) {
  constexpr size_t kFailuresMax = 1000;
  if (!job->failed.insert(path).second) return;
  ++job->progress.files_failed;
  if (job->progress.failures.size() < kFailuresMax)
    job->progress.failures.emplace_back(path, Message(why));
}

Status LoadJobs::Collect(const std::shared_ptr<Job>& job, const Caller& caller,
                         const std::string& path, int copies) {
  ListOptions options;
  options.recursive = true;
  options.blocks = false;
  const auto load = [&](const FileStatus& file) -> StatusOr<bool> {
    if (file.is_directory) return true;
    const auto blocks = master_->LoadFile(caller, file.path, copies);
    absl::MutexLock lock(&mutex_);
    if (job->stopped) {
      if (blocks.result.ok()) master_->CancelLoad(*blocks.result);
      return false;
    }
    ++job->progress.files;
    if (!blocks.result.ok()) {
      AddFailure(job.get(), file.path, blocks.result.status());
      return true;
    }
    job->blocks.insert(job->blocks.end(), blocks.result->begin(), blocks.result->end());
    if (!blocks.result->empty()) job->waiting[file.id] = {file.path, file.length_bytes};
    if (job->files.size() < JobReport::kNamesMax) job->files.push_back(file.path);
    job->progress.bytes = SaturatingAdd(job->progress.bytes, file.length_bytes);
    return true;
  };
  return VisitListing(master_, caller, path, options, {}, load,
                      [&](const std::string& folder, const Status& why) {
                        absl::MutexLock lock(&mutex_);
                        ++job->progress.files;
                        AddFailure(job.get(), folder, why);
                      });
}

void LoadJobs::Settle(Job* job) {
  constexpr int64_t kSettledMs = 100;  // who follows a job may ask far more often
  if (job->progress.state != "RUNNING") return;
  const int64_t now_ms = clock_->MonotonicMs();
  if (job->settled_at_ms && now_ms - *job->settled_at_ms < kSettledMs) return;
  job->settled_at_ms = now_ms;
  job->progress.blocks = job->blocks.size();
  FailedLoads failed;
  job->progress.blocks_left = master_->StillToLoad(job->blocks, &failed);
  for (const auto& [block, why] : failed) {
    const auto file = job->waiting.find(FileIdOfBlock(block));
    if (file == job->waiting.end()) continue;
    AddFailure(job, file->second.path, why);
    job->progress.bytes -= std::exchange(file->second.bytes, 0);
  }
  job->progress.duration_ms = now_ms - job->began_ms;
  if (!job->walked || job->progress.blocks_left > 0) return;
  job->progress.state = job->progress.files_failed == 0 ? "SUCCEEDED" : "FAILED";
  std::erase_if(job->files, [job](const std::string& path) { return job->failed.count(path) > 0; });
  job->blocks = {};
  job->waiting = {};
  job->failed = {};
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

std::optional<std::string> LoadJobs::PathOf(int64_t id) {
  absl::MutexLock lock(&mutex_);
  for (const auto& [path, job] : jobs_) {
    if (job->id == id) return path;
  }
  return std::nullopt;
}

JobReport LoadJobs::ReportOf(const std::string& path, Job* job) {
  Settle(job);
  const LoadProgress& progress = job->progress;
  JobReport report;
  report.id = job->id;
  report.kind = "Load";
  report.description = path;
  report.state = progress.state == "RUNNING"     ? JobState::kRunning
                 : progress.state == "SUCCEEDED" ? JobState::kCompleted
                 : progress.state == "FAILED"    ? JobState::kFailed
                                                 : JobState::kCanceled;
  const bool ended = progress.state == "SUCCEEDED" || progress.state == "FAILED";
  report.files = progress.files;
  report.files_failed = progress.files_failed;
  report.files_done = ended ? progress.files - progress.files_failed : 0;
  report.bytes_done = ended ? progress.bytes : 0;
  report.walked = job->walked;
  report.begun_at_ms = job->begun_at_ms;
  if (report.state != JobState::kRunning)
    report.ended_at_ms = job->begun_at_ms + progress.duration_ms;
  report.failures = progress.failures;
  return report;
}

std::optional<JobReport> LoadJobs::Report(int64_t id, bool names) {
  const auto path = PathOf(id);
  if (!path) return std::nullopt;
  absl::MutexLock lock(&mutex_);
  const auto it = jobs_.find(*path);
  if (it == jobs_.end()) return std::nullopt;
  JobReport report = ReportOf(*path, it->second.get());
  if (names && report.files_done > 0) report.done = it->second->files;
  return report;
}

std::vector<JobReport> LoadJobs::Reports() {
  absl::MutexLock lock(&mutex_);
  std::vector<JobReport> reports;
  for (const auto& [path, job] : jobs_) reports.push_back(ReportOf(path, job.get()));
  return reports;
}

}  // namespace spillway
