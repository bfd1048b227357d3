#include "cli/fs/commands.h"

namespace spillway::cli {

Command MvCommand() {
  return {"mv",
          "<src> <dst>",
          "Renames a file or directory.",
          {},
          2,
          2,
          [](Context& context, const Arguments& arguments) -> StatusOr<int> {
            SPILLWAY_ASSIGN_OR_RETURN(const std::string source, NormalizePath(arguments.values[0]));
            SPILLWAY_ASSIGN_OR_RETURN(std::string target, NormalizePath(arguments.values[1]));
            const auto status = context.master->GetStatus(target);
            if (status.ok() && status->is_directory) target = JoinPath(target, BaseName(source));
            RenameOptions options;
            options.persist = context.config->GetBool("alluxio.user.file.persist.on.rename");
            SPILLWAY_RETURN_IF_ERROR(context.master->Rename(source, target, options));
            *context.out << "Renamed " << source << " to " << target << "\n";
            return 0;
          }};
}

}  // namespace spillway::cli
