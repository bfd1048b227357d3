#include "rpc/master/copy_jobs.h"

#include "master/master_fixture.h"
#include "rpc/master/master_jobs.h"

namespace spillway {
namespace {

class CopyJobsTest : public MasterFixture {
 protected:
  CopyJobsTest() {
    options_.marker_patterns = {"_SUCCESS"};
    CrashAndRestart();
    for (const char* host : {"w1", "w2", "w3"}) workers_.push_back(AddWorker(host));
    context_.master = master_.get();
    context_.executor = &executor_;
    context_.config = &config_;
    context_.clock = &clock_;
    jobs_ = std::make_unique<MasterJobs>(context_);
    request_.source = "/a";
    request_.target = "/b";
    request_.options.durable_replicas = 2;
  }

  void Write(const std::string& path, int64_t length = 10) {
    CreateFileOptions options;
    options.durable_replicas = 2;
    WriteFile(path, length, {workers_[0], workers_[1]}, options);
  }
  // Workers do what they are told.
  void Work() {
    for (int round = 0; round < 50; ++round) {
      executor_.RunAll();
      auto sent = std::exchange(sender_.sent, {});
      for (const auto& [worker, message] : sent) {
        const auto session = std::find_if(workers_.begin(), workers_.end(),
                                          [&](const auto& s) { return s.worker == worker; });
        if (message.has_persist()) {
          uploads_.emplace_back(*session, message.persist());
          continue;
        }
        if (!message.has_replicate_block()) continue;
        const auto& command = message.replicate_block();
        const uint64_t block =
            command.store_as() != 0 ? command.store_as() : command.block().block_id();
        (void)master_->CommitBlock(
            *session, Report(BlockId(static_cast<int64_t>(block)), command.block().length_bytes()));
        session::ReplicateResult result;
        result.set_block_id(block);
        master_->ReplicateDone(*session, result);
      }
      AdvanceMs(100);
    }
  }
  StatusOr<int64_t> Start() {
    StatusOr<int64_t> answer = Internal("not answered");
    jobs_->copies.Start(root_, request_, [&](StatusOr<int64_t> id) { answer = std::move(id); });
    while (answer.status().code() == StatusCode::kInternal && executor_.RunOne()) {
    }
    return answer;
  }
  JobReport Run() {
    const auto id = Start();
    EXPECT_TRUE(id.ok()) << id.status();
    Work();
    return *jobs_->Report(*id, true);
  }

