// Moves of what others made, whose copies are answered late or never: the copy has another etag
// than its source, and no checksum was ever heard.
#include "master/master_fixture.h"

namespace spillway {
namespace {

// With and without a store that gives checksums.
class LateCopiesTest : public MasterFixture, public testing::WithParamInterface<bool> {
 protected:
  LateCopiesTest() : worker_(AddWorker("w1")) {
    understore_->set_profile(StoreProfile::Everything());
    if (!GetParam()) LacksToo(StoreFeature::kChecksums);
    understore_->PutAsOther("a", "0123456789");
    SyncCounts counts;
    EXPECT_TRUE(master_->SyncMetadata("/", SyncDepth::kAll, &counts).ok());
    executor_.RunAll();
  }
  void LacksToo(StoreFeature feature) {
    StoreProfile profile = understore_->profile();
    profile.Set(feature, Support::kNo);
    understore_->set_profile(profile);
  }
  void Rename(const std::string& from, const std::string& to) {
    ASSERT_TRUE(master_->Rename(root_, from, to, {}).result.ok());
    executor_.RunAll();
  }
  // The next copy comes so late.
  void DelayCopy(int64_t ms) {
    understore_->DelayNext(1, MakeStatus(StatusCode::kDeadlineExceeded, "no answer"), ms, "copy");
  }
  void PassAll() { Pass(options_.unknown_outcome_ms + 120'000); }
  Master::Session worker_;
};

INSTANTIATE_TEST_SUITE_P(Stores, LateCopiesTest, testing::Bool());

TEST_P(LateCopiesTest, copyThatCameLate_isKnown) {
  DelayCopy(500);
  Rename("/a", "/b");
  Pass(60'000);
  EXPECT_EQ(StateOf("/b"), PersistenceState::kPersisted)
      << master_->GetPersistInfo(root_, {"/b"})[0].last_error;
  EXPECT_EQ(understore_->Objects(), (std::map<std::string, std::string>{{"b", "0123456789"}}));
}

// Both come: the second replaces the first, which was found done, where the store has no condition.
TEST_P(LateCopiesTest, twoThatCameLate_theSecondIsOursToo) {
  LacksToo(StoreFeature::kCopyConditions);
  DelayCopy(500);
  Rename("/a", "/b");
  DelayCopy(800);
  for (int i = 0; i < 100 && StateOf("/b") != PersistenceState::kPersisted; ++i) Pass(50);
  ASSERT_EQ(StateOf("/b"), PersistenceState::kPersisted);
  Pass(1000);
  ASSERT_TRUE(master_->Remove(root_, "/b", {}).result.ok());
  executor_.RunAll();
  PassAll();
  EXPECT_TRUE(understore_->Objects().empty());
  EXPECT_EQ(master_->GetPersistReport(0).objects_to_delete, 0);
}

TEST_P(LateCopiesTest, renamedOnBeforeItCame_isDeleted) {
  DelayCopy(5000);
  Rename("/a", "/b");
  Rename("/b", "/c");
  PassAll();
  EXPECT_EQ(StateOf("/c"), PersistenceState::kPersisted);
  EXPECT_EQ(understore_->Objects(), (std::map<std::string, std::string>{{"c", "0123456789"}}));
}

TEST_P(LateCopiesTest, renamedOnBeforeItCame_alsoWhenAMasterDied) {
  DelayCopy(5000);
  Rename("/a", "/b");
  Rename("/b", "/c");
  CrashAndRestart();
  worker_ = AddWorker("w1");
  PassAll();
  EXPECT_EQ(understore_->Objects(), (std::map<std::string, std::string>{{"c", "0123456789"}}));
}

TEST_P(LateCopiesTest, deletedBeforeItCame_isDeletedBeforeItsSource) {
  DelayCopy(5000);
  Rename("/a", "/b");
  ASSERT_TRUE(master_->Remove(root_, "/b", {}).result.ok());
  executor_.RunAll();
  PassAll();
  EXPECT_TRUE(understore_->Objects().empty());
  EXPECT_EQ(master_->GetPersistReport(0).objects_to_delete, 0);
}

TEST_P(LateCopiesTest, overwrittenBeforeItCame_isReplaced) {
  DelayCopy(500);
  Rename("/a", "/b");
  CreateFileOptions options;
  options.overwrite = true;
  WriteFile("/b", 20, {worker_}, options);
  Pass(1000);
  for (int i = 0; i < 5 && StateOf("/b") != PersistenceState::kPersisted; ++i) {
    if (const auto command = TakePersist(); command.job_id() != 0) Upload(worker_, command);
    Pass(2000);
  }
  PassAll();
  EXPECT_EQ(understore_->Objects(), (std::map<std::string, std::string>{{"b", Data(20)}}));
}

TEST_P(LateCopiesTest, objectOfOthersThere_stays_andIsReadOnce) {
  understore_->PutAsOther("b", "9876543210");
  DelayCopy(500);
  Rename("/a", "/b");
  PassAll();
  EXPECT_EQ(understore_->Objects().size(), 2u);
  EXPECT_NE(master_->GetPersistInfo(root_, {"/b"})[0].last_error.find("Somebody else's object"),
            std::string::npos);
  EXPECT_LE(understore_->requests("get"), 2);
  ASSERT_TRUE(master_->Remove(root_, "/b", {}).result.ok());
  executor_.RunAll();
  PassAll();
  EXPECT_EQ(understore_->Objects(), (std::map<std::string, std::string>{{"b", "9876543210"}}));
  EXPECT_LE(understore_->requests("get"), 4);
}

TEST_P(LateCopiesTest, sourceWasReplacedMeanwhile_whatCannotBeToldStays) {
  DelayCopy(5000);
  Rename("/a", "/b");
  ASSERT_TRUE(master_->Remove(root_, "/b", {}).result.ok());
  executor_.RunAll();
  understore_->RunLate(0);
  understore_->PutAsOther("a", "theirs");
  PassAll();
  EXPECT_EQ(understore_->Objects()["a"], "theirs");
  EXPECT_EQ(understore_->Objects().count("b"), GetParam() ? 0u : 1u);
  EXPECT_EQ(master_->GetPersistReport(0).objects_to_delete, 0);
}

// The move cannot go on: others have put something at its target. Its source is no longer what it
// was either.
TEST_P(LateCopiesTest, objectPutAtTheSourceOfABlockedMove_isShown_andCanBeDeleted) {
  understore_->PutAsOther("b", "in the way");
  Rename("/a", "/b");
  Pass(5000);
  understore_->PutAsOther("a", "something else");
  SyncCounts counts;
  ASSERT_TRUE(master_->SyncMetadata("/", SyncDepth::kAll, &counts).ok());
  executor_.RunAll();
  const auto shown = master_->GetStatus(root_, "/a");
  ASSERT_TRUE(shown.result.ok()) << shown.result.status();
  EXPECT_EQ(shown.result->length_bytes, 14);
  ASSERT_TRUE(master_->Remove(root_, "/a", {}).result.ok());
  executor_.RunAll();
  PassAll();
  EXPECT_EQ(understore_->Objects(), (std::map<std::string, std::string>{{"b", "in the way"}}));
}

// The copy's key was looked at when the store was away, and a new file waits for it for ever.
TEST_P(LateCopiesTest, newFileIsKeptFromTheCopysKey_theSourceGoesAllTheSame) {
  understore_->PutAsOther("b", "in the way");
  DelayCopy(500);
  Rename("/a", "/b");
  ASSERT_TRUE(master_->Remove(root_, "/b", {}).result.ok());
  executor_.RunAll();
  understore_->FailNext(1000, MakeStatus(StatusCode::kDeadlineExceeded, "no answer"), false);
  Pass(5000);
  understore_->FailNext(0, absl::OkStatus(), false);
  WriteFile("/b", 20, {worker_});
  for (int64_t ms = 0; ms < options_.unknown_outcome_ms + 120'000; ms += 2000) {
    if (const auto command = TakePersist(); command.job_id() != 0) Upload(worker_, command);
    Pass(2000);
  }
  EXPECT_NE(StateOf("/b"), PersistenceState::kPersisted);
  EXPECT_EQ(understore_->Objects(), (std::map<std::string, std::string>{{"b", "in the way"}}));
}

// The move of a marker waits, and others have replaced its source. What is to be deleted there, and
// was never heard of, had another content.
TEST_P(LateCopiesTest, fileDeletedAtTheSourceOfABlockedMove_hidesNothing) {
  options_.marker_patterns = {"_SUCCESS"};
  CrashAndRestart();
  worker_ = AddWorker("w1");
  const FileStatus never_sent = WriteFile("/never-sent", 20, {worker_});
  const auto sync = [this] {
    SyncCounts counts;
    clock_.AdvanceMs(10);
    ASSERT_TRUE(master_->SyncMetadata("/", SyncDepth::kAll, &counts).ok());
    executor_.RunAll();
  };
  understore_->PutAsOther("c", "0123456789");
  sync();
  Rename("/c", "/_SUCCESS");
  understore_->PutAsOther("c", "something else");
  WriteFile("/c", 20, {worker_});
  CrashAndRestart();
  ASSERT_TRUE(master_->Remove(root_, "/c", {}).result.ok());
  worker_ = AddWorker("w1", {Report(BlockIdOf(never_sent.id, 0), 20)});
  PassAll();
  EXPECT_EQ(master_->GetPersistReport(0).objects_to_delete, 0);
  sync();
  EXPECT_TRUE(master_->GetStatus(root_, "/c").result.ok());
}

// A master that has just started deletes nothing where an upload of before may still come: what may
// be a copy there is decided later than it usually is, and its source stands until then.
TEST_P(LateCopiesTest, copysKeyIsFencedAfterARestart_theSourceStandsUntilItIsDecided) {
  LacksToo(StoreFeature::kPutIfMatch);
  DelayCopy(500);
  Rename("/a", "/b");
  ASSERT_TRUE(master_->Remove(root_, "/b", {}).result.ok());
  executor_.RunAll();
  const FileStatus file = WriteFile("/b", 20, {worker_});
  understore_->FailNext(1'000'000, MakeStatus(StatusCode::kDeadlineExceeded, "no answer"), false);
  Pass(options_.unknown_outcome_ms + 50'000);
  understore_->FailNext(0, absl::OkStatus(), false);
  CrashAndRestart();
  Pass(45'000);  // nobody is there who could upload
  worker_ = AddWorker("w1", {Report(BlockIdOf(file.id, 0), 20)});
  for (int64_t ms = 0; ms < options_.unknown_outcome_ms + 120'000; ms += 2000) {
    if (const auto command = TakePersist(); command.job_id() != 0) Upload(worker_, command);
    Pass(2000);
  }
  EXPECT_EQ(StateOf("/b"), PersistenceState::kPersisted)
      << master_->GetPersistInfo(root_, {"/b"})[0].last_error;
  EXPECT_EQ(understore_->Objects(), (std::map<std::string, std::string>{{"b", Data(20)}}));
}

TEST_P(LateCopiesTest, oneHeadForWhatOthersMade_noneForOurs) {
  const auto before = understore_->requests("head");
  Rename("/a", "/b");
  Pass(3000);
  EXPECT_EQ(understore_->requests("head"), before + 1);
  WritePersisted("/f", 10, worker_);
  Rename("/f", "/g");
  Pass(3000);
  EXPECT_EQ(understore_->requests("head"), before + 1);
  EXPECT_EQ(understore_->requests("get"), 0);
  EXPECT_EQ(understore_->requests("copy"), 2);
}

}  // namespace
}  // namespace spillway
