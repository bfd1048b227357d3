#include "rpc/master/load_jobs.h"

#include "master/master_fixture.h"
#include "rpc/master/master_jobs.h"

namespace spillway {
namespace {

class LoadJobsTest : public MasterFixture {
 protected:
  LoadJobsTest() : worker_(AddWorker("w")) {
    context_.master = master_.get();
    context_.executor = &executor_;
    context_.config = &config_;
    context_.clock = &clock_;
    jobs_ = std::make_unique<MasterJobs>(context_);
  }
  // The worker copies everything but the objects that are gone from the store.
  void Work() {
    for (int round = 0; round < 20; ++round) {
      AdvanceMs(100);
      for (const auto& [to, message] : std::exchange(sender_.sent, {})) {
        if (!message.has_replicate_block()) continue;
        const auto& command = message.replicate_block();
        const std::string key = command.uri().substr(std::string("s3://bucket/").size());
        const BlockId block(static_cast<int64_t>(command.block().block_id()));
        session::ReplicateResult result;
        result.set_block_id(command.block().block_id());
        if (understore_->Head(key).ok()) {
          (void)master_->CommitBlock(worker_, Report(block, command.block().length_bytes()));
        } else {
          result.set_code(static_cast<int>(StatusCode::kNotFound));
          result.set_message("no object " + key);
        }
        master_->ReplicateDone(worker_, result);
      }
    }
  }
  // Shows what is in the understore's root; what lies deeper was never looked into.
  void SyncRoot() {
    SyncCounts counts;
    clock_.AdvanceMs(10);
    ASSERT_TRUE(master_->SyncMetadata("/", SyncDepth::kChildren, &counts).ok());
    executor_.RunAll();
  }
  JobReport Run(const std::string& path) {
    const auto started = jobs_->loads.Start(root_, path, 1);
    Work();
    return *jobs_->loads.Report(started.id, true);
  }

  Master::Session worker_;
  Configuration config_;
  MasterServiceContext context_;
  std::unique_ptr<MasterJobs> jobs_;
};

TEST_F(LoadJobsTest, ofATree_namesWhatIsLoaded) {
  PutObject("d/a", Data(10));
  PutObject("d/e/b", Data(10));
  SyncRoot();
  const JobReport report = Run("/d");
  EXPECT_EQ(report.state, JobState::kCompleted);
  EXPECT_EQ(report.files_done, 2);
  EXPECT_EQ(report.bytes_done, 20);
  EXPECT_EQ(report.done, (std::vector<std::string>{"/d/a", "/d/e/b"}));
}

TEST_F(LoadJobsTest, oneObjectIsGone_theRestIsLoaded_theJobEndsAndSaysWhatFailed) {
  PutObject("d/a", Data(10));
  PutObject("d/b", Data(10));
  SyncRoot();
  ASSERT_TRUE(Load("/d").ok());
  ASSERT_TRUE(understore_->Delete({{"d/a"}}).ok());
  const JobReport report = Run("/d");
  EXPECT_EQ(report.state, JobState::kFailed);
  EXPECT_EQ(report.files_done, 1);
  EXPECT_EQ(report.bytes_done, 10);
  EXPECT_EQ(report.done, std::vector<std::string>{"/d/b"});
  ASSERT_EQ(report.failures.size(), 1U);
  EXPECT_EQ(report.failures[0].first, "/d/a");
  EXPECT_EQ(report.failures[0].second, "no object d/a");
}

TEST_F(LoadJobsTest, oneFolderCannotBeListed_theRestIsLoaded) {
  PutObject("d/a/1", Data(10));
  PutObject("d/b/2", Data(10));
  SyncRoot();
  ASSERT_TRUE(Load("/d").ok());
  understore_->FailNext(1, MakeStatus(StatusCode::kPermissionDenied, "not yours"), false, "list");
  const JobReport report = Run("/d");
  EXPECT_EQ(report.state, JobState::kFailed);
  EXPECT_EQ(report.done, std::vector<std::string>{"/d/b/2"});
  ASSERT_EQ(report.failures.size(), 1U);
  EXPECT_EQ(report.failures[0].first, "/d/a");
}

TEST_F(LoadJobsTest, oneFileMayNotBeRead_theRestIsLoaded) {
  PutObject("d/a", Data(10));
  PutObject("d/b", Data(10));
  SyncRoot();
  ASSERT_TRUE(Load("/d").ok());
  SetAttributeOptions options;
  options.mode = 0600;
  ASSERT_TRUE(master_->SetAttribute(root_, "/d/a", options).result.ok());
  const auto started = jobs_->loads.Start({"eve", {}}, "/d", 1);
  Work();
  const auto report = jobs_->loads.Report(started.id, true);
  EXPECT_EQ(report->state, JobState::kFailed);
  EXPECT_EQ(report->done, std::vector<std::string>{"/d/b"});
}

TEST_F(LoadJobsTest, ofWhatIsNotThere_fails) {
  const JobReport report = Run("/nothing");
  EXPECT_EQ(report.state, JobState::kFailed);
  EXPECT_EQ(report.failures.size(), 1U);
}

}  // namespace
}  // namespace spillway
