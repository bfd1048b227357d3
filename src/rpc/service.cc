#include "rpc/service.h"

#include <algorithm>

#include "absl/synchronization/mutex.h"

namespace spillway {
namespace {

class FailedReactor : public ServerReactor {
 public:
  FailedReactor(ServerStream* call, const Status& status) : ServerReactor(call) {
    Finish(ToGrpc(status));
  }
  void OnDone() override { delete this; }
};

Status Stopping() { return Unavailable("The server stops."); }

// Reads one message, hands it over, writes one answer. Lives until both the call is done and nobody
// can answer any more. Who answers first, the handler or the server that stops, is heard.
class UnaryReactor : public ServerReactor, public std::enable_shared_from_this<UnaryReactor> {
 public:
  UnaryReactor(CallContext context, const RpcService::RawHandler* handler)
      : ServerReactor(context.call), context_(std::move(context)), handler_(handler) {}

  ServerReactor* Begin() {
    self_ = shared_from_this();
    StartRead(&request_);
    return this;
  }

  void OnReadDone(bool ok) override {
    if (!ok) {
      if (Claim()) Finish(ToGrpc(InvalidArgument("{}: the call has no request.", context_.method)));
      return;
    }
    (*handler_)(context_, request_, std::make_shared<Answer>(shared_from_this()));
  }
  void OnStop(bool last) override {
    if (last && Claim()) Finish(ToGrpc(Stopping()));
  }
  void OnDone() override { self_.reset(); }

 private:
  class Answer : public RawReply {
   public:
    explicit Answer(std::shared_ptr<UnaryReactor> reactor) : reactor_(std::move(reactor)) {}
    ~Answer() override {
      if (reactor_ != nullptr && !reactor_->answered_)
        Panic(reactor_->context_.method + " was never answered");
    }
    void Send(const Status& status, grpc::ByteBuffer response) override {
      const auto reactor = std::exchange(reactor_, nullptr);
      if (reactor == nullptr) Panic("a call was answered twice");
      if (!reactor->Claim()) return;
      if (!status.ok()) return reactor->Finish(ToGrpc(status));
      reactor->response_ = std::move(response);
      reactor->StartWriteAndFinish(&reactor->response_, grpc::Status::OK);
    }

   private:
    std::shared_ptr<UnaryReactor> reactor_;
  };

  // Whether the caller is the one that answers. Until it has, the call lives.
  bool Claim() { return !answered_.exchange(true); }

  const CallContext context_;
  const RpcService::RawHandler* const handler_;
  std::shared_ptr<UnaryReactor> self_;
  std::atomic<bool> answered_{false};
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
};

std::string ServiceOf(const std::string& method) {
  const size_t slash = method.rfind('/');
  return slash == std::string::npos || slash == 0 ? "" : method.substr(1, slash - 1);
}

}  // namespace

ServerReactor* MakeFailedReactor(ServerStream* call, const Status& status) {
  return new FailedReactor(call, status);
}

RpcService::RpcService(Authenticator* authenticator, Metrics* metrics)
    : authenticator_(authenticator), meter_(metrics) {
  const std::string sasl = "alluxio.grpc.sasl.SaslAuthenticationService";
  if (!authenticator->sasl()) return;
  Exempt(sasl);
  Stream(sasl, "authenticate", [authenticator](const CallContext& context) {
    return MakeSaslReactor(context.call, authenticator);
  });
}

void RpcService::AddUnary(const std::string& service, const std::string& method,
                          RawHandler handler) {
  services_.insert(service);
  const std::string name = "/" + service + "/" + method;
  unary_[name] = std::move(handler);
  meter_.Register(name);
}

std::vector<std::string> RpcService::UnaryMethods() const {
  std::vector<std::string> methods;
  for (const auto& [method, handler] : unary_) methods.push_back(method);
  std::sort(methods.begin(), methods.end());
  return methods;
}

std::vector<std::string> RpcService::StreamMethods() const {
  std::vector<std::string> methods;
  for (const auto& [method, handler] : streams_) methods.push_back(method);
  std::sort(methods.begin(), methods.end());
  return methods;
}

void RpcService::Stream(const std::string& service, const std::string& method,
                        StreamHandler handler) {
  services_.insert(service);
  const std::string name = "/" + service + "/" + method;
  streams_[name] = std::move(handler);
  meter_.Register(name);
}

void RpcService::Refuse(const std::string& service, const std::string& method) {
  Stream(service, method, [](const CallContext& context) {
    return MakeFailedReactor(context.call,
                             InvalidArgument("{} is not offered by Spillway.", context.method));
  });
}

ServerReactor* RpcService::CreateReactor(ServerCall* call) {
  CallContext context;
  context.method = call->method();
  context.call = call;
  const std::string service = ServiceOf(context.method);
  if (stopping_) return new FailedReactor(call, Stopping());
  auto caller = authenticator_->Authenticate(call->Metadata("channel-id"), context.method);
  if (!caller.ok() && !exempt_.contains(service)) return new FailedReactor(call, caller.status());
  if (caller.ok()) context.caller = *std::move(caller);
  if (const auto it = unary_.find(context.method); it != unary_.end()) {
    return std::make_shared<UnaryReactor>(std::move(context), &it->second)->Begin();
  }
  if (const auto it = streams_.find(context.method); it != streams_.end())
    return it->second(std::move(context));
  if (!services_.contains(service))
    return new FailedReactor(call, NotFound("Service {} is not hosted here.", service));
  return new FailedReactor(call, InvalidArgument("{} is not known.", context.method));
}

}  // namespace spillway
