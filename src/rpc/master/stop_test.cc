// A master that is told to stop with every kind of call open, each of which would wait for ever: no
// sync of the journal ends, and nothing that the understore is asked for comes back.
#include <gtest/gtest.h>

#include <deque>

#include "absl/synchronization/mutex.h"
#include "master/master_twins.h"
#include "rpc/client/channel.h"
#include "rpc/convert.h"
#include "rpc/master/master_jobs.h"
#include "rpc/master/master_services.h"
#include "rpc/server.h"
#include "rpc/stop_servers.h"
#include "understore/memory/memory_under_store.h"

namespace spillway {
namespace {

constexpr int64_t kGraceMs = 1000;
constexpr int64_t kReplyMs = 120'000;

// Runs tasks only when told to.
class HeldExecutor : public Executor {
 public:
  void Post(Task task) override {
    absl::MutexLock lock(&mutex_);
    tasks_.push_back(std::move(task));
  }
  void PostAfter(int64_t, Task task) override { Post(std::move(task)); }
  void RunAll() {
    for (Task task = Take(); task; task = Take()) task();
  }

 private:
  Task Take() {
    absl::MutexLock lock(&mutex_);
    if (tasks_.empty()) return nullptr;
    Task task = std::move(tasks_.front());
    tasks_.pop_front();
    return task;
  }

  absl::Mutex mutex_;
  std::deque<Task> tasks_ ABSL_GUARDED_BY(mutex_);
};

// A stream that is opened, and of which the client hears only the end.
struct OpenStream {
  grpc::ClientContext context;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call;
  grpc::Status status;
};

class StopTest : public testing::Test {
 protected:
  StopTest() {
    EXPECT_TRUE(config_.SetFromArgument("alluxio.security.authentication.type=NOSASL").ok());
    EXPECT_TRUE(
        config_.SetFromArgument("alluxio.security.authorization.permission.enabled=false").ok());
    authenticator_ = std::make_unique<Authenticator>(&config_);
    service_ = std::make_unique<RpcService>(authenticator_.get());
    EXPECT_TRUE(master_.Start().ok());
    context_.master = &master_;
    context_.executor = &pool_;
    context_.config = &config_;
    context_.clock = &clock_;
    context_.backup = [](const std::string&) -> StatusOr<std::string> { return "/backup"; };
    jobs_ = std::make_unique<MasterJobs>(context_);
    context_.jobs = jobs_.get();
    RegisterAdminService(service_.get(), context_);
    RegisterFileSystemService(service_.get(), context_);
    RegisterBlockMasterService(service_.get(), context_);
    RegisterMetaServices(service_.get(), context_);
    RegisterWorkerSessionService(service_.get(), &master_, &sessions_);
    RegisterVersionService(service_.get());
    RegisterJobMaster(service_.get(), context_);
    pool_.RunAll();
    sync_.RunAll();
    server_ = *RpcServer::Start(service_.get(), "127.0.0.1", 0);
    ChannelOptions options;
    options.sasl = false;
    channel_ = std::make_unique<AuthenticatedChannel>(fmt::format("127.0.0.1:{}", server_->port()),
                                                      options, &random_);
  }

  static MasterOptions Options() {
    MasterOptions options;
    options.root_uri = "s3://bucket";
    options.permission_enabled = false;
    return options;
  }

  // Its first field is a path, as it is of most requests.
  static fswire::GetStatusPRequest Request() {
    fswire::GetStatusPRequest request;
    request.set_path("/a/b");
    return request;
  }

  void Ask(const std::string& method) {
    channel_->UnaryAsync(method, Request(), kReplyMs,
                         [this, method](const StatusOr<grpc::ByteBuffer>& answer) {
                           absl::MutexLock lock(&mutex_);
                           answers_[method] = answer.status();
                         });
  }

  void Open(const std::string& method) {
    auto stream = std::make_unique<OpenStream>();
    stream->call = channel_->stub()->PrepareCall(&stream->context, method, &completions_);
    stream->call->StartCall(nullptr);
    AwaitEvent();
    stream->call->Finish(&stream->status, stream.get());
    streams_.push_back(std::move(stream));
  }

  void AwaitEvent() {
    void* tag = nullptr;
    bool ok = false;
    ASSERT_TRUE(completions_.Next(&tag, &ok));
  }

  // Calls and streams that have ended.
  size_t Ended() {
    void* tag = nullptr;
    bool ok = false;
    while (completions_.AsyncNext(&tag, &ok, gpr_inf_past(GPR_CLOCK_MONOTONIC)) ==
           grpc::CompletionQueue::GOT_EVENT)
      ++streams_ended_;
    absl::MutexLock lock(&mutex_);
    return answers_.size() + streams_ended_;
  }

  absl::Mutex mutex_;
  std::map<std::string, Status> answers_ ABSL_GUARDED_BY(mutex_);
  ManualClock clock_;
  SeededRandom random_{1};
  HeldExecutor pool_;
  HeldExecutor sync_;
  MemoryStateStore state_;
  Journal journal_{&state_, &sync_, LogIndex(0)};
  SessionTable sessions_;
  FixedOpener opener_{std::make_shared<MemoryUnderStore>()};
  Master master_{Options(), MasterContext{&clock_, &random_, &pool_, &journal_, &sessions_,
                                          &opener_, nullptr}};
  Configuration config_;
  MasterServiceContext context_;
  std::unique_ptr<MasterJobs> jobs_;
  std::unique_ptr<Authenticator> authenticator_;
  std::unique_ptr<RpcService> service_;
  std::unique_ptr<RpcServer> server_;
  std::unique_ptr<AuthenticatedChannel> channel_;
  grpc::CompletionQueue completions_;
  std::vector<std::unique_ptr<OpenStream>> streams_;
  size_t streams_ended_ = 0;
};

TEST_F(StopTest, everyKindOfCallOpen_allAreAnsweredAndTheServerEnds) {
  const auto methods = service_->UnaryMethods();
  for (const std::string& method : methods) Ask(method);
  for (const std::string& method : service_->StreamMethods()) Open(method);
  // Each is answered, or its reactor waits.
  const size_t asked = methods.size() + streams_.size();
  while (Ended() + server_->OpenMethods().size() < asked) server_->AwaitCalls(10);
  const size_t waiting = server_->OpenMethods().size();
  RecordProperty("waiting", static_cast<int>(waiting));
  std::printf("%zu unary methods and %zu streams asked, %zu calls wait\n", methods.size(),
              streams_.size(), waiting);
  EXPECT_GT(waiting, 20U) << "the test should have made them wait";
  service_->Stop();
  master_.Stop();
  sessions_.CloseAll();
  StopServers({server_.get()}, kGraceMs, [] {});
  EXPECT_TRUE(server_->OpenMethods().empty());
  while (Ended() < asked) server_->AwaitCalls(10);
  for (const auto& stream : streams_) EXPECT_FALSE(stream->status.ok());
  // What is answered afterwards is heard by nobody.
  pool_.RunAll();
  sync_.RunAll();
}

TEST_F(StopTest, newCallsAreRefusedAsUnavailable) {
  service_->Stop();
  Ask("/alluxio.grpc.file.FileSystemMasterClientService/GetStatus");
  while (Ended() < 1) server_->AwaitCalls(10);
  absl::MutexLock lock(&mutex_);
  EXPECT_EQ(answers_.begin()->second.code(), StatusCode::kUnavailable);
}

}  // namespace
}  // namespace spillway
