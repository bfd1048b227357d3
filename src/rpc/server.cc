#include "rpc/server.h"

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>

#include <algorithm>
#include <thread>

namespace spillway {
namespace {

constexpr unsigned kThreadsMax = 16;
constexpr int kAcceptsAhead = 8;  // per thread

// Of a queue that no thread serves.
void Discard(grpc::CompletionQueue* queue) {
  queue->Shutdown();
  void* tag = nullptr;
  bool ok = false;
  while (queue->Next(&tag, &ok)) static_cast<CallEvent*>(tag)->OnEvent(ok);
}

}  // namespace

StatusOr<std::unique_ptr<RpcServer>> RpcServer::Start(RpcService* service, const std::string& host,
                                                      int port) {
  std::unique_ptr<RpcServer> server(new RpcServer());
  grpc::ServerBuilder builder;
  builder.AddListeningPort(fmt::format("{}:{}", host, port), grpc::InsecureServerCredentials(),
                           &server->port_);
  builder.RegisterAsyncGenericService(&server->acceptor_);
  std::vector<std::unique_ptr<grpc::ServerCompletionQueue>> queues;
  // Handlers do not block; the other half of the cores is for what they ask for.
  for (unsigned i = std::clamp(std::thread::hardware_concurrency() / 2, 1u, kThreadsMax); i > 0;
       --i)
    queues.push_back(builder.AddCompletionQueue());
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
  server->server_ = builder.BuildAndStart();
  if (server->server_ == nullptr || server->port_ == 0) {
    for (const auto& queue : queues) Discard(queue.get());
    return Unavailable(
        "Cannot listen on {}:{}: the port is in use or the address is not of this host.", host,
        port);
  }
  for (auto& queue : queues) {
    grpc::ServerCompletionQueue* const completions = queue.get();
    server->queues_.push_back(CallQueue::Start(std::move(queue), "rpc", true));
    for (int i = 0; i < kAcceptsAhead; ++i)
      ServerCall::Accept(
          {&server->acceptor_, completions, server->queues_.back(), service, &server->live_});
  }
  return server;
}

void RpcServer::Shutdown(int64_t ms) {
  server_->Shutdown(
      gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(ms, GPR_TIMESPAN)));
  live_.AwaitNone();
  server_.reset();
}

RpcServer::~RpcServer() {
  if (server_ != nullptr) Shutdown();
  for (CallQueue* queue : queues_) queue->Release();
}

}  // namespace spillway
