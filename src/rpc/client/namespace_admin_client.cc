#include "rpc/client/namespace_admin_client.h"

#include "grpc/meta_master.pb.h"
#include "rpc/convert.h"
#include "rpc/service_names.h"

namespace spillway {
namespace {

namespace meta = alluxio::grpc::meta;

const std::string kFs = CallsOf(kFileSystemService);
const std::string kAdmin = CallsOf(kAdminService);
const std::string kConfiguration = "/alluxio.grpc.meta.MetaMasterConfigurationService/";
constexpr int64_t kLongTimeoutMs = 24 * 3'600'000;  // what goes through a whole understore

void FillOptions(const MountOptions& options, fswire::MountPOptions* out) {
  out->set_readonly(options.read_only);
  out->set_shared(options.shared);
  out->mutable_properties()->insert(options.properties.begin(), options.properties.end());
}

class NamespaceAdminClient : public NamespaceAdminApi {
 public:
  explicit NamespaceAdminClient(std::shared_ptr<MasterCaller> caller)
      : caller_(std::move(caller)) {}

  Status Mount(const std::string& path, const std::string& uri,
               const MountOptions& options) override {
    fswire::MountPRequest request;
    request.set_alluxiopath(path);
    request.set_ufspath(uri);
    FillOptions(options, request.mutable_options());
    return Call<fswire::MountPResponse>(kFs + "Mount", request).status();
  }

  Status UpdateMount(const std::string& path, const MountOptions& options) override {
    fswire::UpdateMountPRequest request;
    request.set_alluxiopath(path);
    FillOptions(options, request.mutable_options());
    return Call<fswire::UpdateMountPResponse>(kFs + "UpdateMount", request).status();
  }

  Status Unmount(const std::string& path) override {
    fswire::UnmountPRequest request;
    request.set_alluxiopath(path);
    return Call<fswire::UnmountPResponse>(kFs + "Unmount", request).status();
  }

  Status SetAcl(const std::string& path, AclAction action, const std::vector<AclEntry>& entries,
                bool recursive) override {
    fswire::SetAclPRequest request;
    request.set_path(path);
    request.set_action(static_cast<fswire::SetAclAction>(action));
    request.mutable_options()->set_recursive(recursive);
    for (const AclEntry& entry : entries) *request.add_entries() = FromAclEntry(entry);
    return Call<fswire::SetAclPResponse>(kFs + "SetAcl", request).status();
  }

  Status NeedsSync(const std::string& path) override {
    fswire::NeedsSyncRequest request;
    request.set_path(path);
    return Call<fswire::NeedsSyncResponse>(kFs + "NeedsSync", request).status();
  }

  StatusOr<std::vector<std::string>> CheckConsistency(const std::string& path) override {
    fswire::CheckConsistencyPRequest request;
    request.set_path(path);
    SPILLWAY_ASSIGN_OR_RETURN(const auto response, Call<fswire::CheckConsistencyPResponse>(
                                                       kFs + "CheckConsistency", request));
    return std::vector<std::string>(response.inconsistentpaths().begin(),
                                    response.inconsistentpaths().end());
  }

  Status LoadMetadata(const std::string& path, bool recursive, bool force) override {
    fswire::ListStatusPartialPRequest request;
    request.set_path(path);
    request.mutable_options()->set_batchsize(1);
    auto* options = request.mutable_options()->mutable_options();
    options->set_recursive(recursive);
    options->set_loadmetadataonly(true);
    options->set_loadmetadatatype(fswire::ALWAYS);
    if (force) options->mutable_commonoptions()->set_syncintervalms(0);
    return Call<fswire::ListStatusPartialPResponse>(kFs + "ListStatusPartial", request).status();
  }

  StatusOr<int64_t> StartSync(const std::string& path, bool recursive) override {
    fswire::SyncMetadataPRequest request;
    request.set_path(path);
    request.mutable_options()->set_loaddescendanttype(recursive ? alluxio::grpc::fscommon::ALL
                                                                : alluxio::grpc::fscommon::ONE);
    SPILLWAY_ASSIGN_OR_RETURN(const auto response, Call<fswire::SyncMetadataAsyncPResponse>(
                                                       kFs + "SyncMetadataAsync", request));
    return response.taskgroupid();
  }

