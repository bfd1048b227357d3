// Jobs, as Spillway's own clients ask for them and follow them.
#include "admin.pb.h"
#include "common/path.h"
#include "rpc/convert.h"
#include "rpc/master/master_jobs.h"

namespace spillway {
namespace {

const char* const kService = "spillway.admin.AdminService";

StatusOr<CopyRequest> ToCopyRequest(const admin::StartCopyRequest& request) {
  CopyRequest copy;
  SPILLWAY_ASSIGN_OR_RETURN(copy.source, NormalizePath(request.source()));
  SPILLWAY_ASSIGN_OR_RETURN(copy.target, NormalizePath(request.target()));
  const auto type = ParseWriteType(request.write_type());
  if (!type) return InvalidArgument("\"{}\" is no write type.", request.write_type());
  copy.options.write_type = *type;
  copy.options.overwrite = request.overwrite();
  copy.options.mode = static_cast<int>(request.mode());
  copy.options.replication_min = request.replication_min();
  copy.options.replication_max = request.replication_max();
  copy.options.durable_replicas = request.durable_replicas();
  copy.options.persistence_wait_time_ms = request.persistence_wait_time_ms();
  return copy;
}

}  // namespace

void RegisterJobs(RpcService* service, const MasterServiceContext& context) {
  CopyJobs* copies = &context.jobs->copies;
  service->Unary<admin::StartCopyRequest, admin::StartCopyResponse>(
      kService, "StartCopy", [copies](const CallContext& call, const auto& request, auto reply) {
        const auto asked = ToCopyRequest(request);
        if (!asked.ok()) return reply(asked.status());
        copies->Start(call.caller, *asked, [reply](const StatusOr<int64_t>& id) {
          if (!id.ok()) return reply(id.status());
          admin::StartCopyResponse response;
          response.set_job_id(*id);
          reply(response);
        });
      });
  service->Unary<admin::StartLoadRequest, admin::StartLoadResponse>(
      kService, "StartLoad", [context](const CallContext& call, const auto& request, auto reply) {
        const auto path = NormalizePath(request.path());
        if (!path.ok()) return reply(path.status());
        StartLoad(context, call.caller, *path, std::max(1, request.copies()),
                  [reply](const StatusOr<LoadJobs::Started>& started) {
                    if (!started.ok()) return reply(started.status());
                    admin::StartLoadResponse response;
                    response.set_job_id(started->id);
                    response.set_before(started->before);
                    reply(response);
                  });
      });
  MasterJobs* jobs = context.jobs;
  service->Unary<admin::GetJobRequest, admin::GetJobResponse>(
      kService, "GetJob", [jobs](const CallContext&, const auto& request, auto reply) {
        const auto report = jobs->Report(request.job_id(), request.names());
        if (!report) return reply(NotFound("Job {} does not exist.", request.job_id()));
        admin::GetJobResponse response;
        FillJob(*report, response.mutable_job());
        reply(response);
      });
  service->Unary<admin::CancelJobRequest, admin::CancelJobResponse>(
      kService, "CancelJob", [jobs](const CallContext& call, const auto& request, auto reply) {
        const Status status = jobs->Cancel(call.caller, request.job_id());
        if (!status.ok()) return reply(status);
        reply(admin::CancelJobResponse());
      });
  service->Unary<admin::ListJobsRequest, admin::ListJobsResponse>(
      kService, "ListJobs", [jobs](const CallContext&, const auto&, auto reply) {
        admin::ListJobsResponse response;
        for (const JobReport& report : jobs->Reports()) FillJob(report, response.add_jobs());
        reply(response);
      });
}

}  // namespace spillway
