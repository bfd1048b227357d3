#include "cli/fs/commands.h"

namespace spillway::cli {

Command LoadCommand() {
  return {
      "load",
      "[--local] <path>",
      "Loads a file or directory in Alluxio space, makes it resident in Alluxio.",
      {{"--local", false, {}, "to the worker on this host"},
       {"--submit", false, {}, "accepted for compatibility: the load begins and is waited for"}},
      1,
      1,
      [](Context& context, const Arguments& arguments) {
        return ForEachPath(context, arguments.values[0], [&](const std::string& path) -> Status {
          SPILLWAY_ASSIGN_OR_RETURN(const auto tree, ListTree(context, path));
          for (const FileStatus& file : tree) {
            if (file.is_directory || file.in_cluster_percentage == 100) {
              if (!file.is_directory) *context.out << file.path << " already in Alluxio fully\n";
              continue;
            }
            SPILLWAY_RETURN_IF_ERROR(context.fs->ReadFile(
                file, 0, -1, [](std::string_view) { return absl::OkStatus(); }));
            *context.out << file.path << " loaded\n";
          }
          return absl::OkStatus();
        });
      }};
}

}  // namespace spillway::cli
