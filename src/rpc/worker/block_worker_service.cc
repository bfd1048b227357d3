#include "rpc/worker/block_worker_service.h"

#include "grpc/block_worker.pb.h"
#include "rpc/convert.h"
#include "rpc/service_names.h"
#include "small_files.pb.h"

namespace spillway {
namespace {

// Clients expect the answer before the block is there when they ask asynchronously.
template <typename Request, typename Response>
void Cache(Worker* worker, const Request& request, bool async, Reply<Response> reply) {
  std::optional<WorkerAddress> source;
  if (request.has_source_host() && request.source_port() > 0 && request.source_port() <= 65535) {
    source.emplace();
    source->host = request.source_host();
    source->data_port = request.source_port();
  }
  if (async) reply(Response());
  worker->CacheBlock(BlockId(request.block_id()), source, [async, reply](const Status& status) {
    if (async) {
      if (!status.ok()) spdlog::debug("caching failed: {}", Message(status));
      return;
    }
    if (!status.ok()) return reply(status);
    reply(Response());
  });
}

void RegisterSmallFiles(RpcService* service, const WorkerServiceContext& context) {
  SmallFiles* files = context.worker->small_files();
  const std::string name = kSmallFileService;
  service->Unary<smallfiles::PutFilesRequest, smallfiles::PutFilesResponse>(
      name, "PutFiles", [context, files](const CallContext& call, const auto& request, auto reply) {
        if (!context.worker->store()->WaitsForDisk(0))
          return files->PutFiles(request, call.caller.user, call.caller.groups, reply);
        context.executor->Post([=, caller = call.caller] {
          files->PutFiles(request, caller.user, caller.groups, reply);
        });
      });
  service->Unary<smallfiles::StoreBlocksRequest, smallfiles::StoreBlocksResponse>(
      name, "StoreBlocks", [context, files](const CallContext&, const auto& request, auto reply) {
        if (!context.worker->store()->WaitsForDisk(0)) return reply(files->StoreBlocks(request));
        context.executor->Post([=] { reply(files->StoreBlocks(request)); });
      });
}

}  // namespace

void RegisterBlockWorkerService(RpcService* service, const WorkerServiceContext& context) {
  Worker* worker = context.worker;
  RegisterSmallFiles(service, context);
  service->Stream(kBlockWorkerService, "WriteBlock", [context](const CallContext& call) {
    return MakeWriteReactor(call.call, context);
  });
  service->Stream(kBlockWorkerService, "ReadBlock", [context](const CallContext& call) {
    return MakeReadReactor(call.call, context);
  });
  service->Stream(kBlockWorkerService, "CreateLocalBlock", [context](const CallContext& call) {
    return MakeCreateLocalReactor(call.call, context);
  });
  service->Stream(kBlockWorkerService, "OpenLocalBlock", [context](const CallContext& call) {
    return MakeOpenLocalReactor(call.call, context);
  });
  service->Unary<blockwire::CacheRequest, blockwire::CacheResponse>(
      kBlockWorkerService, "Cache", [worker](const CallContext&, const auto& request, auto reply) {
        Cache(worker, request, request.async(), reply);
      });
  service->Unary<blockwire::AsyncCacheRequest, blockwire::AsyncCacheResponse>(
      kBlockWorkerService, "AsyncCache",
      [worker](const CallContext&, const auto& request, auto reply) {
        Cache(worker, request, true, reply);
      });
  service->Unary<blockwire::RemoveBlockRequest, blockwire::RemoveBlockResponse>(
      kBlockWorkerService, "RemoveBlock",
      [worker](const CallContext&, const auto& request, auto reply) {
        if (Status status = worker->RemoveBlock(BlockId(request.block_id())); !status.ok())
          return reply(status);
        reply(blockwire::RemoveBlockResponse());
      });
  service->Unary<blockwire::ClearMetricsRequest, blockwire::ClearMetricsResponse>(
      kBlockWorkerService, "ClearMetrics", [](const CallContext&, const auto&, auto reply) {
        reply(blockwire::ClearMetricsResponse());
      });
  service->Unary<blockwire::FreeWorkerRequest, blockwire::FreeWorkerResponse>(
      kBlockWorkerService, "FreeWorker",
      [context, worker](const CallContext&, const auto&, auto reply) {
        context.executor->Post([worker, reply] {
          worker->FreeAll();
          reply(blockwire::FreeWorkerResponse());
        });
      });
  for (const char* method : {"Load", "MoveBlock"}) service->Refuse(kBlockWorkerService, method);
}

}  // namespace spillway
