#include "rpc/master/copy_jobs.h"

#include <algorithm>

#include "common/path.h"
#include "rpc/master/loading.h"

namespace spillway {
namespace {

constexpr size_t kInFlightMax = 256;  // files of one job
constexpr size_t kFoundMax = 2000;    // files of one job that wait; more are read when they are few
constexpr size_t kRunningMax = 100;
constexpr size_t kEndedMax = 100;
constexpr size_t kFailuresMax = 1000;
constexpr size_t kNamedMax = 10;          // ended jobs whose files are still named
constexpr int64_t kPersistAskedMs = 100;  // who follows a job may ask far more often

}  // namespace

StatusOr<CopyRequest> MakeCopyRequest(const std::string& source, const std::string& target,
                                      const std::string& write_type,
                                      const CreateFileOptions& options) {
  CopyRequest request;
  request.options = options;
  SPILLWAY_ASSIGN_OR_RETURN(request.source, NormalizePath(source));
  SPILLWAY_ASSIGN_OR_RETURN(request.target, NormalizePath(target));
  const auto type = ParseWriteType(write_type);
  if (!type) return InvalidArgument("\"{}\" is no write type.", write_type);
  request.options.write_type = *type;
  return request;
}

void CopyJobs::Start(const Caller& caller, const CopyRequest& request, Started done) {
  if (IsWithin(request.target, request.source)) {
    return done(InvalidArgument("Cannot copy {} to {}: the target is the source or lies below it.",
                                request.source, request.target));
  }
  auto job = std::make_shared<Job>();
  job->caller = caller;
  job->request = request;
  CreateFileOptions& options = job->request.options;
  const WriteType type = options.write_type;
  job->wait_persisted = type == WriteType::kCacheThrough || type == WriteType::kThrough;
  if (job->wait_persisted) options.write_type = WriteType::kAsyncThrough;
  if (options.write_type != WriteType::kAsyncThrough) options.persistence_wait_time_ms = -1;
  job->report.kind = "Migrate";
  job->report.description = request.source + " -> " + request.target;
  job->report.begun_at_ms = context_.clock->NowMs();
  context_.executor->Post([this, job, done = std::move(done)] { Begin(job, done); });
}

Status CopyJobs::Enlist(const JobPtr& job) {
  absl::MutexLock lock(&mutex_);
  const auto running = [](const auto& entry) {
    return entry.second->report.state == JobState::kRunning;
  };
  const auto count = static_cast<size_t>(std::count_if(jobs_.begin(), jobs_.end(), running));
  if (count >= kRunningMax) {
    return MakeStatus(StatusCode::kResourceExhausted,
                      "{} copies run already: wait for one to end, or cancel it.", count);
  }
  for (auto it = jobs_.begin(); it != jobs_.end() && jobs_.size() - count >= kEndedMax;)
    it = running(*it) ? std::next(it) : jobs_.erase(it);
  job->report.id = ids_->Next();
  jobs_[job->report.id] = job;
  return absl::OkStatus();
}

void CopyJobs::Begin(const JobPtr& job, const Started& done) {
  const CopyRequest& request = job->request;
  if (const Status loaded = LoadNow(context_, {request.source}, Loading()); !loaded.ok())
    return done(loaded);
  const auto source = context_.master->GetStatus(job->caller, request.source);
  if (!source.result.ok()) return done(source.result.status());
  const bool tree = source.result->is_directory;
  const Status begun = tree ? MakeFolder(*job, request.target) : absl::OkStatus();
  if (!begun.ok()) return done(begun);
  if (const Status enlisted = Enlist(job); !enlisted.ok()) return done(enlisted);
  done(job->report.id);
  if (tree) return ReadPage(job);
  Add(job, {request.source, request.target, source.result->length_bytes});
  {
    absl::MutexLock lock(&mutex_);
    job->report.walked = true;
  }
  Pump(job);
}

Status CopyJobs::MakeFolder(const Job& job, const std::string& path) {
  CreateDirectoryOptions options;
  options.allow_exists = true;
  Loading loading;
  loading.if_it_answers = true;
  SPILLWAY_RETURN_IF_ERROR(LoadNow(context_, {path}, loading));
  return context_.master->CreateDirectory(job.caller, path, options).result.status();
}

void CopyJobs::Add(const JobPtr& job, File file) {
  absl::MutexLock lock(&mutex_);
  if (job->report.state != JobState::kRunning) return;
  ++job->report.files;
  const bool marker = context_.master->MarkerDepth(file.target) > 0;
  (marker ? job->markers : job->found).push_back(std::move(file));
}

void CopyJobs::ReadPage(const JobPtr& job) {
  if (const Status status = AddPage(job); !status.ok()) return Fail(job, status);
  {
    absl::MutexLock lock(&mutex_);
    job->reading = false;
    job->report.walked = job->cursor.done;
  }
  Pump(job);
}

Status CopyJobs::AddPage(const JobPtr& job) {
  const CopyRequest& request = job->request;
  const auto target = [&](const std::string& path) {
    return request.target + path.substr(request.source == "/" ? 0 : request.source.size());
  };
  ListOptions options;
  options.recursive = true;
  options.blocks = false;
  const auto failed = [&](const std::string& path, const Status& why) {
    absl::MutexLock lock(&mutex_);
    AddFailure(job.get(), path, why);
  };
  SPILLWAY_ASSIGN_OR_RETURN(const auto page, NextPage(context_.master, job->caller, request.source,
                                                      options, &job->cursor, failed));
  for (const FileStatus& entry : page) {
    if (entry.is_directory) {
      SPILLWAY_RETURN_IF_ERROR(MakeFolder(*job, target(entry.path)));
    } else {
      Add(job, {entry.path, target(entry.path), entry.length_bytes});
    }
  }
  return absl::OkStatus();
}

void CopyJobs::Pump(const JobPtr& job) {
  std::vector<File> files;
  {
    absl::MutexLock lock(&mutex_);
    if (job->report.walked && job->found.empty() && job->in_flight.empty()) StartMarkers(job.get());
    while (!job->found.empty() && job->in_flight.size() < kInFlightMax) {
      files.push_back(std::move(job->found.front()));
      job->found.pop_front();
      job->in_flight[files.back().target];
    }
    const bool read = job->report.state == JobState::kRunning && !job->report.walked &&
                      !job->reading && job->found.size() < kFoundMax;
    if (read) {
      job->reading = true;
      context_.executor->Post([this, job] { ReadPage(job); });
    }
    EndIfDone(job.get());
  }
  for (const File& file : files) Copy(job, file);
  CheckPersisted(job);
}

void CopyJobs::Copy(const JobPtr& job, const File& file) {
  Loading loading;
  loading.if_it_answers = true;
  WithLoaded(context_, {file.target}, loading, [this, job, file](const Status& loaded) {
    if (!loaded.ok()) return Ended(job, file, loaded);
    context_.master->AdmitBlock(file.target, false, [this, job, file](const Status& admitted) {
      if (!admitted.ok()) return Ended(job, file, admitted);
      CopyFile(job, file);
    });
  });
}

void CopyJobs::CopyFile(const JobPtr& job, const File& file) {
  if (!IsRunning(job))
    return Ended(job, file, MakeStatus(StatusCode::kCancelled, "The job has ended."));
  const auto id = context_.master->CopyFile(
      job->caller, file.source, file.target, job->request.options,
      [this, job, file](const StatusOr<InodeId>& copied) { Ended(job, file, copied.status()); });
  if (!id) return;
  {
    absl::MutexLock lock(&mutex_);
    const auto it = job->in_flight.find(file.target);
    if (it == job->in_flight.end()) return;  // it has ended already
    it->second = *id;
    if (job->report.state == JobState::kRunning) return;
  }
  // Cancelled in the meantime.
  (void)context_.master->AbandonFile(job->caller, *id, false);
}

bool CopyJobs::IsRunning(const JobPtr& job) {
  absl::MutexLock lock(&mutex_);
  return job->report.state == JobState::kRunning;
}

void CopyJobs::Ended(const JobPtr& job, const File& file, const Status& status) {
  {
    absl::MutexLock lock(&mutex_);
    JobReport& report = job->report;
    job->in_flight.erase(file.target);
    if (status.ok() && report.state != JobState::kCanceled) {
      ++report.files_done;
      report.bytes_done += file.bytes;
      if (job->done.size() < JobReport::kNamesMax) job->done.push_back(file.source);
    } else if (report.state == JobState::kRunning) {
      AddFailure(job.get(), file.source, status);
    }
  }
  // Not from here: what it starts may end at once, and so on, ever deeper.
  context_.executor->Post([this, job] { Pump(job); });
}

void CopyJobs::AddFailure(Job* job, const std::string& path, const Status& why) {
  ++job->report.files_failed;
  if (job->report.failures.size() < kFailuresMax)
    job->report.failures.emplace_back(path, Message(why));
}

void CopyJobs::Fail(const JobPtr& job, const Status& why) {
  absl::MutexLock lock(&mutex_);
  if (job->report.state != JobState::kRunning) return;
  AddFailure(job.get(), job->request.source, why);
  job->found.clear();
  job->markers.clear();
  End(job.get(), JobState::kFailed);
}

// They vouch for what is there already. Where something failed there is nothing to vouch for.
void CopyJobs::StartMarkers(Job* job) {
  job->found.swap(job->markers);
  if (job->report.files_failed == 0) return;
  for (const File& marker : job->found) {
    AddFailure(job, marker.source,
               MakeStatus(StatusCode::kFailedPrecondition,
                          "A commit marker is not copied where other files failed."));
  }
  job->found.clear();
}

bool CopyJobs::AllIsCopied(const Job& job) {
  return job.report.walked && job.found.empty() && job.markers.empty() && job.in_flight.empty();
}

void CopyJobs::EndIfDone(Job* job) {
  if (!AllIsCopied(*job) || job->report.state != JobState::kRunning) return;
  if (job->report.files_failed > 0) {
    End(job, JobState::kFailed);
  } else if (!job->wait_persisted) {
    End(job, JobState::kCompleted);
  }
}

void CopyJobs::End(Job* job, JobState state) {
  if (job->report.state != JobState::kRunning) return;
  job->report.state = state;
  job->report.ended_at_ms = context_.clock->NowMs();
  size_t named = 0;
  for (auto it = jobs_.rbegin(); it != jobs_.rend(); ++it) {
    const bool ended = it->second->report.state != JobState::kRunning;
    if (ended && ++named > kNamedMax) it->second->done = {};
  }
}

void CopyJobs::CheckPersisted(const JobPtr& job) {
  int64_t cut = 0;
  {
    absl::MutexLock lock(&mutex_);
    if (!AllIsCopied(*job) || !job->wait_persisted || job->report.files_failed > 0 ||
        job->report.state != JobState::kRunning)
      return;
    const int64_t now_ms = context_.clock->MonotonicMs();
    if (job->persist_cut && now_ms - job->persist_asked_ms < kPersistAskedMs) return;
    job->persist_asked_ms = now_ms;
    cut = job->persist_cut.value_or(0);
  }
  const auto left = context_.master->GetPersistProgress(job->caller, job->request.target, cut);
  if (!left.ok()) return Fail(job, left.status());
  absl::MutexLock lock(&mutex_);
  if (!job->persist_cut) job->persist_cut = left->cut;
  if (left->files_left == 0) End(job.get(), JobState::kCompleted);
}

CopyJobs::JobPtr CopyJobs::Find(int64_t id) {
  absl::MutexLock lock(&mutex_);
  const auto it = jobs_.find(id);
  return it == jobs_.end() ? nullptr : it->second;
}

Status CopyJobs::Cancel(const Caller& caller, int64_t id) {
  const JobPtr job = Find(id);
  if (job == nullptr) return NotFound("No job {} is known.", id);
  if (caller.user != job->caller.user && !context_.master->IsSuperUser(caller)) {
    return MakeStatus(StatusCode::kPermissionDenied, "Job {} was started by {}, not by {}.", id,
                      job->caller.user, caller.user);
  }
  decltype(job->in_flight) in_flight;
  {
    absl::MutexLock lock(&mutex_);
    if (job->report.state != JobState::kRunning) return absl::OkStatus();
    job->found.clear();
    job->markers.clear();
    in_flight = job->in_flight;
    End(job.get(), JobState::kCanceled);
  }
  for (const auto& [target, file] : in_flight) {
    if (file) (void)context_.master->AbandonFile(job->caller, *file, false);
  }
  return absl::OkStatus();
}

std::optional<JobReport> CopyJobs::Report(int64_t id, bool names) {
  const JobPtr job = Find(id);
  if (job == nullptr) return std::nullopt;
  CheckPersisted(job);
  absl::MutexLock lock(&mutex_);
  JobReport report = job->report;
  if (names) report.done = job->done;
  return report;
}

std::vector<JobReport> CopyJobs::Reports() {
  absl::MutexLock lock(&mutex_);
  std::vector<JobReport> reports;
  for (const auto& [id, job] : jobs_) reports.push_back(job->report);
  return reports;
}

}  // namespace spillway
