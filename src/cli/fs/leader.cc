#include "cli/fs/commands.h"

namespace spillway::cli {

Command LeaderCommand() {
  return {"leader",
          "",
          "Prints the current leader master host name.",
          {},
          0,
          0,
          [](Context& context, const Arguments&) -> StatusOr<int> {
            SPILLWAY_ASSIGN_OR_RETURN(const ClusterInfo info, context.master->GetClusterInfo());
            *context.out
                << "This command will be deprecated as of v3.0, please use masterInfo command\n"
                << info.master_address.substr(0, info.master_address.rfind(':')) << "\n";
            return 0;
          }};
}

Command MasterInfoCommand() {
  return {"masterInfo",
          "",
          "Prints information regarding master fault tolerance.",
          {},
          0,
          0,
          [](Context& context, const Arguments&) -> StatusOr<int> {
            SPILLWAY_ASSIGN_OR_RETURN(const ClusterInfo info, context.master->GetClusterInfo());
            *context.out << "Current leader master: " << info.master_address << "\n"
                         << "All masters: [" << info.master_address << "]\n";
            return 0;
          }};
}

}  // namespace spillway::cli
