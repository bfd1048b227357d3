// Spillway's AdminService.
#include "admin.pb.h"
#include "common/path.h"
#include "rpc/convert.h"
#include "rpc/master/master_services.h"
#include "rpc/service_names.h"
#include "small_files.pb.h"

namespace spillway {
namespace {

void RegisterPersist(RpcService* service, Master* master) {
  service->Unary<admin::GetPersistInfoRequest, admin::GetPersistInfoResponse>(
      kAdminService, "GetPersistInfo",
      [master](const CallContext& call, const auto& request, auto reply) {
        admin::GetPersistInfoResponse response;
        for (const PersistInfo& info : master->GetPersistInfo(
                 call.caller, {request.paths().begin(), request.paths().end()})) {
          FillPersistInfo(info, response.add_infos());
        }
        reply(response);
      });
  service->Unary<admin::GetPersistProgressRequest, admin::GetPersistProgressResponse>(
      kAdminService, "GetPersistProgress",
      [master](const CallContext& call, const auto& request, auto reply) {
        const auto path = NormalizePath(request.path());
        if (!path.ok()) return reply(path.status());
        const auto progress = master->GetPersistProgress(call.caller, *path, request.cut());
        if (!progress.ok()) return reply(progress.status());
        admin::GetPersistProgressResponse response;
        response.set_cut(progress->cut);
        response.set_files_left(progress->files_left);
        response.set_bytes_left(progress->bytes_left);
        response.set_never_files(progress->never_files);
        response.set_oldest_path(progress->oldest_path);
        response.set_oldest_error(progress->oldest_error);
        reply(response);
      });
  service->Unary<admin::GetPersistReportRequest, admin::GetPersistReportResponse>(
      kAdminService, "GetPersistReport",
      [master](const CallContext&, const auto& request, auto reply) {
        admin::GetPersistReportResponse response;
        FillPersistReport(master->GetPersistReport(
                              static_cast<size_t>(std::max<int64_t>(0, request.entries_max()))),
                          &response);
        reply(response);
      });
  service->Unary<admin::GetStoreReportRequest, admin::GetStoreReportResponse>(
      kAdminService, "GetStoreReport",
      [master](const CallContext&, const auto& request, auto reply) {
        admin::GetStoreReportResponse response;
        for (const StoreInfo& info : master->GetStoreReport(
                 static_cast<size_t>(std::max<int64_t>(0, request.entries_max()))))
          FillStoreInfo(info, response.add_stores());
        reply(response);
      });
}

void RegisterNewBlockId(RpcService* service, Master* master) {
  service->Unary<admin::NewBlockIdRequest, admin::NewBlockIdResponse>(
      kAdminService, "NewBlockId",
      [master](const CallContext& call, const auto& request, auto reply) {
        const auto path = NormalizePath(request.path());
        if (!path.ok()) return reply(path.status());
        const auto admitted = [master, caller = call.caller, path = *path, request,
                               reply](Status status) {
          admin::NewBlockIdResponse response;
          if (status.code() == StatusCode::kAborted) {
            response.set_write_through(true);
            return reply(response);
          }
          if (!status.ok()) return reply(status);
          FinishWhenDurable(
              master,
              master->NewBlockId(caller, path,
                                 BlockOfFile{InodeId(request.file_id()), request.index()}),
              [](BlockId& id) {
                admin::NewBlockIdResponse response;
                response.set_block_id(id.value());
                return response;
              },
              reply);
        };
        master->AdmitBlock(*path, request.may_write_through(), admitted);
      });
}

void RegisterEmptyFiles(RpcService* service, Master* master) {
  service->Unary<smallfiles::PutFilesRequest, smallfiles::PutFilesResponse>(
      kSmallFileService, "PutFiles",
      [master](const CallContext& call, const auto& request, auto reply) {
        FinishWhenDurable(
            master, master->PutEmptyFiles(call.caller, request),
            [](smallfiles::PutFilesResponse& response) { return std::move(response); }, reply);
      });
}

void RegisterLostFiles(RpcService* service, Master* master) {
  service->Unary<admin::ChangeLostFileRequest, admin::ChangeLostFileResponse>(
      kAdminService, "ChangeLostFile",
      [master](const CallContext& call, const auto& request, auto reply) {
        if (Status status = MustBeSuperUser(master, call.caller); !status.ok())
          return reply(status);
        const LostFile file{request.folder(), request.name(), 0, ""};
        const Status asked = master->ChangeLostFile(
            request.host(), request.data_port(), file,
            request.drop() ? LostFileAction::kDrop : LostFileAction::kRestore);
        if (!asked.ok()) return reply(asked);
        reply(admin::ChangeLostFileResponse());
      });
}

void RegisterOperations(RpcService* service, const MasterServiceContext& context) {
  Master* master = context.master;
  service->Unary<admin::GetHealthReportRequest, admin::GetHealthReportResponse>(
      kAdminService, "GetHealthReport",
      [master](const CallContext&, const auto& request, auto reply) {
        admin::GetHealthReportResponse response;
        FillHealthReport(master->GetHealthReport(
                             static_cast<size_t>(std::max<int64_t>(0, request.entries_max()))),
                         &response);
        reply(response);
      });
  service->Unary<admin::DecommissionWorkerRequest, admin::DecommissionWorkerResponse>(
      kAdminService, "DecommissionWorker",
      [master](const CallContext& call, const auto& request, auto reply) {
        if (Status status = MustBeSuperUser(master, call.caller); !status.ok())
          return reply(status);
        const auto left =
            master->DecommissionWorker(request.host(), request.data_port(), request.undo());
        if (!left.ok()) return reply(left.status());
        admin::DecommissionWorkerResponse response;
        response.set_live(left->live);
        response.set_blocks_at_stake(left->blocks_at_stake);
        response.set_blocks(left->blocks);
        reply(response);
      });
  service->Unary<admin::CompleteFileRequest, admin::CompleteFileResponse>(
      kAdminService, "CompleteFile",
      [master](const CallContext& call, const auto& request, auto reply) {
        const auto path = NormalizePath(request.path());
        if (!path.ok()) return reply(path.status());
        CompleteFileOptions options;
        if (request.file_id() != 0) options.file = InodeId(request.file_id());
        if (request.has_understore_length())
          options.understore_length = request.understore_length();
        if (request.has_length_bytes()) options.length_bytes = request.length_bytes();
        options.persist = request.persist();
        options.persistence_wait_time_ms = request.persistence_wait_time_ms();
        options.operation_id = OperationId{request.operation_most(), request.operation_least()};
        FinishWhenDurable(
            master, master->CompleteFile(call.caller, *path, options),
            [](Nothing&) { return admin::CompleteFileResponse(); }, reply);
      });
  service->Unary<admin::AbandonFileRequest, admin::AbandonFileResponse>(
      kAdminService, "AbandonFile",
      [master](const CallContext& call, const auto& request, auto reply) {
        FinishWhenDurable(
            master,
            master->AbandonFile(call.caller, InodeId(request.file_id()), request.maybe_published()),
            [](Nothing&) { return admin::AbandonFileResponse(); }, reply);
      });
  service->Unary<admin::BackupRequest, admin::BackupResponse>(
      kAdminService, "Backup", [context](const CallContext& call, const auto& request, auto reply) {
        if (Status status = MustBeSuperUser(context.master, call.caller); !status.ok())
          return reply(status);
        context.executor->Post([context, folder = request.folder(), reply] {
          const auto written = context.backup(folder);
          if (!written.ok()) return reply(written.status());
          admin::BackupResponse response;
          response.set_folder(*written);
          reply(response);
        });
      });
}

void RegisterDamaged(RpcService* service, Master* master) {
  service->Unary<admin::GetDamagedRequest, admin::GetDamagedResponse>(
      kAdminService, "GetDamaged", [master](const CallContext&, const auto& request, auto reply) {
        const DamagedReport report =
            master->GetDamaged(static_cast<size_t>(std::max<int64_t>(0, request.entries_max())));
        admin::GetDamagedResponse response;
        response.set_records_count(report.records_count);
        for (const DamagedRecordInfo& record : report.records) {
          auto* to = response.add_records();
          to->set_name(record.name);
          to->set_path(record.path);
          to->set_why(record.why);
        }
        response.set_left_out_count(report.left_out_count);
        for (const LeftOut& left : report.left_out) {
          auto* to = response.add_left_out();
          to->set_folder(left.folder);
          to->set_entries(left.entries);
          to->set_example(left.example);
          to->set_why(left.why);
        }
        reply(response);
      });
  service->Unary<admin::ExportRecordRequest, admin::ExportRecordResponse>(
      kAdminService, "ExportRecord",
      [master](const CallContext& call, const auto& request, auto reply) {
        if (Status status = MustBeSuperUser(master, call.caller); !status.ok())
          return reply(status);
        const auto value = master->ExportRecord(request.name());
        if (!value.ok()) return reply(value.status());
        admin::ExportRecordResponse response;
        response.set_value(*value);
        reply(response);
      });
  service->Unary<admin::DropRecordRequest, admin::DropRecordResponse>(
      kAdminService, "DropRecord",
      [master](const CallContext& call, const auto& request, auto reply) {
        if (Status status = MustBeSuperUser(master, call.caller); !status.ok())
          return reply(status);
        FinishWhenDurable(
            master, master->DropRecord(request.name()),
            [](std::string& what) {
              admin::DropRecordResponse response;
              response.set_what(what);
              return response;
            },
            reply);
      });
}

void RegisterQuotas(RpcService* service, Master* master) {
  service->Unary<admin::SetQuotaRequest, admin::SetQuotaResponse>(
      kAdminService, "SetQuota",
      [master](const CallContext& call, const auto& request, auto reply) {
        const auto path = NormalizePath(request.path());
        if (!path.ok()) return reply(path.status());
        FinishWhenDurable(
            master, master->SetQuota(call.caller, *path, request.files_max(), request.bytes_max()),
            [](Nothing&) { return admin::SetQuotaResponse(); }, reply);
      });
  service->Unary<admin::ListQuotasRequest, admin::ListQuotasResponse>(
      kAdminService, "ListQuotas",
      [master](const CallContext& call, const auto& request, auto reply) {
        const auto path = NormalizePath(request.path());
        if (!path.ok()) return reply(path.status());
        FinishWhenDurable(
            master, master->ListQuotas(call.caller, *path),
            [](std::vector<Quota>& quotas) {
              admin::ListQuotasResponse response;
              for (const Quota& quota : quotas) {
                auto* out = response.add_quotas();
                out->set_path(quota.path);
                out->set_files_max(quota.files_max);
                out->set_bytes_max(quota.bytes_max);
                out->set_files(quota.files);
                out->set_bytes(quota.bytes);
              }
              return response;
            },
            reply);
      });
}

}  // namespace

Status MustBeSuperUser(Master* master, const Caller& caller) {
  if (master->IsSuperUser(caller)) return absl::OkStatus();
  return MakeStatus(StatusCode::kPermissionDenied, "Only a superuser may do this, not {}.",
                    caller.user);
}

void RegisterAdminService(RpcService* service, const MasterServiceContext& context) {
  RegisterQuotas(service, context.master);
  RegisterDamaged(service, context.master);
  RegisterPersist(service, context.master);
  RegisterNewBlockId(service, context.master);
  RegisterEmptyFiles(service, context.master);
  RegisterLostFiles(service, context.master);
  RegisterOperations(service, context);
  RegisterJobs(service, context);
}

}  // namespace spillway
