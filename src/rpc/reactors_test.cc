// Calls between a server's and a client's reactors, on real sockets.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <deque>
#include <thread>

#include "absl/synchronization/notification.h"
#include "rpc/client/channel.h"
#include "rpc/client/client_reactor.h"
#include "rpc/event_thread.h"
#include "rpc/server.h"
#include "small_files.pb.h"

namespace spillway {
namespace {

using smallfiles::Outcome;

constexpr int64_t kTimeoutMs = 20'000;
const std::string kEcho = "spillway.test.Echo";

struct Seen {
  std::atomic<int> cancelled{0};
  std::atomic<int> over{0};
  std::atomic<int> whole{0};   // streams whose client has sent everything
  std::atomic<int> broken{0};  // others
};

// Sends back what it reads until the client ends its writes.
class EchoReactor : public ServerReactor {
 public:
  EchoReactor(ServerStream* call, Seen* seen) : ServerReactor(call), seen_(seen) {
    StartRead(&message_);
  }
  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::OK);
    StartWrite(&message_);
  }
  void OnWriteDone(bool ok) override {
    if (!ok) return Finish(grpc::Status(grpc::StatusCode::UNKNOWN, "the client is gone"));
    StartRead(&message_);
  }
  void OnCancel() override { ++seen_->cancelled; }
  void OnDone() override {
    ++seen_->over;
    delete this;
  }

 private:
  Seen* const seen_;
  grpc::ByteBuffer message_;
};

// Takes messages, answers the first if told to, and asks how they ended.
class CollectReactor : public ServerReactor {
 public:
  CollectReactor(ServerStream* call, Seen* seen, bool answers)
      : ServerReactor(call), seen_(seen), answers_(answers) {
    StartRead(&message_);
  }
  void OnReadDone(bool ok) override {
    if (!ok) return ConfirmEnd(&message_);
    if (std::exchange(answers_, false)) return StartWrite(&message_);
    StartRead(&message_);
  }
  void OnWriteDone(bool) override { StartRead(&message_); }
  void OnEndConfirmed(bool ok) override {
    ++(ok ? seen_->whole : seen_->broken);
    Finish(grpc::Status::OK);
  }
  void OnDone() override {
    ++seen_->over;
    delete this;
  }

 private:
  Seen* const seen_;
  bool answers_;
  grpc::ByteBuffer message_;
};

class EchoCall : public ClientReactor {
 public:
  Status Begin(AuthenticatedChannel* channel, const std::string& method = "Chat") {
    SPILLWAY_RETURN_IF_ERROR(channel->Prepare(&context_));
    Prepare(channel->stub(), &context_, "/" + kEcho + "/" + method);
    AddHold();
    StartRead(&incoming_);
    StartCall();
    return absl::OkStatus();
  }
  void Say(int n) {
    Outcome message;
    message.set_code(n);
    AwaitIdle();
    outgoing_ = ToBuffer(message);
    StartWrite(&outgoing_);
  }
  // What came back, or -1 at the end.
  int Hear() {
    absl::MutexLock lock(&mutex_);
    const auto ready = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return !heard_.empty() || ended_;
    };
    mutex_.Await(absl::Condition(&ready));
    if (heard_.empty()) return -1;
    const int first = heard_.front();
    heard_.pop_front();
    return first;
  }
  void EndWrites() {
    AwaitIdle();
    StartWritesDone();
  }
  void Cancel() { context_.TryCancel(); }
  grpc::Status AwaitEnd() {
    RemoveHold();
    done_.WaitForNotification();
    return status_;
  }

  void OnReadDone(bool ok) override {
    Outcome message;
    {
      absl::MutexLock lock(&mutex_);
      if (ok && FromBuffer(incoming_, &message)) heard_.push_back(message.code());
      ended_ = !ok;
    }
    if (ok) StartRead(&incoming_);
  }
  void OnWriteDone(bool) override {
    absl::MutexLock lock(&mutex_);
    writing_ = false;
  }
  void OnDone(const grpc::Status& status) override {
    status_ = status;
    done_.Notify();
  }

 private:
  // An answer may be here before it is told that the question has gone.
  void AwaitIdle() {
    absl::MutexLock lock(&mutex_);
    const auto idle = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !writing_; };
    mutex_.Await(absl::Condition(&idle));
    writing_ = true;
  }

  grpc::ClientContext context_;
  grpc::ByteBuffer incoming_;
  grpc::ByteBuffer outgoing_;
  absl::Mutex mutex_;
  std::deque<int> heard_ ABSL_GUARDED_BY(mutex_);
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::Status status_;
  absl::Notification done_;
};

