#include "cli/fs/commands.h"

namespace spillway::cli {

Command LocationCommand() {
  return {"location",
          "<path>",
          "Displays the list of hosts storing the specified file.",
          {},
          1,
          1,
          [](Context& context, const Arguments& arguments) {
            return ForEachPath(
                context, arguments.values[0], [&](const std::string& path) -> Status {
                  SPILLWAY_ASSIGN_OR_RETURN(const FileStatus file, context.master->GetStatus(path));
                  *context.out << path << " with file id " << file.id.value() << " is on nodes: \n";
                  for (const BlockInfo& block : file.blocks) {
                    for (const BlockLocation& location : block.locations)
                      *context.out << location.address.host << "\n";
                  }
                  return absl::OkStatus();
                });
          }};
}

}  // namespace spillway::cli
