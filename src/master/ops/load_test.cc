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
  Master::Session worker_;
};

TEST_F(LoadTest, aWorkerIsTold_andItsCopyIsACacheOnly) {
  const auto blocks = *master_->LoadFile(root_, "/d/f", 1).result;
  ASSERT_EQ(blocks.size(), 1U);
  EXPECT_EQ(master_->StillToLoad(blocks), 1U);
  AdvanceMs(100);
  const auto commands = TakeCommands();
  ASSERT_EQ(commands.size(), 1U);
  EXPECT_FALSE(commands[0].pinned());
  EXPECT_EQ(commands[0].uri(), "s3://bucket/d/f");
  ASSERT_TRUE(master_->CommitBlock(worker_, Report(blocks[0], 3)).ok());
  session::ReplicateResult result;
  result.set_block_id(static_cast<uint64_t>(blocks[0].value()));
  master_->ReplicateDone(worker_, result);
  EXPECT_EQ(master_->StillToLoad(blocks), 0U);
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
  EXPECT_EQ(master_->StillToLoad(blocks), 0U);
  AdvanceMs(100);
  EXPECT_TRUE(TakeCommands().empty());
}

TEST_F(LoadTest, ofADeletedFile_nothingIsLeftToLoad) {
  const auto blocks = *master_->LoadFile(root_, "/d/f", 1).result;
  ASSERT_TRUE(master_->Remove(root_, "/d/f", {}).result.ok());
  executor_.RunAll();
  AdvanceMs(100);
  EXPECT_EQ(master_->StillToLoad(blocks), 0U);
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