class ReactorsTest : public testing::Test {
 protected:
  ReactorsTest() {
    service_.Unary<Outcome, Outcome>(
        kEcho, "Echo", [](const CallContext& call, const Outcome& request, auto reply) {
          if (request.code() < 0) return reply(InvalidArgument("{} is negative", request.code()));
          Outcome answer = request;
          answer.set_message(call.caller.user);
          // From any thread, at any time.
          if (request.code() % 2 == 1)
            return std::thread([reply, answer] { reply(answer); }).detach();
          reply(answer);
        });
    service_.Stream(kEcho, "Chat",
                    [this](const CallContext& call) { return new EchoReactor(call.call, &seen_); });
    for (const bool answers : {false, true}) {
      service_.Stream(kEcho, answers ? "CollectAndAnswer" : "Collect",
                      [this, answers](const CallContext& call) {
                        return new CollectReactor(call.call, &seen_, answers);
                      });
    }
    server_ = *RpcServer::Start(&service_, "127.0.0.1", 0);
    ChannelOptions options;
    options.user = "me";
    channel_ = std::make_unique<AuthenticatedChannel>(fmt::format("127.0.0.1:{}", server_->port()),
                                                      options, &random_);
  }
  StatusOr<Outcome> Echo(int code) {
    Outcome request;
    request.set_code(code);
    Outcome answer;
    SPILLWAY_RETURN_IF_ERROR(channel_->Unary("/" + kEcho + "/Echo", request, &answer, kTimeoutMs));
    return answer;
  }

  // The client's ends of all connections to the server.
  void CutConnections() {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    for (int fd = 3; fd < static_cast<int>(std::min<rlim_t>(limit.rlim_cur, 1024)); ++fd) {
      sockaddr_in6 peer{};
      socklen_t size = sizeof(peer);
      if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0) continue;
      const bool client = (peer.sin6_family == AF_INET || peer.sin6_family == AF_INET6) &&
                          ntohs(peer.sin6_port) == server_->port();
      if (client) shutdown(fd, SHUT_RDWR);
    }
  }

  SystemRandom random_;
  Configuration config_;
  Authenticator authenticator_{&config_};
  RpcService service_{&authenticator_};
  Seen seen_;
  std::unique_ptr<RpcServer> server_;
  std::unique_ptr<AuthenticatedChannel> channel_;
};

TEST_F(ReactorsTest, callsFromManyThreads_areAnsweredEachWithItsOwn) {
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 100; ++i) {
        const auto answer = Echo(1000 * t + i);
        if (answer.ok() && answer->code() == 1000 * t + i && answer->message() == "me") ++right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 800);
}

