// What clients may take of a process's ports.
#pragma once

#include "common/config.h"
#include "common/metrics.h"
#include "rpc/server.h"

namespace spillway {

// open_files: as many as the process may open. INVALID_ARGUMENT naming a key that makes no sense.
StatusOr<RpcServerOptions> MakeRpcServerOptions(const Configuration& config, int64_t open_files,
                                                Metrics* metrics);

}  // namespace spillway
