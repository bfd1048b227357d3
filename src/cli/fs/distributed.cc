// distributedLoad, distributedCp and distributedMv: Alluxio's names for what needs a job service
// there.
#include "cli/fs/commands.h"

namespace spillway::cli {
namespace {

const std::vector<Flag> kFlags{{"--active-jobs", true, {}, "accepted for compatibility"},
                               {"--batch-size", true, {}, "accepted for compatibility"},
                               {"--async", false, {}, "accepted for compatibility"}};

}  // namespace

Command DistributedLoadCommand() {
  auto flags = kFlags;
  flags.push_back({"--replication", true, {}, "copies to have afterwards, 1 by default"});
  return {"distributedLoad",
          "[--replication <num>] <path>",
          "Loads a file or directory into the workers.",
          flags,
          1,
          1,
          [](Context& context, const Arguments& arguments) -> StatusOr<int> {
            SPILLWAY_ASSIGN_OR_RETURN(
                const int code,
                ForEachPath(context, arguments.values[0],
                            [&](const std::string& path) { return LoadAndWait(context, path); }));
            if (code != 0 || !arguments.Has("--replication")) return code;
            // The master makes the copies, from worker to worker.
            Arguments one;
            one.values = arguments.values;
            one.flags["--min"] = arguments.Get("--replication", "1");
            one.flags["-R"] = "";
            return SetReplicationCommand().run(context, one);
          }};
}

Command DistributedCpCommand() {
  auto flags = kFlags;
  flags.push_back({"--overwrite", true, {}, "true (default) or false"});
  return {"distributedCp",
          "[--overwrite true|false] <src> <dst>",
          "Copies a file or directory, many files at a time.",
          flags,
          2,
          2,
          [](Context& context, const Arguments& arguments) -> StatusOr<int> {
            const std::string overwrite = arguments.Get("--overwrite", "true");
            const auto target = NormalizePath(arguments.values[1]);
            if (!target.ok()) return target.status();
            const auto existing = context.master->GetStatus(*target);
            const bool replaces = existing.ok() && !existing->is_directory;
            if (replaces && overwrite != "true")
              return MakeStatus(StatusCode::kAlreadyExists, "{} already exists.", *target);
            Arguments copy;
            copy.values = arguments.values;
            copy.flags["-R"] = "";
            if (replaces) copy.flags["--overwrite"] = "";
            return CpCommand().run(context, copy);
          }};
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
