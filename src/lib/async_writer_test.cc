// Files that are written while their caller goes on.
#include "lib/async_writer.h"

#include <gtest/gtest.h>

#include <map>

#include "api/unused_master_api.h"
#include "api/unused_worker_api.h"
#include "small_files.pb.h"

namespace spillway {
namespace {

// Takes all small files but those of a name with "taken", and notes how many came together.
class ReadyWorkers : public WorkerConnector {
 public:
  std::shared_ptr<WorkerApi> Connect(const WorkerAddress&) override {
    return std::make_shared<Link>(this);
  }
  std::vector<int> calls() {
    absl::MutexLock lock(&mutex_);
    return calls_;
  }

 private:
  class Link : public UnusedWorkerApi {
   public:
    explicit Link(ReadyWorkers* workers) : workers_(workers) {}
    void PutFiles(const smallfiles::PutFilesRequest& request,
                  std::function<void(StatusOr<smallfiles::PutFilesResponse>)> done) override {
      smallfiles::PutFilesResponse response;
      for (const auto& file : request.files()) {
        const bool taken = file.options().path().find("taken") != std::string::npos;
        response.add_outcomes()->set_code(
            static_cast<int>(taken ? StatusCode::kAlreadyExists : StatusCode::kOk));
      }
      {
        absl::MutexLock lock(&workers_->mutex_);
        workers_->calls_.push_back(request.files_size());
      }
      done(response);
    }

   private:
    ReadyWorkers* const workers_;
  };
  absl::Mutex mutex_;
  std::vector<int> calls_ ABSL_GUARDED_BY(mutex_);
};

class TwoWorkers : public UnusedMasterApi {
 public:
  StatusOr<std::vector<WorkerInfo>> GetWorkers() override {
    std::vector<WorkerInfo> workers(2);
    workers[1].address.host = "w1";
    return workers;
  }
};

class AsyncWriterTest : public testing::Test {
 protected:
  void Write(const std::string& path, size_t size) {
    writer_->Write({path, std::string(size, 'x')}, options_, [this, path](const Status& status) {
      absl::MutexLock lock(&mutex_);
      outcomes_[path].push_back(status.code());
    });
  }
  // Waits for all; what each was told.
  std::map<std::string, std::vector<StatusCode>> Outcomes() {
    writer_.reset();
    absl::MutexLock lock(&mutex_);
    return outcomes_;
  }

  TwoWorkers master_;
  ReadyWorkers workers_;
  SystemClock clock_;
  SystemRandom random_;
  WriteOptions options_;
  FileSystem fs_{&master_, &workers_, &clock_, &random_, "w1"};
  ThreadPool pool_{"client", 4};
  absl::Mutex mutex_;
  std::map<std::string, std::vector<StatusCode>> outcomes_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<AsyncWriter> writer_ = std::make_unique<AsyncWriter>(&fs_, &pool_);
};

TEST_F(AsyncWriterTest, eachIsAnsweredOnce_andTheEndWaits) {
  for (int i = 0; i < 300; ++i) Write("/" + std::to_string(i), 10);
  Write("/taken", 10);
  Write("/long", SmallFileWriter::kFileBytesMax + 1);
  const auto outcomes = Outcomes();
  ASSERT_EQ(outcomes.size(), 302u);
  for (const auto& [path, codes] : outcomes) {
    ASSERT_EQ(codes.size(), 1u) << path;
    const bool fine = path != "/taken" && path != "/long";
    EXPECT_EQ(codes[0] == StatusCode::kOk, fine) << path;
  }
  EXPECT_EQ(outcomes.at("/taken")[0], StatusCode::kAlreadyExists);
  int files = 0;
  for (const int together : workers_.calls()) files += together;
  EXPECT_EQ(files, 301);
}

TEST_F(AsyncWriterTest, otherOptions_goInAnotherCall) {
  for (int i = 0; i < 40; ++i) {
    options_.create.durable_replicas = 1 + i % 2;
    Write("/" + std::to_string(i), 10);
  }
  for (const auto& [path, codes] : Outcomes()) EXPECT_EQ(codes[0], StatusCode::kOk) << path;
  EXPECT_EQ(workers_.calls().size(), 40u) << "none is like the one before";
}

}  // namespace
}  // namespace spillway
