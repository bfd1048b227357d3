#include "client/file_system.h"

#include <algorithm>
#include <set>

namespace spillway {

FileSystem::FileSystem(MasterApi* master, WorkerConnector* workers, Random* random,
                       std::string local_host)
    : master_(master), workers_(workers), random_(random), local_host_(std::move(local_host)) {}

StatusOr<std::vector<WorkerInfo>> FileSystem::ChooseWorkers(int count) {
  SPILLWAY_ASSIGN_OR_RETURN(std::vector<WorkerInfo> all, master_->GetWorkers());
  for (size_t i = all.size(); i > 1; --i) std::swap(all[i - 1], all[random_->Below(i)]);
  std::stable_partition(all.begin(), all.end(), [&](const WorkerInfo& worker) {
    return worker.address.host == local_host_;
  });
  std::vector<WorkerInfo> chosen;
  std::set<std::string> hosts;
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

}  // namespace spillway
