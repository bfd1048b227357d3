#include <unistd.h>

#include <thread>

#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "bin/ending.h"
#include "bin/process.h"
#include "bin/start_pages.h"
#include "common/checked.h"
#include "common/format.h"
#include "common/log.h"
#include "rpc/client/front_door.h"
#include "rpc/client/worker_client.h"
#include "rpc/client/worker_session_client.h"
#include "rpc/limits.h"
#include "rpc/master/master_services.h"
#include "rpc/server.h"
#include "rpc/stop_servers.h"
#include "rpc/worker/block_worker_service.h"

namespace spillway {
namespace {

constexpr int kBlockingThreads = 64;

StatusOr<StorageTierOptions> MakeTier(const Configuration& config, int level) {
  const std::string prefix = fmt::format("alluxio.worker.tieredstore.level{}.", level);
  StorageTierOptions tier;
  tier.alias = config.GetString(prefix + "alias");
  std::vector<std::string> quotas =
      absl::StrSplit(config.GetString(prefix + "dirs.quota"), ',', absl::SkipWhitespace());
  for (const auto part :
       absl::StrSplit(config.GetString(prefix + "dirs.path"), ',', absl::SkipWhitespace())) {
    StorageDirOptions dir;
    dir.path = std::string(absl::StripAsciiWhitespace(part));
    if (quotas.empty()) return InvalidArgument("Property {}dirs.quota is empty.", prefix);
    const std::string& quota =
        tier.dirs.size() < quotas.size() ? quotas[tier.dirs.size()] : quotas.back();
    const auto bytes = ParseBytes(quota);
    if (!bytes.ok())
      return InvalidArgument("Property {}dirs.quota: {}.", prefix, Message(bytes.status()));
    SPILLWAY_ASSIGN_OR_RETURN(dir.quota_bytes,
                              InRange(*bytes, 0, kBytesMax, prefix + "dirs.quota"));
    tier.dirs.push_back(std::move(dir));
  }
  if (tier.dirs.empty()) return InvalidArgument("Property {}dirs.path names no folder.", prefix);
  return tier;
}

std::string HostName(const Configuration& config) {
  std::string host = config.GetString("alluxio.worker.hostname");
  if (!host.empty()) return host;
  char name[256] = "localhost";
  ::gethostname(name, sizeof(name) - 1);
  return name;
}

WorkerAddress AddressOf(const Configuration& config) {
  WorkerAddress address;
  address.host = HostName(config);
  address.data_port = static_cast<int>(config.GetInt("alluxio.worker.rpc.port"));
  address.web_port = static_cast<int>(config.GetInt("alluxio.worker.web.port"));
  address.rack = config.GetString("alluxio.locality.rack");
  address.zone = config.GetString("alluxio.locality.zone");
  return address;
}

Status SetDurability(const Configuration& config, std::vector<StorageTierOptions>* tiers) {
  const std::string key = "spillway.worker.ack.durability";
  const std::vector<std::string> words =
      absl::StrSplit(config.GetString(key), ',', absl::SkipWhitespace());
  if (words.empty()) return InvalidArgument("Property {} is empty.", key);
  for (size_t i = 0; i < tiers->size(); ++i) {
    const std::string word(absl::StripAsciiWhitespace(words[std::min(i, words.size() - 1)]));
    if (word == "MEMORY") {
      (*tiers)[i].durability = AckDurability::kMemory;
    } else if (word == "PAGE_CACHE") {
      (*tiers)[i].durability = AckDurability::kPageCache;
    } else if (word == "FSYNC") {
      (*tiers)[i].durability = AckDurability::kFsync;
    } else {
      return InvalidArgument("Property {}: {} is none of MEMORY, PAGE_CACHE, FSYNC.", key, word);
    }
  }
  return absl::OkStatus();
}

StatusOr<BlockStoreOptions> StoreOptions(const Configuration& config,
                                         const WorkerAddress& address) {
  BlockStoreOptions options;
  for (int level = 0; level < config.GetInt("alluxio.worker.tieredstore.levels"); ++level) {
    SPILLWAY_ASSIGN_OR_RETURN(StorageTierOptions tier, MakeTier(config, level));
    options.tiers.push_back(std::move(tier));
  }
  const std::string prefix = "alluxio.worker.tieredstore.";
  SPILLWAY_RETURN_IF_ERROR(SetDurability(config, &options.tiers));
  options.high_watermark_percent =
      static_cast<int>(config.GetInt(prefix + "high.watermark.percent"));
  options.low_watermark_percent = static_cast<int>(config.GetInt(prefix + "low.watermark.percent"));
  options.worker_name = fmt::format("{}:{}", address.host, address.data_port);
  return options;
}

// Until the process ends. Two workers on one folder would remove each other's blocks. A folder that
// fails stops nothing: the store tells its state.
Status OwnFolders(const BlockStoreOptions& options) {
  for (const StorageTierOptions& tier : options.tiers) {
    for (const StorageDirOptions& dir : tier.dirs) {
      const Status status = OwnFolder(dir.path);
      if (status.code() == StatusCode::kFailedPrecondition) return status;
    }
  }
  return absl::OkStatus();
}

std::string BindHost(const Configuration& config, const WorkerAddress& address) {
  const std::string bind = config.GetString("alluxio.worker.bind.host");
  return bind.empty() ? address.host : bind;
}

std::string TierMetrics(Worker* worker) {
  const auto tiers = worker->store()->Usage();
  const auto gauge = [&](const char* name, const char* help, int64_t TierUsage::*value) {
    std::string text = fmt::format("# HELP {} {}\n# TYPE {} gauge\n", name, help, name);
    for (const TierUsage& tier : tiers)
      text += fmt::format("{}{{tier=\"{}\"}} {}\n", name, tier.alias, tier.*value);
    return text;
  };
  return gauge("spillway_worker_tier_capacity_bytes", "Bytes that blocks may take.",
               &TierUsage::capacity_bytes) +
         gauge("spillway_worker_tier_used_bytes", "Bytes that blocks take.",
               &TierUsage::used_bytes) +
         gauge("spillway_worker_tier_pinned_bytes", "Bytes of blocks that must not be evicted.",
               &TierUsage::pinned_bytes);
}

// What the pages show once the worker serves.
void ShowWorker(StartPages* pages, Worker* worker, const std::string& master,
                const std::shared_ptr<FrontDoor>& door) {
  pages->Serve(
      [=] {
        if (const Status status = door->Check(); !status.ok())
          return WebPage{503, "text/plain", Message(status) + "\n"};
        if (!worker->registered()) {
          return WebPage{503, "text/plain",
                         fmt::format("registering: no session with the master {}\n", master)};
        }
        return FolderHealth(worker->store()->Folders());
      },
      [=] { return FolderMetrics(worker->store()->Folders()) + TierMetrics(worker); });
}

// Until nothing here is needed any more, or the grace period ends.
void LeaveInOrder(Worker* worker, int64_t grace_ms) {
  SystemClock clock;
  const int64_t end_ms = clock.MonotonicMs() + grace_ms;
  if (grace_ms > 0) worker->Leave();
  while (!worker->safe_to_leave()) {
    if (clock.MonotonicMs() >= end_ms) {
      spdlog::warn("the worker stops although it holds copies that are needed: bring it back");
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    worker->Tick();
  }
  spdlog::info("nothing here is needed any more: it is safe to stop");
}

// Serves until told to stop, or until the master refuses this worker for good.
Status Serve(const Configuration& config, const WorkerAddress& address, Worker* worker,
             Executor* pool, StartPages* pages, SystemClock* clock, std::atomic<bool>* cut) {
  Authenticator authenticator(&config);
  RpcService service(&authenticator, pages->metrics());
  RegisterBlockWorkerService(&service, WorkerServiceContext{worker, pool});
  RegisterVersionService(&service);
  const std::string bind = BindHost(config, address);
  pages->Phase(fmt::format("listening on {}:{}", bind, address.data_port));
  SPILLWAY_ASSIGN_OR_RETURN(const RpcServerOptions limits,
                            MakeRpcServerOptions(config, RaiseOpenFiles(), pages->metrics()));
  Ending::Serving();
  SPILLWAY_ASSIGN_OR_RETURN(auto server,
                            RpcServer::Start(&service, bind, address.data_port, limits));
  const std::string master = fmt::format("{}:{}", config.GetString("alluxio.master.hostname"),
                                         config.GetInt("alluxio.master.rpc.port"));
  ShowWorker(pages, worker, master,
             std::make_shared<FrontDoor>(bind, server->port(),
                                         alluxio::grpc::version::BLOCK_WORKER_CLIENT_SERVICE));
  auto session =
      StartWorkerSession(worker, master, clock->NowMs(),
                         config.GetDurationMs("alluxio.worker.block.heartbeat.interval"));
  spdlog::info("worker serves {}:{}", bind, address.data_port);
  const Status status = Ending::AwaitSignal([&] { return session->refused(); });
  if (status.ok()) LeaveInOrder(worker, config.GetDurationMs("spillway.worker.stop.grace"));
  spdlog::info("worker stops");
  const int64_t grace_ms = config.GetDurationMs("spillway.stop.grace");
  const std::vector<RpcServer*> servers{server.get()};
  Ending::Begin(
      grace_ms, [&] { return OpenMethods(servers); }, nullptr);
  service.Stop();
  pages->Stop();
  clock->Interrupt();
  // Until the cut there is a session: what is being written can be committed.
  StopServers(servers, grace_ms, [&] {
    *cut = true;
    session.reset();
    worker->Stop();
  });
  Ending::Settled();
  return status;
}

Status Run(const Configuration& config) {
  SystemClock clock;
  SystemRandom random;
  Metrics metrics;
  PosixFileEnv env;
  const WorkerAddress address = AddressOf(config);
  SPILLWAY_ASSIGN_OR_RETURN(BlockStoreOptions store_options, StoreOptions(config, address));
  ThreadPool pool("blocking", kBlockingThreads);
  StartPages pages(&metrics, {&pool});
  SPILLWAY_RETURN_IF_ERROR(pages.Listen(BindHost(config, address), address.web_port));
  SPILLWAY_RETURN_IF_ERROR(OwnFolders(store_options));
  store_options.on_progress = [&](const std::string& what) { pages.Progress(what); };
  pages.Phase("scanning the storage folders");
  BlockStore store(store_options, &env);
  SPILLWAY_RETURN_IF_ERROR(store.Open());
  ChannelOptions channel;
  channel.user = LoginUser(config);
  channel.sasl = config.GetString("alluxio.security.authentication.type") == "SIMPLE";
  const auto peers = MakeWorkerConnector(
      channel, config.GetDurationMs("spillway.user.data.timeout"), &random, &pool);
  std::atomic<bool> cut{false};
  const UnderStoreContext understore{&config, &clock, &random, &metrics, &cut};
  WorkerOptions options;
  options.address = address;
  options.scrub_bytes_per_second = config.GetBytes("spillway.worker.scrub.bandwidth");
  options.folder_probe_ms = config.GetDurationMs("spillway.worker.folder.probe.interval");
  options.write_wait_ms_max = config.GetDurationMs("spillway.worker.write.wait.max");
  Worker worker(options,
                WorkerContext{&clock, &pool, &store, peers.get(), &metrics,
                              [understore](const std::string& uri, const auto& properties) {
                                return OpenUnderStore(uri, properties, understore);
                              }});
  const Status status = Serve(config, address, &worker, &pool, &pages, &clock, &cut);
  pages.Stop();
  pool.Shutdown();
  return status;
}

}  // namespace

int WorkerMain(const Configuration& config) {
  BeginServer("worker");
  const std::string logs = config.GetString("alluxio.logs.dir");
  InitLog("worker", logs.empty() ? "" : logs + "/worker.log",
          config.GetString("spillway.log.level"));
  const Status status = Run(config);
  if (status.ok()) {
    Ending::EndInOrder();
    return 0;
  }
  spdlog::error("worker cannot run: {}", Message(status));
  fmt::print(stderr, "spillway worker: {}\n", Message(status));
  return 1;
}

}  // namespace spillway
