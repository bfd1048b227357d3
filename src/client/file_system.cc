#include "client/file_system.h"

#include <algorithm>
#include <set>

namespace spillway {

FileSystem::FileSystem(MasterApi* master, WorkerConnector* workers, Clock* clock, Random* random,
                       std::string local_host)
    : master_(master),
      workers_(workers),
      clock_(clock),
      random_(random),
      local_host_(std::move(local_host)) {}

StatusOr<std::vector<WorkerInfo>> FileSystem::LiveWorkers(bool afresh) {
  {
    absl::MutexLock lock(&mutex_);
    const bool known = !live_.empty() && clock_->MonotonicMs() - live_at_ms_ < kWorkersKnownMs;
    if (known && !afresh) return live_;
  }
  SPILLWAY_ASSIGN_OR_RETURN(std::vector<WorkerInfo> all, master_->GetWorkers());
  absl::MutexLock lock(&mutex_);
  live_ = all;
  live_at_ms_ = clock_->MonotonicMs();
  return all;
}

void FileSystem::ForgetWorkers() {
  absl::MutexLock lock(&mutex_);
  live_.clear();
}

StatusOr<std::vector<WorkerInfo>> FileSystem::ChooseWorkers(
    int count, const std::set<std::string>& avoid_hosts) {
  std::vector<WorkerInfo> chosen;
  for (const bool afresh : {false, true}) {
    SPILLWAY_ASSIGN_OR_RETURN(std::vector<WorkerInfo> all, LiveWorkers(afresh));
    for (size_t i = all.size(); i > 1; --i) std::swap(all[i - 1], all[random_->Below(i)]);
    std::stable_partition(all.begin(), all.end(), [&](const WorkerInfo& worker) {
      return worker.address.host == local_host_;
    });
    chosen.clear();
    std::set<std::string> hosts = avoid_hosts;
    for (WorkerInfo& worker : all) {
      if (static_cast<int>(chosen.size()) == count) break;
      if (hosts.insert(worker.address.host).second) chosen.push_back(std::move(worker));
    }
    if (static_cast<int>(chosen.size()) == count) return chosen;
  }
  return MakeStatus(StatusCode::kResourceExhausted,
                    "Not enough workers for replications, {} workers selected but {} required",
                    chosen.size(), count);
}

StatusOr<std::vector<WorkerInfo>> FileSystem::AwaitWorkers(
    int count, const std::set<std::string>& avoid_hosts) {
  const int64_t end_ms = clock_->MonotonicMs() + kRideOverMs;
  int64_t pause_ms = kFirstPauseMs;
  while (true) {
    auto workers = ChooseWorkers(count, avoid_hosts);
    if (workers.status().code() != StatusCode::kResourceExhausted) return workers;
    // More copies than there have ever been hosts: waiting does not help.
    if (clock_->MonotonicMs() + pause_ms >= end_ms) return workers;
    SPILLWAY_ASSIGN_OR_RETURN(const auto all, master_->GetWorkerReport());
    std::set<std::string> known;
    for (const WorkerInfo& worker : all) known.insert(worker.address.host);
    if (static_cast<int>(known.size()) < count) return workers;
    if (!clock_->SleepMs(pause_ms)) return workers;
    pause_ms = std::min(pause_ms * 2, kPauseMsMax);
  }
}

}  // namespace spillway
