// Files whose time to live is over.
#include <limits>

#include "master/master_fixture.h"

namespace spillway {
namespace {

class TtlTest : public MasterFixture {
 protected:
  void Write(const std::string& path, int64_t ttl_ms, TtlAction action) {
    WriteFile(path, 10, {worker_});
    SetAttributeOptions options;
    options.ttl_ms = ttl_ms;
    options.ttl_action = action;
    ASSERT_TRUE(master_->SetAttribute(root_, path, options).result.ok());
  }
  // Shows what is in the understore's root; what lies deeper was never looked into.
  void SyncRoot() {
    SyncCounts counts;
    clock_.AdvanceMs(10);
    ASSERT_TRUE(master_->SyncMetadata("/", SyncDepth::kChildren, &counts).ok());
    executor_.RunAll();
  }
  bool Exists(const std::string& path) { return master_->GetStatus(root_, path).result.ok(); }
  Master::Session worker_ = AddWorker("w1");
};

TEST_F(TtlTest, overdueFileIsDeleted_othersStay_evenWithTheLongestTime) {
  Write("/short", 1000, TtlAction::kDelete);
  Write("/long", 100'000'000, TtlAction::kDelete);
  Write("/longest", std::numeric_limits<int64_t>::max(), TtlAction::kDelete);
  Write("/none", -1, TtlAction::kDelete);
  clock_.AdvanceMs(options_.ttl_check_interval_ms + 1000);
  master_->Tick();
  executor_.RunAll();
  EXPECT_FALSE(Exists("/short"));
  EXPECT_TRUE(Exists("/long"));
  EXPECT_TRUE(Exists("/longest"));
  EXPECT_TRUE(Exists("/none"));
}

TEST_F(TtlTest, aFolderThatNobodyLookedInto_isPassed) {
  PutObject("a/from/elsewhere", "1");
  SyncRoot();
  Write("/b/short", 1000, TtlAction::kDelete);
  clock_.AdvanceMs(options_.ttl_check_interval_ms + 1000);
  master_->Tick();
  executor_.RunAll();
  EXPECT_FALSE(Exists("/b/short"));
}

TEST_F(TtlTest, ofAFolder_takesWhatTheUnderstoreHoldsBelow) {
  PutObject("a/from/elsewhere", "1");
  SyncRoot();
  SetAttributeOptions options;
  options.ttl_ms = 1000;
  options.ttl_action = TtlAction::kDelete;
  ASSERT_TRUE(master_->SetAttribute(root_, "/a", options).result.ok());
  clock_.AdvanceMs(options_.ttl_check_interval_ms + 1000);
  master_->Tick();
  for (int i = 0; i < 100; ++i) AdvanceMs(1000);
  EXPECT_FALSE(Exists("/a"));
  EXPECT_FALSE(understore_->Head("a/from/elsewhere").ok());
}

TEST_F(TtlTest, ofAFolderThatCannotBeListed_waits_othersGo) {
  PutObject("a/from/elsewhere", "1");
  SyncRoot();
  SetAttributeOptions options;
  options.ttl_ms = 1000;
  options.ttl_action = TtlAction::kDelete;
  ASSERT_TRUE(master_->SetAttribute(root_, "/a", options).result.ok());
  Write("/b/short", 1000, TtlAction::kDelete);
  understore_->FailNext(1, MakeStatus(StatusCode::kPermissionDenied, "no"), false, "list");
  clock_.AdvanceMs(options_.ttl_check_interval_ms + 1000);
  master_->Tick();
  executor_.RunAll();
  EXPECT_TRUE(Exists("/a"));
  EXPECT_FALSE(Exists("/b/short"));
}

TEST_F(TtlTest, completeWithMoreBlocksThanAFileHas_isRefused) {
  ASSERT_TRUE(master_->CreateFile(root_, "/f", {.block_size_bytes = 1}).result.ok());
  CompleteFileOptions options;
  for (const int64_t length :
       {int64_t{-1}, int64_t{1} << 40, std::numeric_limits<int64_t>::max()}) {
    options.understore_length = length;
    EXPECT_EQ(master_->CompleteFile(root_, "/f", options).result.status().code(),
              StatusCode::kInvalidArgument);
  }
}

// As a client has it that sets alluxio.user.file.create.ttl.
TEST_F(TtlTest, passive_isOfTheFilesThatWereAskedFor) {
  for (const char* key : {"d/asked", "d/beside", "d/in/deep", "e/one", "e/in/deep", "f/in/deep"})
    PutObject(key, "1");
  SyncRoot();
  const auto load = [this](const std::string& path, SyncDepth depth) {
    const PassiveTtl ttl{1000, TtlAction::kFree, path, depth};
    const bool children = depth != SyncDepth::kPath;
    while (const auto directory = master_->DirectoryToLoad(path, children))
      ASSERT_TRUE(master_->LoadDirectory(*directory, ttl).ok());
  };
  load("/d/asked", SyncDepth::kPath);
  load("/e", SyncDepth::kChildren);
  load("/f", SyncDepth::kAll);
  load("/f/in", SyncDepth::kAll);
  SyncCounts counts;
  const PassiveTtl below{2000, TtlAction::kDelete, "/e", SyncDepth::kAll};
  clock_.AdvanceMs(10);
  ASSERT_TRUE(master_->SyncMetadata("/e", SyncDepth::kAll, &counts, nullptr, below).ok());
  const auto ttl_of = [this](const std::string& path) {
    return master_->GetStatus(root_, path).result->ttl_ms;
  };
  EXPECT_EQ(ttl_of("/d/asked"), 1000);
  EXPECT_EQ(ttl_of("/d/beside"), -1);
  EXPECT_EQ(ttl_of("/d/in"), -1);
  EXPECT_EQ(ttl_of("/e/one"), 1000) << "known before, it keeps what it has";
  EXPECT_EQ(ttl_of("/e"), -1) << "a folder has none";
  EXPECT_EQ(ttl_of("/e/in/deep"), 2000);
  EXPECT_EQ(ttl_of("/f/in/deep"), 1000);
}

// An old object does not expire at once.
TEST_F(TtlTest, passive_countsFromTheLoad) {
  PutObject("o/old", "1");
  SyncRoot();
  clock_.AdvanceMs(1'000'000);
  const PassiveTtl ttl{5000 + options_.ttl_check_interval_ms, TtlAction::kDelete, "/o/old",
                       SyncDepth::kPath};
  ASSERT_TRUE(master_->LoadDirectory(*master_->DirectoryToLoad("/o/old", false), ttl).ok());
  clock_.AdvanceMs(options_.ttl_check_interval_ms + 1000);
  master_->Tick();
  executor_.RunAll();
  EXPECT_TRUE(Exists("/o/old"));
  clock_.AdvanceMs(options_.ttl_check_interval_ms + 5000);
  master_->Tick();
  executor_.RunAll();
  EXPECT_FALSE(Exists("/o/old"));
}

}  // namespace
}  // namespace spillway
