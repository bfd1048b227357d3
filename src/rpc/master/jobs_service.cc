// Jobs, as Spillway's own clients ask for them and follow them.
#include "admin.pb.h"
#include "common/path.h"
#include "rpc/convert.h"
#include "rpc/master/master_jobs.h"
#include "rpc/service_names.h"

namespace spillway {
namespace {

StatusOr<CopyRequest> ToCopyRequest(const admin::StartCopyRequest& request) {
  CreateFileOptions options;
  options.overwrite = request.overwrite();
  options.mode = static_cast<int>(request.mode());
  options.replication_min = request.replication_min();
  options.replication_max = request.replication_max();
  options.durable_replicas = request.durable_replicas();
  options.persistence_wait_time_ms = request.persistence_wait_time_ms();
  return MakeCopyRequest(request.source(), request.target(), request.write_type(), options);
}

}  // namespace

void RegisterJobs(RpcService* service, const MasterServiceContext& context) {
  CopyJobs* copies = &context.jobs->copies;
  service->Unary<admin::StartCopyRequest, admin::StartCopyResponse>(
      kAdminService, "StartCopy",
      [copies](const CallContext& call, const auto& request, auto reply) {
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
      kAdminService, "StartLoad",
      [context](const CallContext& call, const auto& request, auto reply) {
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
      kAdminService, "GetJob", [jobs](const CallContext&, const auto& request, auto reply) {
        const auto report = jobs->Report(request.job_id(), request.names());
        if (!report) return reply(NotFound("Job {} does not exist.", request.job_id()));
        admin::GetJobResponse response;
        FillJob(*report, response.mutable_job());
        reply(response);
      });
  service->Unary<admin::CancelJobRequest, admin::CancelJobResponse>(
      kAdminService, "CancelJob", [jobs](const CallContext& call, const auto& request, auto reply) {
        const Status status = jobs->Cancel(call.caller, request.job_id());
        if (!status.ok()) return reply(status);
        reply(admin::CancelJobResponse());
      });
  service->Unary<admin::ListJobsRequest, admin::ListJobsResponse>(
      kAdminService, "ListJobs", [jobs](const CallContext&, const auto&, auto reply) {
        admin::ListJobsResponse response;
        for (const JobReport& report : jobs->Reports()) FillJob(report, response.add_jobs());
        reply(response);
      });
}

}  // namespace spillway
