// BlockWorker: the worker's service for clients and other workers.
#pragma once

#include "common/config.h"
#include "common/executor.h"
#include "rpc/service.h"
#include "worker/worker.h"

namespace spillway {

struct WorkerServiceContext {
  Worker* worker = nullptr;
  Executor* executor = nullptr;  // for blocking reads from the understore
};

void RegisterBlockWorkerService(RpcService* service, const WorkerServiceContext& context);

// The streams, one file each.
ServerReactor* MakeWriteReactor(ServerStream* call, const WorkerServiceContext& context);
ServerReactor* MakeReadReactor(ServerStream* call, const WorkerServiceContext& context);
ServerReactor* MakeCreateLocalReactor(ServerStream* call, const WorkerServiceContext& context);
ServerReactor* MakeOpenLocalReactor(ServerStream* call, const WorkerServiceContext& context);

}  // namespace spillway
