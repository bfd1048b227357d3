// A gRPC server with the settings that the stock client needs (keepalive, windows, message sizes).
#pragma once

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <memory>
#include <string>
#include <vector>

#include "common/metrics.h"
#include "common/status.h"
#include "rpc/acceptor.h"
#include "rpc/service.h"

namespace spillway {

// What clients may take of a server.
struct RpcServerOptions {
  std::string name = "rpc";  // of the port, in metrics and logs; at most 15 letters
  ConnectionLimits connections;
  int streams_per_connection = 4096;
  int message_bytes_max = 100 << 20;  // received at once
  int64_t buffered_bytes_max = 0;     // of all connections together; 0: no limit
  int64_t idle_ms_max = 300'000;      // a connection without a call is closed then
  Metrics* metrics = nullptr;         // may be null
};

class RpcServer {
 public:
  // Listens on host:port, any free port if it is 0. UNAVAILABLE naming the port if it is in use.
  // The service is not owned.
  static StatusOr<std::unique_ptr<RpcServer>> Start(RpcService* service, const std::string& host,
                                                    int port, const RpcServerOptions& options = {});
  ~RpcServer();
  int port() const { return port_; }

  // Tells the reactors of calls that are open (ServerReactor::OnStop).
  void Stop(bool last) { live_.Stop(last); }
  // False if calls are still open after ms milliseconds.
  bool AwaitCalls(int64_t ms) { return live_.AwaitOver(ms); }
  std::vector<std::string> OpenMethods() { return live_.Methods(); }
  // Gives calls some milliseconds to end, cancels those that do not, and waits until all are over.
  // Once.
  void Shutdown(int64_t ms = 1000);

 private:
  RpcServer() = default;

  std::unique_ptr<Acceptor> acceptor_;
  grpc::AsyncGenericService calls_;
  LiveCalls live_;
  int port_ = 0;
  std::vector<CallQueue*> queues_;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> connections_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace spillway
