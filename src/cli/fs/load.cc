#include "absl/time/clock.h"
#include "cli/fs/commands.h"

namespace spillway::cli {
namespace {

// Through this client, file by file. One that fails is named, and the others are loaded.
Status LoadHere(Context& context, const std::string& path) {
  SPILLWAY_ASSIGN_OR_RETURN(const auto tree, ListTree(context, path));
  int64_t failed = 0;
  for (const FileStatus& file : tree) {
    if (file.is_directory) continue;
    if (file.in_cluster_percentage == 100) {
      *context.out << file.path << " already in Alluxio fully\n";
      continue;
    }
    const Status read =
        context.fs->ReadFile(file, 0, -1, [](std::string_view) { return absl::OkStatus(); });
    *context.out << file.path << (read.ok() ? " loaded" : ": " + Message(read)) << "\n";
    if (!read.ok()) ++failed;
  }
  if (failed == 0) return absl::OkStatus();
  return Unavailable("{} of the files at {} were not loaded.", failed, path);
}

Status LoadByWorkers(Context& context, const Arguments& arguments, const std::string& path) {
  std::ostream& out = *context.out;
  if (arguments.Has("--submit")) {
    SPILLWAY_ASSIGN_OR_RETURN(const StartedLoad started, context.admin->StartLoad(path, 1));
    if (started.before) {
      out << "Load already running for path '" << path << "'\n";
    } else {
      out << "Load '" << path << "' is successfully submitted. JobId: load " << path << "\n";
    }
  } else if (arguments.Has("--stop")) {
    SPILLWAY_ASSIGN_OR_RETURN(const bool stopped, context.admin->StopLoad(path));
    out << (stopped ? "Load '" + path + "' is successfully stopped.\n"
                    : "Cannot find load job for path " + path +
                          ", it might have already been "
                          "stopped or finished\n");
  } else {
    const bool json = arguments.Get("--format", "TEXT") == "JSON";
    SPILLWAY_ASSIGN_OR_RETURN(const std::string report, context.admin->GetLoadProgress(path, json));
    out << report << (json ? "\n" : "");
  }
  return absl::OkStatus();
}

}  // namespace

Command LoadCommand() {
  return {
      "load",
      "[--local] <path> or load <path> --submit | --stop | --progress [--format TEXT|JSON]",
      "Loads a file or directory into the cluster: through this client, or with --submit by the "
      "workers.",
      {{"--local", false, {}, "to the worker on this host"},
       {"--submit", false, {}, "let the workers do it, and do not wait"},
       {"--stop", false, {}, "stop a load that was submitted"},
       {"--progress", false, {}, "say how far it is"},
       {"--format", true, {}, "of the progress: TEXT or JSON"},
       {"--verbose", false, {}, "accepted for compatibility"},
       {"--bandwidth", true, {}, "accepted for compatibility"},
       {"--verify", false, {}, "accepted for compatibility: what is loaded is verified"},
       {"--partial-listing", false, {}, "accepted for compatibility: listings always are"}},
      1,
      1,
      [](Context& context, const Arguments& arguments) {
        const bool by_workers =
            arguments.Has("--submit") || arguments.Has("--stop") || arguments.Has("--progress");
        return ForEachPath(context, arguments.values[0], [&](const std::string& path) -> Status {
          return by_workers ? LoadByWorkers(context, arguments, path) : LoadHere(context, path);
        });
      }};
}

}  // namespace spillway::cli
