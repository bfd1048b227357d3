#include "cli/fs/commands.h"

namespace spillway::cli {
namespace {

StatusOr<int> FreeWorker(Context& context, const Arguments& arguments) {
  const std::string& host = arguments.values[0];
  SPILLWAY_ASSIGN_OR_RETURN(const auto workers, context.master->GetWorkerReport());
  bool found = false;
  for (const WorkerInfo& worker : workers) {
    if (worker.address.host != host || worker.state == WorkerState::kLost) continue;
    found = true;
    SPILLWAY_RETURN_IF_ERROR(context.workers->Connect(worker.address)->FreeAll());
  }
  if (!found) return NotFound("Worker {} is not found in Alluxio.", host);
  *context.out << "Target worker has been freed successfully.\n";
  return 0;
}

}  // namespace

Command FreeWorkerCommand() {
  return {
      "freeWorker",
      "<worker host name>",
      "Drops every copy on a worker that nothing needs. What is not persisted, or pinned, stays.",
      {},
      1,
      1,
      FreeWorker};
}

}  // namespace spillway::cli