  StatusOr<SyncProgress> GetSyncProgress(int64_t id) override {
    fswire::GetSyncProgressPRequest request;
    request.set_taskgroupid(id);
    SPILLWAY_ASSIGN_OR_RETURN(const auto response, Call<fswire::GetSyncProgressPResponse>(
                                                       kFs + "GetSyncProgress", request));
    if (response.task().empty()) return Internal("Sync {} has no task.", id);
    const auto& task = response.task(0);
    return SyncProgress{fswire::SyncMetadataState_Name(task.state()), task.taskstatstring(),
                        task.exception().exceptionmessage(), task.syncdurationms()};
  }

  StatusOr<bool> CancelSync(int64_t id) override {
    fswire::CancelSyncMetadataPRequest request;
    request.set_taskgroupid(id);
    SPILLWAY_ASSIGN_OR_RETURN(const auto response, Call<fswire::CancelSyncMetadataPResponse>(
                                                       kFs + "CancelSyncMetadata", request));
    return response.success();
  }

  Status SetQuota(const std::string& path, int64_t files_max, int64_t bytes_max) override {
    admin::SetQuotaRequest request;
    request.set_path(path);
    request.set_files_max(files_max);
    request.set_bytes_max(bytes_max);
    return Call<admin::SetQuotaResponse>(kAdmin + "SetQuota", request).status();
  }

  StatusOr<std::vector<Quota>> ListQuotas(const std::string& path) override {
    admin::ListQuotasRequest request;
    request.set_path(path);
    SPILLWAY_ASSIGN_OR_RETURN(const auto response,
                              Call<admin::ListQuotasResponse>(kAdmin + "ListQuotas", request));
    std::vector<Quota> quotas;
    for (const auto& quota : response.quotas())
      quotas.push_back(
          {quota.path(), quota.files_max(), quota.bytes_max(), quota.files(), quota.bytes()});
    return quotas;
  }

  StatusOr<StartedLoad> StartLoad(const std::string& path, int copies) override {
    admin::StartLoadRequest request;
    request.set_path(path);
    request.set_copies(copies);
    SPILLWAY_ASSIGN_OR_RETURN(const auto response,
                              Call<admin::StartLoadResponse>(kAdmin + "StartLoad", request));
    return StartedLoad{response.job_id(), response.before()};
  }

  StatusOr<std::string> GetLoadProgress(const std::string& path, bool json) override {
    fswire::GetJobProgressPRequest request;
    request.mutable_jobdescription()->set_type("load");
    request.mutable_jobdescription()->set_path(path);
    request.mutable_options()->set_format(json ? fswire::JSON : fswire::TEXT);
    SPILLWAY_ASSIGN_OR_RETURN(const auto response, Call<fswire::GetJobProgressPResponse>(
                                                       kFs + "GetJobProgress", request));
    return response.progressreport();
  }

  StatusOr<bool> StopLoad(const std::string& path) override {
    fswire::StopJobPRequest request;
    request.mutable_jobdescription()->set_type("load");
    request.mutable_jobdescription()->set_path(path);
    SPILLWAY_ASSIGN_OR_RETURN(const auto response,
                              Call<fswire::StopJobPResponse>(kFs + "StopJob", request));
    return response.jobstopped();
  }

  StatusOr<int64_t> StartCopy(const std::string& source, const std::string& target,
                              const CreateFileOptions& options) override {
    admin::StartCopyRequest request;
    request.set_source(source);
    request.set_target(target);
    request.set_overwrite(options.overwrite);
    request.set_write_type(NameOf(options.write_type));
    request.set_mode(static_cast<uint32_t>(options.mode));
    request.set_replication_min(options.replication_min);
    request.set_replication_max(options.replication_max);
    request.set_durable_replicas(options.durable_replicas);
    request.set_persistence_wait_time_ms(options.persistence_wait_time_ms);
    SPILLWAY_ASSIGN_OR_RETURN(const auto response,
                              Call<admin::StartCopyResponse>(kAdmin + "StartCopy", request));
    return response.job_id();
  }

  StatusOr<JobReport> GetJob(int64_t id, bool names) override {
    admin::GetJobRequest request;
    request.set_job_id(id);
    request.set_names(names);
    SPILLWAY_ASSIGN_OR_RETURN(const auto response,
                              Call<admin::GetJobResponse>(kAdmin + "GetJob", request));
    return ToJob(response.job());
  }

