// A client's authenticated way to one server.
#pragma once

#include <google/protobuf/message_lite.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>

#include <functional>
#include <memory>
#include <string>

#include "absl/synchronization/mutex.h"
#include "common/random.h"
#include "common/status.h"

namespace spillway {

struct ChannelOptions {
  std::string user;
  bool sasl = true;
  int64_t connect_timeout_ms = 5000;
};

// Thread-safe. Authenticates on first use and again when the server has forgotten it.
class AuthenticatedChannel {
 public:
  AuthenticatedChannel(const std::string& target, ChannelOptions options, Random* random);
  ~AuthenticatedChannel();

  // UNAVAILABLE if the server cannot be reached.
  Status Unary(const std::string& method, const google::protobuf::MessageLite& request,
               google::protobuf::MessageLite* response, int64_t timeout_ms);
  // Runs done once, with the answer's bytes or why there are none. Blocks only to authenticate.
  void UnaryAsync(const std::string& method, const google::protobuf::MessageLite& request,
                  int64_t timeout_ms, std::function<void(StatusOr<grpc::ByteBuffer>)> done);
  // A call would not have to log in first. Does not wait for a login that is under way.
  bool authenticated();
  // Puts the channel's id into a call's header, authenticating if need be; but on an event thread
  // (event_thread.h) that is UNAVAILABLE.
  Status Prepare(grpc::ClientContext* context);
  grpc::GenericStub* stub() { return &stub_; }
  const std::string& target() const { return target_; }

 private:
  class SaslStream;
  Status EnsureAuthenticated(std::string* channel_id);
  // False if there is no login.
  bool CurrentLogin(std::string* channel_id);

  const std::string target_;
  const ChannelOptions options_;
  Random* const random_;
  std::shared_ptr<grpc::Channel> channel_;
  grpc::GenericStub stub_;
  absl::Mutex login_mutex_;  // held while logging in
  absl::Mutex mutex_;
  std::shared_ptr<SaslStream> sasl_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace spillway