TEST_F(ReactorsTest, errorsAndUnknownMethods_areAnswered) {
  EXPECT_EQ(Echo(-1).status().code(), StatusCode::kInvalidArgument);
  Outcome answer;
  EXPECT_EQ(channel_->Unary("/" + kEcho + "/Else", Outcome(), &answer, kTimeoutMs).code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(channel_->Unary("/no.such.Service/Else", Outcome(), &answer, kTimeoutMs).code(),
            StatusCode::kNotFound);
}

TEST_F(ReactorsTest, streamGoesBothWaysUntilItsEnd) {
  EchoCall call;
  ASSERT_TRUE(call.Begin(channel_.get()).ok());
  for (int i = 0; i < 200; ++i) {
    call.Say(i);
    ASSERT_EQ(call.Hear(), i);
  }
  call.EndWrites();
  EXPECT_EQ(call.Hear(), -1);
  EXPECT_TRUE(call.AwaitEnd().ok());
  server_->Shutdown();
  EXPECT_EQ(seen_.over, 1);
}

TEST_F(ReactorsTest, clientThatCancels_endsTheCallAtBothEnds) {
  EchoCall call;
  ASSERT_TRUE(call.Begin(channel_.get()).ok());
  call.Say(7);
  ASSERT_EQ(call.Hear(), 7);
  call.Cancel();
  EXPECT_EQ(call.AwaitEnd().error_code(), grpc::StatusCode::CANCELLED);
  server_->Shutdown();
  EXPECT_EQ(seen_.cancelled, 1);
  EXPECT_EQ(seen_.over, 1);
}

TEST_F(ReactorsTest, endOfACancelledStream_isNeverTakenForItsWhole) {
  for (const char* method : {"Collect", "CollectAndAnswer"}) {
    seen_.whole = seen_.broken = 0;
    for (int i = 0; i < 100; ++i) {
      EchoCall call;
      ASSERT_TRUE(call.Begin(channel_.get(), method).ok());
      for (int n = 0; n < i % 4; ++n) call.Say(n);
      if (i % 2 == 0) {
        call.EndWrites();
        EXPECT_TRUE(call.AwaitEnd().ok());
      } else {
        call.Cancel();
        EXPECT_FALSE(call.AwaitEnd().ok());
      }
    }
    EXPECT_EQ(seen_.whole, 50) << method;
  }
  server_->Shutdown();
  EXPECT_LE(seen_.broken, 50) << "some were cancelled before they came";
}

TEST_F(ReactorsTest, endOfAStreamWhoseConnectionIsCut_isNeverTakenForItsWhole) {
  int begun = 0;
  for (int i = 0; i < 20; ++i) {
    // The first calls may meet the connection that was cut.
    const absl::Time end = absl::Now() + absl::Milliseconds(kTimeoutMs);
    while (!Echo(2).ok()) ASSERT_LT(absl::Now(), end);
    EchoCall call;
    ASSERT_TRUE(call.Begin(channel_.get(), "CollectAndAnswer").ok());
    call.Say(1);
    ASSERT_EQ(call.Hear(), 1);
    ++begun;
    for (int n = 0; n < i % 3; ++n) call.Say(n);
    CutConnections();
    EXPECT_FALSE(call.AwaitEnd().ok());
  }
  server_->Shutdown();
  EXPECT_EQ(seen_.whole, 0);
  EXPECT_EQ(seen_.broken, begun);
}

TEST_F(ReactorsTest, callThatIsCancelledBeforeItsFirstWrite_ends) {
  EchoCall call;
  ASSERT_TRUE(call.Begin(channel_.get()).ok());
  call.Cancel();
  EXPECT_EQ(call.Hear(), -1);
  EXPECT_EQ(call.AwaitEnd().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(ReactorsTest, serverThatStops_endsOpenCalls) {
  EchoCall call;
  ASSERT_TRUE(call.Begin(channel_.get()).ok());
  call.Say(1);
  ASSERT_EQ(call.Hear(), 1);
  server_->Shutdown();
  EXPECT_EQ(seen_.over, 1) << "it waits for its calls";
  EXPECT_EQ(call.Hear(), -1);
  EXPECT_FALSE(call.AwaitEnd().ok());
  server_.reset();
  EXPECT_EQ(Echo(2).status().code(), StatusCode::kUnavailable);
}

TEST_F(ReactorsTest, eventThread_doesNotWaitForALogin) {
  Outcome request;
  const std::string method = "/" + kEcho + "/Echo";
  std::vector<StatusCode> codes;
  // A thread of its own, which ends with the mark.
  const auto ask = [&] {
    std::thread([&] {
      BecomeEventThread("test");
      absl::Notification answered;
      channel_->UnaryAsync(method, request, kTimeoutMs,
                           [&](const StatusOr<grpc::ByteBuffer>& answer) {
                             codes.push_back(answer.status().code());
                             answered.Notify();
                           });
      answered.WaitForNotification();
    }).join();
  };
  EXPECT_FALSE(channel_->authenticated());
  ask();
  EXPECT_TRUE(Echo(2).ok());
  EXPECT_TRUE(channel_->authenticated());
  ask();
  EXPECT_EQ(codes, (std::vector<StatusCode>{StatusCode::kUnavailable, StatusCode::kOk}));
}

TEST_F(ReactorsTest, portInUse_isSaid) {
  const auto second = RpcServer::Start(&service_, "127.0.0.1", server_->port());
  EXPECT_EQ(second.status().code(), StatusCode::kUnavailable);
  EXPECT_NE(Message(second.status()).find(std::to_string(server_->port())), std::string::npos);
  EXPECT_FALSE(OnEventThread()) << "who asked is none of the server's threads";
}

}  // namespace
}  // namespace spillway
