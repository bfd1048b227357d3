// Of FileSystemMasterClientService, what compares with the understore.
#include "common/path.h"
#include "rpc/convert.h"
#include "rpc/master/master_services.h"
#include "rpc/master/sync_tasks.h"
#include "rpc/service_names.h"

namespace spillway {
namespace {

SyncDepth ToDepth(const fswire::SyncMetadataPOptions& options) {
  switch (options.loaddescendanttype()) {
    case alluxio::grpc::fscommon::NONE:
      return SyncDepth::kPath;
    case alluxio::grpc::fscommon::ONE:
      return SyncDepth::kChildren;
    default:
      return SyncDepth::kAll;
  }
}

void FillTask(const SyncTaskInfo& info, fswire::SyncMetadataTask* out) {
  using State = SyncTaskInfo::State;
  out->set_id(info.id);
  out->set_state(info.state == State::kRunning     ? fswire::RUNNING
                 : info.state == State::kSucceeded ? fswire::SUCCEEDED
                 : info.state == State::kFailed    ? fswire::FAILED
                                                   : fswire::CANCELED);
  out->set_syncdurationms(info.duration_ms);
  out->set_successopcount(info.counts.added + info.counts.changed + info.counts.removed);
  out->set_taskinfostring(fmt::format("sync of {}", info.path));
  out->set_taskstatstring(fmt::format("{} entries seen, {} added, {} changed, {} removed",
                                      info.counts.seen, info.counts.added, info.counts.changed,
                                      info.counts.removed));
  if (info.state != State::kFailed) return;
  out->mutable_exception()->set_exceptiontype("UnderStoreError");
  out->mutable_exception()->set_exceptionmessage(Message(info.status));
  out->mutable_exception()->set_stacktrace("");
}

void RegisterTasks(RpcService* service, const MasterServiceContext& context) {
  const auto tasks = std::make_shared<SyncTasks>(context.master, context.executor, context.clock);
  service->Unary<fswire::SyncMetadataPRequest, fswire::SyncMetadataPResponse>(
      kFileSystemService, "SyncMetadata",
      [context, tasks](const CallContext&, const auto& request, auto reply) {
        const auto path = NormalizePath(request.path());
        if (!path.ok()) return reply(path.status());
        context.executor->Post([tasks, path = *path, depth = ToDepth(request.options()), reply] {
          fswire::SyncMetadataPResponse response;
          FillTask(tasks->Run(path, depth), response.add_task());
          reply(response);
        });
      });
  service->Unary<fswire::SyncMetadataPRequest, fswire::SyncMetadataAsyncPResponse>(
      kFileSystemService, "SyncMetadataAsync",
      [tasks](const CallContext&, const auto& request, auto reply) {
        const auto path = NormalizePath(request.path());
        if (!path.ok()) return reply(path.status());
        fswire::SyncMetadataAsyncPResponse response;
        response.set_submitted(true);
        response.set_taskgroupid(tasks->Start(*path, ToDepth(request.options())));
        response.add_taskids(response.taskgroupid());
        reply(response);
      });
  service->Unary<fswire::GetSyncProgressPRequest, fswire::GetSyncProgressPResponse>(
      kFileSystemService, "GetSyncProgress",
      [tasks](const CallContext&, const auto& request, auto reply) {
        const auto info = tasks->Find(request.taskgroupid());
        if (!info) return reply(NotFound("Sync {} is not known.", request.taskgroupid()));
        fswire::GetSyncProgressPResponse response;
        FillTask(*info, response.add_task());
        reply(response);
      });
  service->Unary<fswire::CancelSyncMetadataPRequest, fswire::CancelSyncMetadataPResponse>(
      kFileSystemService, "CancelSyncMetadata",
      [tasks](const CallContext&, const auto& request, auto reply) {
        fswire::CancelSyncMetadataPResponse response;
        response.set_success(tasks->Cancel(request.taskgroupid()));
        reply(response);
      });
}

}  // namespace

void RegisterSync(RpcService* service, const MasterServiceContext& context) {
  Master* master = context.master;
  RegisterTasks(service, context);
  service->Unary<fswire::NeedsSyncRequest, fswire::NeedsSyncResponse>(
      kFileSystemService, "NeedsSync",
      [master](const CallContext& call, const auto& request, auto reply) {
        const auto path = NormalizePath(request.path());
        if (!path.ok()) return reply(path.status());
        FinishWhenDurable(
            master, master->NeedsSync(call.caller, *path),
            [](Nothing&) { return fswire::NeedsSyncResponse(); }, reply);
      });
  service->Unary<fswire::CheckConsistencyPRequest, fswire::CheckConsistencyPResponse>(
      kFileSystemService, "CheckConsistency",
      [context](const CallContext& call, const auto& request, auto reply) {
        const auto path = NormalizePath(request.path());
        if (!path.ok()) return reply(path.status());
        context.executor->Post([context, caller = call.caller, path = *path, reply] {
          FinishWhenDurable(
              context.master, context.master->CheckConsistency(caller, path),
              [](std::vector<std::string>& paths) {
                fswire::CheckConsistencyPResponse response;
                for (const std::string& inconsistent : paths)
                  response.add_inconsistentpaths(inconsistent);
                return response;
              },
              reply);
        });
      });
  // Only HDFS tells of its changes; as in Alluxio other understores cannot be followed.
  service->Unary<fswire::GetSyncPathListPRequest, fswire::GetSyncPathListPResponse>(
      kFileSystemService, "GetSyncPathList", [](const CallContext&, const auto&, auto reply) {
        reply(fswire::GetSyncPathListPResponse());
      });
  const auto cannot = [](const std::string& path) {
    return InvalidArgument(
        "{} cannot be synced automatically: its understore does not tell of changes. Set "
        "alluxio.user.file.metadata.sync.interval instead.",
        path);
  };
  service->Unary<fswire::StartSyncPRequest, fswire::StartSyncPResponse>(
      kFileSystemService, "StartSync",
      [cannot](const CallContext&, const auto& request, auto reply) {
        reply(cannot(request.path()));
      });
  service->Unary<fswire::StopSyncPRequest, fswire::StopSyncPResponse>(
      kFileSystemService, "StopSync", [](const CallContext&, const auto& request, auto reply) {
        reply(InvalidArgument("{} is not synced automatically.", request.path()));
      });
}

}  // namespace spillway
