#include "cli/fs/commands.h"

namespace spillway::cli {

Command TouchCommand() {
  return {"touch", "<path>", "Creates a 0 byte file.", {}, 1, 1,
          [](Context& context, const Arguments& arguments) -> StatusOr<int> {
            SPILLWAY_ASSIGN_OR_RETURN(const std::string path, NormalizePath(arguments.values[0]));
            SPILLWAY_RETURN_IF_ERROR(context.fs->WriteFile(path, WriteOptionsFrom(*context.config),
                                                           []() -> StatusOr<std::string> { return std::string(); }));
            *context.out << path << " has been created\n";
            return 0;
          }};
}

}  // namespace spillway::cli
