#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "bin/ending.h"
#include "bin/process.h"
#include "bin/start_pages.h"
#include "common/format.h"
#include "common/log.h"
#include "common/path.h"
#include "common/timed_event.h"
#include "rpc/client/front_door.h"
#include "rpc/limits.h"
#include "rpc/master/master_jobs.h"
#include "rpc/master/master_services.h"
#include "rpc/server.h"
#include "rpc/stop_servers.h"

namespace spillway {
namespace {

constexpr int kUnderStoreThreads = 64;

class SiteOpener : public UnderStoreOpener {
 public:
  explicit SiteOpener(UnderStoreContext context) : context_(context) {}
  StatusOr<std::shared_ptr<UnderStore>> Open(
      const std::string& uri, const std::map<std::string, std::string>& properties) override {
    return OpenUnderStore(uri, properties, context_);
  }

 private:
  const UnderStoreContext context_;
};

StatusOr<std::map<std::string, int64_t>> LimitsBelow(const Configuration& config) {
  const std::string key = "spillway.master.dirty.bytes.max.paths";
  std::map<std::string, int64_t> limits;
  for (const auto part : absl::StrSplit(config.GetString(key), ',', absl::SkipWhitespace())) {
    const std::vector<std::string> pair =
        absl::StrSplit(absl::StripAsciiWhitespace(part), absl::MaxSplits('=', 1));
    const auto path = NormalizePath(pair[0]);
    const auto bytes = pair.size() == 2 ? ParseBytes(pair[1]) : InvalidArgument("no size");
    if (!path.ok() || !bytes.ok())
      return InvalidArgument("Property {}: {} is not of the form /path=size.", key, pair[0]);
    limits[*path] = *bytes;
  }
  return limits;
}

MasterOptions MakeOptions(const Configuration& config) {
  MasterOptions options;
  // Without authentication there is nobody to check.
  options.permission_enabled =
      config.GetBool("alluxio.security.authorization.permission.enabled") &&
      config.GetString("alluxio.security.authentication.type") != "NOSASL";
  options.supergroup = config.GetString("alluxio.security.authorization.permission.supergroup");
  options.superuser = LoginUser(config);
  options.umask = static_cast<int>(std::strtol(
      config.GetString("alluxio.security.authorization.permission.umask").c_str(), nullptr, 8));
  options.root_uri =
      NormalizeUnderStoreUri(config.GetString("alluxio.master.mount.table.root.ufs"));
  if (!options.root_uri.empty() && options.root_uri.find("://") == std::string::npos) {
    options.root_uri = std::filesystem::absolute(options.root_uri).lexically_normal().string();
  }
  for (const auto part : absl::StrSplit(config.GetString("alluxio.master.persistence.blacklist"),
                                        ',', absl::SkipWhitespace())) {
    options.persist_blacklist.emplace_back(absl::StripAsciiWhitespace(part));
  }
  for (const auto part : absl::StrSplit(config.GetString("spillway.master.persist.marker.patterns"),
                                        ',', absl::SkipWhitespace())) {
    options.marker_patterns.emplace_back(absl::StripAsciiWhitespace(part));
  }
  options.persist_bytes_per_second_max = config.GetBytes("spillway.master.persist.bandwidth");
  options.heal_bytes_in_flight_max = config.GetBytes("spillway.master.replication.bytes.in.flight");
  options.heals_per_worker_max =
      static_cast<int>(config.GetInt("spillway.master.replication.jobs.max"));
  options.audit_interval_ms = config.GetDurationMs("spillway.master.audit.interval");
  options.incomplete_file_lease_ms = config.GetDurationMs("spillway.master.incomplete.file.lease");
  options.backlog_soft_percent =
      static_cast<int>(config.GetInt("spillway.master.backlog.soft.percent"));
  options.backlog_hard_percent =
      static_cast<int>(config.GetInt("spillway.master.backlog.hard.percent"));
  options.backlog_wait_ms_max = config.GetDurationMs("spillway.master.backlog.wait.max");
  options.dirty_bytes_max = config.GetBytes("spillway.master.dirty.bytes.max");
  options.unknown_outcome_ms = config.GetDurationMs("spillway.underfs.unknown.outcome.wait");
  options.upload_fence_ms = config.GetDurationMs("spillway.master.upload.fence");
  options.worker_timeout_ms = config.GetDurationMs("alluxio.master.worker.timeout");
  options.lost_worker_deletion_ms =
      config.GetDurationMs("alluxio.master.lost.worker.deletion.timeout");
  options.safe_mode_ms_max = config.GetDurationMs("alluxio.master.worker.connect.wait.time");
  options.part_size_bytes = config.GetBytes("spillway.underfs.multipart.part.size");
  options.persist_jobs_max = static_cast<int>(config.GetInt("spillway.master.persist.jobs.max"));
  options.persist_retry_ms_max = config.GetDurationMs("spillway.master.persist.retry.interval.max");
  options.ttl_check_interval_ms = config.GetDurationMs("alluxio.master.ttl.checker.interval");
  return options;
}

// A wrong bucket or wrong credentials stop the start; a store that is away does not.
Status ProbeRoot(UnderStoreOpener* opener, const std::string& uri) {
  SPILLWAY_ASSIGN_OR_RETURN(auto store, opener->Open(uri, {}));
  const auto page = store->once()->List("", "");
  if (page.ok()) return absl::OkStatus();
  const StatusCode code = page.status().code();
  if (code == StatusCode::kUnavailable || code == StatusCode::kResourceExhausted ||
      code == StatusCode::kDeadlineExceeded) {
    spdlog::warn("root understore {} does not answer now: {}", uri, Message(page.status()));
    return absl::OkStatus();
  }
  return Annotate(page.status(), "alluxio.master.mount.table.root.ufs=" + uri);
}

std::string MasterMetrics(Master* master) {
  const auto summary = master->GetPersistSummary();
  int64_t folders = 0;
  int64_t lost_files = 0;
  for (const WorkerFolders& worker : master->GetHealthReport(0).workers) {
    for (const FolderInfo& folder : worker.folders) {
      folders += folder.state == FolderState::kServing ? 0 : 1;
      lost_files += folder.lost_files;
    }
  }
  int64_t live = 0;
  for (const WorkerInfo& worker : master->GetWorkerReport())
    live += worker.state == WorkerState::kLive ? 1 : 0;
  return Gauge("spillway_master_persist_waiting", "Files waiting to be persisted.",
               summary.waiting) +
         Gauge("spillway_master_persist_running", "Files being persisted.", summary.running) +
         Gauge("spillway_master_persist_parked", "Unpersisted files on blacklisted paths.",
               summary.parked) +
         Gauge("spillway_master_oldest_dirty_age_ms", "Age of the oldest request to persist.",
               summary.oldest_age_ms) +
         Gauge("spillway_master_dirty_bytes", "Bytes of files that are not persisted.",
               summary.dirty_bytes) +
         Gauge("spillway_master_dirty_files",
               "Files that wait to be persisted or are persisted now.",
               summary.waiting + summary.running) +
         Gauge("spillway_master_under_replicated_blocks", "Blocks with fewer copies than wanted.",
               summary.under_replicated_blocks) +
         Gauge("spillway_master_lost_blocks", "Blocks without any copy, in no store.",
               summary.lost_blocks) +
         Gauge("spillway_master_limiter_requests_per_second",
               "Requests per second that the store was found to allow; 0: no limit met.",
               static_cast<int64_t>(summary.requests_per_second)) +
         Gauge("spillway_master_store_outages", "Parts of the store that answer with errors.",
               summary.lanes_in_outage) +
         Gauge("spillway_master_live_workers", "Live workers.", live) +
         Gauge("spillway_master_folders_not_serving",
               "Storage folders of workers that take no blocks.", folders) +
         Gauge("spillway_master_lost_files",
               "Files that workers have set aside, see fsadmin lostBlocks.", lost_files);
}

StatusOr<std::string> BackUp(StateStore* store, const std::string& folder, int64_t now_ms) {
  if (folder.empty() || folder.front() != '/')
    return InvalidArgument("\"{}\" is no absolute path of a folder.", folder);
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return InvalidArgument("Cannot create {}: {}", folder, error.message());
  const std::string path = fmt::format("{}/spillway-backup-{}", folder, now_ms);
  SPILLWAY_RETURN_IF_ERROR(store->Checkpoint(path));
  return path;
}

// Puts a backup in the place of a state that must not be there yet.
Status Restore(const std::string& backup, const std::string& folder) {
  std::error_code error;
  if (!std::filesystem::exists(backup + "/CURRENT", error)) {
    return MakeStatus(StatusCode::kFailedPrecondition, "{} is no backup of a master's state.",
                      backup);
  }
  if (std::filesystem::exists(folder, error) && !std::filesystem::is_empty(folder, error)) {
    return MakeStatus(StatusCode::kFailedPrecondition,
                      "alluxio.master.journal.folder={} is not empty: move it away before a "
                      "restore.",
                      folder);
  }
  std::filesystem::create_directories(folder, error);
  if (!error) std::filesystem::copy(backup, folder, error);
  if (error) return Unavailable("Cannot copy {} to {}: {}", backup, folder, error.message());
  spdlog::info("restored from {}", backup);
  return absl::OkStatus();
}

// Until the process ends. A new folder is for this user alone.
Status OwnJournal(const std::string& folder) {
  std::error_code error;
  const bool made = std::filesystem::create_directories(folder, error);
  if (made) std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
  if (error) return Unavailable("alluxio.master.journal.folder={}: {}", folder, error.message());
  return Annotate(OwnFolder(folder), "alluxio.master.journal.folder");
}

// What the pages show once the master serves.
void ShowMaster(StartPages* pages, Master* master, const std::shared_ptr<FrontDoor>& door) {
  pages->Serve(
      [master, door] {
        if (const Status status = door->Check(); !status.ok())
          return WebPage{503, "text/plain", Message(status) + "\n"};
        std::string text = fmt::format("ok {}\n", ::getpid());
        if (master->InSafeMode()) {
          const auto workers = master->GetWorkerReport();
          const auto back = std::count_if(
              workers.begin(), workers.end(),
              [](const WorkerInfo& worker) { return worker.state != WorkerState::kLost; });
          text += fmt::format("waiting for workers: {} of {} are back\n", back, workers.size());
        }
        return WebPage{200, "text/plain", text};
      },
      [master] { return MasterMetrics(master); });
}

// Knows the root's children before anybody asks, so that new paths can be told from old ones when
// the understore is away.
class RootLoader {
 public:
  explicit RootLoader(const MasterServiceContext& context) : context_(context) {}
  // Tries again until it has worked.
  void Tick() {
    if (loaded_ || state_->loading.exchange(true)) return;
    const auto root = context_.master->DirectoryToLoad("/", true);
    loaded_ = !root;
    if (loaded_) return;
    context_.executor->Post([master = context_.master, id = *root, state = state_] {
      (void)master->LoadDirectory(id);  // it logs why it failed
      state->loading = false;
    });
  }

