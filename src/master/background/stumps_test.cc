// Copies of blocks that broke off, beside copies that are complete, in both orders.
#include "master/master_fixture.h"

namespace spillway {
namespace {

class StumpsTest : public MasterFixture {
 protected:
  StumpsTest() {
    a_ = AddWorker("a");
    b_ = AddWorker("b");
    c_ = AddWorker("c");
  }

  // An incomplete file's first block.
  BlockId Begin(const std::string& path, WriteType type = WriteType::kAsyncThrough) {
    CreateFileOptions options;
    options.block_size_bytes = 1000;
    options.durable_replicas = 2;
    options.write_type = type;
    EXPECT_TRUE(master_->CreateFile(root_, path, options).result.ok());
    return *master_->NewBlockId(root_, path).result;
  }
  void Report(const Master::Session& session, BlockId block, int64_t length) {
    session::BlocksHeld held;
    *held.add_blocks() = MasterFixture::Report(block, length);
    master_->BlocksHeld(session, held);
  }
  Status Complete(const std::string& path) {
    CompleteFileOptions options;
    options.persist = true;
    return master_->CompleteFile(root_, path, options).result.status();
  }
  bool ToldToRemove(const Master::Session& session, BlockId block) {
    for (const auto& [worker, message] : sender_.sent) {
      const auto& ids = message.remove_blocks().block_ids();
      const auto id = static_cast<uint64_t>(block.value());
      if (worker == session.worker && std::count(ids.begin(), ids.end(), id) > 0) return true;
    }
    return false;
  }
  std::vector<WorkerId> Holders(const std::string& path) {
    std::vector<WorkerId> holders;
    const FileStatus status = *master_->GetStatus(root_, path).result;
    for (const auto& location : status.blocks[0].locations) holders.push_back(location.worker_id);
    std::sort(holders.begin(), holders.end());
    return holders;
  }

  Master::Session a_, b_, c_;
};

TEST_F(StumpsTest, stumpFirst_theGoodCopiesCount) {
  const BlockId block = Begin("/f");
  EXPECT_TRUE(master_->CommitBlock(a_, MasterFixture::Report(block, 40)).ok());
  EXPECT_TRUE(master_->CommitBlock(b_, MasterFixture::Report(block, 100)).ok());
  EXPECT_TRUE(master_->CommitBlock(c_, MasterFixture::Report(block, 100)).ok());
  EXPECT_TRUE(ToldToRemove(a_, block));
  ASSERT_TRUE(Complete("/f").ok());
  EXPECT_EQ(master_->GetStatus(root_, "/f").result->length_bytes, 100);
  EXPECT_EQ(Holders("/f"), (std::vector<WorkerId>{b_.worker, c_.worker}));
}

TEST_F(StumpsTest, stumpLast_isRefused) {
  const BlockId block = Begin("/f");
  EXPECT_TRUE(master_->CommitBlock(b_, MasterFixture::Report(block, 100)).ok());
  EXPECT_EQ(master_->CommitBlock(a_, MasterFixture::Report(block, 40)).code(),
            StatusCode::kDataLoss);
  EXPECT_TRUE(master_->CommitBlock(c_, MasterFixture::Report(block, 100)).ok());
  ASSERT_TRUE(Complete("/f").ok());
  EXPECT_EQ(Holders("/f"), (std::vector<WorkerId>{b_.worker, c_.worker}));
}

TEST_F(StumpsTest, stumpReportedBeforeOrAfter_neverShortensTheFile) {
  for (const bool stump_first : {true, false}) {
    const std::string path = stump_first ? "/first" : "/last";
    const BlockId block = Begin(path);
    Report(stump_first ? a_ : b_, block, stump_first ? 40 : 100);
    Report(stump_first ? b_ : a_, block, stump_first ? 100 : 40);
    EXPECT_TRUE(ToldToRemove(a_, block));
    ASSERT_TRUE(Complete(path).ok());
    EXPECT_EQ(master_->GetStatus(root_, path).result->length_bytes, 100);
    EXPECT_EQ(Holders(path), std::vector<WorkerId>{b_.worker});
    // The copy that was promised is made of the good one.
    Pass(3000);
    bool healed = false;
    for (const auto& [worker, message] : sender_.sent) {
      const auto& command = message.replicate_block();
      if (!message.has_replicate_block() ||
          command.block().block_id() != static_cast<uint64_t>(block.value()))
        continue;
      healed = true;
      EXPECT_EQ(command.block().length_bytes(), 100);
      ASSERT_EQ(command.block().holders_size(), 1);
      EXPECT_EQ(command.block().holders(0).host(), "b");
    }
    EXPECT_TRUE(healed);
    sender_.sent.clear();
  }
}

TEST_F(StumpsTest, copiesOfOneLengthThatDiffer_theLaterIsRefused) {
  const BlockId block = Begin("/f");
  EXPECT_TRUE(master_->CommitBlock(a_, MasterFixture::Report(block, 100, 1)).ok());
  EXPECT_EQ(master_->CommitBlock(b_, MasterFixture::Report(block, 100, 2)).code(),
            StatusCode::kDataLoss);
  session::BlocksHeld held;
  *held.add_blocks() = MasterFixture::Report(block, 100, 2);
  master_->BlocksHeld(c_, held);
  EXPECT_TRUE(ToldToRemove(c_, block));
}

TEST_F(StumpsTest, writtenThrough_theStumpLendsNoChecksum) {
  const BlockId block = Begin("/f", WriteType::kCacheThrough);
  EXPECT_TRUE(master_->CommitBlock(a_, MasterFixture::Report(block, 40)).ok());
  PutObject("f", Data(100));
  CompleteFileOptions options;
  options.understore_length = 100;
  ASSERT_TRUE(master_->CompleteFile(root_, "/f", options).result.ok());
  EXPECT_TRUE(ToldToRemove(a_, block));
  EXPECT_EQ(Holders("/f"), std::vector<WorkerId>{});
  // The copy that is read from the store is taken.
  EXPECT_TRUE(master_->CommitBlock(b_, MasterFixture::Report(block, 100)).ok());
}

}  // namespace
}  // namespace spillway
