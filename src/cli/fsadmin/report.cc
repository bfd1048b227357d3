// fsadmin report: how the cluster is.
#include <algorithm>

#include "cli/fs/commands.h"
#include "cli/fsadmin/commands.h"
#include "cli/json.h"

namespace spillway::cli {
namespace {

// Capacity and use by tier.
using Tiers = std::map<std::string, std::pair<int64_t, int64_t>>;

Tiers TiersOf(const std::vector<WorkerInfo>& workers) {
  Tiers tiers;
  for (const WorkerInfo& worker : workers) {
    for (const TierUsage& tier : worker.tiers) {
      tiers[tier.alias].first += tier.capacity_bytes;
      tiers[tier.alias].second += tier.used_bytes;
    }
  }
  return tiers;
}

void PrintSizes(std::ostream& out, const std::string& what, int64_t sum, const Tiers& tiers,
                int64_t Tiers::mapped_type::*part) {
  out << "    " << what << ": " << FormatBytes(sum) << "\n";
  for (const auto& [alias, sizes] : tiers)
    out << "        Tier: " << alias << "  Size: " << FormatBytes(sizes.*part) << "\n";
}

Status Summary(Context& context, bool as_json) {
  SPILLWAY_ASSIGN_OR_RETURN(const ClusterInfo info, context.master->GetClusterInfo());
  SPILLWAY_ASSIGN_OR_RETURN(const auto workers, context.master->GetWorkerReport());
  if (as_json) {
    nlohmann::json json = ToJson(info);
    json["workers"] = ToJson(workers);
    *context.out << Text(json) << "\n";
    return absl::OkStatus();
  }
  int64_t capacity = 0;
  int64_t used = 0;
  std::vector<WorkerInfo> live;
  for (const WorkerInfo& worker : workers) {
    if (worker.state != WorkerState::kLive) continue;
    live.push_back(worker);
    capacity += worker.capacity_bytes();
    used += worker.used_bytes();
  }
  const Tiers tiers = TiersOf(live);
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
      << fmt::format("    {:<32} {:<8} {:<32}\n", "Master Address", "State", "Version")
      << fmt::format("    {:<32} {:<8} {:<32}\n", info.master_address, "PRIMARY", info.version)
      << "    Live Workers: " << live.size() << "\n"
      << "    Lost Workers: " << workers.size() - live.size() << "\n";
  PrintSizes(out, "Total Capacity", capacity, tiers, &Tiers::mapped_type::first);
  PrintSizes(out, "Used Capacity", used, tiers, &Tiers::mapped_type::second);
  out << "    Free Capacity: " << FormatBytes(capacity - used) << "\n";
  return absl::OkStatus();
}

// Two rows a worker; a column for each tier, and one for all if there are several.
void PrintWorkers(std::ostream& out, const std::vector<WorkerInfo>& workers, const Tiers& tiers) {
  using OfTier = std::function<std::string(const std::string& alias)>;
  const auto row = [&](const std::vector<std::string>& begin, const std::string& total,
                       const OfTier& of_tier, const std::string& version,
                       const std::string& revision) {
    out << fmt::format("{:<16} {:<15} {:<16} {:<13} ", begin[0], begin[1], begin[2], begin[3]);
    if (tiers.size() > 1) out << fmt::format("{:<16} ", total);
    for (const auto& [alias, sizes] : tiers) out << fmt::format("{:<16} ", of_tier(alias));
    out << fmt::format("{:<16} {:<40}\n", version, revision);
  };
  const auto share = [](int64_t bytes, int64_t of) {
    return fmt::format("{} ({}%)", FormatBytes(bytes), of == 0 ? 0 : bytes * 100 / of);
  };
  row(
      {"Worker Name", "State", "Last Heartbeat", "Storage"}, "Total",
      [](const std::string& alias) { return alias; }, "Version", "Revision");
  for (const WorkerInfo& worker : workers) {
    const Tiers own = TiersOf({worker});
    const auto sizes = [&](const std::string& alias) {
      const auto it = own.find(alias);
      return it == own.end() ? std::pair<int64_t, int64_t>() : it->second;
    };
    row(
        {worker.address.host, worker.state == WorkerState::kLive ? "ACTIVE" : "LOST",
         std::to_string(worker.last_contact_ms_ago / 1000), "capacity"},
        FormatBytes(worker.capacity_bytes()),
        [&](const std::string& alias) { return FormatBytes(sizes(alias).first); }, "2.9.3",
        "spillway");
    row(
        {"", "", "", "used"}, share(worker.used_bytes(), worker.capacity_bytes()),
        [&](const std::string& alias) { return share(sizes(alias).second, sizes(alias).first); },
        "", "");
  }
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
  if (arguments.Has("--json")) {
    *context.out << Text(ToJson(workers)) << "\n";
    return absl::OkStatus();
  }
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
      << " workers: \n";
  const Tiers tiers = TiersOf(workers);
  PrintSizes(out, "Total Capacity", capacity, tiers, &Tiers::mapped_type::first);
  PrintSizes(out, "Used Capacity", used, tiers, &Tiers::mapped_type::second);
  out << "    Used Percentage: " << percent(used, capacity) << "%\n"
      << "    Free Percentage: " << 100 - percent(used, capacity) << "%\n\n";
  PrintWorkers(out, workers, tiers);
  return absl::OkStatus();
}

Status UnderStores(Context& context, bool as_json) {
  SPILLWAY_ASSIGN_OR_RETURN(const auto mounts, context.master->GetMounts());
  if (as_json) {
    *context.out << Text(ToJson(mounts)) << "\n";
    return absl::OkStatus();
  }
  *context.out << "Alluxio under storage system information:\n";
  for (const std::string& line : FormatMounts(mounts)) *context.out << line << "\n";
  return absl::OkStatus();
}

}  // namespace

const std::vector<Command>& FsAdminCommands() {
  static const std::vector<Command> commands{
      BackupCommand(),
      DamagedCommand(),
      DecommissionCommand(),
      DecommissionWorkerCommand(),
      DoctorCommand(),
      EnableWorkerCommand(),
      GetBlockInfoCommand(),
      JournalCommand(),
      LostBlocksCommand(),
      MetricsCommand(),
      PathConfCommand(),
      QuotaCommand(),
      StatelockCommand(),
      UfsCommand(),
      UpdateConfCommand(),
      {"report",
       "[summary|capacity|ufs|persist|store|health|jobservice] [--json] [-live|-lost|-worker "
       "<hosts>] "
       "[-n <count>]",
       "Reports Alluxio running cluster information.",
       {{"--json", false, {}, "print JSON"},
        {"-live", false, {}, "live workers only"},
        {"-lost", false, {}, "lost workers only"},
        {"-worker", true, {}, "comma list of worker hosts"},
        {"-n", true, {}, "persist, store, health: most entries listed, 20 by default"}},
       0,
       1,
       [](Context& context, const Arguments& arguments) -> StatusOr<int> {
         const std::string what = arguments.values.empty() ? "summary" : arguments.values[0];
         const bool as_json = arguments.Has("--json");
         Status status = InvalidArgument(
             "report category is invalid: {}. It is summary, capacity, ufs, persist, store, health "
             "or jobservice; metrics are at /metrics of every process's web port.",
             what);
         if (what == "summary") status = Summary(context, as_json);
         if (what == "capacity") status = Capacity(context, arguments);
         if (what == "ufs") status = UnderStores(context, as_json);
         if (what == "persist") status = ReportPersist(context, arguments);
         if (what == "store") status = ReportStore(context, arguments);
         if (what == "health") status = ReportHealth(context, arguments);
         if (what == "jobservice") status = ReportJobs(context, as_json);
         if (!status.ok()) return status;
         return 0;
       }}};
  return commands;
}

}  // namespace spillway::cli
