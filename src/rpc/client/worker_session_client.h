// Keeps a worker's session with the master: connects, connects again, passes messages.
#pragma once

#include <memory>
#include <string>

#include "common/clock.h"
#include "worker/worker.h"

namespace spillway {

class WorkerSessionClient {
 public:
  virtual ~WorkerSessionClient() = default;
  // The master's reason if it has refused this worker for good (another cluster's storage).
  virtual Status refused() = 0;
};

// Reconnects for as long as the object lives, with a short pause after a failure.
std::unique_ptr<WorkerSessionClient> StartWorkerSession(Worker* worker,
                                                        const std::string& master_target,
                                                        int64_t start_time_ms,
                                                        int64_t heartbeat_interval_ms);

}  // namespace spillway
