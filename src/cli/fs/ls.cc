#include <algorithm>

#include "cli/fs/commands.h"

namespace spillway::cli {

namespace {

void Print(Context& context, const FileStatus& status, bool human, bool persist) {
  const std::string size = human && !status.is_directory ? FormatBytes(status.length_bytes)
                                                         : std::to_string(status.length_bytes);
  const std::string in =
      status.is_directory ? "DIR" : fmt::format("{}%", status.in_cluster_percentage);
  const std::string rest = fmt::format(
      "{:>15}{:>16}{:>24}{:>5} {:<5}\n", size, PersistenceStateName(status.persistence_state),
      FormatTime(status.last_modification_time_ms), in, status.path);
  if (status.owner.empty()) {
    *context.out << rest;
  } else {
    *context.out << fmt::format("{:<12}{:<15}{:<15}", FormatMode(status), status.owner,
                                status.group)
                 << rest;
  }
  if (!persist || status.is_directory) return;
  const auto infos = context.master->GetPersistInfo({status.path});
  if (!infos.ok()) return;
  for (const PersistInfo& info : *infos) *context.out << "  " << DescribePersist(info) << "\n";
}

}  // namespace

Command LsCommand() {
  return {
      "ls",
      "[-d] [-f] [-h] [-p] [-R] [-r] [--persist] [--sort=option] <path>",
      "Displays information for all files and directories directly under the specified path.",
      {{"-d", false, {}, "list directories as plain files"},
       {"-f", false, {}, "force to load metadata of immediate children"},
       {"-h", false, {}, "print sizes in human readable format"},
       {"-p", false, {}, "list all pinned files"},
       {"-R", false, {"--recursive"}, "list subdirectories recursively"},
       {"-r", false, {}, "reverse the order"},
       {"--persist", false, {}, "say how each file stands on its way to the store"},
       {"--sort",
        true,
        {},
        "creationTime, inMemoryPercentage, lastAccessTime, lastModificationTime, name, path, "
        "size"}},
      1,
      1,
      [](Context& context, const Arguments& arguments) -> StatusOr<int> {
        const std::string sort = arguments.Get("--sort", "name");
        const auto less = [&](const FileStatus& a, const FileStatus& b) {
          if (sort == "size") return a.length_bytes < b.length_bytes;
          if (sort == "creationTime") return a.creation_time_ms < b.creation_time_ms;
          if (sort == "lastModificationTime")
            return a.last_modification_time_ms < b.last_modification_time_ms;
          if (sort == "lastAccessTime") return a.last_access_time_ms < b.last_access_time_ms;
          if (sort == "inMemoryPercentage") return a.in_memory_percentage < b.in_memory_percentage;
          return a.path < b.path;
        };
        for (const char* known : {"size", "creationTime", "lastModificationTime", "lastAccessTime",
                                  "inMemoryPercentage", "name", "path", ""}) {
          if (sort == known) break;
          if (*known == 0) return InvalidArgument("Unrecognized sort option `{}`", sort);
        }
        const bool plain = !arguments.Has("--sort") && !arguments.Has("-r");
        return ForEachPath(context, arguments.values[0], [&](const std::string& path) -> Status {
          std::vector<FileStatus> entries;
          const auto visit = [&](const FileStatus& status) {
            if (arguments.Has("-p") && !status.pinned) return absl::OkStatus();
            if (plain) {
              Print(context, status, arguments.Has("-h"), arguments.Has("--persist"));
            } else {
              entries.push_back(status);
            }
            return absl::OkStatus();
          };
          if (arguments.Has("-d")) {
            SPILLWAY_ASSIGN_OR_RETURN(const FileStatus status, context.master->GetStatus(path));
            SPILLWAY_RETURN_IF_ERROR(visit(status));
          } else {
            ListOptions options;
            options.recursive = arguments.Has("-R");
            SPILLWAY_RETURN_IF_ERROR(context.master->ListStatus(path, options, visit));
          }
          std::stable_sort(entries.begin(), entries.end(), less);
          if (arguments.Has("-r")) std::reverse(entries.begin(), entries.end());
          for (const FileStatus& status : entries)
            Print(context, status, arguments.Has("-h"), arguments.Has("--persist"));
          return absl::OkStatus();
        });
      }};
}

}  // namespace spillway::cli
