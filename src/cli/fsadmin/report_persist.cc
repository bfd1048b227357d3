// fsadmin report persist, report store and report health.
#include "absl/strings/numbers.h"
#include "cli/fs/commands.h"
#include "cli/fsadmin/commands.h"
#include "cli/json.h"
#include "common/names.h"

namespace spillway::cli {
namespace {

StatusOr<int64_t> EntriesMax(const Arguments& arguments) {
  int64_t count = 20;
  if (!absl::SimpleAtoi(arguments.Get("-n", "20"), &count) || count < 0)
    return InvalidArgument("-n takes a number, not {}", arguments.Get("-n", ""));
  return count;
}

}  // namespace

Status ReportPersist(Context& context, const Arguments& arguments) {
  SPILLWAY_ASSIGN_OR_RETURN(const int64_t entries_max, EntriesMax(arguments));
  SPILLWAY_ASSIGN_OR_RETURN(const auto report, context.master->GetPersistReport(entries_max));
  if (arguments.Has("--json")) {
    *context.out << Text(ToJson(report)) << "\n";
    return absl::OkStatus();
  }
  std::ostream& out = *context.out;
  out << "Files on their way to the store:\n"
      << "    Waiting: " << report.waiting << "\n"
      << "    Running: " << report.running << "\n"
      << "    On paths that are never persisted: " << report.parked << "\n"
      << "    Unpersisted: " << FormatBytes(report.dirty_bytes) << "\n"
      << "    Oldest: " << FormatShortDuration(report.oldest_age_ms) << "\n"
      << fmt::format("    Persisted of late: {:.1f} files per second\n", report.files_per_second)
      << "    Objects to delete: " << report.objects_to_delete
      << (report.objects_to_delete >= 1000 ? " or more" : "") << "\n";
  for (const PersistLaneInfo& lane : report.lanes) {
    out << fmt::format(
        "    Prefix {}: {} waiting, {} running{}{}{}\n", lane.name, lane.waiting, lane.running,
        lane.requests_per_second > 0
            ? fmt::format(", limited to {:.1f} requests per second", lane.requests_per_second)
            : "",
        lane.outage ? ", the store is in trouble" : "",
        lane.last_error.empty() ? "" : ": " + lane.last_error);
  }
  if (report.entries.empty()) return absl::OkStatus();
  const int64_t now_ms = SystemClock().NowMs();
  out << fmt::format("{:<8} {:>11} {:>9} {:>9}  {}\n", "State", "Age", "Attempts", "ETA", "Path");
  for (const PersistInfo& info : report.entries) {
    std::string cause = info.last_error;
    if (!info.waits_for.empty()) cause = "waits for " + info.waits_for;
    out << fmt::format("{:<8} {:>11} {:>9} {:>9}  {}{}\n", info.state,
                       FormatShortDuration(std::max<int64_t>(0, now_ms - info.dirty_since_ms)),
                       info.attempts, info.eta_ms < 0 ? "?" : FormatShortDuration(info.eta_ms),
                       info.path, cause.empty() ? "" : "  (" + cause + ")");
  }
  return absl::OkStatus();
}

Status ReportStore(Context& context, const Arguments& arguments) {
  SPILLWAY_ASSIGN_OR_RETURN(const int64_t entries_max, EntriesMax(arguments));
  SPILLWAY_ASSIGN_OR_RETURN(const auto stores, context.master->GetStoreReport(entries_max));
  if (arguments.Has("--json")) {
    *context.out << Text(ToJson(stores)) << "\n";
    return absl::OkStatus();
  }
  std::ostream& out = *context.out;
  for (const StoreInfo& info : stores) {
    out << fmt::format("{} on {} ({})\n", info.uri, info.path, info.type);
    for (const auto& [name, support] : info.features)
      out << fmt::format("    {:<23} {}\n", name, support);
    out << "    Objects that cannot be deleted: " << info.deletes_failing << "\n";
    for (const FailingDelete& failing : info.deletes)
      out << fmt::format("        {} ({} attempts): {}\n", failing.key, failing.attempts,
                         failing.cause);
  }
  return absl::OkStatus();
}

namespace {

void PrintDamaged(std::ostream& out, const DamagedReport& report) {
  out << "Damaged records of the master's state: " << report.records_count << "\n";
  for (const DamagedRecordInfo& record : report.records) {
    out << fmt::format("    {} ({}): {}. See fsadmin damaged.\n", record.name,
                       record.path.empty() ? "path not known" : Printable(record.path),
                       Printable(record.why));
  }
  out << "Folders of the understore with names that cannot be shown: " << report.left_out_count
      << "\n";
  for (const LeftOut& left : report.left_out) {
    out << fmt::format("    {}: {} left out, as {}: {}\n", Printable(left.folder), left.entries,
                       Printable(left.example), Printable(left.why));
  }
}

void PrintFolders(std::ostream& out, const std::vector<WorkerFolders>& workers) {
  int64_t serving = 0;
  std::string others;
  std::string lost;
  for (const WorkerFolders& worker : workers) {
    const std::string name = fmt::format("{}:{}", worker.host, worker.data_port);
    for (const FolderInfo& folder : worker.folders) {
      const bool serves = folder.state == FolderState::kServing;
      serving += serves ? 1 : 0;
      if (!serves)
        others += fmt::format("    {:<10}{} {}: {}\n", NameOf(folder.state), name,
                              Shown(folder.path), Shown(folder.why));
      if (folder.unread_files > 0 || folder.undeleted_files > 0)
        others +=
            fmt::format("    {} {}: {} files cannot be read now, {} cannot be removed now\n", name,
                        Shown(folder.path), folder.unread_files, folder.undeleted_files);
      if (folder.lost_files > 0)
        lost += fmt::format("    {} {}: {} files, {}\n", name, Shown(folder.path),
                            folder.lost_files, FormatBytes(folder.lost_bytes));
    }
  }
  out << "Storage folders of live workers that take blocks: " << serving << "\n" << others;
  if (!lost.empty()) out << "Files set aside (fsadmin lostBlocks):\n" << lost;
}

}  // namespace

Status ReportHealth(Context& context, const Arguments& arguments) {
  SPILLWAY_ASSIGN_OR_RETURN(const int64_t entries_max, EntriesMax(arguments));
  SPILLWAY_ASSIGN_OR_RETURN(const auto report, context.master->GetHealthReport(entries_max));
  SPILLWAY_ASSIGN_OR_RETURN(const auto damaged, context.admin->GetDamaged(entries_max));
  if (arguments.Has("--json")) {
    nlohmann::json json = ToJson(report);
    json.update(ToJson(damaged));
    *context.out << Text(json) << "\n";
    return absl::OkStatus();
  }
  std::ostream& out = *context.out;
  PrintDamaged(out, damaged);
  out << "Copies of what is not persisted, or is to be kept in the cluster:\n"
      << "    Degraded blocks: " << report.degraded_blocks << "\n"
      << "    Being copied: " << report.healing_blocks << "\n"
      << "    Lost blocks: " << report.lost_blocks << "\n";
  PrintFolders(out, report.workers);
  if (report.entries.empty()) return absl::OkStatus();
  out << fmt::format("{:<9} {:>7} {:>7} {:>11}  {}\n", "State", "Copies", "Wanted", "For", "Path");
  for (const HealthEntry& entry : report.entries) {
    out << fmt::format("{:<9} {:>7} {:>7} {:>11}  {} (block {})\n",
                       entry.copies == 0 ? "LOST"
                       : entry.healing   ? "HEALING"
                                         : "DEGRADED",
                       entry.copies, entry.copies_wanted, FormatShortDuration(entry.since_ms),
                       entry.path, entry.block.value());
  }
  return absl::OkStatus();
}

}  // namespace spillway::cli