 private:
  struct State {
    std::atomic<bool> loading{false};
  };
  const MasterServiceContext& context_;
  const std::shared_ptr<State> state_ = std::make_shared<State>();
  bool loaded_ = false;
};

// A sync that hangs is not waited for: nothing that depends on it was acknowledged.
void AwaitSync(Journal* journal) {
  constexpr int64_t kWaitMs = 1000;
  struct Waiting {
    absl::Mutex mutex;
    TimedEvent changed;
    bool done = false;
  };
  const auto waiting = std::make_shared<Waiting>();
  journal->WhenDurable(journal->last_index(), [waiting] {
    absl::MutexLock lock(&waiting->mutex);
    waiting->done = true;
    waiting->changed.Notify();
  });
  absl::MutexLock lock(&waiting->mutex);
  waiting->changed.Await(
      &waiting->mutex, [&] { return waiting->done; }, kWaitMs);
}

// Where Alluxio's job master would be. Somebody else may be there: it is only an answer.
std::unique_ptr<RpcServer> StartJobServer(const Configuration& config, RpcService* service,
                                          RpcServerOptions limits) {
  const int port = static_cast<int>(config.GetInt("alluxio.job.master.rpc.port"));
  if (port == 0) return nullptr;
  limits.name = "job-rpc";
  limits.connections.all = std::max(limits.connections.all / 8, 1);
  limits.connections.per_peer = std::max(limits.connections.per_peer / 8, 1);
  auto server =
      RpcServer::Start(service, config.GetString("alluxio.master.bind.host"), port, limits);
  if (server.ok()) return *std::move(server);
  spdlog::warn("not answering for the job master: {}", Message(server.status()));
  return nullptr;
}

// What the process is to do when it is told to stop.
struct StopHooks {
  SystemClock* clock;            // sleeps end, nothing is repeated
  std::atomic<bool>* cut;        // calls to stores end
  std::function<void()> settle;  // waits for the journal
};

// Serves until told to stop.
Status Serve(const Configuration& config, const MasterServiceContext& context,
             SessionTable* sessions, StartPages* pages, const StopHooks& hooks) {
  Authenticator authenticator(&config);
  RpcService service(&authenticator, pages->metrics());
  RegisterAdminService(&service, context);
  RegisterFileSystemService(&service, context);
  RegisterBlockMasterService(&service, context);
  RegisterMetaServices(&service, context);
  RegisterWorkerSessionService(&service, context.master, sessions);
  RegisterVersionService(&service);
  const std::string bind = config.GetString("alluxio.master.bind.host");
  pages->Phase(fmt::format("listening on {}:{}", bind, context.rpc_port));
  SPILLWAY_ASSIGN_OR_RETURN(const RpcServerOptions limits,
                            MakeRpcServerOptions(config, RaiseOpenFiles(), pages->metrics()));
  Ending::Serving();
  SPILLWAY_ASSIGN_OR_RETURN(auto server,
                            RpcServer::Start(&service, bind, context.rpc_port, limits));
  ShowMaster(pages, context.master,
             std::make_shared<FrontDoor>(
                 bind, server->port(), alluxio::grpc::version::FILE_SYSTEM_MASTER_CLIENT_SERVICE));
  spdlog::info("master serves {}:{}", bind, context.rpc_port);
  RpcService job_service(&authenticator, pages->metrics());
  RegisterJobMaster(&job_service, context);
  RegisterVersionService(&job_service);
  auto job_server = StartJobServer(config, &job_service, limits);

  std::atomic<bool> stopping{false};
  RootLoader root(context);
  std::thread ticker([&] {
    while (!stopping) {
      context.master->Tick();
      root.Tick();
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  });
  const Status status = Ending::AwaitSignal([] { return absl::OkStatus(); });
  spdlog::info("master stops");
  std::vector<RpcServer*> servers{server.get()};
  if (job_server) servers.push_back(job_server.get());
  Ending::Begin(
      config.GetDurationMs("spillway.stop.grace"), [&] { return OpenMethods(servers); },
      hooks.settle);
  service.Stop();
  job_service.Stop();
  stopping = true;
  ticker.join();
  pages->Stop();
  context.master->Stop();
  sessions->CloseAll();
  hooks.clock->Interrupt();
  StopServers(servers, config.GetDurationMs("spillway.stop.grace"), [&] {
    *hooks.cut = true;
    sessions->CloseAll();  // those that came meanwhile
  });
  Ending::Settled();
  return status;
}

Status Run(const Configuration& config, const std::string& restore_from) {
  SystemClock clock;
  SystemRandom random;
  Metrics metrics;
  ThreadPool journal_thread("journal", 1);
  ThreadPool pool("understore", kUnderStoreThreads);
  std::atomic<bool> cut{false};
  SiteOpener opener(UnderStoreContext{&config, &clock, &random, &metrics, &cut});
  MasterOptions options = MakeOptions(config);
  SPILLWAY_ASSIGN_OR_RETURN(options.dirty_bytes_max_below, LimitsBelow(config));
  StartPages pages(&metrics, {&pool, &journal_thread});
  SPILLWAY_RETURN_IF_ERROR(
      pages.Listen(config.GetString("alluxio.master.bind.host"),
                   static_cast<int>(config.GetInt("alluxio.master.web.port"))));
  SPILLWAY_RETURN_IF_ERROR(OwnJournal(config.GetString("alluxio.master.journal.folder")));
  if (!restore_from.empty()) {
    pages.Phase("restoring " + restore_from);
    SPILLWAY_RETURN_IF_ERROR(
        Restore(restore_from, config.GetString("alluxio.master.journal.folder")));
  }
  pages.Phase("opening the journal in " + config.GetString("alluxio.master.journal.folder"));
  SPILLWAY_ASSIGN_OR_RETURN(
      auto store,
      OpenRocksDbStateStore(config.GetString("alluxio.master.journal.folder"), true, &metrics));
  SPILLWAY_ASSIGN_OR_RETURN(const LogIndex last, LastLogIndex(store.get(), &journal_thread));
  // A new cluster is told of a bad understore at once; an old one must not wait for it.
  if (last == LogIndex()) {
    pages.Phase("asking the root understore " + options.root_uri);
    SPILLWAY_RETURN_IF_ERROR(ProbeRoot(&opener, options.root_uri));
  }
  pages.Phase("loading the state");
  Journal journal(store.get(), &journal_thread, last);
  SessionTable sessions;
  Master master(options,
                MasterContext{&clock, &random, &pool, &journal, &sessions, &opener, &metrics});
  SPILLWAY_RETURN_IF_ERROR(master.Start());
  MasterServiceContext context{
      &master,
      &pool,
      &config,
      &clock,
      config.GetString("alluxio.master.hostname"),
      static_cast<int>(config.GetInt("alluxio.master.rpc.port")),
      static_cast<int>(config.GetInt("alluxio.master.web.port")),
      [&](const std::string& folder) { return BackUp(store.get(), folder, clock.NowMs()); },
      config.GetDurationMs("alluxio.user.file.metadata.sync.interval")};
  MasterJobs jobs(context);
  context.jobs = &jobs;
  const Status status = Serve(config, context, &sessions, &pages,
                              StopHooks{&clock, &cut, [&] { AwaitSync(&journal); }});
  pages.Stop();
  pool.Shutdown();
  journal_thread.Shutdown();
  return status;
}

}  // namespace

int MasterMain(const Configuration& config, const std::string& restore_from) {
  BeginServer("master");
  const std::string logs = config.GetString("alluxio.logs.dir");
  InitLog("master", logs.empty() ? "" : logs + "/master.log",
          config.GetString("spillway.log.level"));
  const Status status = Run(config, restore_from);
  if (status.ok()) {
    Ending::EndInOrder();
    return 0;
  }
  spdlog::error("master cannot run: {}", Message(status));
  fmt::print(stderr, "spillway master: {}\n", Message(status));
  return 1;
}

}  // namespace spillway
