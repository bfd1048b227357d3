#include "rpc/server.h"

#include <grpcpp/resource_quota.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>

#include <algorithm>
#include <thread>

namespace spillway {
namespace {

constexpr unsigned kThreadsMax = 16;
constexpr int kAcceptsAhead = 8;  // per thread
// Every HTTP/2 client begins with it.
constexpr char kPreface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr int kPingStrikesMax = 100;
constexpr int kHandshakeMsMax = 10'000;        // until a client's settings have come
constexpr int kCallHeaderBytesMax = 16 << 10;  // of one call

// Of a queue that no thread serves.
void Discard(grpc::CompletionQueue* queue) {
  queue->Shutdown();
  void* tag = nullptr;
  bool ok = false;
  while (queue->Next(&tag, &ok)) static_cast<CallEvent*>(tag)->OnEvent(ok);
}

void SetTransport(const RpcServerOptions& options, grpc::ServerBuilder* builder) {
  builder->SetMaxReceiveMessageSize(options.message_bytes_max);
  builder->SetMaxSendMessageSize(-1);
  if (options.buffered_bytes_max > 0) {
    grpc::ResourceQuota quota(options.name);
    quota.Resize(static_cast<size_t>(options.buffered_bytes_max));
    builder->SetResourceQuota(quota);
  }
  const std::pair<const char*, int64_t> arguments[] = {
      // An idle stock client pings every 30 s for ever; the default policy answers with GOAWAY. Who
      // pings far more often than any client, and gets no data meanwhile, is sent away.
      {GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5000},
      {GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1},
      {GRPC_ARG_HTTP2_MAX_PING_STRIKES, kPingStrikesMax},
      {GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 4 << 20},
      {GRPC_ARG_HTTP2_MAX_FRAME_SIZE, 1 << 20},
      {GRPC_ARG_TCP_READ_CHUNK_SIZE, 256 << 10},
      // A peer whose host is gone says nothing: it is asked.
      {GRPC_ARG_KEEPALIVE_TIME_MS, 60'000},
      {GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 60'000},
      {GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0},
      {GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, kHandshakeMsMax},
      {GRPC_ARG_MAX_CONNECTION_IDLE_MS, options.idle_ms_max},
      {GRPC_ARG_MAX_CONCURRENT_STREAMS, options.streams_per_connection},
      {GRPC_ARG_MAX_METADATA_SIZE, kCallHeaderBytesMax},
  };
  for (const auto& [name, value] : arguments)
    builder->AddChannelArgument(name, static_cast<int>(value));
}

}  // namespace

StatusOr<std::unique_ptr<RpcServer>> RpcServer::Start(RpcService* service, const std::string& host,
                                                      int port, const RpcServerOptions& options) {
  std::unique_ptr<RpcServer> server(new RpcServer());
  AcceptorOptions accepting;
  accepting.name = options.name;
  accepting.limits = options.connections;
  // Without logins there is nothing to tell strangers by.
  if (!service->logs_in()) accepting.limits.stranger_ms = 0;
  accepting.preface = kPreface;
  accepting.metrics = options.metrics;
  SPILLWAY_ASSIGN_OR_RETURN(server->acceptor_, Acceptor::Listen(host, port, std::move(accepting)));
  server->port_ = server->acceptor_->port();
  grpc::ServerBuilder builder;
  server->connections_ = builder.experimental().AddExternalConnectionAcceptor(
      grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
      grpc::InsecureServerCredentials());
  builder.RegisterAsyncGenericService(&server->calls_);
  std::vector<std::unique_ptr<grpc::ServerCompletionQueue>> queues;
  // Handlers do not block; the other half of the cores is for what they ask for.
  for (unsigned i = std::clamp(std::thread::hardware_concurrency() / 2, 1u, kThreadsMax); i > 0;
       --i)
    queues.push_back(builder.AddCompletionQueue());
  SetTransport(options, &builder);
  server->server_ = builder.BuildAndStart();
  if (server->server_ == nullptr) {
    for (const auto& queue : queues) Discard(queue.get());
    return Unavailable("Cannot serve {}:{}: gRPC does not start.", host, port);
  }
  for (auto& queue : queues) {
    grpc::ServerCompletionQueue* const completions = queue.get();
    server->queues_.push_back(CallQueue::Start(std::move(queue), "rpc", true));
    for (int i = 0; i < kAcceptsAhead; ++i) {
      ServerCall::Accept({&server->calls_, completions, server->queues_.back(), service,
                          &server->live_, server->acceptor_->connections()});
    }
  }
  server->acceptor_->Start([connections = server->connections_.get()](int fd) {
    grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
    connection.fd = fd;
    connections->HandleNewConnection(&connection);
  });
  return server;
}

void RpcServer::Shutdown(int64_t ms) {
  acceptor_->Stop();
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
