// /metrics and /healthz of a process, over HTTP. One thread, short answers.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "common/metrics.h"
#include "common/status.h"

namespace spillway {

struct WebPage {
  int code = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

class WebServer {
 public:
  virtual ~WebServer() = default;
  virtual int port() const = 0;
};

// pages are asked on the server's thread. UNAVAILABLE naming the port if it is in use. metrics may
// be null.
StatusOr<std::unique_ptr<WebServer>> StartWebServer(
    const std::string& host, int port, std::map<std::string, std::function<WebPage()>> pages,
    Metrics* metrics = nullptr);

}  // namespace spillway
