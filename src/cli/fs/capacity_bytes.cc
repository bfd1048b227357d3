#include "cli/fs/commands.h"

namespace spillway::cli {

namespace {

StatusOr<int> Sum(Context& context, const char* title, int64_t (WorkerInfo::*member)() const) {
  SPILLWAY_ASSIGN_OR_RETURN(const auto workers, context.master->GetWorkers());
  int64_t sum = 0;
  for (const WorkerInfo& worker : workers) sum += (worker.*member)();
  *context.out << title << ": " << sum << "\n";
  return 0;
}

}  // namespace

Command GetCapacityBytesCommand() {
  return {"getCapacityBytes",
          "",
          "Gets the capacity of the Alluxio file system.",
          {},
          0,
          0,
          [](Context& context, const Arguments&) {
            return Sum(context, "Capacity Bytes", &WorkerInfo::capacity_bytes);
          }};
}

Command GetUsedBytesCommand() {
  return {"getUsedBytes",
          "",
          "Gets number of bytes used in the Alluxio file system.",
          {},
          0,
          0,
          [](Context& context, const Arguments&) {
            return Sum(context, "Used Bytes", &WorkerInfo::used_bytes);
          }};
}

}  // namespace spillway::cli
