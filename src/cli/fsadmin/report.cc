// fsadmin report: how the cluster is.
#include <algorithm>

#include "cli/fsadmin/commands.h"
#include "common/format.h"

namespace spillway::cli {
namespace {

Status Summary(Context& context) {
  SPILLWAY_ASSIGN_OR_RETURN(const ClusterInfo info, context.master->GetClusterInfo());
  SPILLWAY_ASSIGN_OR_RETURN(const auto workers, context.master->GetWorkerReport());
  int live = 0;
  int lost = 0;
  int64_t capacity = 0;
  int64_t used = 0;
  std::map<std::string, std::pair<int64_t, int64_t>> tiers;
  for (const WorkerInfo& worker : workers) {
    if (worker.state != WorkerState::kLive) {
      ++lost;
      continue;
    }
    ++live;
    capacity += worker.capacity_bytes();
    used += worker.used_bytes();
    for (const TierUsage& tier : worker.tiers) {
      tiers[tier.alias].first += tier.capacity_bytes;
      tiers[tier.alias].second += tier.used_bytes;
    }
  }
  std::ostream& out = *context.out;
  out << "Alluxio cluster summary: \n"
      << "    Master Address: " << info.master_address << "\n"
      << "    Web Port: " << info.web_port << "\n"
      << "    Rpc Port: " << info.rpc_port << "\n"
      << "    Started: " << FormatTime(info.start_time_ms) << "\n"
      << "    Uptime: " << FormatDuration(info.uptime_ms) << "\n"
      << "    Version: " << info.version << "\n"
      << "    Safe Mode: " << (info.safe_mode ? "true" : "false") << "\n"
      << "    Zookeeper Enabled: false\n"
      << "    Raft-based Journal: false\n"
      << "    Master Address          State    Version \n"
      << fmt::format("    {:<24}{:<9}{:<8}\n", info.master_address, "PRIMARY", info.version)
      << "    Live Workers: " << live << "\n"
      << "    Lost Workers: " << lost << "\n"
      << "    Total Capacity: " << FormatBytes(capacity) << "\n";
  for (const auto& [alias, sizes] : tiers)
    out << "        Tier: " << alias << "  Size: " << FormatBytes(sizes.first) << "\n";
  out << "    Used Capacity: " << FormatBytes(used) << "\n";
  for (const auto& [alias, sizes] : tiers)
    out << "        Tier: " << alias << "  Size: " << FormatBytes(sizes.second) << "\n";
  out << "    Free Capacity: " << FormatBytes(capacity - used) << "\n";
  return absl::OkStatus();
}

Status Capacity(Context& context, const Arguments& arguments) {
  SPILLWAY_ASSIGN_OR_RETURN(auto workers, context.master->GetWorkerReport());
  const bool live_only = arguments.Has("-live");
  const bool lost_only = arguments.Has("-lost");
  const std::string wanted = arguments.Get("-worker", "");
  workers.erase(
      std::remove_if(workers.begin(), workers.end(),
                     [&](const WorkerInfo& worker) {
                       const bool live = worker.state == WorkerState::kLive;
                       return (live_only && !live) || (lost_only && live) ||
                              (!wanted.empty() &&
                               ("," + wanted + ",").find("," + worker.address.host + ",") ==
                                   std::string::npos);
                     }),
      workers.end());
  int64_t capacity = 0;
  int64_t used = 0;
  for (const WorkerInfo& worker : workers) {
    capacity += worker.capacity_bytes();
    used += worker.used_bytes();
  }
  const auto percent = [](int64_t part, int64_t whole) {
    return whole == 0 ? 0 : part * 100 / whole;
  };
  std::ostream& out = *context.out;
  out << "Capacity information for "
      << (live_only        ? "live"
          : lost_only      ? "lost"
          : wanted.empty() ? "all"
                           : "specified")
      << " workers: \n"
      << "    Total Capacity: " << FormatBytes(capacity) << "\n"
      << "    Used Capacity: " << FormatBytes(used) << "\n"
      << "    Used Percentage: " << percent(used, capacity) << "%\n"
      << "    Free Percentage: " << 100 - percent(used, capacity) << "%\n\n";
  out << fmt::format("{:<24}{:<17}{:<16}{:<14}{:<14}{:<14}{}\n", "Worker Name", "State",
                     "Last Heartbeat", "Storage", "Total", "MEM", "Version");
  for (const WorkerInfo& worker : workers) {
    int64_t memory = 0;
    int64_t memory_used = 0;
    for (const TierUsage& tier : worker.tiers) {
      if (tier.alias != "MEM") continue;
      memory = tier.capacity_bytes;
      memory_used = tier.used_bytes;
    }
    const std::string name = fmt::format("{}:{}", worker.address.host, worker.address.data_port);
    out << fmt::format("{:<24}{:<17}{:<16}{:<14}{:<14}{:<14}{}\n", name,
                       worker.state == WorkerState::kLive ? "ACTIVE" : "LOST",
                       worker.last_contact_ms_ago / 1000, "capacity",
                       FormatBytes(worker.capacity_bytes()), FormatBytes(memory), "spillway")
        << fmt::format("{:<24}{:<17}{:<16}{:<14}{:<14}{:<14}\n", "", "", "", "used",
                       fmt::format("{} ({}%)", FormatBytes(worker.used_bytes()),
                                   percent(worker.used_bytes(), worker.capacity_bytes())),
                       FormatBytes(memory_used));
  }
  return absl::OkStatus();
}

Status UnderStores(Context& context) {
  SPILLWAY_ASSIGN_OR_RETURN(const auto mounts, context.master->GetMounts());
  *context.out << "Alluxio under storage system information:\n";
  for (const MountInfo& mount : mounts) {
    *context.out << fmt::format(
        "{}  on  {}  ({}, capacity=-1B, used=-1B, {}read-only, {}shared, properties={{}})\n",
        mount.uri, mount.path, mount.type, mount.read_only ? "" : "not ",
        mount.shared ? "" : "not ");
  }
  return absl::OkStatus();
}

}  // namespace

const std::vector<Command>& FsAdminCommands() {
  static const std::vector<Command> commands{
      BackupCommand(),
      DecommissionCommand(),
      {"report",
       "[summary|capacity|ufs|persist|health] [-live|-lost|-worker <hosts>] [-n <count>]",
       "Reports Alluxio running cluster information.",
       {{"-live", false, {}, "live workers only"},
        {"-lost", false, {}, "lost workers only"},
        {"-worker", true, {}, "comma list of worker hosts"},
        {"-n", true, {}, "persist, health: most entries listed, 20 by default"}},
       0,
       1,
       [](Context& context, const Arguments& arguments) -> StatusOr<int> {
         const std::string what = arguments.values.empty() ? "summary" : arguments.values[0];
         Status status = InvalidArgument(
             "report category {} is unknown: summary, capacity, ufs, persist or health", what);
         if (what == "summary") status = Summary(context);
         if (what == "capacity") status = Capacity(context, arguments);
         if (what == "ufs") status = UnderStores(context);
         if (what == "persist") status = ReportPersist(context, arguments);
         if (what == "health") status = ReportHealth(context, arguments);
         if (!status.ok()) return status;
         return 0;
       }}};
  return commands;
}

}  // namespace spillway::cli
