// Alluxio's job master, as far as its shell speaks to it: copies and loads, which the workers carry
// out. What else a job service does there, Spillway does without being asked.
#include <algorithm>

#include "client/options.h"
#include "common/checked.h"
#include "common/path.h"
#include "grpc/job_master.pb.h"
#include "rpc/convert.h"
#include "rpc/master/java_object.h"
#include "rpc/master/master_jobs.h"
#include "rpc/service_names.h"

namespace spillway {
namespace {

namespace jobwire = alluxio::grpc::job;

constexpr size_t kSummarized = 10;

jobwire::Status ToWire(JobState state) {
  switch (state) {
    case JobState::kRunning:
      return jobwire::RUNNING;
    case JobState::kCompleted:
      return jobwire::COMPLETED;
    case JobState::kFailed:
      return jobwire::FAILED;
    case JobState::kCanceled:
      return jobwire::CANCELED;
  }
  return jobwire::UNKNOWN;
}

void FillJobInfo(const JobReport& report, int64_t now_ms, jobwire::JobInfo* out) {
  out->set_id(report.id);
  out->set_type(jobwire::PLAN);
  out->set_name(report.kind);
  out->set_description(report.description);
  out->set_status(ToWire(report.state));
  out->set_lastupdated(report.ended_at_ms == 0 ? now_ms : report.ended_at_ms);
  if (report.failures.empty()) return;
  const auto& [path, message] = report.failures.front();
  out->set_errormessage(fmt::format("{}: {}", path, message));
  out->set_errortype("UNKNOWN");
}

StatusOr<CopyRequest> CopyRequestFrom(const MasterServiceContext& context,
                                      const JavaObject& config) {
  // What the request does not say is as the master's own configuration has it.
  CreateFileOptions options = WriteOptionsFrom(*context.config).create;
  options.overwrite = config.Number("mOverwrite") != 0;
  return MakeCopyRequest(config.Text("mSource"), config.Text("mDestination"),
                         config.Text("mWriteType"), options);
}

void SubmitLoad(const MasterServiceContext& context, const Caller& caller, const JavaObject& config,
                std::function<void(StatusOr<int64_t>)> done) {
  const auto path = NormalizePath(config.Text("mFilePath"));
  if (!path.ok()) return done(path.status());
  const auto copies = InRange(config.Number("mReplication"), 0, kCopiesMax, "the replication");
  if (!copies.ok()) return done(copies.status());
  StartLoad(context, caller, *path, std::max(1, static_cast<int>(*copies)),
            [done = std::move(done)](const StatusOr<LoadJobs::Started>& started) {
              if (!started.ok()) return done(started.status());
              done(started->id);
            });
}

void Submit(const MasterServiceContext& context, const Caller& caller, const std::string& bytes,
            std::function<void(StatusOr<int64_t>)> done) {
  const auto config = JavaObject::Parse(bytes);
  if (!config.ok()) return done(config.status());
  const std::string& type = config->type();
  if (type == "alluxio.job.cmd.migrate.MigrateCliConfig" ||
      type == "alluxio.job.plan.migrate.MigrateConfig") {
    const auto request = CopyRequestFrom(context, *config);
    if (!request.ok()) return done(request.status());
    return context.jobs->copies.Start(caller, *request, std::move(done));
  }
  if (type == "alluxio.job.cmd.load.LoadCliConfig" || type == "alluxio.job.plan.load.LoadConfig")
    return SubmitLoad(context, caller, *config, std::move(done));
  done(InvalidArgument(
      "{} is no job that Spillway knows: it persists and heals without being asked, and copies and "
      "loads when it is. See persist, setReplication, distributedCp and load.",
      type));
}

template <typename Response, typename Set>
auto AnswerId(Reply<Response> reply, Set set) {
  return [reply, set](const StatusOr<int64_t>& id) {
    if (!id.ok()) return reply(id.status());
    Response response;
    (response.*set)(*id);
    reply(response);
  };
}

void RegisterSubmitting(RpcService* service, const MasterServiceContext& context) {
  service->Unary<jobwire::SubmitRequest, jobwire::SubmitResponse>(
      kJobMasterService, "Submit",
      [context](const CallContext& call, const auto& request, auto reply) {
        Submit(context, call.caller, request.cmdconfig(),
               AnswerId(reply, &jobwire::SubmitResponse::set_jobcontrolid));
      });
  service->Unary<jobwire::RunPRequest, jobwire::RunPResponse>(
      kJobMasterService, "Run",
      [context](const CallContext& call, const auto& request, auto reply) {
        Submit(context, call.caller, request.jobconfig(),
               AnswerId(reply, &jobwire::RunPResponse::set_jobid));
      });
  service->Unary<jobwire::CancelPRequest, jobwire::CancelPResponse>(
      kJobMasterService, "Cancel",
      [jobs = context.jobs](const CallContext& call, const auto& request, auto reply) {
        const Status status = jobs->Cancel(call.caller, request.jobid());
        if (!status.ok()) return reply(status);
        reply(jobwire::CancelPResponse());
      });
}

Status Unknown(int64_t id) { return NotFound("Job {} does not exist.", id); }

void FillDetails(const JobReport& report, jobwire::CmdStatusBlock* out) {
  out->set_jobcontrolid(report.id);
  out->set_operationtype(report.kind == "Migrate" ? jobwire::DIST_CP : jobwire::DIST_LOAD);
  const auto add = [&](const std::string& done, const std::string& failed) {
    auto* block = out->add_jobstatusblock();
    block->set_jobid(report.id);
    block->set_jobstatus(ToWire(failed.empty() ? report.state : JobState::kFailed));
    block->set_filepath(done);
    block->set_filepathfailed(failed);
  };
  for (const std::string& path : report.done) add(path, "");
  // The shell takes what failed from the paths that were tried.
  for (const auto& [path, message] : report.failures) add(path, path);
}

void RegisterFollowing(RpcService* service, const MasterServiceContext& context) {
  MasterJobs* jobs = context.jobs;
  service->Unary<jobwire::GetCmdStatusRequest, jobwire::GetCmdStatusResponse>(
      kJobMasterService, "GetCmdStatus",
      [jobs](const CallContext&, const auto& request, auto reply) {
        const auto report = jobs->Report(request.jobcontrolid(), /*names=*/false);
        if (!report) return reply(Unknown(request.jobcontrolid()));
        jobwire::GetCmdStatusResponse response;
        response.set_cmdstatus(ToWire(report->state));
        reply(response);
      });
  service->Unary<jobwire::GetCmdStatusDetailedRequest, jobwire::GetCmdStatusDetailedResponse>(
      kJobMasterService, "GetCmdStatusDetailed",
      [jobs](const CallContext&, const auto& request, auto reply) {
        const auto report = jobs->Report(request.jobcontrolid(), /*names=*/true);
        if (!report) return reply(Unknown(request.jobcontrolid()));
        jobwire::GetCmdStatusDetailedResponse response;
        FillDetails(*report, response.mutable_cmdstatusblock());
        reply(response);
      });
  const auto status = [jobs, clock = context.clock](const auto& request, auto response,
                                                    auto reply) {
    const auto report = jobs->Report(request.jobid(), /*names=*/false);
    if (!report) return reply(Unknown(request.jobid()));
    FillJobInfo(*report, clock->NowMs(), response.mutable_jobinfo());
    reply(response);
  };
  service->Unary<jobwire::GetJobStatusPRequest, jobwire::GetJobStatusPResponse>(
      kJobMasterService, "GetJobStatus",
      [status](const CallContext&, const auto& request, auto reply) {
        status(request, jobwire::GetJobStatusPResponse(), reply);
      });
  service->Unary<jobwire::GetJobStatusDetailedPRequest, jobwire::GetJobStatusDetailedPResponse>(
      kJobMasterService, "GetJobStatusDetailed",
      [status](const CallContext&, const auto& request, auto reply) {
        status(request, jobwire::GetJobStatusDetailedPResponse(), reply);
      });
  service->Unary<jobwire::ListAllPRequest, jobwire::ListAllPResponse>(
      kJobMasterService, "ListAll",
      [jobs, clock = context.clock](const CallContext&, const auto& request, auto reply) {
        jobwire::ListAllPResponse response;
        const auto& wanted = request.options().status();
        for (const JobReport& report : jobs->Reports()) {
          const bool listed = wanted.empty() || std::find(wanted.begin(), wanted.end(),
                                                          ToWire(report.state)) != wanted.end();
          if (!listed) continue;
          response.add_jobids(report.id);
          if (!request.options().jobidonly())
            FillJobInfo(report, clock->NowMs(), response.add_jobinfos());
        }
        reply(response);
      });
}

jobwire::JobServiceSummary Summarize(std::vector<JobReport> reports, int64_t now_ms) {
  jobwire::JobServiceSummary summary;
  auto* waiting = summary.add_summaryperstatus();  // none does
  waiting->set_status(jobwire::CREATED);
  waiting->set_count(0);
  for (const JobState state :
       {JobState::kCanceled, JobState::kFailed, JobState::kRunning, JobState::kCompleted}) {
    auto* count = summary.add_summaryperstatus();
    count->set_status(ToWire(state));
    count->set_count(std::count_if(reports.begin(), reports.end(),
                                   [&](const JobReport& report) { return report.state == state; }));
  }
  const auto first = [&](auto* out, const std::function<bool(const JobReport&)>& wanted) {
    for (const JobReport& report : reports) {
      if (static_cast<size_t>(out->size()) == kSummarized) return;
      if (wanted(report)) FillJobInfo(report, now_ms, out->Add());
    }
  };
  first(summary.mutable_longestrunning(),
        [](const JobReport& report) { return report.state == JobState::kRunning; });
  std::reverse(reports.begin(), reports.end());
  first(summary.mutable_recentactivities(), [](const JobReport&) { return true; });
  first(summary.mutable_recentfailures(),
        [](const JobReport& report) { return report.state == JobState::kFailed; });
  return summary;
}

void RegisterReports(RpcService* service, const MasterServiceContext& context) {
  service->Unary<jobwire::GetJobServiceSummaryPRequest, jobwire::GetJobServiceSummaryPResponse>(
      kJobMasterService, "GetJobServiceSummary",
      [context](const CallContext&, const auto&, auto reply) {
        jobwire::GetJobServiceSummaryPResponse response;
        *response.mutable_summary() = Summarize(context.jobs->Reports(), context.clock->NowMs());
        reply(response);
      });
  service->Unary<jobwire::GetAllWorkerHealthPRequest, jobwire::GetAllWorkerHealthPResponse>(
      kJobMasterService, "GetAllWorkerHealth",
      [context](const CallContext&, const auto&, auto reply) {
        jobwire::GetAllWorkerHealthPResponse response;
        for (const WorkerInfo& worker : context.master->GetWorkerReport()) {
          if (worker.state != WorkerState::kLive) continue;
          auto* health = response.add_workerhealths();
          health->set_workerid(worker.id.value());
          health->set_hostname(worker.address.host);
          health->set_lastupdated(context.clock->NowMs() - worker.last_contact_ms_ago);
          health->set_taskpoolsize(
              static_cast<int>(context.config->GetInt("spillway.master.replication.jobs.max")));
          health->mutable_version()->set_version(kAlluxioVersion);
          health->mutable_version()->set_revision("spillway");
        }
        reply(response);
      });
  service->Unary<jobwire::GetAllMasterStatusPRequest, jobwire::GetAllMasterStatusPResponse>(
      kJobMasterService, "GetAllMasterStatus",
      [context](const CallContext&, const auto&, auto reply) {
        jobwire::GetAllMasterStatusPResponse response;
        auto* status = response.add_jobmasterstatus();
        status->set_state("PRIMARY");
        status->mutable_masteraddress()->set_host(context.host);
        status->mutable_masteraddress()->set_rpcport(
            static_cast<int>(context.config->GetInt("alluxio.job.master.rpc.port")));
        status->set_starttime(context.master->start_time_ms());
        status->mutable_version()->set_version(kAlluxioVersion);
        status->mutable_version()->set_revision("spillway");
        reply(response);
      });
}

}  // namespace

void RegisterJobMaster(RpcService* service, const MasterServiceContext& context) {
  RegisterSubmitting(service, context);
  RegisterFollowing(service, context);
  RegisterReports(service, context);
}

}  // namespace spillway
