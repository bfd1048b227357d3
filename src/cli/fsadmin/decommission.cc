#include "absl/strings/numbers.h"
#include "absl/time/clock.h"
#include "cli/fsadmin/commands.h"
#include "cli/progress.h"
#include "common/checked.h"

namespace spillway::cli {
namespace {

StatusOr<int> RunDecommission(Context& context, const Arguments& arguments) {
  const std::string& worker = arguments.values[0];
  const size_t colon = worker.rfind(':');
  const std::string host = worker.substr(0, colon);
  int port = 0;
  if (colon != std::string::npos && !absl::SimpleAtoi(worker.substr(colon + 1), &port)) {
    return InvalidArgument("{} is not of the form host or host:port", worker);
  }
  SPILLWAY_RETURN_IF_ERROR(InRange(port, 0, 65535, "a port").status());
  int64_t timeout_ms = 30 * 60'000;
  if (arguments.Has("-t") && !absl::SimpleAtoi(arguments.Get("-t", ""), &timeout_ms)) {
    return InvalidArgument("The timeout must be a number of milliseconds.");
  }
  SPILLWAY_RETURN_IF_ERROR(InRange(timeout_ms, 0, kWaitMsMax, "the timeout").status());
  const bool undo = arguments.Has("--undo");
  SPILLWAY_ASSIGN_OR_RETURN(Decommission left,
                            context.master->DecommissionWorker(host, port, undo));
  if (undo) {
    *context.out << "Worker " << worker << " takes part again.\n";
    return 0;
  }
  SystemClock clock;
  const int64_t end = clock.MonotonicMs() + timeout_ms;
  const int64_t total = left.blocks_at_stake;
  Progress progress(context, "moving blocks", total, {"blocks"});
  int64_t shown = 0;
  while (left.live && left.blocks_at_stake > 0) {
    if (arguments.Has("--nowait") || clock.MonotonicMs() >= end) {
      *context.out << fmt::format(
          "Worker {} still holds {} blocks that are needed: do not stop it.\n", worker,
          left.blocks_at_stake);
      return arguments.Has("--nowait") ? 0 : kFailed;
    }
    absl::SleepFor(absl::Milliseconds(250));
    SPILLWAY_ASSIGN_OR_RETURN(left, context.master->DecommissionWorker(host, port, false));
    const int64_t done = std::max<int64_t>(0, total - left.blocks_at_stake);
    progress.Add(std::max<int64_t>(0, done - shown));
    shown = std::max(shown, done);
  }
  *context.out << "Worker " << worker << " holds nothing that is needed: it is safe to stop it.\n";
  return 0;
}

}  // namespace

Command DecommissionCommand() {
  return {"decommission",
          "[-t <timeout ms>] [--nowait] [--undo] <host[:port]>",
          "Gives a worker nothing new, persists or copies what it alone holds, and says when it is "
          "safe to stop it.",
          {{"-t", true, {}, "how long to wait, 30 minutes by default"},
           {"--nowait", false, {}, "say how far it is and return"},
           {"--undo", false, {}, "let the worker take part again"}},
          1,
          1,
          RunDecommission};
}

}  // namespace spillway::cli
