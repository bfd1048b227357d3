#include "cli/fsadmin/commands.h"

namespace spillway::cli {

Command BackupCommand() {
  return {"backup",
          "<folder>",
          "Writes a consistent backup of the master's state below a folder on the master's host; "
          "spillway master --restore begins with it.",
          {},
          1,
          1,
          [](Context& context, const Arguments& arguments) -> StatusOr<int> {
            SPILLWAY_ASSIGN_OR_RETURN(const std::string path,
                                      context.master->Backup(arguments.values[0]));
            *context.out << "Backup written to " << path << "\n";
            return 0;
          }};
}

}  // namespace spillway::cli
