// How a server process ends: in order within its grace; else what remains is cut, with the journal
// synced, and named in the log. Of the process, not of an object: a signal is.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/status.h"

namespace spillway {

class Ending {
 public:
  // Blocks SIGTERM, SIGINT and, unless it is ignored, SIGHUP in this and all later threads, and
  // watches them; call first. One that comes before Serving ends the process at once with
  // 128 + its number: nothing was promised yet.
  static void Watch(const std::string& role);

  // The process is about to take calls: the first signal is kept for AwaitSignal from now on.
  static void Serving();
  // Returns OK after the first of those signals, or why failed() says that it must end.
  static Status AwaitSignal(const std::function<Status()>& failed);

  // After AwaitSignal. A second signal ends the process at once, with 128 + its number: what
  // was acknowledged is durable at any time.
  // The process is to be over in grace_ms. What is not in order a second later is cut: left names
  // the calls that are open, settle waits a moment for the journal's sync, and the process ends
  // with 0. Both are called on another thread, until Settled.
  static void Begin(int64_t grace_ms, std::function<std::vector<std::string>()> left,
                    std::function<void()> settle);
  static void Settled();

  // The last line of the log.
  static void EndInOrder();
};

}  // namespace spillway
