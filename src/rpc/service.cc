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

// Reads one message, hands it over, writes one answer. Lives until both the call is done and nobody
// can answer any more.
class UnaryReactor : public ServerReactor {
 public:
  UnaryReactor(CallContext context, const RpcService::RawHandler* handler)
      : ServerReactor(context.call), context_(std::move(context)), handler_(handler) {
    StartRead(&request_);
  }

  void OnReadDone(bool ok) override {
    if (!ok)
      return Finish(ToGrpc(InvalidArgument("{}: the call has no request.", context_.method)));
    (*handler_)(context_, request_, std::make_shared<Answer>(this));
  }
  void OnDone() override { delete this; }

 private:
  // Finish is called exactly once, so the reactor outlives every Send.
  class Answer : public RawReply {
   public:
    explicit Answer(UnaryReactor* reactor) : reactor_(reactor) {}
    ~Answer() override {
      if (reactor_ != nullptr) Panic(reactor_->context_.method + " was never answered");
    }
    void Send(const Status& status, grpc::ByteBuffer response) override {
      UnaryReactor* reactor = std::exchange(reactor_, nullptr);
      if (reactor == nullptr) Panic("a call was answered twice");
      if (!status.ok()) return reactor->Finish(ToGrpc(status));
      reactor->response_ = std::move(response);
      reactor->StartWriteAndFinish(&reactor->response_, grpc::Status::OK);
    }

   private:
    UnaryReactor* reactor_;
  };

  const CallContext context_;
  const RpcService::RawHandler* const handler_;
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

RpcService::RpcService(Authenticator* authenticator) : authenticator_(authenticator) {
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
  unary_["/" + service + "/" + method] = std::move(handler);
}

std::vector<std::string> RpcService::UnaryMethods() const {
  std::vector<std::string> methods;
  for (const auto& [method, handler] : unary_) methods.push_back(method);
  std::sort(methods.begin(), methods.end());
  return methods;
}

void RpcService::Stream(const std::string& service, const std::string& method,
                        StreamHandler handler) {
  services_.insert(service);
  streams_["/" + service + "/" + method] = std::move(handler);
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
  auto caller = authenticator_->Authenticate(call->Metadata("channel-id"), context.method);
  if (!caller.ok() && !exempt_.contains(service)) return new FailedReactor(call, caller.status());
  if (caller.ok()) context.caller = *std::move(caller);
  if (const auto it = unary_.find(context.method); it != unary_.end()) {
    return new UnaryReactor(std::move(context), &it->second);
  }
  if (const auto it = streams_.find(context.method); it != streams_.end())
    return it->second(std::move(context));
  if (!services_.contains(service))
    return new FailedReactor(call, NotFound("Service {} is not hosted here.", service));
  return new FailedReactor(call, InvalidArgument("{} is not known.", context.method));
}

}  // namespace spillway
