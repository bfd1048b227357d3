// A gRPC server with the settings that the stock client needs (keepalive, windows, message sizes).
#pragma once

#include <grpcpp/server.h>

#include <memory>
#include <string>

#include "common/status.h"
#include "rpc/service.h"

namespace spillway {

// Listens on host:port. UNAVAILABLE naming the port if it is in use.
StatusOr<std::unique_ptr<grpc::Server>> StartRpcServer(RpcService* service, const std::string& host,
                                                       int port);

}  // namespace spillway
