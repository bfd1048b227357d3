// What a process says at its web port, from the beginning of its start on: /healthz answers 503
// with the phase that it is in until it serves, /metrics what is known by then.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "api/types.h"
#include "common/executor.h"
#include "common/metrics.h"
#include "rpc/web_server.h"

namespace spillway {

// Thread-safe.
class StartPages {
 public:
  // Metrics and pools outlive it.
  StartPages(Metrics* metrics, std::vector<const ThreadPool*> pools)
      : metrics_(metrics), pools_(std::move(pools)) {}
  ~StartPages() { Stop(); }
  Metrics* metrics() { return metrics_; }
  // Port 0: nobody is answered.
  Status Listen(const std::string& host, int port);
  // Shown until the next one, and logged; how far it is (progress) is only shown.
  void Phase(const std::string& what);
  void Progress(const std::string& what);
  // From now on health is asked, and more is shown behind the metrics. They run on the web server's
  // thread, and not after Stop.
  void Serve(std::function<WebPage()> health, std::function<std::string()> more);
  void Stop();

 private:
  WebPage Health();
  WebPage MetricsPage();

  Metrics* const metrics_;
  const std::vector<const ThreadPool*> pools_;
  absl::Mutex mutex_;
  std::string phase_ ABSL_GUARDED_BY(mutex_) = "starting";
  std::function<WebPage()> health_ ABSL_GUARDED_BY(mutex_);
  std::function<std::string()> more_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<WebServer> server_;
};

// One gauge in the text format of Prometheus.
std::string Gauge(const char* name, const char* help, int64_t value);

// /healthz of a worker that has started, and its storage's part of /metrics.
WebPage FolderHealth(const std::vector<FolderInfo>& folders);
std::string FolderMetrics(const std::vector<FolderInfo>& folders);

}  // namespace spillway
