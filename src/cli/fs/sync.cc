// What compares the namespace with the understore: loadMetadata, checkConsistency, needsSync, and
// the automatic syncing that no understore of ours can offer.
#include "absl/strings/numbers.h"
#include "absl/time/clock.h"
#include "cli/fs/commands.h"
#include "common/checked.h"
#include "common/clock.h"

namespace spillway::cli {
namespace {

// Follows a comparison until it ends.
StatusOr<int> Follow(Context& context, int64_t id, int64_t poll_ms) {
  while (true) {
    SPILLWAY_ASSIGN_OR_RETURN(const SyncProgress progress, context.admin->GetSyncProgress(id));
    const std::string line = fmt::format("Sync {}: {}, {}, {} ms", id, progress.state,
                                         progress.counts, progress.duration_ms);
    *context.out << line << (progress.error.empty() ? "" : ": " + progress.error) << std::endl;
    if (progress.state != "RUNNING") return progress.state == "SUCCEEDED" ? 0 : kFailed;
    absl::SleepFor(absl::Milliseconds(poll_ms));
  }
}

StatusOr<int> LoadMetadata(Context& context, const Arguments& arguments) {
  const std::string operation = arguments.Get("-o", "load");
  int64_t poll_ms = 1000;
  if (arguments.Has("-p") && !absl::SimpleAtoi(arguments.Get("-p", ""), &poll_ms))
    return InvalidArgument("-p needs a number of milliseconds");
  SPILLWAY_RETURN_IF_ERROR(InRange(poll_ms, 1, kWaitMsMax, "-p").status());
  if (operation == "get" || operation == "cancel") {
    int64_t id = 0;
    if (!absl::SimpleAtoi(arguments.Get("-id", ""), &id))
      return InvalidArgument("-o {} needs -id and the number that the load was given", operation);
    if (operation == "get") return Follow(context, id, poll_ms);
    SPILLWAY_ASSIGN_OR_RETURN(const bool cancelled, context.admin->CancelSync(id));
    *context.out << (cancelled ? "Cancelled" : "Not running any more") << "\n";
    return cancelled ? 0 : kFailed;
  }
  if (operation != "load") return InvalidArgument("-o is load, get or cancel, not {}", operation);
  if (arguments.values.empty()) return InvalidArgument("loadMetadata needs a path");
  if (arguments.Has("-a")) {
    SPILLWAY_ASSIGN_OR_RETURN(const std::string path, NormalizePath(arguments.values[0]));
    SPILLWAY_ASSIGN_OR_RETURN(const int64_t id,
                              context.admin->StartSync(path, arguments.Has("-R")));
    *context.out << "Submitted as sync " << id << "\n";
    return Follow(context, id, poll_ms);
  }
  return ForEachPath(context, arguments.values[0], [&](const std::string& path) -> Status {
    SystemClock clock;
    const int64_t begin_ms = clock.MonotonicMs();
    SPILLWAY_RETURN_IF_ERROR(
        context.admin->LoadMetadata(path, arguments.Has("-R"), arguments.Has("-F")));
    *context.out << "Time elapsed " << clock.MonotonicMs() - begin_ms << "\n";
    return absl::OkStatus();
  });
}

// What the understore has becomes what there is: the stale entry goes, and is loaded anew.
Status Repair(Context& context, const std::string& path) {
  *context.out << "repairing path: " << path << "\n";
  RemoveOptions remove;
  remove.alluxio_only = true;
  SPILLWAY_RETURN_IF_ERROR(context.master->Remove(path, remove));
  SPILLWAY_RETURN_IF_ERROR(context.admin->LoadMetadata(ParentPath(path), false, true));
  *context.out << path << " repaired\n";
  return absl::OkStatus();
}

StatusOr<int> CheckConsistency(Context& context, const Arguments& arguments) {
  return ForEachPath(context, arguments.values[0], [&](const std::string& path) -> Status {
    SPILLWAY_ASSIGN_OR_RETURN(const auto inconsistent, context.admin->CheckConsistency(path));
    std::ostream& out = *context.out;
    if (inconsistent.empty()) {
      out << path << " is consistent with the under storage system.\n";
      return absl::OkStatus();
    }
    if (arguments.Has("-r")) {
      out << path << " has: " << inconsistent.size() << " inconsistent files.\n";
      size_t failed = 0;
      for (const std::string& file : inconsistent) {
        const Status repaired = Repair(context, file);
        if (repaired.ok()) continue;
        ++failed;
        out << file << ": " << Message(repaired) << "\n";
      }
      out << "\n";
      if (failed == 0) return absl::OkStatus();
      return Unavailable("{} of the files at {} were not repaired.", failed, path);
    }
    out << "The following files are inconsistent:\n";
    for (const std::string& file : inconsistent) out << file << "\n";
    return absl::OkStatus();
  });
}

Command Automatic(const std::string& name, const std::string& help) {
  return {
      name, "<path>", help, {}, 1, 1, [](Context&, const Arguments& arguments) -> StatusOr<int> {
        return InvalidArgument(
            "{} cannot be synced automatically: its understore does not tell of changes. Set "
            "alluxio.user.file.metadata.sync.interval instead.",
            arguments.values[0]);
      }};
}

}  // namespace

Command LoadMetadataCommand() {
  return {"loadMetadata",
          "[-R] [-F] [-a] [-o load|get|cancel] [-id <id>] [-p <ms>] <path>",
          "Loads metadata for the given path from the understore.",
          {{"-R", false, {}, "everything below it"},
           {"-F", false, {}, "compare what is known too"},
           {"-a", false, {"--async"}, "in the background, telling how far it is"},
           {"-o", true, {"--option"}, "load, get (follow a load), cancel"},
           {"-id", true, {}, "of the load to get or cancel"},
           {"-p", true, {"--polling"}, "milliseconds between progress lines, 1000 by default"},
           {"-d", true, {}, "accepted for compatibility"},
           {"-v2", false, {}, "accepted for compatibility"}},
          0,
          1,
          LoadMetadata};
}

Command CheckConsistencyCommand() {
  return {"checkConsistency",
          "[-r] [-t|--threads <threads>] <path>",
          "Checks that persisted files are in the understore as they are known.",
          {{"-r", false, {}, "repair the inconsistent files"},
           {"-t", true, {"--threads"}, "accepted for compatibility"}},
          1,
          1,
          CheckConsistency};
}

Command NeedsSyncCommand() {
  return {"needsSync",
          "<path>",
          "Marks a path: it is compared with the understore when it is accessed next.",
          {},
          1,
          1,
          [](Context& context, const Arguments& arguments) {
            return ForEachPath(context, arguments.values[0], [&](const std::string& path) {
              return context.admin->NeedsSync(path);
            });
          }};
}

Command SyncDirNextTimeCommand() {
  return {"syncDirNextTime",
          "<true|false> <path>",
          "Marks a directory to be compared with the understore when it is accessed next.",
          {},
          2,
          2,
          [](Context& context, const Arguments& arguments) -> StatusOr<int> {
            const bool sync = arguments.values[0] == "true";
            if (!sync && arguments.values[0] != "false")
              return InvalidArgument("true or false is needed, not {}", arguments.values[0]);
            return ForEachPath(context, arguments.values[1], [&](const std::string& path) {
              if (sync) SPILLWAY_RETURN_IF_ERROR(context.admin->NeedsSync(path));
              *context.out << "Successfully marked the dir " << path << " to "
                           << (sync ? "trigger metadata sync" : "skip metadata sync")
                           << " on next access\n";
              return absl::OkStatus();
            });
          }};
}

Command StartSyncCommand() {
  return Automatic("startSync", "Not offered: no understore here tells of changes.");
}

Command StopSyncCommand() {
  return Automatic("stopSync", "Not offered: no understore here tells of changes.");
}

Command GetSyncPathListCommand() {
  return {"getSyncPathList",
          "",
          "Gets all the paths that are under active syncing right now: none.",
          {},
          0,
          0,
          [](Context& context, const Arguments&) -> StatusOr<int> {
            *context.out << "The following paths are under active sync\n";
            return 0;
          }};
}

}  // namespace spillway::cli
