// What the understore holds, and what is done while it cannot be asked.
#include "master/master_fixture.h"

namespace spillway {
namespace {

class LoadDirectoryTest : public MasterFixture {
 protected:
  LoadDirectoryTest() : worker_(AddWorker("w1")) {
    PutObject("old/known", "123");
    StartOver();
  }
  // With nothing loaded.
  void StartOver() {
    master_.reset();
    journal_.reset();
    executor_.Drop();
    sender_.sent.clear();
    sessions_.clear();
    store_ = std::make_unique<MemoryStateStore>();
    StartMaster();
    worker_ = AddWorker("w1");
  }
  void PutObject(const std::string& key, const std::string& data) {
    StringBody body(data);
    ASSERT_TRUE(understore_->Put(key, body, {}).ok());
  }
  void StoreAway() { understore_->FailNext(1000, Unavailable("no route"), false); }
  void StoreBack() { understore_->FailNext(0, absl::OkStatus(), false); }
  bool CanCreate(const std::string& path, bool overwrite = false) {
    EXPECT_TRUE(master_->LoadForCreate(path).ok());
    CreateFileOptions options;
    options.recursive = true;
    options.overwrite = overwrite;
    const bool created = master_->CreateFile(root_, path, options).result.ok();
    CompleteFileOptions complete;
    complete.persist = true;
    EXPECT_EQ(master_->CompleteFile(root_, path, complete).result.ok(), created);
    executor_.RunAll();
    return created;
  }
  Master::Session worker_;
};

TEST_F(LoadDirectoryTest, storeAnswers_itsObjectsAreFound) {
  EXPECT_FALSE(CanCreate("/old/known"));
  EXPECT_TRUE(CanCreate("/old/other"));
}

TEST_F(LoadDirectoryTest, renamedFolder_takesAlongWhatWasNeverListed) {
  PutObject("old/sub/deep/f", "abc");
  ASSERT_TRUE(Load("/").ok());
  EXPECT_EQ(master_->UnloadedBelow("/old").size(), 1u);
  ASSERT_TRUE(master_->LoadForRename("/old").ok());
  EXPECT_TRUE(master_->UnloadedBelow("/old").empty());
  ASSERT_TRUE(master_->Rename(root_, "/old", "/new", {}).result.ok());
  executor_.RunAll();
  for (int i = 0; i < 5; ++i) AdvanceMs(1000);
  EXPECT_EQ(understore_->Objects(),
            (std::map<std::string, std::string>{{"new/known", "123"}, {"new/sub/deep/f", "abc"}}));
}

TEST_F(LoadDirectoryTest, storeAway_foldersAreRenamedWithWhatIsKnown) {
  ASSERT_TRUE(Load("/").ok());
  StoreAway();
  ASSERT_TRUE(master_->LoadForRename("/old").ok());
  EXPECT_TRUE(master_->Rename(root_, "/old", "/new", {}).result.ok());
}

TEST_F(LoadDirectoryTest, storeAway_filesAreCreated_andNothingIsOverwritten) {
  StoreAway();
  EXPECT_FALSE(Load("/").ok()) << "who asks what is there cannot be told";
  EXPECT_TRUE(CanCreate("/old/known"));
  EXPECT_TRUE(TakePersist().if_absent());
  EXPECT_TRUE(CanCreate("/new/deep/f"));
  StoreBack();
  ASSERT_TRUE(Load("/old").ok());
  ASSERT_TRUE(Load("/new/deep").ok());
  EXPECT_EQ(master_->GetStatus(root_, "/old/known").result->length_bytes, 0) << "ours stays";
  EXPECT_FALSE(CanCreate("/new/deep/f"));
}

TEST_F(LoadDirectoryTest, storeAway_whoOverwrites_replacesWhateverIsThere) {
  StoreAway();
  EXPECT_TRUE(CanCreate("/old/known", /*overwrite=*/true));
  const auto command = TakePersist();
  // Nobody knows what is there: the first attempt hopes for nothing, the next has looked.
  EXPECT_TRUE(command.if_absent());
  StoreBack();
  AnswerPersist(worker_, command, MakeStatus(StatusCode::kFailedPrecondition, "taken"));
  AdvanceMs(1000);
  EXPECT_EQ(TakePersist().if_match(), understore_->Head("old/known")->etag);
}

TEST_F(LoadDirectoryTest, storeAway_isAskedForSeconds_thenNotForAWhile) {
  StoreAway();
  const int64_t begin_ms = clock_.MonotonicMs();
  EXPECT_TRUE(CanCreate("/a/f"));
  const int64_t first_ms = clock_.MonotonicMs() - begin_ms;
  EXPECT_LE(first_ms, 2000);
  EXPECT_TRUE(CanCreate("/b/f"));
  EXPECT_EQ(clock_.MonotonicMs() - begin_ms, first_ms);
}

TEST_F(LoadDirectoryTest, accessDenied_isToldAtOnce) {
  understore_->FailNext(1000, MakeStatus(StatusCode::kPermissionDenied, "keys"), false);
  EXPECT_EQ(master_->LoadForCreate("/a/f").code(), StatusCode::kUnknown);
}

}  // namespace
}  // namespace spillway
