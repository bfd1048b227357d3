#include "cli/fs/commands.h"

namespace spillway::cli {

Command ChgrpCommand() {
  return {
      "chgrp",
      "[-R] <group> <path>",
      "Changes the group of a file or directory specified by args.",
      {{"-R", false, {"--recursive"}, "change recursively"}},
      2,
      2,
      [](Context& context, const Arguments& arguments) {
        return ForEachPath(context, arguments.values[1], [&](const std::string& path) -> Status {
          SetAttributeOptions options;
          options.group = arguments.values[0];
          options.recursive = arguments.Has("-R");
          SPILLWAY_RETURN_IF_ERROR(context.master->SetAttribute(path, options));
          *context.out << fmt::format("Changed group of {} to {}\n", path, arguments.values[0]);
          return absl::OkStatus();
        });
      }};
}

}  // namespace spillway::cli
