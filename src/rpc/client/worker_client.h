// WorkerApi over the wire, with one pooled channel per worker.
#pragma once

#include <memory>

#include "api/worker_api.h"
#include "common/executor.h"
#include "rpc/client/channel.h"

namespace spillway {

// data_timeout_ms bounds every wait for progress of a stream. Thread-safe.
// With an executor, calls that do not block log in there the first time; else on the caller's
// thread.
std::unique_ptr<WorkerConnector> MakeWorkerConnector(const ChannelOptions& options,
                                                     int64_t data_timeout_ms, Random* random,
                                                     Executor* executor = nullptr);

}  // namespace spillway
