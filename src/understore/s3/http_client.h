// HTTP over libcurl's multi interface: one thread drives all transfers, connections are pooled.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/status.h"
#include "understore/under_store.h"

namespace spillway {

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  BodySource* body = nullptr;  // not owned
  int64_t timeout_ms = 60'000;
  // With a sink, the body of a 2xx answer goes there piece by piece on the caller's thread.
  UnderStore::Sink sink;
};

struct HttpResponse {
  int code = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;                            // without sink, or not 2xx
};

// Thread-safe.
class HttpClient {
 public:
  struct Options {
    std::string ca_file;
    int64_t connect_timeout_ms = 5000;
    int connections_max = 128;
    int64_t connection_ttl_ms = -1;  // older ones are not used again; -1: no limit
    std::string proxy;               // http://host:port; empty: as the environment says
  };

  explicit HttpClient(const Options& options);
  virtual ~HttpClient();

  // Blocks until the answer is complete. UNAVAILABLE if there is none (DEADLINE_EXCEEDED when the
  // time ran out after sending); otherwise OK with any HTTP code. The sink's error is returned.
  virtual StatusOr<HttpResponse> Perform(const HttpRequest& request);

 protected:
  HttpClient();  // for a twin that overrides Perform

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace spillway
