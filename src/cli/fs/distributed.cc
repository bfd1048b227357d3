// distributedLoad and distributedCp, which the workers carry out, and distributedMv, which is a
// rename.
#include "absl/strings/numbers.h"
#include "cli/fs/commands.h"
#include "cli/job/commands.h"
#include "client/options.h"
#include "common/path.h"

namespace spillway::cli {
namespace {

const std::vector<Flag> kFlags{{"--active-jobs", true, {}, "accepted for compatibility"},
                               {"--batch-size", true, {}, "accepted for compatibility"},
                               {"--async", false, {}, "do not wait for the end"}};

// Follows a job to its end and lists what it has done.
StatusOr<int> Finish(Context& context, int64_t id) {
  std::ostream& out = *context.out;
  out << "Submitted successfully, jobControlId = " << id
      << "\nWaiting for the command to finish ...\n";
  SPILLWAY_RETURN_IF_ERROR(FollowJob(context, id));
  SPILLWAY_ASSIGN_OR_RETURN(const JobReport report, context.admin->GetJob(id, true));
  PrintJobDetails(out, report);
  out << "Finished running the command, jobControlId = " << id << "\n";
  for (const auto& [path, message] : report.failures) out << path << ": " << message << "\n";
  return report.state == JobState::kCompleted ? 0 : kFailed;
}

StatusOr<int> DistributedLoad(Context& context, const Arguments& arguments) {
  int copies = 0;
  const std::string given = arguments.Get("--replication", "1");
  if (!absl::SimpleAtoi(given, &copies) || copies < 1)
    return InvalidArgument("--replication {} is no positive number.", given);
  *context.out << "Please wait for command submission to finish..\n";
  SPILLWAY_ASSIGN_OR_RETURN(const std::string path, NormalizePath(arguments.values[0]));
  SPILLWAY_ASSIGN_OR_RETURN(const StartedLoad load, context.admin->StartLoad(path, copies));
  if (!arguments.Has("--async")) return Finish(context, load.job_id);
  *context.out << "Submitted distLoad job successfully, jobControlId = " << load.job_id << "\n";
  return 0;
}

StatusOr<int> DistributedCp(Context& context, const Arguments& arguments) {
  std::ostream& out = *context.out;
  SPILLWAY_ASSIGN_OR_RETURN(const std::string source, NormalizePath(arguments.values[0]));
  SPILLWAY_ASSIGN_OR_RETURN(const std::string target, NormalizePath(arguments.values[1]));
  if (IsWithin(target, source))
    return InvalidArgument("Cannot migrate because {} is a prefix of {}", source, target);
  CreateFileOptions options = WriteOptionsFrom(*context.config).create;
  options.overwrite = arguments.Get("--overwrite", "true") == "true";
  const bool follow = !arguments.Has("--async");
  out << (follow ? "" : "Entering async submission mode. \n")
      << "Please wait for command submission to finish..\n";
  SPILLWAY_ASSIGN_OR_RETURN(const int64_t id, context.admin->StartCopy(source, target, options));
  if (!follow) {
    out << "Submitted migrate job successfully, jobControlId = " << id << "\n";
    return 0;
  }
  return Finish(context, id);
}

}  // namespace

Command DistributedLoadCommand() {
  auto flags = kFlags;
  flags.push_back({"--replication", true, {}, "copies to have afterwards, 1 by default"});
  return {"distributedLoad",
          "[--replication <num>] [--async] <path>",
          "Loads a file or directory into the workers.",
          flags,
          1,
          1,
          DistributedLoad};
}

Command DistributedCpCommand() {
  auto flags = kFlags;
  flags.push_back({"--overwrite", true, {}, "replace files that exist: true (default) or false"});
  return {"distributedCp",
          "[--overwrite true|false] [--async] <src> <dst>",
          "Copies a file or directory in parallel at file level: the workers do it. The copy takes "
          "the name <dst>.",
          flags,
          2,
          2,
          DistributedCp};
}

Command DistributedMvCommand() {
  return {"distributedMv",
          "<src> <dst>",
          "Moves a file or directory: a rename.",
          kFlags,
          2,
          2,
          [](Context& context, const Arguments& arguments) {
            Arguments move;
            move.values = arguments.values;
            return MvCommand().run(context, move);
          }};
}

}  // namespace spillway::cli
