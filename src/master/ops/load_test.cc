#include "master/master_fixture.h"

namespace spillway {
namespace {

class LoadTest : public MasterFixture {
 protected:
  LoadTest() : worker_(AddWorker("w")) {
    StringBody body("123");
    EXPECT_TRUE(understore_->Put("d/f", body, {}).ok());
    SyncCounts counts;
    clock_.AdvanceMs(10);
    EXPECT_TRUE(master_->SyncMetadata("/", SyncDepth::kAll, &counts).ok());
  }
  std::vector<session::ReplicateBlock> TakeCommands() {
    std::vector<session::ReplicateBlock> found;
    for (auto& [worker, message] : sender_.sent) {
      if (message.has_replicate_block()) found.push_back(message.replicate_block());
    }
    sender_.sent.clear();
    return found;
  }
  size_t Left(const std::vector<BlockId>& blocks) { return master_->StillToLoad(blocks, &failed_); }
  void Answer(BlockId block, const Status& status) {
    session::ReplicateResult result;
    result.set_block_id(static_cast<uint64_t>(block.value()));
    result.set_code(static_cast<int>(status.code()));
    result.set_message(Message(status));
    master_->ReplicateDone(worker_, result);
  }
  Master::Session worker_;
  FailedLoads failed_;
};

TEST_F(LoadTest, aWorkerIsTold_andItsCopyIsACacheOnly) {
  const auto blocks = *master_->LoadFile(root_, "/d/f", 1).result;
  ASSERT_EQ(blocks.size(), 1U);
  EXPECT_EQ(Left(blocks), 1U);
  AdvanceMs(100);
  const auto commands = TakeCommands();
  ASSERT_EQ(commands.size(), 1U);
  EXPECT_FALSE(commands[0].pinned());
  EXPECT_EQ(commands[0].uri(), "s3://bucket/d/f");
  ASSERT_TRUE(master_->CommitBlock(worker_, Report(blocks[0], 3)).ok());
  session::ReplicateResult result;
  result.set_block_id(static_cast<uint64_t>(blocks[0].value()));
  master_->ReplicateDone(worker_, result);
  EXPECT_EQ(Left(blocks), 0U);
  AdvanceMs(100);
  EXPECT_TRUE(TakeCommands().empty());
  EXPECT_TRUE(master_->LoadFile(root_, "/d/f", 1).result->empty()) << "it is there";
}

TEST_F(LoadTest, whatIsToBeLoaded_isNoDamage) {
  ASSERT_EQ(master_->LoadFile(root_, "/d/f", 1).result->size(), 1U);
  EXPECT_EQ(master_->GetHealthReport(10).degraded_blocks, 0);
  EXPECT_TRUE(master_->GetHealthReport(10).entries.empty());
  EXPECT_EQ(master_->GetPersistSummary().under_replicated_blocks, 0);
}

TEST_F(LoadTest, cancelled_itIsNotAskedForAgain) {
  const auto blocks = *master_->LoadFile(root_, "/d/f", 1).result;
  master_->CancelLoad(blocks);
  EXPECT_EQ(Left(blocks), 0U);
  AdvanceMs(100);
  EXPECT_TRUE(TakeCommands().empty());
}

TEST_F(LoadTest, ofADeletedFile_nothingIsLeftToLoad) {
  const auto blocks = *master_->LoadFile(root_, "/d/f", 1).result;
  ASSERT_TRUE(master_->Remove(root_, "/d/f", {}).result.ok());
  executor_.RunAll();
  AdvanceMs(100);
  EXPECT_EQ(Left(blocks), 0U);
}

TEST_F(LoadTest, ofADeletedFile_isAFailure) {
  const auto blocks = *master_->LoadFile(root_, "/d/f", 1).result;
  ASSERT_TRUE(master_->Remove(root_, "/d/f", {}).result.ok());
  executor_.RunAll();
  EXPECT_EQ(Left(blocks), 0U);
  ASSERT_EQ(failed_.size(), 1U);
  EXPECT_EQ(failed_[0].second.code(), StatusCode::kNotFound);
}

TEST_F(LoadTest, ofAnObjectThatIsGone_endsAtOnce) {
  const auto blocks = *master_->LoadFile(root_, "/d/f", 1).result;
  AdvanceMs(100);
  ASSERT_EQ(TakeCommands().size(), 1U);
  Answer(blocks[0], NotFound("no object d/f"));
  EXPECT_EQ(Left(blocks), 0U);
  ASSERT_EQ(failed_.size(), 1U);
  EXPECT_EQ(failed_[0].first, blocks[0]);
  EXPECT_EQ(Message(failed_[0].second), "no object d/f");
  EXPECT_EQ(Left(blocks), 0U);
  EXPECT_TRUE(failed_.empty()) << "it is told once";
  AdvanceMs(10'000);
  EXPECT_TRUE(TakeCommands().empty());
  EXPECT_EQ(master_->LoadFile(root_, "/d/f", 1).result->size(), 1U) << "it may be asked for again";
  EXPECT_EQ(Left(blocks), 1U);
}

TEST_F(LoadTest, thatFailsAgainAndAgain_ends) {
  const auto blocks = *master_->LoadFile(root_, "/d/f", 1).result;
  int tried = 0;
  for (int i = 0; i < 1000 && Left(blocks) > 0; ++i) {
    AdvanceMs(100);
    for (const auto& command : TakeCommands()) {
      ++tried;
      Answer(BlockId(static_cast<int64_t>(command.block().block_id())), Unavailable("slow down"));
    }
  }
  EXPECT_EQ(tried, LoadRequests::kAttemptsMax);
  ASSERT_EQ(failed_.size(), 1U);
  EXPECT_EQ(Message(failed_[0].second), "slow down");
}

TEST_F(LoadTest, thatNobodyHasRoomFor_ends) {
  WriteFile("/dirty", 10, {worker_});
  const FileStatus file = *master_->GetStatus(root_, "/dirty").result;
  const auto blocks = *master_->LoadFile(root_, "/dirty", 2).result;  // there is one worker
  ASSERT_EQ(blocks.size(), 1U);
  AdvanceMs(LoadRequests::kPatienceMs - 1000);
  EXPECT_EQ(Left(blocks), 1U);
  AdvanceMs(2000);
  EXPECT_EQ(Left(blocks), 0U);
  ASSERT_EQ(failed_.size(), 1U);
  EXPECT_EQ(failed_[0].second.code(), StatusCode::kUnavailable);
}

TEST_F(LoadTest, ofWhatIsNowhere_endsAtOnce) {
  WriteFile("/dirty", 10, {worker_});
  master_->SessionClosed(worker_);
  AdvanceMs(5000);
  const auto blocks = *master_->LoadFile(root_, "/dirty", 1).result;
  ASSERT_EQ(blocks.size(), 1U);
  EXPECT_EQ(Left(blocks), 0U);
  EXPECT_EQ(failed_.size(), 1U);
}

TEST_F(LoadTest, whoMayNotRead_mayNotLoad) {
  SetAttributeOptions options;
  options.mode = 0600;
  ASSERT_TRUE(master_->SetAttribute(root_, "/d/f", options).result.ok());
  EXPECT_EQ(master_->LoadFile({"eve", {}}, "/d/f", 1).result.status().code(),
            StatusCode::kPermissionDenied);
}

}  // namespace
}  // namespace spillway
