#include "cli/job/commands.h"

#include "absl/strings/numbers.h"
#include "absl/time/clock.h"
#include "cli/json.h"
#include "cli/progress.h"

namespace spillway::cli {
namespace {

StatusOr<int64_t> ParseId(const std::string& text) {
  int64_t id = 0;
  if (!absl::SimpleAtoi(text, &id)) return InvalidArgument("{} is not a valid long.", text);
  return id;
}

StatusOr<int> ListJobs(Context& context, const Arguments& arguments) {
  SPILLWAY_ASSIGN_OR_RETURN(const auto jobs, context.admin->ListJobs());
  if (arguments.Has("--json")) {
    *context.out << Text(ToJson(jobs)) << "\n";
    return 0;
  }
  for (const JobReport& job : jobs)
    *context.out << fmt::format("{:<15} {:<10} {:<10}\n", job.id, job.kind, NameOf(job.state));
  return 0;
}

StatusOr<int> Stat(Context& context, const Arguments& arguments) {
  SPILLWAY_ASSIGN_OR_RETURN(const int64_t id, ParseId(arguments.values[0]));
  SPILLWAY_ASSIGN_OR_RETURN(const JobReport job, context.admin->GetJob(id, false));
  std::ostream& out = *context.out;
  if (arguments.Has("--json")) {
    out << Text(ToJson(job)) << "\n";
    return 0;
  }
  out << "ID: " << job.id << "\nName: " << job.kind << "\n";
  if (arguments.Has("-v")) {
    out << "Description: " << job.description << "\nFiles: " << job.files_done << " of "
        << job.files << (job.walked ? "" : " found so far") << "\n";
  }
  out << "Status: " << NameOf(job.state) << "\n";
  for (const auto& [path, message] : job.failures)
    out << "Error: " << path << ": " << message << "\n";
  return 0;
}

StatusOr<int> CmdStatus(Context& context, const Arguments& arguments) {
  SPILLWAY_ASSIGN_OR_RETURN(const int64_t id, ParseId(arguments.values[0]));
  SPILLWAY_ASSIGN_OR_RETURN(const JobReport job, context.admin->GetJob(id, true));
  PrintJobDetails(*context.out, job);
  if (job.failures.empty()) return 0;
  *context.out << "Failed files are:\n";
  for (const auto& [path, message] : job.failures) *context.out << path << "\n";
  return 0;
}

StatusOr<int> Cancel(Context& context, const Arguments& arguments) {
  SPILLWAY_ASSIGN_OR_RETURN(const int64_t id, ParseId(arguments.values[0]));
  SPILLWAY_RETURN_IF_ERROR(context.admin->CancelJob(id));
  return 0;
}

StatusOr<int> Leader(Context& context, const Arguments&) {
  SPILLWAY_ASSIGN_OR_RETURN(const ClusterInfo info, context.master->GetClusterInfo());
  *context.out << info.master_address.substr(0, info.master_address.rfind(':')) << "\n";
  return 0;
}

}  // namespace

Status FollowJob(Context& context, int64_t id) {
  std::unique_ptr<Progress> progress;
  int64_t drawn = 0;
  int64_t bytes_drawn = 0;
  while (true) {
    SPILLWAY_ASSIGN_OR_RETURN(const JobReport job, context.admin->GetJob(id, false));
    if (job.walked && !progress)
      progress =
          std::make_unique<Progress>(context, job.description, job.files, ProgressOptions{"files"});
    if (progress) {
      const int64_t done = job.files_done + job.files_failed;
      progress->Add(done - std::exchange(drawn, done),
                    job.bytes_done - std::exchange(bytes_drawn, job.bytes_done));
    }
    if (job.state != JobState::kRunning) return absl::OkStatus();
    absl::SleepFor(absl::Milliseconds(100));
  }
}

void PrintJobDetails(std::ostream& out, const JobReport& report) {
  out << "Get command status information below:\n";
  const char* done = report.kind == "Migrate" ? "copied" : "loaded";
  for (const std::string& path : report.done)
    out << "Successfully " << done << " path " << path << "\n";
  out << "Total completed file count is " << report.files_done << ", failed file count is "
      << report.files_failed << "\n";
}

const std::vector<Command>& JobCommands() {
  static const Flag json{"--json", false, {}, "print JSON"};
  static const std::vector<Command> commands{
      {"cancel", "<id>", "Cancels a job. Files that are complete stay.", {}, 1, 1, Cancel},
      {"getCmdStatus",
       "<jobControlId>",
       "Lists what a job has done, file by file.",
       {},
       1,
       1,
       CmdStatus},
      {"leader", "", "Prints the hostname of the job master service leader.", {}, 0, 0, Leader},
      {"ls", "[--json]", "Lists the latest jobs, running and ended.", {json}, 0, 0, ListJobs},
      {"stat",
       "[-v] [--json] <id>",
       "Shows how far a job is.",
       {{"-v", false, {}, "what it is about, and how many of its files are done"}, json},
       1,
       1,
       Stat}};
  return commands;
}

}  // namespace spillway::cli
