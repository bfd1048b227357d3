#include "rpc/client/channel.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include "absl/synchronization/notification.h"
#include "grpc/sasl_server.pb.h"
#include "rpc/buffers.h"
#include "rpc/client/client_reactor.h"
#include "rpc/event_thread.h"
#include "rpc/status_map.h"

namespace spillway {
namespace {

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& target) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetMaxSendMessageSize(-1);
  arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 4 << 20);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_FRAME_SIZE, 1 << 20);
  arguments.SetInt(GRPC_ARG_TCP_READ_CHUNK_SIZE, 256 << 10);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 200);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments);
}

gpr_timespec DeadlineIn(int64_t ms) {
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(ms, GPR_TIMESPAN));
}

}  // namespace

// The open SASL stream; alive as long as the login is.
class AuthenticatedChannel::SaslStream : public ClientReactor,
                                         public std::enable_shared_from_this<SaslStream> {
 public:
  SaslStream(std::string channel_id, std::string user)
      : channel_id_(std::move(channel_id)), user_(std::move(user)) {}

  Status Login(grpc::GenericStub* stub, int64_t timeout_ms) {
    self_ = shared_from_this();
    Prepare(stub, &context_, "/alluxio.grpc.sasl.SaslAuthenticationService/authenticate");
    alluxio::grpc::sasl::SaslMessage message;
    message.set_messagetype(alluxio::grpc::sasl::CHALLENGE);
    message.set_authenticationscheme(alluxio::grpc::sasl::SIMPLE);
    message.set_message(user_ + std::string("\0", 1) + user_ + std::string("\0", 1) + "noPassword");
    message.set_clientid(channel_id_);
    message.set_channelref("spillway");
    request_ = ToBuffer(message);
    StartWrite(&request_);
    StartRead(&response_);
    StartCall();
    absl::MutexLock lock(&mutex_);
    if (!mutex_.AwaitWithTimeout(absl::Condition(
                                     +[](SaslStream* s) { return s->in_ || s->done_; }, this),
                                 absl::Milliseconds(timeout_ms))) {
      context_.TryCancel();
      return Unavailable("The server did not answer the login within {} ms.", timeout_ms);
    }
    return in_ ? absl::OkStatus() : FromGrpc(status_);
  }

  bool alive() {
    absl::MutexLock lock(&mutex_);
    return in_ && !done_;
  }
  const std::string& channel_id() const { return channel_id_; }
  // Ends the login and waits until nothing of the call runs any more.
  void End() {
    context_.TryCancel();
    absl::MutexLock lock(&mutex_);
    mutex_.AwaitWithTimeout(absl::Condition(&done_), absl::Seconds(5));
  }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    {
      absl::MutexLock lock(&mutex_);
      in_ = true;
    }
    StartRead(&response_);
  }
  void OnDone(const grpc::Status& status) override {
    auto self = std::move(self_);
    absl::MutexLock lock(&mutex_);
    done_ = true;
    status_ = status;
  }

 private:
  const std::string channel_id_;
  const std::string user_;
  std::shared_ptr<SaslStream> self_;
  grpc::ClientContext context_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
  absl::Mutex mutex_;
  bool in_ ABSL_GUARDED_BY(mutex_) = false;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::Status status_ ABSL_GUARDED_BY(mutex_);
};

AuthenticatedChannel::AuthenticatedChannel(const std::string& target, ChannelOptions options,
                                           Random* random)
    : target_(target),
      options_(std::move(options)),
      random_(random),
      channel_(MakeChannel(target)),
      stub_(channel_) {}

AuthenticatedChannel::~AuthenticatedChannel() {
  absl::MutexLock lock(&mutex_);
  if (sasl_ != nullptr) sasl_->End();
}

bool AuthenticatedChannel::CurrentLogin(std::string* channel_id) {
  absl::MutexLock lock(&mutex_);
  if (sasl_ == nullptr || !sasl_->alive()) return false;
  *channel_id = sasl_->channel_id();
  return true;
}

Status AuthenticatedChannel::EnsureAuthenticated(std::string* channel_id) {
  if (!options_.sasl || CurrentLogin(channel_id)) return absl::OkStatus();
  if (OnEventThread()) return Unavailable("The login at {} has ended.", target_);
  absl::MutexLock login(&login_mutex_);
  if (CurrentLogin(channel_id)) return absl::OkStatus();
  auto stream = std::make_shared<SaslStream>(random_->Uuid(), options_.user);
  if (Status status = stream->Login(&stub_, options_.connect_timeout_ms); !status.ok())
    return Annotate(status, target_);
  *channel_id = stream->channel_id();
  absl::MutexLock lock(&mutex_);
  sasl_ = std::move(stream);
  return absl::OkStatus();
}

bool AuthenticatedChannel::authenticated() {
  std::string channel_id;
  return !options_.sasl || CurrentLogin(&channel_id);
}

Status AuthenticatedChannel::Prepare(grpc::ClientContext* context) {
  std::string channel_id;
  SPILLWAY_RETURN_IF_ERROR(EnsureAuthenticated(&channel_id));
  if (!channel_id.empty()) context->AddMetadata("channel-id", channel_id);
  return absl::OkStatus();
}

Status AuthenticatedChannel::Unary(const std::string& method,
                                   const google::protobuf::MessageLite& request,
                                   google::protobuf::MessageLite* response, int64_t timeout_ms) {
  StatusOr<grpc::ByteBuffer> answer = Internal("not answered");
  absl::Notification answered;
  UnaryAsync(method, request, timeout_ms, [&](StatusOr<grpc::ByteBuffer> result) {
    answer = std::move(result);
    answered.Notify();
  });
  answered.WaitForNotification();
  SPILLWAY_RETURN_IF_ERROR(answer.status());
  if (!FromBuffer(*answer, response)) return Internal("{}: the answer cannot be read.", method);
  return absl::OkStatus();
}

namespace {

// Owns itself until it is answered.
struct UnaryCall : CallEvent {
  ~UnaryCall() override {
    if (queue != nullptr) queue->LetGo();
  }
  void OnEvent(bool) override {
    const std::unique_ptr<UnaryCall> self(this);
    if (!status.ok()) return done(FromGrpc(status));
    done(std::move(in));
  }

  CallQueue* queue = nullptr;
  grpc::ClientContext context;
  grpc::ByteBuffer in;
  grpc::Status status;
  std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader;
  std::function<void(StatusOr<grpc::ByteBuffer>)> done;
};

}  // namespace

void AuthenticatedChannel::UnaryAsync(const std::string& method,
                                      const google::protobuf::MessageLite& request,
                                      int64_t timeout_ms,
                                      std::function<void(StatusOr<grpc::ByteBuffer>)> done) {
  auto call = std::make_unique<UnaryCall>();
  if (Status status = Prepare(&call->context); !status.ok()) return done(status);
  call->context.set_deadline(DeadlineIn(timeout_ms));
  call->done = std::move(done);
  call->queue = CallQueue::Hold();
  call->reader =
      stub_.PrepareUnaryCall(&call->context, method, ToBuffer(request), call->queue->completions());
  call->queue->Run([under_way = call.release()] {
    under_way->reader->StartCall();
    under_way->reader->Finish(&under_way->in, &under_way->status, TagOf(under_way));
  });
}

}  // namespace spillway
