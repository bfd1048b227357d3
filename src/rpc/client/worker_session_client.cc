#include "rpc/client/worker_session_client.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>

#include <thread>

#include "common/log.h"
#include "common/timed_event.h"
#include "rpc/buffers.h"
#include "rpc/client/client_reactor.h"
#include "rpc/session_queue.h"
#include "rpc/status_map.h"

namespace spillway {
namespace {

constexpr int64_t kSilenceMsMax = 5000;
constexpr int64_t kReconnectPauseMs = 100;

// Whether a client waits for it, or the master's view of this worker.
bool IsUrgent(const session::WorkerMessage& message) {
  return !message.has_persist_result() && !message.has_blocks_removed();
}

class SessionCall : public ClientReactor, public std::enable_shared_from_this<SessionCall> {
 public:
  explicit SessionCall(Worker* worker) : worker_(worker) {}

  void Begin(grpc::GenericStub* stub) {
    self_ = shared_from_this();
    Prepare(stub, &context_, "/spillway.session.WorkerSessionService/Session");
    AddHold();
    StartRead(&incoming_);
    StartCall();
  }

  void Send(const session::WorkerMessage& message) {
    std::string encoded = SessionQueue::Encode(message);
    absl::MutexLock lock(&mutex_);
    if (ended_) return;
    const SessionQueue::Then then = queue_.Push(std::move(encoded), IsUrgent(message));
    if (then == SessionQueue::Then::kWrite) StartWrite(queue_.Next());
    if (then == SessionQueue::Then::kWait) queue_.AfterPatience(weak_from_this());
  }

  void WriteWaiting() {
    absl::MutexLock lock(&mutex_);
    if (!ended_ && queue_.Due()) StartWrite(queue_.Next());
  }

  void End() {
    context_.TryCancel();
    absl::MutexLock lock(&mutex_);
    ReleaseLocked();
  }

  bool AwaitDone(int64_t ms) {
    absl::MutexLock lock(&mutex_);
    return changed_.Await(
        &mutex_, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return done_; }, ms);
  }
  Status status() {
    absl::MutexLock lock(&mutex_);
    return FromGrpc(status_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) {
      absl::MutexLock lock(&mutex_);
      return ReleaseLocked();
    }
    session::MasterMessages all;
    if (!FromBuffer(incoming_, &all)) {
      spdlog::error("The master said what cannot be read: the session is ended.");
      return End();
    }
    for (const auto& message : all.messages()) worker_->OnMessage(message);
    StartRead(&incoming_);
  }
  void OnWriteDone(bool ok) override {
    absl::MutexLock lock(&mutex_);
    if (!ok || ended_) return;
    if (const auto* next = queue_.Next()) StartWrite(next);
  }
  void OnDone(const grpc::Status& status) override {
    auto self = std::move(self_);
    absl::MutexLock lock(&mutex_);
    status_ = status;
    done_ = true;
    changed_.Notify();
  }

 private:
  void ReleaseLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!std::exchange(ended_, true)) RemoveHold();
  }

  Worker* const worker_;
  std::shared_ptr<SessionCall> self_;
  grpc::ClientContext context_;
  grpc::ByteBuffer incoming_;
  absl::Mutex mutex_;
  TimedEvent changed_;
  SessionQueue queue_ ABSL_GUARDED_BY(mutex_);
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::Status status_ ABSL_GUARDED_BY(mutex_);
};

class SessionClient : public WorkerSessionClient {
 public:
  SessionClient(Worker* worker, const std::string& target, int64_t start_time_ms,
                int64_t heartbeat_ms)
      : worker_(worker), start_time_ms_(start_time_ms), heartbeat_ms_(heartbeat_ms) {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(-1);
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 100);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 500);
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    channel_ = grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments);
    stub_ = std::make_unique<grpc::GenericStub>(channel_);
    thread_ = std::thread([this] { Run(); });
  }

  ~SessionClient() override {
    {
      absl::MutexLock lock(&mutex_);
      stopping_ = true;
      stopped_.Notify();
      if (call_ != nullptr) call_->End();
    }
    thread_.join();
  }

  Status refused() override {
    absl::MutexLock lock(&mutex_);
    return refused_;
  }

 private:
  void Run() {
    while (true) {
      auto call = std::make_shared<SessionCall>(worker_);
      {
        absl::MutexLock lock(&mutex_);
        if (stopping_) return;
        call_ = call;
      }
      call->Begin(stub_.get());
      worker_->SessionUp([call](const session::WorkerMessage& message) { call->Send(message); },
                         start_time_ms_);
      while (!call->AwaitDone(heartbeat_ms_)) {
        worker_->Tick();
        // A master that does not answer, or a network that swallows: begin anew.
        if (worker_->silent_ms() > kSilenceMsMax) call->End();
      }
      worker_->SessionDown();
      const Status status = call->status();
      absl::MutexLock lock(&mutex_);
      call_ = nullptr;
      if (stopping_) return;
      if (status.code() == StatusCode::kFailedPrecondition) refused_ = status;
      spdlog::info("session with the master ended: {}", Message(status));
      stopped_.Await(
          &mutex_, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_; },
          kReconnectPauseMs);
    }
  }

  Worker* const worker_;
  const int64_t start_time_ms_;
  const int64_t heartbeat_ms_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<grpc::GenericStub> stub_;
  absl::Mutex mutex_;
  TimedEvent stopped_;
  std::shared_ptr<SessionCall> call_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  Status refused_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace

std::unique_ptr<WorkerSessionClient> StartWorkerSession(Worker* worker,
                                                        const std::string& master_target,
                                                        int64_t start_time_ms,
                                                        int64_t heartbeat_interval_ms) {
  return std::make_unique<SessionClient>(worker, master_target, start_time_ms,
                                         heartbeat_interval_ms);
}

}  // namespace spillway
