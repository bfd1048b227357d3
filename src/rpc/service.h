// One generic gRPC service that dispatches by method name: nothing is unimplemented by accident,
// and block data passes as ByteBuffers.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "common/log.h"
#include "rpc/auth.h"
#include "rpc/buffers.h"
#include "rpc/call_meter.h"
#include "rpc/request_text.h"
#include "rpc/server_reactor.h"
#include "rpc/status_map.h"

namespace spillway {

struct CallContext {
  std::string method;
  Caller caller;
  ServerStream* call = nullptr;  // for the reactor
};

// Answers a unary call, once, from any thread.
class RawReply {
 public:
  virtual ~RawReply() = default;
  virtual void Send(const Status& status, grpc::ByteBuffer response) = 0;
};

template <typename Response>
class Reply {
 public:
  explicit Reply(std::shared_ptr<RawReply> raw) : raw_(std::move(raw)) {}
  void operator()(const StatusOr<Response>& result) const {
    raw_->Send(result.status(), result.ok() ? ToBuffer(*result) : grpc::ByteBuffer());
  }

 private:
  std::shared_ptr<RawReply> raw_;
};

// Register everything before the server starts; thread-safe afterwards.
class RpcService {
 public:
  using RawHandler =
      std::function<void(const CallContext&, const grpc::ByteBuffer&, std::shared_ptr<RawReply>)>;
  using StreamHandler = std::function<ServerReactor*(CallContext)>;

  // Calls are measured if there are metrics, which outlive the service.
  explicit RpcService(Authenticator* authenticator, Metrics* metrics = nullptr);

  // service is the full name, as in /service/method.
  template <typename Request, typename Response>
  void Unary(const std::string& service, const std::string& method,
             std::function<void(const CallContext&, const Request&, Reply<Response>)> handler) {
    AddUnary(
        service, method,
        [handler = std::move(handler)](const CallContext& context, const grpc::ByteBuffer& buffer,
                                       std::shared_ptr<RawReply> raw) {
          Request request;
          if (Status status = ReadRequest(context.method, buffer, &request); !status.ok())
            return raw->Send(status, {});
          handler(context, request, Reply<Response>(std::move(raw)));
        });
  }
  void Stream(const std::string& service, const std::string& method, StreamHandler handler);
  // Calls of this service need no authentication.
  void Exempt(const std::string& service) { exempt_.insert(service); }
  // A definite refusal for a method that is known and not offered.
  void Refuse(const std::string& service, const std::string& method);
  std::vector<std::string> UnaryMethods() const;  // sorted
  const RawHandler& UnaryHandler(const std::string& method) const { return unary_.at(method); }
  const StreamHandler& HandlerOfStream(const std::string& method) const {
    return streams_.at(method);
  }
  // Clients log in before they call.
  bool logs_in() const { return authenticator_->sasl(); }
  std::vector<std::string> StreamMethods() const;  // sorted
  bool Hosts(const std::string& service) const { return services_.contains(service); }

  ServerReactor* CreateReactor(ServerCall* call);
  // A call of method is over, for which CreateReactor was asked seconds ago.
  void Over(const std::string& method, double seconds, bool ok) {
    meter_.Over(method, seconds, ok);
  }
  // From now on calls are refused with UNAVAILABLE, so that clients ask elsewhere or later.
  void Stop() { stopping_ = true; }

 private:
  void AddUnary(const std::string& service, const std::string& method, RawHandler handler);

  Authenticator* const authenticator_;
  CallMeter meter_;
  absl::flat_hash_map<std::string, RawHandler> unary_;
  absl::flat_hash_map<std::string, StreamHandler> streams_;
  absl::flat_hash_set<std::string> services_;
  absl::flat_hash_set<std::string> exempt_;
  std::atomic<bool> stopping_{false};
};

// A reactor that ends at once with status.
ServerReactor* MakeFailedReactor(ServerStream* call, const Status& status);

}  // namespace spillway