  Status CancelJob(int64_t id) override {
    admin::CancelJobRequest request;
    request.set_job_id(id);
    return Call<admin::CancelJobResponse>(kAdmin + "CancelJob", request).status();
  }

  StatusOr<std::vector<JobReport>> ListJobs() override {
    SPILLWAY_ASSIGN_OR_RETURN(
        const auto response,
        Call<admin::ListJobsResponse>(kAdmin + "ListJobs", admin::ListJobsRequest()));
    std::vector<JobReport> jobs;
    for (const auto& job : response.jobs()) jobs.push_back(ToJob(job));
    return jobs;
  }

  StatusOr<DamagedReport> GetDamaged(int64_t entries_max) override {
    admin::GetDamagedRequest request;
    request.set_entries_max(entries_max);
    SPILLWAY_ASSIGN_OR_RETURN(const auto response,
                              Call<admin::GetDamagedResponse>(kAdmin + "GetDamaged", request));
    DamagedReport report;
    report.records_count = response.records_count();
    for (const auto& record : response.records())
      report.records.push_back({record.name(), record.path(), record.why()});
    report.left_out_count = response.left_out_count();
    for (const auto& left : response.left_out())
      report.left_out.push_back({left.folder(), left.entries(), left.example(), left.why()});
    return report;
  }

  StatusOr<std::string> ExportRecord(const std::string& name) override {
    admin::ExportRecordRequest request;
    request.set_name(name);
    SPILLWAY_ASSIGN_OR_RETURN(const auto response,
                              Call<admin::ExportRecordResponse>(kAdmin + "ExportRecord", request));
    return response.value();
  }

  StatusOr<std::string> DropRecord(const std::string& name) override {
    admin::DropRecordRequest request;
    request.set_name(name);
    SPILLWAY_ASSIGN_OR_RETURN(const auto response,
                              Call<admin::DropRecordResponse>(kAdmin + "DropRecord", request));
    return response.what();
  }

  StatusOr<std::string> GetFilePath(InodeId id) override {
    fswire::GetFilePathPRequest request;
    request.set_fileid(id.value());
    SPILLWAY_ASSIGN_OR_RETURN(const auto response,
                              Call<fswire::GetFilePathPResponse>(kFs + "GetFilePath", request));
    return response.path();
  }

  StatusOr<std::map<std::string, Properties>> GetPathProperties() override {
    meta::GetConfigurationPOptions request;
    request.set_ignoreclusterconf(true);
    SPILLWAY_ASSIGN_OR_RETURN(
        const auto response,
        Call<meta::GetConfigurationPResponse>(kConfiguration + "GetConfiguration", request));
    std::map<std::string, Properties> paths;
    for (const auto& [path, properties] : response.pathconfigs()) {
      for (const auto& property : properties.properties())
        paths[path][property.name()] = property.value();
    }
    return paths;
  }

  Status SetPathProperties(const std::string& path, const Properties& properties) override {
    meta::SetPathConfigurationPRequest request;
    request.set_path(path);
    request.mutable_properties()->insert(properties.begin(), properties.end());
    return Call<meta::SetPathConfigurationPResponse>(kConfiguration + "SetPathConfiguration",
                                                     request)
        .status();
  }

  Status RemovePathProperties(const std::string& path,
                              const std::vector<std::string>& keys) override {
    meta::RemovePathConfigurationPRequest request;
    request.set_path(path);
    for (const std::string& key : keys) request.add_keys(key);
    return Call<meta::RemovePathConfigurationPResponse>(kConfiguration + "RemovePathConfiguration",
                                                        request)
        .status();
  }

 private:
  template <typename Response>
  StatusOr<Response> Call(const std::string& method, const google::protobuf::MessageLite& request) {
    Response response;
    SPILLWAY_RETURN_IF_ERROR(caller_->Call(method, request, &response, kLongTimeoutMs));
    return response;
  }

  const std::shared_ptr<MasterCaller> caller_;
};

}  // namespace

std::unique_ptr<NamespaceAdminApi> MakeNamespaceAdminClient(std::shared_ptr<MasterCaller> caller) {
  return std::make_unique<NamespaceAdminClient>(std::move(caller));
}

}  // namespace spillway
