// HTTP/1.1 over sockets of 127.0.0.1, one thread for each connection, with the means to answer
// wrongly.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/status.h"
#include "store/http/message.h"

namespace spillway::strict {

// One connection, as the handler of a request sees it. For the thread of the handler alone.
class Connection {
 public:
  virtual ~Connection() = default;
  // False once the peer is gone.
  virtual bool Write(std::string_view data) = 0;
  // Waits in real time. False as soon as the server stops.
  virtual bool WaitMs(int64_t ms) = 0;
};

class HttpServer {
 public:
  // Answers one request. Returns whether the connection stays open. Called by many threads at once.
  using Handler = std::function<bool(HttpRequest& request, Connection& connection)>;

  // Listens on 127.0.0.1:port; 0 lets the system choose. Bodies of more than body_bytes_max bytes
  // are not read.
  static StatusOr<std::unique_ptr<HttpServer>> Start(int port, int64_t body_bytes_max,
                                                     Handler handler);
  virtual ~HttpServer() = default;  // stops
  virtual int port() const = 0;
  // Closes every connection and waits for the handlers.
  virtual void Stop() = 0;
};

}  // namespace spillway::strict
