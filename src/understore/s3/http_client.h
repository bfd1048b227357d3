// HTTP over libcurl's multi interface: one thread drives all transfers, connections are pooled.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/status.h"
#include "understore/under_store.h"

namespace spillway {

struct HttpResponse {
  int code = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;                            // without sink, or not 2xx
  // How often the request was sent: once more if a pooled connection turned out to be closed.
  int attempts = 1;
  // Not of the answer: why a hint in it, where to ask instead, is not followed.
  std::string note;
};

// Returns the header's value; empty if the answer has none. name: in lower case.
inline std::string HeaderOf(const HttpResponse& answer, const char* name) {
  const auto it = answer.headers.find(name);
  return it == answer.headers.end() ? "" : it->second;
}

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  BodySource* body = nullptr;  // not owned
  int64_t timeout_ms = 60'000;
  // The transfer fails if less than 1 KB/s moves for so long while bytes should move: from here
  // until the body is sent, to the sink from the end of a 2xx answer's header on. 0: not watched.
  int64_t stall_ms = 0;
  // With a sink, the body of a 2xx answer goes there piece by piece on the caller's thread.
  UnderStore::Sink sink;
  // With a sink: called once on the caller's thread with code and headers of a 2xx answer, before
  // the first byte reaches the sink. An error ends the transfer and is returned.
  std::function<Status(const HttpResponse&)> on_headers;
  // Longer bodies that are held in memory: no answer if 2xx, cut short otherwise.
  int64_t answer_bytes_max = 64 << 20;
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
    // Once it is true, within a tenth of a second, transfers end without an answer. May be null.
    const std::atomic<bool>* cut = nullptr;
  };

  explicit HttpClient(const Options& options);
  virtual ~HttpClient();

  // Blocks until the answer is complete; then OK with any HTTP code. The sink's error is returned.
  // UNAVAILABLE if there is no whole answer; DEADLINE_EXCEEDED if the time ran out after the
  // request was sent, and if the request was sent, is neither GET nor HEAD, and the answer was
  // lost.
  virtual StatusOr<HttpResponse> Perform(const HttpRequest& request);
  // The same of each, without sinks, so many side by side.
  virtual std::vector<StatusOr<HttpResponse>> PerformMany(const std::vector<HttpRequest>& requests,
                                                          int side_by_side);

 protected:
  HttpClient();  // for a twin that overrides Perform

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace spillway
