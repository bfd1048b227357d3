#include "rpc/server.h"

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>

namespace spillway {

StatusOr<std::unique_ptr<grpc::Server>> StartRpcServer(RpcService* service, const std::string& host,
                                                       int port) {
  grpc::ServerBuilder builder;
  int bound = 0;
  builder.AddListeningPort(fmt::format("{}:{}", host, port), grpc::InsecureServerCredentials(),
                           &bound);
  builder.RegisterCallbackGenericService(service);
  builder.SetMaxReceiveMessageSize(100 << 20);
  builder.SetMaxSendMessageSize(-1);
  // An idle stock client pings every 30 s for ever; the default policy answers with GOAWAY.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 4 << 20);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_FRAME_SIZE, 1 << 20);
  builder.AddChannelArgument(GRPC_ARG_TCP_READ_CHUNK_SIZE, 256 << 10);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  auto server = builder.BuildAndStart();
  if (server == nullptr || bound == 0) {
    return Unavailable(
        "Cannot listen on {}:{}: the port is in use or the address is not of this host.", host,
        port);
  }
  return server;
}

}  // namespace spillway
