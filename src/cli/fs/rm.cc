#include <algorithm>

#include "cli/fs/commands.h"

namespace spillway::cli {

Command RmCommand() {
  return {
      "rm",
      "[-R/-r/--recursive] [-U] [--alluxioOnly] [-m/--deleteMountPoint] <path>",
      "Removes the specified file. Specify -R to remove file or directory recursively.",
      {{"-R", false, {"-r", "--recursive"}, "delete files and subdirectories recursively"},
       {"-U", false, {"--skipUfsCheck"}, "remove without checking that the understore is in sync"},
       {"--alluxioOnly", false, {}, "remove from Alluxio space only"},
       {"-m", false, {"--deleteMountPoint"}, "remove mount points in the directory"}},
      1,
      -1,
      [](Context& context, const Arguments& arguments) -> StatusOr<int> {
        int code = 0;
        for (const std::string& value : arguments.values) {
          const int one = ForEachPath(context, value, [&](const std::string& path) -> Status {
            SPILLWAY_ASSIGN_OR_RETURN(const FileStatus status, context.master->GetStatus(path));
            if (status.is_directory && !arguments.Has("-R")) {
              return InvalidArgument(
                  "{} is a directory, to remove it, please use \"rm -R/-r/--recursive <path>\"",
                  path);
            }
            RemoveOptions options;
            options.recursive = arguments.Has("-R");
            options.unchecked = arguments.Has("-U");
            options.alluxio_only = arguments.Has("--alluxioOnly");
            options.delete_mount_point = arguments.Has("-m");
            SPILLWAY_RETURN_IF_ERROR(context.master->Remove(path, options));
            *context.out << path << " has been removed"
                         << (options.alluxio_only ? " only from Alluxio space" : "") << "\n";
            return absl::OkStatus();
          });
          code = std::max(code, one);
        }
        return code;
      }};
}

}  // namespace spillway::cli
