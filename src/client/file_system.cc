#include "client/file_system.h"

#include <algorithm>
#include <set>

#include "absl/time/clock.h"

namespace spillway {

FileSystem::FileSystem(MasterApi* master, WorkerConnector* workers, Random* random,
                       std::string local_host)
    : master_(master), workers_(workers), random_(random), local_host_(std::move(local_host)) {}

StatusOr<std::vector<WorkerInfo>> FileSystem::ChooseWorkers(
    int count, const std::set<std::string>& avoid_hosts) {
  SPILLWAY_ASSIGN_OR_RETURN(std::vector<WorkerInfo> all, master_->GetWorkers());
  for (size_t i = all.size(); i > 1; --i) std::swap(all[i - 1], all[random_->Below(i)]);
  std::stable_partition(all.begin(), all.end(), [&](const WorkerInfo& worker) {
    return worker.address.host == local_host_;
  });
  std::vector<WorkerInfo> chosen;
  std::set<std::string> hosts = avoid_hosts;
  for (WorkerInfo& worker : all) {
    if (static_cast<int>(chosen.size()) == count) break;
    if (hosts.insert(worker.address.host).second) chosen.push_back(std::move(worker));
  }
  if (static_cast<int>(chosen.size()) < count) {
    return MakeStatus(StatusCode::kResourceExhausted,
                      "Not enough workers for replications, {} workers selected but {} required",
                      chosen.size(), count);
  }
  return chosen;
}

StatusOr<std::vector<WorkerInfo>> FileSystem::AwaitWorkers(
    int count, const std::set<std::string>& avoid_hosts) {
  const absl::Time end = absl::Now() + absl::Milliseconds(kRideOverMs);
  absl::Duration pause = absl::Milliseconds(50);
  while (true) {
    auto workers = ChooseWorkers(count, avoid_hosts);
    if (workers.status().code() != StatusCode::kResourceExhausted) return workers;
    // More copies than there have ever been hosts: waiting does not help.
    if (absl::Now() + pause >= end) return workers;
    SPILLWAY_ASSIGN_OR_RETURN(const auto all, master_->GetWorkerReport());
    std::set<std::string> known;
    for (const WorkerInfo& worker : all) known.insert(worker.address.host);
    if (static_cast<int>(known.size()) < count) return workers;
    absl::SleepFor(pause);
    pause = std::min(pause * 2, absl::Milliseconds(500));
  }
}

}  // namespace spillway
