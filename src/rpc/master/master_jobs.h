// What users have asked the cluster for and follow by an id.
#pragma once

#include <algorithm>

#include "rpc/master/copy_jobs.h"
#include "rpc/master/load_jobs.h"

namespace spillway {

// Thread-safe.
struct MasterJobs {
  // What context points to outlives it; context's executor ends before it does.
  explicit MasterJobs(const MasterServiceContext& context)
      : ids(context.clock->NowMs()),
        loads(context.master, context.executor, context.clock, &ids),
        copies(context, &ids) {}

  std::optional<JobReport> Report(int64_t id, bool names) {
    auto report = copies.Report(id, names);
    return report ? report : loads.Report(id, names);
  }
  Status Cancel(const Caller& caller, int64_t id) {
    if (const auto path = loads.PathOf(id)) {
      loads.Stop(*path);
      return absl::OkStatus();
    }
    return copies.Cancel(caller, id);
  }
  // By id.
  std::vector<JobReport> Reports() {
    std::vector<JobReport> all = copies.Reports();
    for (JobReport& report : loads.Reports()) all.push_back(std::move(report));
    std::sort(all.begin(), all.end(),
              [](const JobReport& a, const JobReport& b) { return a.id < b.id; });
    return all;
  }

  JobIds ids;
  LoadJobs loads;
  CopyJobs copies;
};

// Starts a load once the metadata of what is at and below path is loaded.
void StartLoad(const MasterServiceContext& context, const Caller& caller, const std::string& path,
               int copies, std::function<void(StatusOr<LoadJobs::Started>)> done);

}  // namespace spillway
