// Loads, which Alluxio's shell submits to the master.
#include <nlohmann/json.hpp>

#include "common/format.h"
#include "common/path.h"
#include "rpc/convert.h"
#include "rpc/master/java_object.h"
#include "rpc/master/loading.h"
#include "rpc/master/master_jobs.h"
#include "rpc/service_names.h"

namespace spillway {
namespace {

std::string ReasonOf(const LoadProgress& progress) {
  if (progress.failures.empty()) return "";
  const auto& [path, why] = progress.failures.front();
  return path + ": " + why;
}

std::string ReportOf(const std::string& path, const LoadProgress& progress) {
  const std::string reason = ReasonOf(progress);
  const int64_t seconds_x1000 = std::max<int64_t>(1, progress.duration_ms);
  return fmt::format(
      "Progress for loading path '{}':\n\tSettings:\tbandwidth: unlimited\tverify: false\n"
      "\tJob State: {}{}\n\tFiles Processed: {}\n\tBytes Loaded: {}\n\tThroughput: {}/s\n"
      "\tBlocks left: {} of {}\n\tFiles Failed: {}\n",
      path, progress.state, reason.empty() ? "" : " (" + reason + ")", progress.files,
      FormatBytes(progress.bytes), FormatBytes(progress.bytes * 1000 / seconds_x1000),
      progress.blocks_left, progress.blocks, progress.files_failed);
}

std::string JsonOf(const LoadProgress& progress) {
  return nlohmann::json{{"mJobState", progress.state},
                        {"mProcessedFileCount", progress.files},
                        {"mByteCount", progress.bytes},
                        {"mBlocksLeft", progress.blocks_left},
                        {"mFailedFileCount", progress.files_failed},
                        {"mFailureReason", ReasonOf(progress)}}
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

void StartLoad(const MasterServiceContext& context, const Caller& caller, const std::string& path,
               int copies, std::function<void(StatusOr<LoadJobs::Started>)> done) {
  Loading loading;
  loading.children = loading.recursive = true;
  loading.sync_interval_ms = SyncIntervalMs(context, {});
  WithLoaded(context, {path}, loading,
             [jobs = context.jobs, caller, path, copies, done](const Status& loaded) {
               if (!loaded.ok()) return done(loaded);
               done(jobs->loads.Start(caller, path, copies));
             });
}

void RegisterLoads(RpcService* service, const MasterServiceContext& context) {
  LoadJobs* jobs = &context.jobs->loads;
  service->Unary<fswire::SubmitJobPRequest, fswire::SubmitJobPResponse>(
      kFileSystemService, "submitJob",
      [context](const CallContext& call, const auto& request, auto reply) {
        const auto asked = JavaObject::Parse(request.request_body());
        if (!asked.ok()) return reply(asked.status());
        if (asked->type() != "alluxio.job.LoadJobRequest") {
          return reply(
              InvalidArgument("Only loads can be submitted this way, not {}.", asked->type()));
        }
        const auto path = NormalizePath(asked->Text("mPath"));
        if (!path.ok()) return reply(path.status());
        StartLoad(context, call.caller, *path, 1,
                  [path = *path, reply](const StatusOr<LoadJobs::Started>& started) {
                    if (!started.ok()) return reply(started.status());
                    fswire::SubmitJobPResponse response;
                    if (!started->before) response.set_jobid("load " + path);
                    reply(response);
                  });
      });
  service->Unary<fswire::GetJobProgressPRequest, fswire::GetJobProgressPResponse>(
      kFileSystemService, "GetJobProgress",
      [jobs](const CallContext&, const auto& request, auto reply) {
        const auto path = NormalizePath(request.jobdescription().path());
        if (!path.ok()) return reply(path.status());
        const auto progress = jobs->Progress(*path);
        if (!progress) return reply(NotFound("No load of {} is known.", *path));
        const bool json = request.options().format() == fswire::JSON;
        fswire::GetJobProgressPResponse response;
        response.set_progressreport(json ? JsonOf(*progress) : ReportOf(*path, *progress));
        response.set_format(json ? fswire::JSON : fswire::TEXT);
        reply(response);
      });
  service->Unary<fswire::StopJobPRequest, fswire::StopJobPResponse>(
      kFileSystemService, "StopJob", [jobs](const CallContext&, const auto& request, auto reply) {
        const auto path = NormalizePath(request.jobdescription().path());
        if (!path.ok()) return reply(path.status());
        fswire::StopJobPResponse response;
        response.set_jobstopped(jobs->Stop(*path));
        reply(response);
      });
}

}  // namespace spillway
