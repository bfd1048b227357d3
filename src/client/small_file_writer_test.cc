// Small files asked for at the same time share calls.
#include <gtest/gtest.h>

#include <thread>

#include "api/unused_master_api.h"
#include "api/unused_worker_api.h"
#include "client/file_system.h"
#include "small_files.pb.h"

namespace spillway {
namespace {

using Done = std::function<void(StatusOr<smallfiles::PutFilesResponse>)>;

// Workers that answer when they are told to.
class HeldWorkers : public WorkerConnector {
 public:
  struct Call {
    std::string host;
    smallfiles::PutFilesRequest request;
    Done done;
  };
  std::shared_ptr<WorkerApi> Connect(const WorkerAddress& address) override {
    return std::make_shared<Link>(this, address.host);
  }
  // Waits until so many calls were made in all.
  std::vector<Call> Await(size_t count) {
    absl::MutexLock lock(&mutex_);
    const auto enough = [this, count] { return calls_.size() >= count; };
    mutex_.Await(absl::Condition(&enough));
    return calls_;
  }
  // On the caller's thread.
  void AnswerAtOnce(std::function<void(const smallfiles::PutFilesRequest&, const Done&)> answer) {
    answer_ = std::move(answer);
  }
  static void Answer(const Call& call, StatusCode code = StatusCode::kOk) {
    smallfiles::PutFilesResponse response;
    for (int i = 0; i < call.request.files_size(); ++i)
      response.add_outcomes()->set_code(static_cast<int>(code));
    call.done(response);
  }

 private:
  class Link : public UnusedWorkerApi {
   public:
    Link(HeldWorkers* workers, std::string host) : workers_(workers), host_(std::move(host)) {}
    void PutFiles(const smallfiles::PutFilesRequest& request, Done done) override {
      if (workers_->answer_ != nullptr) return workers_->answer_(request, done);
      absl::MutexLock lock(&workers_->mutex_);
      workers_->calls_.push_back({host_, request, std::move(done)});
    }

