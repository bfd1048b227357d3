// fsadmin report jobservice: what the cluster was asked to do, as Alluxio reports its job service.
#include <algorithm>

#include "absl/time/time.h"
#include "cli/fs/commands.h"
#include "cli/fsadmin/commands.h"
#include "cli/json.h"

namespace spillway::cli {
namespace {

constexpr size_t kListed = 10;

void PrintJobs(std::ostream& out, const std::string& title, const std::vector<JobReport>& jobs,
               const std::function<bool(const JobReport&)>& wanted) {
  out << kListed << " " << title << ":\n";
  size_t count = 0;
  for (const JobReport& job : jobs) {
    if (!wanted(job) || count++ >= kListed) continue;
    const int64_t at_ms = job.ended_at_ms == 0 ? job.begun_at_ms : job.ended_at_ms;
    out << fmt::format("Timestamp: {:<29} Id: {:<19} Name: {:<19} Status: {}\n", FormatTime(at_ms),
                       job.id, job.kind, NameOf(job.state));
  }
  out << "\n";
}

void PrintServers(const Configuration& config, const ClusterInfo& cluster,
                  const std::vector<WorkerInfo>& workers, std::ostream& out) {
  const std::string address =
      cluster.master_address.substr(0, cluster.master_address.rfind(':') + 1) +
      config.GetString("alluxio.job.master.rpc.port");
  const auto started = absl::FormatTime(
      "%Y%m%d-%H%M%S", absl::FromUnixMillis(cluster.start_time_ms), absl::LocalTimeZone());
  const char* const master_row = "{:<{}} {:<8} {:<16} {:<32} {:<8}\n";
  out << fmt::format(fmt::runtime(master_row), "Master Address", address.size(), "State",
                     "Start Time", "Version", "Revision")
      << fmt::format(fmt::runtime(master_row), address, address.size(), "PRIMARY", started,
                     cluster.version, "spillway");
  size_t width = 16;
  for (const WorkerInfo& worker : workers) width = std::max(width, worker.address.host.size());
  const char* const worker_row = "{:<{}} {:<32} {:<8} {:<14} {:<16} {:<12} {}\n";
  out << "\n"
      << fmt::format(fmt::runtime(worker_row), "Job Worker", width, "Version", "Revision",
                     "Task Pool Size", "Unfinished Tasks", "Active Tasks", "Load Avg");
  for (const WorkerInfo& worker : workers) {
    if (worker.state != WorkerState::kLive) continue;
    out << fmt::format(fmt::runtime(worker_row), worker.address.host, width, cluster.version,
                       "spillway", config.GetString("spillway.master.replication.jobs.max"), 0, 0,
                       "");
  }
  out << "\n";
}

}  // namespace

Status ReportJobs(Context& context, bool as_json) {
  SPILLWAY_ASSIGN_OR_RETURN(auto jobs, context.admin->ListJobs());
  std::ostream& out = *context.out;
  if (as_json) {
    out << Text(ToJson(jobs)) << "\n";
    return absl::OkStatus();
  }
  SPILLWAY_ASSIGN_OR_RETURN(const ClusterInfo cluster, context.master->GetClusterInfo());
  SPILLWAY_ASSIGN_OR_RETURN(const auto workers, context.master->GetWorkerReport());
  PrintServers(*context.config, cluster, workers, out);
  out << fmt::format("Status: {:<9} Count: 0\n", "CREATED");  // none waits
  for (const JobState state :
       {JobState::kCanceled, JobState::kFailed, JobState::kRunning, JobState::kCompleted}) {
    out << fmt::format("Status: {:<9} Count: {}\n", NameOf(state),
                       std::count_if(jobs.begin(), jobs.end(),
                                     [&](const JobReport& job) { return job.state == state; }));
  }
  out << "\n";
  const auto any = [](const JobReport&) { return true; };
  const auto in = [](JobState state) {
    return [state](const JobReport& job) { return job.state == state; };
  };
  std::vector<JobReport> latest(jobs.rbegin(), jobs.rend());
  PrintJobs(out, "Most Recently Modified Jobs", latest, any);
  PrintJobs(out, "Most Recently Failed Jobs", latest, in(JobState::kFailed));
  PrintJobs(out, "Longest Running Jobs", jobs, in(JobState::kRunning));
  return absl::OkStatus();
}

}  // namespace spillway::cli
