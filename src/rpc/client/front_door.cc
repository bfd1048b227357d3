#include "rpc/client/front_door.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>

#include <chrono>

#include "rpc/buffers.h"

namespace spillway {
namespace {

constexpr int64_t kTimeoutMs = 2000;
constexpr int64_t kGoodMs = 1000;
constexpr int64_t kBadMs = 100;

std::string TargetOf(std::string host, int port) {
  if (host.empty() || host == "0.0.0.0") host = "127.0.0.1";
  if (host == "::" || host == "[::]") host = "::1";
  if (host.find(':') != std::string::npos && host.front() != '[') host = "[" + host + "]";
  return fmt::format("{}:{}", host, port);
}

}  // namespace

FrontDoor::FrontDoor(const std::string& host, int port, alluxio::grpc::version::ServiceType service)
    : target_(TargetOf(host, port)), service_(service) {}

Status FrontDoor::Check() {
  absl::MutexLock lock(&mutex_);
  if (clock_.MonotonicMs() < stale_ms_) return last_;
  last_ = Knock();
  stale_ms_ = clock_.MonotonicMs() + (last_.ok() ? kGoodMs : kBadMs);
  return last_;
}

Status FrontDoor::Knock() {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection of its own
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  grpc::GenericStub stub(
      grpc::CreateCustomChannel(target_, grpc::InsecureChannelCredentials(), arguments));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(kTimeoutMs));
  alluxio::grpc::version::GetServiceVersionPRequest request;
  request.set_servicetype(service_);
  grpc::CompletionQueue queue;
  const auto call = stub.PrepareUnaryCall(
      &context, "/alluxio.grpc.version.ServiceVersionClientService/getServiceVersion",
      ToBuffer(request), &queue);
  call->StartCall();
  grpc::ByteBuffer answer;
  grpc::Status status;
  call->Finish(&answer, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  (void)queue.Next(&tag, &ok);  // the deadline ends it
  queue.Shutdown();
  while (queue.Next(&tag, &ok)) {
  }
  if (status.ok()) return absl::OkStatus();
  return Unavailable("the RPC port {} does not answer: {}", target_, status.error_message());
}

}  // namespace spillway