  std::vector<Master::Session> workers_;
  Configuration config_;
  MasterServiceContext context_;
  std::unique_ptr<MasterJobs> jobs_;
  CopyRequest request_;
  std::vector<std::pair<Master::Session, session::PersistCommand>> uploads_;  // not answered
};

TEST_F(CopyJobsTest, aTree_withEmptyFoldersAndFiles) {
  Write("/a/f");
  Write("/a/d/g", 20);
  Write("/a/empty", 0);
  ASSERT_TRUE(master_->CreateDirectory(root_, "/a/none", {}).result.ok());
  const JobReport report = Run();
  EXPECT_EQ(report.state, JobState::kCompleted);
  EXPECT_TRUE(report.walked);
  EXPECT_EQ(report.files, 3);
  EXPECT_EQ(report.files_done, 3);
  EXPECT_EQ(report.bytes_done, 30);
  EXPECT_EQ(std::set<std::string>(report.done.begin(), report.done.end()),
            (std::set<std::string>{"/a/f", "/a/d/g", "/a/empty"}));
  EXPECT_GE(report.ended_at_ms, report.begun_at_ms);
  EXPECT_EQ(master_->GetStatus(root_, "/b/d/g").result->length_bytes, 20);
  EXPECT_EQ(master_->GetStatus(root_, "/b/d/g").result->blocks[0].locations.size(), 2U);
  EXPECT_TRUE(master_->GetStatus(root_, "/b/none").result->is_directory);
  EXPECT_TRUE(master_->GetStatus(root_, "/b/empty").result->completed);
}

// Whoever sees the marker in the store takes the folder for whole.
TEST_F(CopyJobsTest, commitMarkers_comeWhenAllElseIsThere) {
  Write("/a/_SUCCESS", 0);
  Write("/a/part", 10);
  Write("/a/z/part", 10);
  const auto id = Start();
  ASSERT_TRUE(id.ok());
  executor_.RunAll();
  EXPECT_TRUE(*master_->Exists(root_, "/b/part").result);
  EXPECT_FALSE(*master_->Exists(root_, "/b/_SUCCESS").result);
  Work();
  EXPECT_EQ(jobs_->Report(*id, false)->state, JobState::kCompleted);
  EXPECT_EQ(jobs_->Report(*id, true)->done.back(), "/a/_SUCCESS");
}

TEST_F(CopyJobsTest, commitMarkers_ofWhatFailed_areNotCopied) {
  Write("/a/_SUCCESS", 0);
  Write("/a/part", 0);
  Write("/b/part", 0);
  const JobReport report = Run();
  EXPECT_EQ(report.state, JobState::kFailed);
  EXPECT_EQ(report.files_failed, 2);
  EXPECT_FALSE(*master_->Exists(root_, "/b/_SUCCESS").result);
}

TEST_F(CopyJobsTest, manyFiles_someAtATime) {
  for (int i = 0; i < 700; ++i) Write("/a/" + std::to_string(i), 0);
  const JobReport report = Run();
  EXPECT_EQ(report.state, JobState::kCompleted);
  EXPECT_EQ(report.files_done, 700);
}

TEST_F(CopyJobsTest, aFile) {
  Write("/a");
  EXPECT_EQ(Run().state, JobState::kCompleted);
  EXPECT_EQ(master_->GetStatus(root_, "/b").result->length_bytes, 10);
}

TEST_F(CopyJobsTest, whatExists_failsUnlessItIsToBeReplaced) {
  Write("/a/f");
  Write("/a/g");
  Write("/b/f", 3);
  JobReport report = Run();
  EXPECT_EQ(report.state, JobState::kFailed);
  EXPECT_EQ(report.files_done, 1);
  EXPECT_EQ(report.files_failed, 1);
  ASSERT_EQ(report.failures.size(), 1U);
  EXPECT_EQ(report.failures[0].first, "/a/f");
  EXPECT_EQ(master_->GetStatus(root_, "/b/f").result->length_bytes, 3);
  request_.options.overwrite = true;
  EXPECT_EQ(Run().state, JobState::kCompleted);
  EXPECT_EQ(master_->GetStatus(root_, "/b/f").result->length_bytes, 10);
}

// Who asked just then was told that a copy of which every file had failed was complete.
TEST_F(CopyJobsTest, failed_nobodyIsToldOtherwiseMeanwhile) {
  Write("/a/f", 0);
  Write("/b/f", 0);
  const auto id = Start();
  while (executor_.RunOne()) ASSERT_NE(jobs_->Report(*id, false)->state, JobState::kCompleted);
  EXPECT_EQ(jobs_->Report(*id, false)->state, JobState::kFailed);
}

TEST_F(CopyJobsTest, throughWriteTypes_endWhenAllIsPersisted) {
  Write("/a/f");
  request_.options.write_type = WriteType::kCacheThrough;
  const auto id = Start();
  ASSERT_TRUE(id.ok());
  Work();
  EXPECT_EQ(jobs_->Report(*id, false)->files_done, 1);
  EXPECT_EQ(jobs_->Report(*id, false)->state, JobState::kRunning);
  for (const auto& [session, upload] : uploads_) AnswerPersist(session, upload, absl::OkStatus());
  EXPECT_EQ(StateOf("/b/f"), PersistenceState::kPersisted);
  AdvanceMs(200);
  EXPECT_EQ(jobs_->Report(*id, false)->state, JobState::kCompleted);
}

TEST_F(CopyJobsTest, mustCache_isNotPersisted) {
  Write("/a");
  request_.options.write_type = WriteType::kMustCache;
  EXPECT_EQ(Run().state, JobState::kCompleted);
  EXPECT_EQ(StateOf("/b"), PersistenceState::kNotPersisted);
}

TEST_F(CopyJobsTest, cancelled_nothingHalfDoneIsLeft) {
  Write("/a/f");
  const auto id = Start();
  executor_.RunAll();
  EXPECT_EQ(jobs_->Cancel({"eve", {}}, *id).code(), StatusCode::kPermissionDenied);
  ASSERT_TRUE(jobs_->Cancel(root_, *id).ok());
  Work();
  EXPECT_EQ(jobs_->Report(*id, false)->state, JobState::kCanceled);
  EXPECT_FALSE(*master_->Exists(root_, "/b/f").result);
  EXPECT_EQ(jobs_->Cancel(root_, 1).code(), StatusCode::kNotFound);
}

TEST_F(CopyJobsTest, badInput) {
  request_.target = "/a/below";
  EXPECT_EQ(Start().status().code(), StatusCode::kInvalidArgument);
  request_.target = "/a";
  EXPECT_EQ(Start().status().code(), StatusCode::kInvalidArgument);
  request_.target = "/b";
  request_.source = "/none";
  EXPECT_EQ(Start().status().code(), StatusCode::kNotFound);
  Write("/a/f");
  request_.source = "/a";
  request_.target = "/no/parent";
  EXPECT_EQ(Start().status().code(), StatusCode::kNotFound);
  EXPECT_TRUE(jobs_->Reports().empty());
  EXPECT_FALSE(jobs_->Report(7, true).has_value());
}

TEST_F(CopyJobsTest, theLatestAreRemembered) {
  Write("/a", 0);
  request_.options.overwrite = true;
  for (int i = 0; i < 120; ++i) {
    ASSERT_TRUE(Start().ok()) << i;
    executor_.RunAll();
    AdvanceMs(100);
  }
  const auto reports = jobs_->Reports();
  EXPECT_LE(reports.size(), 101U);
  EXPECT_GE(reports.size(), 90U);
}

}  // namespace
}  // namespace spillway
