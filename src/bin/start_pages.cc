#include "bin/start_pages.h"

#include <unistd.h>

#include <algorithm>

#include "bin/process_metrics.h"
#include "common/format.h"
#include "common/log.h"

namespace spillway {

Status StartPages::Listen(const std::string& host, int port) {
  if (port <= 0) return absl::OkStatus();
  SPILLWAY_ASSIGN_OR_RETURN(server_, StartWebServer(host, port,
                                                    {{"/metrics", [this] { return MetricsPage(); }},
                                                     {"/healthz", [this] { return Health(); }}},
                                                    metrics_));
  return absl::OkStatus();
}

void StartPages::Phase(const std::string& what) {
  spdlog::info("start: {}", what);
  Progress(what);
}

void StartPages::Progress(const std::string& what) {
  absl::MutexLock lock(&mutex_);
  phase_ = what;
}

void StartPages::Serve(std::function<WebPage()> health, std::function<std::string()> more) {
  absl::MutexLock lock(&mutex_);
  health_ = std::move(health);
  more_ = std::move(more);
}

void StartPages::Stop() {
  server_.reset();  // its thread has ended then
  absl::MutexLock lock(&mutex_);
  health_ = nullptr;
  more_ = nullptr;
}

WebPage StartPages::Health() {
  absl::MutexLock lock(&mutex_);
  if (health_) return health_();
  return {503, "text/plain", fmt::format("starting: {}\n", phase_)};
}

WebPage StartPages::MetricsPage() {
  absl::MutexLock lock(&mutex_);
  return {200, "text/plain; version=0.0.4",
          metrics_->Serialize() + ProcessMetrics(pools_) + (more_ ? more_() : "")};
}

std::string Gauge(const char* name, const char* help, int64_t value) {
  return fmt::format("# HELP {} {}\n# TYPE {} gauge\n{} {}\n", name, help, name, name, value);
}

WebPage FolderHealth(const std::vector<FolderInfo>& folders) {
  std::string others;
  bool any = false;
  for (const FolderInfo& folder : folders) {
    any = any || folder.state == FolderState::kServing;
    if (folder.state != FolderState::kServing)
      others += fmt::format("storage folder {} is {}: {}\n", folder.path, NameOf(folder.state),
                            folder.why);
  }
  if (!any) return {503, "text/plain", "no storage folder takes blocks\n" + others};
  return {200, "text/plain", fmt::format("ok {}\n", ::getpid()) + others};
}

std::string FolderMetrics(const std::vector<FolderInfo>& folders) {
  const auto in = [&](FolderState state) {
    return std::count_if(folders.begin(), folders.end(),
                         [&](const FolderInfo& folder) { return folder.state == state; });
  };
  int64_t unread = 0;
  int64_t undeleted = 0;
  int64_t lost = 0;
  int64_t lost_bytes = 0;
  for (const FolderInfo& folder : folders) {
    unread += folder.unread_files;
    undeleted += folder.undeleted_files;
    lost += folder.lost_files;
    lost_bytes += folder.lost_bytes;
  }
  return Gauge("spillway_worker_folders_serving", "Storage folders that take blocks.",
               in(FolderState::kServing)) +
         Gauge("spillway_worker_folders_read_only",
               "Storage folders whose blocks are served and that take nothing new.",
               in(FolderState::kReadOnly)) +
         Gauge("spillway_worker_folders_at_risk",
               "Storage folders where something failed; copies there do not count.",
               in(FolderState::kAtRisk)) +
         Gauge("spillway_worker_folders_failed",
               "Storage folders that cannot be read; nothing there is held.",
               in(FolderState::kFailed)) +
         Gauge("spillway_worker_unread_files",
               "Files of blocks that cannot be read now and are tried again.", unread) +
         Gauge("spillway_worker_undeleted_files",
               "Files of removed blocks that cannot be removed now.", undeleted) +
         Gauge("spillway_worker_lost_files", "Files that were set aside, see fsadmin lostBlocks.",
               lost) +
         Gauge("spillway_worker_lost_bytes", "Bytes of those.", lost_bytes);
}

}  // namespace spillway
