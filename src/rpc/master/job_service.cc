// Loads, which Alluxio's shell submits to the master, and its job master, which answers that there
// is none: a client that finds nobody there asks for two minutes.
#include <google/protobuf/empty.pb.h>

#include <nlohmann/json.hpp>

#include "common/format.h"
#include "common/path.h"
#include "rpc/convert.h"
#include "rpc/master/load_jobs.h"
#include "rpc/master/loading.h"
#include "rpc/master/master_services.h"

namespace spillway {
namespace {

const char* const kService = "alluxio.grpc.file.FileSystemMasterClientService";

// A job request is a serialized Java object. Of it only the first string that is a path is wanted:
// strings are 't', two bytes of length, and their characters.
std::optional<std::string> PathOfRequest(const std::string& body) {
  for (size_t at = 0; at + 3 < body.size(); ++at) {
    if (body[at] != 't') continue;
    const size_t length =
        static_cast<unsigned char>(body[at + 1]) << 8 | static_cast<unsigned char>(body[at + 2]);
    if (length == 0 || at + 3 + length > body.size()) continue;
    std::string text = body.substr(at + 3, length);
    if (text[0] == '/' || text.rfind("alluxio://", 0) == 0) return text;
  }
  return std::nullopt;
}

std::string ReportOf(const std::string& path, const LoadProgress& progress) {
  const int64_t seconds_x1000 = std::max<int64_t>(1, progress.duration_ms);
  return fmt::format(
      "Progress for loading path '{}':\n\tSettings:\tbandwidth: unlimited\tverify: false\n"
      "\tJob State: {}{}\n\tFiles Processed: {}\n\tBytes Loaded: {}\n\tThroughput: {}/s\n"
      "\tBlocks left: {} of {}\n\tFiles Failed: 0\n",
      path, progress.state, progress.error.empty() ? "" : " (" + progress.error + ")",
      progress.files, FormatBytes(progress.bytes),
      FormatBytes(progress.bytes * 1000 / seconds_x1000), progress.blocks_left, progress.blocks);
}

std::string JsonOf(const LoadProgress& progress) {
  return nlohmann::json{{"mJobState", progress.state},
                        {"mProcessedFileCount", progress.files},
                        {"mByteCount", progress.bytes},
                        {"mBlocksLeft", progress.blocks_left},
                        {"mFailureReason", progress.error}}
      .dump();
}

}  // namespace

void RegisterLoads(RpcService* service, const MasterServiceContext& context) {
  const auto jobs = std::make_shared<LoadJobs>(context.master, context.executor, context.clock);
  service->Unary<fswire::SubmitJobPRequest, fswire::SubmitJobPResponse>(
      kService, "submitJob",
      [context, jobs](const CallContext& call, const auto& request, auto reply) {
        if (request.request_body().find("LoadJobRequest") == std::string::npos)
          return reply(InvalidArgument("Only loads can be submitted to Spillway."));
        const auto named = PathOfRequest(request.request_body());
        if (!named) return reply(InvalidArgument("The load names no path."));
        const auto path = NormalizePath(*named);
        if (!path.ok()) return reply(path.status());
        Loading loading;
        loading.children = loading.recursive = true;
        loading.sync_interval_ms = SyncIntervalMs(context, {});
        WithLoaded(context, {*path}, loading,
                   [jobs, caller = call.caller, path = *path, reply](const Status& loaded) {
                     if (!loaded.ok()) return reply(loaded);
                     fswire::SubmitJobPResponse response;
                     if (jobs->Start(caller, path, 1)) response.set_jobid("load " + path);
                     reply(response);
                   });
      });
  service->Unary<fswire::GetJobProgressPRequest, fswire::GetJobProgressPResponse>(
      kService, "GetJobProgress", [jobs](const CallContext&, const auto& request, auto reply) {
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
      kService, "StopJob", [jobs](const CallContext&, const auto& request, auto reply) {
        const auto path = NormalizePath(request.jobdescription().path());
        if (!path.ok()) return reply(path.status());
        fswire::StopJobPResponse response;
        response.set_jobstopped(jobs->Stop(*path));
        reply(response);
      });
}

void RegisterJobMaster(RpcService* service) {
  const std::string name = "alluxio.grpc.job.JobMasterClientService";
  using google::protobuf::Empty;
  // Nothing runs, nothing has run, nobody is there to run anything.
  for (const char* method :
       {"GetJobServiceSummary", "ListAll", "GetAllWorkerHealth", "GetAllMasterStatus"}) {
    service->Unary<Empty, Empty>(
        name, method, [](const CallContext&, const Empty&, auto reply) { reply(Empty()); });
  }
  for (const char* method : {"Cancel", "GetJobStatus", "GetJobStatusDetailed", "Run", "Submit",
                             "GetCmdStatus", "GetCmdStatusDetailed"}) {
    service->Unary<Empty, Empty>(
        name, method, [](const CallContext& call, const Empty&, auto reply) {
          reply(InvalidArgument(
              "{}: Spillway has no job service. Use cp, load --submit, persist or setReplication, "
              "or spillway fs distributedCp and distributedLoad.",
              call.method));
        });
  }
}

}  // namespace spillway
