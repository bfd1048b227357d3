// Service versions, configuration, master information, client metrics.
#include "common/path.h"
#include "grpc/meta_master.pb.h"
#include "grpc/metric_master.pb.h"
#include "grpc/version.pb.h"
#include "rpc/convert.h"
#include "rpc/master/master_services.h"
#include "understore/s3/sigv4.h"

namespace spillway {
namespace {

namespace meta = alluxio::grpc::meta;
namespace metric = alluxio::grpc::metric;
namespace version = alluxio::grpc::version;

// What clients get as their cluster's defaults: what the site file says of keys that clients read.
std::map<std::string, Configuration::Value> ClusterDefaults(const Configuration& config) {
  auto values = config.UserValues();
  for (auto it = values.begin(); it != values.end();) {
    const bool client = it->first.rfind("alluxio.user.", 0) == 0 ||
                        it->first.rfind("alluxio.security.", 0) == 0 ||
                        it->first.rfind("alluxio.master.", 0) == 0;
    it = IsCredential(it->first) || !client ? values.erase(it) : std::next(it);
  }
  values["alluxio.version"] = {kAlluxioVersion, "DEFAULT"};
  values["alluxio.underfs.version"] = {"3.3.1", "DEFAULT"};
  return values;
}

std::string HashOf(const std::map<std::string, Configuration::Value>& values) {
  std::string text;
  for (const auto& [key, value] : values) text += key + "=" + value.value + "\n";
  return Sha256Hex(text);
}

std::string HashOf(const std::map<std::string, std::map<std::string, std::string>>& paths) {
  std::string text;
  for (const auto& [path, properties] : paths) {
    for (const auto& [key, value] : properties) text += path + "\t" + key + "=" + value + "\n";
  }
  return Sha256Hex(text);
}

void RegisterConfiguration(RpcService* service, const MasterServiceContext& context) {
  const std::string name = "alluxio.grpc.meta.MetaMasterConfigurationService";
  service->Exempt(name);
  Master* master = context.master;
  const Configuration* config = context.config;
  const int64_t start_ms = context.clock->NowMs();
  service->Unary<meta::GetConfigurationPOptions, meta::GetConfigurationPResponse>(
      name, "GetConfiguration",
      [master, config, start_ms](const CallContext&, const auto& request, auto reply) {
        meta::GetConfigurationPResponse response;
        const auto values = ClusterDefaults(*config);
        if (!request.ignoreclusterconf()) {
          for (const auto& [key, value] : values) {
            auto* property = response.add_clusterconfigs();
            property->set_name(key);
            property->set_value(value.value);
            property->set_source(value.source);
          }
        }
        const auto paths = master->PathProperties();
        if (!request.ignorepathconf()) {
          for (const auto& [path, properties] : paths) {
            auto& out = (*response.mutable_pathconfigs())[path];
            for (const auto& [key, value] : properties) {
              auto* property = out.add_properties();
              property->set_name(key);
              property->set_value(value);
              property->set_source("PATH_DEFAULT");
            }
          }
        }
        response.set_clusterconfighash(HashOf(values));
        response.set_pathconfighash(HashOf(paths));
        response.set_clusterconfiglastupdatetime(start_ms);
        response.set_pathconfiglastupdatetime(start_ms);
        reply(response);
      });
  service->Unary<meta::GetConfigHashPOptions, meta::GetConfigHashPResponse>(
      name, "GetConfigHash", [master, config](const CallContext&, const auto&, auto reply) {
        meta::GetConfigHashPResponse response;
        response.set_clusterconfighash(HashOf(ClusterDefaults(*config)));
        response.set_pathconfighash(HashOf(master->PathProperties()));
        reply(response);
      });
}

// The service is exempt from authentication, as in the reference; a caller who did authenticate is
// known all the same, and only the superuser may change anything.
void RegisterPathConfiguration(RpcService* service, Master* master) {
  const std::string name = "alluxio.grpc.meta.MetaMasterConfigurationService";
  service->Unary<meta::SetPathConfigurationPRequest, meta::SetPathConfigurationPResponse>(
      name, "SetPathConfiguration",
      [master](const CallContext& call, const auto& request, auto reply) {
        const auto path = NormalizePath(request.path());
        if (!path.ok()) return reply(path.status());
        FinishWhenDurable(
            master,
            master->SetPathProperties(call.caller, *path,
                                      {request.properties().begin(), request.properties().end()},
                                      {}, false),
            [](Nothing&) { return meta::SetPathConfigurationPResponse(); }, reply);
      });
  service->Unary<meta::RemovePathConfigurationPRequest, meta::RemovePathConfigurationPResponse>(
      name, "RemovePathConfiguration",
      [master](const CallContext& call, const auto& request, auto reply) {
        const auto path = NormalizePath(request.path());
        if (!path.ok()) return reply(path.status());
        FinishWhenDurable(
            master,
            master->SetPathProperties(call.caller, *path, {},
                                      {request.keys().begin(), request.keys().end()},
                                      request.keys().empty()),
            [](Nothing&) { return meta::RemovePathConfigurationPResponse(); }, reply);
      });
  // Nothing changes while a master runs: each key is refused.
  service->Unary<meta::UpdateConfigurationPRequest, meta::UpdateConfigurationPResponse>(
      name, "UpdateConfiguration", [](const CallContext&, const auto& request, auto reply) {
        meta::UpdateConfigurationPResponse response;
        for (const auto& [key, value] : request.properties())
          (*response.mutable_status())[key] = false;
        reply(response);
      });
}

// Alluxio's names for what the admin service offers. A backup is written before it is answered for.
void RegisterBackup(RpcService* service, const MasterServiceContext& context) {
  const std::string name = "alluxio.grpc.meta.MetaMasterClientService";
  service->Unary<meta::BackupPRequest, meta::BackupPStatus>(
      name, "Backup", [context](const CallContext& call, const auto& request, auto reply) {
        if (Status status = MustBeSuperUser(context.master, call.caller); !status.ok())
          return reply(status);
        if (request.targetdirectory().empty())
          return reply(InvalidArgument("A folder for the backup is needed."));
        context.executor->Post([context, request, reply] {
          const auto path = context.backup(request.targetdirectory());
          if (!path.ok()) return reply(path.status());
          meta::BackupPStatus status;
          status.set_backupid(*path);
          status.set_backupstate(meta::Completed);
          status.set_backuphost(context.host);
          status.set_backupuri(*path);
          reply(status);
        });
      });
  service->Unary<meta::BackupStatusPRequest, meta::BackupPStatus>(
      name, "GetBackupStatus", [context](const CallContext&, const auto& request, auto reply) {
        meta::BackupPStatus status;
        status.set_backupid(request.backupid());
        status.set_backupstate(meta::Completed);
        status.set_backuphost(context.host);
        status.set_backupuri(request.backupid());
        reply(status);
      });
}

void RegisterMasterInfo(RpcService* service, const MasterServiceContext& context) {
  const std::string name = "alluxio.grpc.meta.MetaMasterClientService";
  service->Unary<meta::GetMasterInfoPOptions, meta::GetMasterInfoPResponse>(
      name, "GetMasterInfo", [context](const CallContext&, const auto&, auto reply) {
        meta::GetMasterInfoPResponse response;
        auto* info = response.mutable_masterinfo();
        info->set_leadermasteraddress(fmt::format("{}:{}", context.host, context.rpc_port));
        info->add_masteraddresses()->set_host(context.host);
        info->mutable_masteraddresses(0)->set_rpcport(context.rpc_port);
        info->set_rpcport(context.rpc_port);
        info->set_webport(context.web_port);
        info->set_safemode(context.master->InSafeMode());
        info->set_starttimems(context.master->start_time_ms());
        info->set_uptimems(context.clock->NowMs() - context.master->start_time_ms());
        info->set_version(kAlluxioVersion);
        info->set_clusterid(context.master->cluster_id());
        info->set_raftjournal(false);
        for (const WorkerInfo& worker : context.master->GetWorkerReport()) {
          auto* address = info->add_workeraddresses();
          address->set_host(worker.address.host);
          address->set_rpcport(worker.address.data_port);
        }
        auto* self = info->add_masterversions();
        self->mutable_addresses()->set_host(context.host);
        self->mutable_addresses()->set_rpcport(context.rpc_port);
        self->set_version(kAlluxioVersion);
        self->set_state("PRIMARY");
        reply(response);
      });
  service->Unary<meta::GetConfigReportPOptions, meta::GetConfigReportPResponse>(
      name, "GetConfigReport", [](const CallContext&, const auto&, auto reply) {
        meta::GetConfigReportPResponse response;
        response.mutable_report()->set_status(meta::PASSED);
        reply(response);
      });
  service->Unary<meta::ListProxyStatusPRequest, meta::ListProxyStatusPResponse>(
      name, "ListProxyStatus",
      [](const CallContext&, const auto&, auto reply) { reply(meta::ListProxyStatusPResponse()); });
  // The state store is its own checkpoint.
  service->Unary<meta::CheckpointPOptions, meta::CheckpointPResponse>(
      name, "Checkpoint", [host = context.host](const CallContext&, const auto&, auto reply) {
        meta::CheckpointPResponse response;
        response.set_masterhostname(host);
        reply(response);
      });
  RegisterBackup(service, context);
}

void RegisterMetrics(RpcService* service) {
  const std::string name = "alluxio.grpc.metric.MetricsMasterClientService";
  service->Unary<metric::MetricsHeartbeatPRequest, metric::MetricsHeartbeatPResponse>(
      name, "MetricsHeartbeat", [](const CallContext&, const auto&, auto reply) {
        reply(metric::MetricsHeartbeatPResponse());
      });
  service->Unary<metric::ClearMetricsPRequest, metric::ClearMetricsPResponse>(
      name, "ClearMetrics",
      [](const CallContext&, const auto&, auto reply) { reply(metric::ClearMetricsPResponse()); });
  service->Unary<metric::GetMetricsPOptions, metric::GetMetricsPResponse>(
      name, "GetMetrics",
      [](const CallContext&, const auto&, auto reply) { reply(metric::GetMetricsPResponse()); });
}

struct ServiceVersion {
  version::ServiceType type;
  const char* name;
  int64_t number;
};

constexpr ServiceVersion kVersions[] = {
    {version::FILE_SYSTEM_MASTER_CLIENT_SERVICE, "alluxio.grpc.file.FileSystemMasterClientService",
     2},
    {version::BLOCK_MASTER_CLIENT_SERVICE, "alluxio.grpc.block.BlockMasterClientService", 2},
    {version::META_MASTER_CONFIG_SERVICE, "alluxio.grpc.meta.MetaMasterConfigurationService", 2},
    {version::META_MASTER_CLIENT_SERVICE, "alluxio.grpc.meta.MetaMasterClientService", 2},
    {version::METRICS_MASTER_CLIENT_SERVICE, "alluxio.grpc.metric.MetricsMasterClientService", 2},
    {version::JOB_MASTER_CLIENT_SERVICE, "alluxio.grpc.job.JobMasterClientService", 1},
    {version::BLOCK_WORKER_CLIENT_SERVICE, "alluxio.grpc.block.BlockWorker", 1},
};

}  // namespace

void RegisterMetaServices(RpcService* service, const MasterServiceContext& context) {
  RegisterConfiguration(service, context);
  RegisterPathConfiguration(service, context.master);
  RegisterMasterInfo(service, context);
  RegisterMetrics(service);
}

void RegisterVersionService(RpcService* service) {
  const std::string name = "alluxio.grpc.version.ServiceVersionClientService";
  service->Exempt(name);
  service->Unary<version::GetServiceVersionPRequest, version::GetServiceVersionPResponse>(
      name, "getServiceVersion", [service](const CallContext&, const auto& request, auto reply) {
        for (const ServiceVersion& candidate : kVersions) {
          if (candidate.type != request.servicetype() || !service->Hosts(candidate.name)) continue;
          version::GetServiceVersionPResponse response;
          response.set_version(candidate.number);
          return reply(response);
        }
        reply(
            NotFound("Service {} is not found.", version::ServiceType_Name(request.servicetype())));
      });
}

}  // namespace spillway