   private:
    HeldWorkers* const workers_;
    const std::string host_;
  };
  std::function<void(const smallfiles::PutFilesRequest&, const Done&)> answer_;
  absl::Mutex mutex_;
  std::vector<Call> calls_ ABSL_GUARDED_BY(mutex_);
};

class ThreeWorkers : public UnusedMasterApi {
 public:
  StatusOr<smallfiles::PutFilesResponse> PutEmptyFiles(
      const smallfiles::PutFilesRequest& request) override {
    empty_files.push_back(request);
    smallfiles::PutFilesResponse response;
    for (int i = 0; i < request.files_size(); ++i) response.add_outcomes();
    return response;
  }
  StatusOr<std::vector<WorkerInfo>> GetWorkers() override {
    std::vector<WorkerInfo> workers(3);
    for (int i = 0; i < 3; ++i) workers[i].address.host = "w" + std::to_string(i);
    return workers;
  }
  std::vector<smallfiles::PutFilesRequest> empty_files;
};

class SmallFileWriterTest : public testing::Test {
 protected:
  std::thread Write(const std::string& path, Status* status, size_t size = 10, int durable = 2) {
    return std::thread([this, path, status, size, durable] {
      WriteOptions options;
      options.create.durable_replicas = durable;
      bool first = true;
      *status = fs_.WriteFile(path, options, [&]() -> StatusOr<SharedBytes> {
        return std::exchange(first, false) ? std::string(size, 'x') : std::string();
      });
    });
  }
  // The only call under way, made late, and the one that follows.
  std::vector<HeldWorkers::Call> MakeLate() {
    workers_.Await(1);
    clock_.AdvanceMs(5'000);
    return workers_.Await(2);
  }
  ThreeWorkers master_;
  HeldWorkers workers_;
  ManualClock clock_;  // while it stands still nothing is late
  SystemRandom random_;
  FileSystem fs_{&master_, &workers_, &clock_, &random_, "w1"};
};

TEST_F(SmallFileWriterTest, filesThatComeWhileCallsAreUnderWay_goTogether) {
  std::vector<Status> statuses(6, Internal("never answered"));
  std::vector<std::thread> writers;
  writers.push_back(Write("/0", &statuses[0]));
  workers_.Await(1);
  writers.push_back(Write("/1", &statuses[1]));
  auto calls = workers_.Await(2);
  EXPECT_EQ(calls[0].request.files_size(), 1);
  ASSERT_EQ(calls[0].request.peers_size(), 1) << "the other copy";
  EXPECT_NE(calls[0].request.peers(0).host(), "w1") << "that is asked itself";
  for (int i = 2; i < 6; ++i) writers.push_back(Write("/" + std::to_string(i), &statuses[i]));
  // Whatever of them have come by then share the next calls; all are answered in the end.
  int files = 0;
  for (size_t i = 0; files < 6; ++i) {
    const auto call = workers_.Await(i + 1)[i];
    files += call.request.files_size();
    HeldWorkers::Answer(call);
  }
  for (std::thread& writer : writers) writer.join();
  for (const Status& status : statuses) EXPECT_TRUE(status.ok()) << status;
}

TEST_F(SmallFileWriterTest, callThatIsLate_isMadeOnceMoreElsewhere_andTheFirstAnswerCounts) {
  Status status = Internal("never answered");
  std::thread writer = Write("/slow", &status, 10, 1);
  const auto calls = MakeLate();
  EXPECT_NE(calls[0].host, calls[1].host);
  EXPECT_EQ(calls[0].request.files(0).options().operation_least_significant(),
            calls[1].request.files(0).options().operation_least_significant());
  HeldWorkers::Answer(calls[1]);
  writer.join();
  EXPECT_TRUE(status.ok()) << status;
  HeldWorkers::Answer(calls[0], StatusCode::kInternal);  // nobody listens
}

TEST_F(SmallFileWriterTest, slowerAnswer_mayComeAfterTheClientsEnd) {
  auto fs = std::make_unique<FileSystem>(&master_, &workers_, &clock_, &random_, "w1");
  WriteOptions options;
  options.create.durable_replicas = 1;
  std::thread writer([&] { EXPECT_TRUE(fs->WriteFiles({{"/a", "1"}}, options)[0].ok()); });
  const auto calls = MakeLate();
  HeldWorkers::Answer(calls[1]);
  writer.join();
  fs.reset();
  HeldWorkers::Answer(calls[0]);
}

TEST_F(SmallFileWriterTest, errorOfOneOfTwoCalls_waitsForTheOther) {
  Status status = Internal("never answered");
  std::thread writer = Write("/slow", &status, 10, 1);
  const auto calls = MakeLate();
  calls[1].done(Unavailable("gone"));
  HeldWorkers::Answer(calls[0]);
  writer.join();
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(SmallFileWriterTest, lateCallThatTookAllWorkers_isLeftToThem) {
  Status status = Internal("never answered");
  Status other_status = status;
  std::thread writer = Write("/slow", &status, 10, 3);
  workers_.Await(1);
  clock_.AdvanceMs(5'000);
  std::thread other = Write("/other", &other_status, 10, 1);  // looks at the time too
  const auto calls = workers_.Await(2);
  EXPECT_EQ(calls[1].request.files(0).options().path(), "/other");
  HeldWorkers::Answer(calls[0]);
  HeldWorkers::Answer(calls[1]);
  writer.join();
  other.join();
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_TRUE(other_status.ok()) << other_status;
}

TEST_F(SmallFileWriterTest, manyAtOnce_goTogether) {
  std::vector<smallfiles::PutFilesRequest> requests;
  workers_.AnswerAtOnce([&](const smallfiles::PutFilesRequest& request, const Done& done) {
    requests.push_back(request);
    smallfiles::PutFilesResponse response;
    response.add_outcomes()->set_code(static_cast<int>(StatusCode::kOk));
    response.add_outcomes()->set_code(static_cast<int>(StatusCode::kAlreadyExists));
    done(response);
  });
  WriteOptions options;
  options.create.durable_replicas = 3;
  const auto statuses =
      fs_.WriteFiles({{"/a", "1"}, {"/b", std::string(900'000, 'x')}, {"/c", "3"}}, options);
  ASSERT_EQ(requests.size(), 1u);
  ASSERT_EQ(requests[0].files_size(), 2) << "the other one is too long";
  EXPECT_NE(requests[0].files(0).options().operation_least_significant(),
            requests[0].files(1).options().operation_least_significant());
  ASSERT_EQ(statuses.size(), 3u);
  EXPECT_TRUE(statuses[0].ok());
  EXPECT_EQ(statuses[1].code(), StatusCode::kUnimplemented) << "the long way, which is not here";
  EXPECT_EQ(statuses[2].code(), StatusCode::kAlreadyExists);
}

TEST_F(SmallFileWriterTest, emptyFiles_areForTheMasterAlone) {
  WriteOptions options;
  for (const WriteType type : {WriteType::kAsyncThrough, WriteType::kMustCache}) {
    options.create.write_type = type;
    for (const Status& status : fs_.WriteFiles({{"/a", ""}, {"/b", ""}}, options))
      EXPECT_TRUE(status.ok()) << status;
  }
  ASSERT_EQ(master_.empty_files.size(), 2u);
  EXPECT_EQ(master_.empty_files[0].files_size(), 2);
  EXPECT_FALSE(master_.empty_files[0].files(0).options().not_persisted());
  EXPECT_TRUE(master_.empty_files[1].files(0).options().not_persisted());
  EXPECT_TRUE(workers_.Await(0).empty());
  options.create.write_type = WriteType::kThrough;
  EXPECT_FALSE(fs_.WriteFiles({{"/c", ""}}, options)[0].ok()) << "the long way, not here";
}

TEST_F(SmallFileWriterTest, errorsOfTheFile_areTheAnswer) {
  Status status;
  std::thread writer = Write("/f", &status);
  HeldWorkers::Answer(workers_.Await(1)[0], StatusCode::kAlreadyExists);
  writer.join();
  EXPECT_EQ(status.code(), StatusCode::kAlreadyExists);
}

TEST_F(SmallFileWriterTest, largerFile_goesTheLongWay) {
  Status status;
  Write("/f", &status, SmallFileWriter::kFileBytesMax + 1).join();
  EXPECT_FALSE(status.ok()) << "this master creates nothing";
  EXPECT_TRUE(workers_.Await(0).empty());
}

}  // namespace
}  // namespace spillway
