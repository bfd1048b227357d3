// Bytes that rot, folders that fail, devices that are fuller than they should be.
#include <gtest/gtest.h>

#include "common/memory_file_env.h"
#include "worker/store/block_store.h"

namespace spillway {
namespace {

class ScrubTest : public testing::Test {
 protected:
  ScrubTest() {
    options_.tiers = {{"MEM", {{"/a", 1000}, {"/b", 1000}}}};
    Reopen();
  }
  void Reopen() {
    store_ = std::make_unique<BlockStore>(options_, &env_);
    ASSERT_TRUE(store_->Open().ok());
  }
  Status Write(int64_t id, const std::string& data, bool pin = true) {
    SPILLWAY_ASSIGN_OR_RETURN(auto temp, store_->Create(BlockId(id), 0, pin));
    const iovec part{const_cast<char*>(data.data()), data.size()};
    SPILLWAY_RETURN_IF_ERROR(temp->Append(std::span(&part, 1)));
    return temp->Commit().status();
  }
  std::string PathOf(int64_t id) {
    char name[32];
    std::snprintf(name, sizeof(name), "/blocks/%016llx-", static_cast<unsigned long long>(id));
    for (const std::string& path : env_.FilesBelow("/")) {
      if (path.find(name) != std::string::npos) return path;
    }
    return "";
  }

  MemoryFileEnv env_;
  BlockStoreOptions options_;
  std::unique_ptr<BlockStore> store_;
};

TEST_F(ScrubTest, flippedBit_isFound_blockIsSetAsideAndTold) {
  ASSERT_TRUE(Write(1, "hello").ok());
  EXPECT_TRUE(store_->Verify(BlockId(1)).ok());
  ASSERT_TRUE(env_.FlipBit(PathOf(1), 2).ok());
  EXPECT_EQ(store_->Verify(BlockId(1)).code(), StatusCode::kDataLoss);
  EXPECT_FALSE(store_->Has(BlockId(1)));
  EXPECT_EQ(store_->TakeEvicted(), std::vector<BlockId>{BlockId(1)});
  EXPECT_TRUE(store_->Verify(BlockId(1)).ok()) << "it is not here any more";
}

TEST_F(ScrubTest, tornByPowerLoss_isNotHandedOut) {
  ASSERT_TRUE(Write(1, "hello").ok());
  env_.LoseUnsynced(/*keep_size=*/true);
  Reopen();
  EXPECT_TRUE(store_->All()[0].unverified);
  EXPECT_EQ(store_->OpenForRead(BlockId(1)).status().code(), StatusCode::kDataLoss);
}

TEST_F(ScrubTest, foundAtStart_isVerifiedFirst_andReportedThen) {
  ASSERT_TRUE(Write(1, "hello").ok());
  Reopen();
  ASSERT_TRUE(Write(2, "later").ok());
  EXPECT_EQ(store_->NextToVerify(5), std::vector<BlockId>{BlockId(1)});
  EXPECT_TRUE(store_->Verify(BlockId(1)).ok());
  const auto changes = store_->TakeRiskChanges();
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_FALSE(changes[0].unverified);
  EXPECT_EQ(store_->NextToVerify(5), std::vector<BlockId>{BlockId(2)}) << "one after the other";
}

TEST_F(ScrubTest, failingFolder_getsNothingNew_itsBlocksAreAtRisk_untilItWorksAgain) {
  ASSERT_TRUE(Write(1, "hello").ok());
  const std::string folder = PathOf(1).substr(0, 2);
  env_.FailBelow(folder, Unavailable("input/output error"));
  EXPECT_FALSE(store_->Verify(BlockId(1)).ok());
  auto changes = store_->TakeRiskChanges();
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_TRUE(changes[0].at_risk);
  EXPECT_TRUE(store_->Has(BlockId(1))) << "it may be all that is left";
  ASSERT_TRUE(Write(2, "other").ok());
  EXPECT_NE(PathOf(2).substr(0, 2), folder);
  EXPECT_EQ(store_->Usage()[0].capacity_bytes, 1000) << "half of it is gone";
  store_->ProbeFolders();
  EXPECT_TRUE(store_->TakeRiskChanges().empty()) << "it still fails";
  EXPECT_EQ(store_->TakeEvicted(), std::vector<BlockId>{BlockId(1)}) << "altogether";
  env_.FailBelow(folder, absl::OkStatus());
  store_->ProbeFolders();
  changes = store_->TakeRiskChanges();
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_FALSE(changes[0].at_risk);
}

TEST_F(ScrubTest, allFoldersFail_writesAreRefused) {
  env_.FailBelow("/", Unavailable("input/output error"));
  EXPECT_FALSE(Write(1, "x").ok());
  EXPECT_FALSE(Write(2, "x").ok());
  EXPECT_EQ(Write(3, "x").code(), StatusCode::kUnavailable);
}

TEST_F(ScrubTest, deviceFullerThanQuota_cleanBlocksMakeRoom) {
  options_.tiers = {{"MEM", {{"/c", 1000}}}};
  Reopen();
  ASSERT_TRUE(Write(1, std::string(100, 'x'), /*pin=*/false).ok());
  env_.SetSpaceLeft(10);
  auto temp = store_->Create(BlockId(2), 0, true);
  ASSERT_TRUE(temp.ok());
  std::string data(50, 'y');
  const iovec part{data.data(), data.size()};
  EXPECT_TRUE((*temp)->Append(std::span(&part, 1)).ok());
  EXPECT_FALSE(store_->Has(BlockId(1)));
  EXPECT_LT(store_->Usage()[0].capacity_bytes, 1000) << "the quota is what the device holds";
  env_.SetSpaceLeft(10);
  for (int i = 0; i < 16; ++i) store_->ProbeFolders();
  EXPECT_EQ(store_->Usage()[0].capacity_bytes, 1000) << "and grows back";
  EXPECT_EQ((*temp)->Append(std::span(&part, 1)).code(), StatusCode::kResourceExhausted);
  EXPECT_TRUE((*temp)->device_full()) << "nothing is left to give way";
}

TEST_F(ScrubTest, memoryTier_leavesNoFile_andIsGoneWithTheProcess) {
  options_.tiers = {{"MEM", {{"/m", 1000}}, AckDurability::kMemory}};
  Reopen();
  ASSERT_TRUE(Write(1, "hello").ok());
  auto open = store_->OpenForRead(BlockId(1));
  ASSERT_TRUE(open.ok());
  EXPECT_TRUE(store_->OpenByPath(BlockId(1))->path.empty());
  EXPECT_EQ(PathOf(1), "");
  Reopen();
  EXPECT_FALSE(store_->Has(BlockId(1)));
}

}  // namespace
}  // namespace spillway
