#include "cli/fs/commands.h"

namespace spillway::cli {

Command TouchCommand() {
  return {"touch",
          "<path> [path ...]",
          "Creates 0 byte files.",
          {},
          1,
          -1,
          [](Context& context, const Arguments& arguments) -> StatusOr<int> {
            for (const std::string& value : arguments.values) {
              SPILLWAY_ASSIGN_OR_RETURN(const std::string path, NormalizePath(value));
              SPILLWAY_RETURN_IF_ERROR(
                  context.fs->WriteFile(path, WriteOptionsFrom(*context.config),
                                        []() -> StatusOr<std::string> { return std::string(); }));
              *context.out << path << " has been created\n";
            }
            return 0;
          }};
}

}  // namespace spillway::cli
