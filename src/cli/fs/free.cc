#include "cli/fs/commands.h"

namespace spillway::cli {

Command FreeCommand() {
  return {"free",
          "[-f] <path>",
          "Frees the space occupied by a file or a directory in Alluxio.",
          {{"-f", false, {}, "force to free files even if they are pinned"}},
          1,
          1,
          [](Context& context, const Arguments& arguments) {
            return ForEachPath(
                context, arguments.values[0], [&](const std::string& path) -> Status {
                  SPILLWAY_RETURN_IF_ERROR(context.master->Free(path, true, arguments.Has("-f")));
                  *context.out << path << " was successfully freed from Alluxio space.\n";
                  return absl::OkStatus();
                });
          }};
}

}  // namespace spillway::cli
