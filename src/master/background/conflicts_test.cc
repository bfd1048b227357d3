// What others do in the store, and what is never answered: nothing of theirs is destroyed, nothing
// of ours is stuck or comes back.
#include "master/master_fixture.h"

namespace spillway {
namespace {

class ConflictsTest : public MasterFixture {
 protected:
  ConflictsTest() : worker_(AddWorker("w1")) {}
  std::string ErrorOf(const std::string& path) {
    const auto info = master_->GetPersistInfo(root_, {path});
    return info.empty() ? "" : info[0].last_error;
  }
  void Remove(const std::string& path) {
    ASSERT_TRUE(master_->Remove(root_, path, {}).result.ok());
    executor_.RunAll();
  }
  void Overwrite(const std::string& path, int64_t length) {
    CreateFileOptions options;
    options.overwrite = true;
    WriteFile(path, length, {worker_}, options);
  }
  void Rename(const std::string& from, const std::string& to) {
    ASSERT_TRUE(master_->Rename(root_, from, to, {}).result.ok());
    executor_.RunAll();
  }
  void WriteBig() {
    options_.part_size_bytes = 100;
    CrashAndRestart();
    worker_ = AddWorker("w1");
    WriteTwoBlocks("/big", worker_);
    executor_.RunAll();
  }
  void DeleteObject(const std::string& key) { ASSERT_TRUE(understore_->Delete({{key, ""}}).ok()); }
  Master::Session worker_;
};

TEST_F(ConflictsTest, foreignObjectAtTheKey_isNeverReplaced_andTheCauseIsTold) {
  WriteFile("/f", 10, {worker_});
  PutObject("f", "theirs");
  Upload(worker_, TakePersist());
  EXPECT_NE(ErrorOf("/f").find("Somebody else's object stands at f"), std::string::npos)
      << ErrorOf("/f");
  Pass(2000);
  Upload(worker_, TakePersist());
  EXPECT_EQ(understore_->Objects()["f"], "theirs");
  DeleteObject("f");
  Pass(60'000);
  Upload(worker_, TakePersist());
  EXPECT_EQ(StateOf("/f"), PersistenceState::kPersisted);
}

TEST_F(ConflictsTest, lostAnswerToAPut_isNoConflictWithOurselves_alsoWithoutChecksums) {
  for (const bool checksums : {true, false}) {
    StoreProfile profile = StoreProfile::Everything();
    if (!checksums) profile.Set(StoreFeature::kChecksums, Support::kNo);
    understore_->set_profile(profile);
    const std::string name = checksums ? "f" : "g";
    WriteFile("/" + name, 10, {worker_});
    PutObject(name, Data(10));
    AnswerPersist(worker_, TakePersist(), MakeStatus(StatusCode::kDeadlineExceeded, "no answer"));
    Pass(1000);
    Upload(worker_, TakePersist());
    EXPECT_EQ(StateOf("/" + name), PersistenceState::kPersisted) << ErrorOf("/" + name);
  }
}

TEST_F(ConflictsTest, overwriteOfAnObjectThatWasDeletedByHand_isPersisted) {
  WritePersisted("/f", 10, worker_);
  Overwrite("/f", 20);
  DeleteObject("f");
  Upload(worker_, TakePersist());
  Pass(1000);
  Upload(worker_, TakePersist());
  EXPECT_EQ(StateOf("/f"), PersistenceState::kPersisted);
  EXPECT_EQ(understore_->Objects()["f"], Data(20));
}

TEST_F(ConflictsTest, overwriteOfAnObjectThatSomebodyReplaced_waits) {
  WritePersisted("/f", 10, worker_);
  Overwrite("/f", 20);
  DeleteObject("f");
  PutObject("f", "theirs");
  for (int i = 0; i < 3; ++i) {
    Upload(worker_, TakePersist());
    Pass(60'000);
  }
  EXPECT_EQ(understore_->Objects()["f"], "theirs");
  EXPECT_EQ(StateOf("/f"), PersistenceState::kToBePersisted);
}

TEST_F(ConflictsTest, overwriteOfWhatMayHaveBeenPublished_replacesItWhenItWas) {
  WriteFile("/f", 10, {worker_});
  const auto first = TakePersist();
  Overwrite("/f", 20);
  PutObject("f", Data(10));
  AnswerPersist(worker_, first, MakeStatus(StatusCode::kDeadlineExceeded, "no answer"));
  Pass(1000);
  for (int i = 0; i < 3 && StateOf("/f") != PersistenceState::kPersisted; ++i) {
    Upload(worker_, TakePersist());
    Pass(1000);
  }
  EXPECT_EQ(understore_->Objects()["f"], Data(20));
  EXPECT_EQ(StateOf("/f"), PersistenceState::kPersisted);
}

TEST_F(ConflictsTest, deleteOfAnObjectThatSomebodyReplaced_leavesTheirs) {
  WritePersisted("/f", 10, worker_);
  PutObject("f", "theirs");
  Remove("/f");
  Pass(3000);
  EXPECT_EQ(understore_->Objects()["f"], "theirs");
  EXPECT_EQ(master_->GetPersistReport(0).objects_to_delete, 0);
}

// The store carries the upload out minutes after nobody heard of it: the file must not be back.
TEST_F(ConflictsTest, deletedFileWhoseUploadWasNotAnswered_doesNotComeBackLater) {
  WriteFile("/f", 10, {worker_});
  AnswerPersist(worker_, TakePersist(), MakeStatus(StatusCode::kDeadlineExceeded, "no answer"));
  Remove("/f");
  Pass(5000);
  EXPECT_TRUE(understore_->Objects().empty());
  PutObject("f", Data(10));
  Pass(60'000);
  EXPECT_TRUE(understore_->Objects().empty());
  Pass(options_.unknown_outcome_ms + 60'000);
  EXPECT_EQ(master_->GetPersistReport(0).objects_to_delete, 0);
}

// An attempt that was refused says nothing of the one before, whose answer was lost.
TEST_F(ConflictsTest, publishedUnheardOf_thenRefused_isStillKnownWhenTheFileIsDeleted) {
  WriteFile("/f", 10, {worker_});
  PutObject("f", Data(10));
  AnswerPersist(worker_, TakePersist(), MakeStatus(StatusCode::kDeadlineExceeded, "no answer"));
  Pass(options_.unknown_outcome_ms + 10'000);
  AnswerPersist(worker_, TakePersist(), MakeStatus(StatusCode::kPermissionDenied, "no"));
  Remove("/f");
  Pass(5000);
  EXPECT_TRUE(understore_->Objects().empty());
}

TEST_F(ConflictsTest, deletedDuringAnUploadThatEndsUnanswered_isLookedForToo) {
  WriteFile("/f", 10, {worker_});
  const auto command = TakePersist();
  Remove("/f");
  AnswerPersist(worker_, command, Unavailable("connection closed"));
  Pass(5000);
  PutObject("f", Data(10));
  Pass(60'000);
  EXPECT_TRUE(understore_->Objects().empty());
}

TEST_F(ConflictsTest, lateForeignObjectOfTheSameLength_stays) {
  WriteFile("/f", 10, {worker_});
  AnswerPersist(worker_, TakePersist(), MakeStatus(StatusCode::kDeadlineExceeded, "no answer"));
  Remove("/f");
  PutObject("f", "0123456789");
  Pass(options_.unknown_outcome_ms + 60'000);
  EXPECT_EQ(understore_->Objects()["f"], "0123456789");
}

TEST_F(ConflictsTest, renameOntoAKeyThatSomebodyTook_destroysNothing) {
  WritePersisted("/a", 10, worker_);
  PutObject("b", "theirs");
  Rename("/a", "/b");
  Pass(3000);
  EXPECT_EQ(understore_->Objects()["b"], "theirs");
  EXPECT_EQ(understore_->Objects()["a"], Data(10));
  EXPECT_NE(ErrorOf("/b").find("Somebody else's object stands at b"), std::string::npos);
  DeleteObject("b");
  Pass(60'000);
  EXPECT_EQ(understore_->Objects()["b"], Data(10));
  Pass(2000);
  EXPECT_EQ(understore_->Objects().count("a"), 0u);
}

TEST_F(ConflictsTest, fileWhoseKeyIsTheSourceOfAStuckMove_saysWhatItWaitsFor) {
  WritePersisted("/a", 10, worker_);
  PutObject("b", "theirs");
  Rename("/a", "/b");
  WriteFile("/a", 20, {worker_});
  Pass(1000);
  const auto info = master_->GetPersistInfo(root_, {"/a"});
  EXPECT_EQ(info[0].state, "BLOCKED");
  EXPECT_EQ(info[0].waits_for, "/b");
}

TEST_F(ConflictsTest, copyWhoseAnswerWasLost_isFoundDone) {
  WritePersisted("/a", 10, worker_);
  understore_->FailNext(1, MakeStatus(StatusCode::kDeadlineExceeded, "no answer"), true);
  Rename("/a", "/b");
  Pass(3000);
  EXPECT_EQ(understore_->Objects().count("a"), 0u);
  EXPECT_EQ(understore_->Objects()["b"], Data(10));
  EXPECT_EQ(understore_->requests("copy"), 1) << "it is not copied a second time";
}

TEST_F(ConflictsTest, moveWhoseObjectWasDeletedByHand_isUploadedAgainFromTheCluster) {
  WritePersisted("/a", 10, worker_);
  DeleteObject("a");
  Rename("/a", "/b");
  Pass(1000);
  const auto command = TakePersist();
  EXPECT_EQ(command.key(), "b");
  Upload(worker_, command);
  EXPECT_EQ(understore_->Objects()["b"], Data(10));
}

TEST_F(ConflictsTest, moveWhoseObjectWasReplaced_withoutCopiesInTheCluster_isLost_andTheirsStays) {
  WritePersisted("/a", 10, worker_);
  ASSERT_TRUE(master_->Free(root_, "/a", true, true).result.ok());
  executor_.RunAll();
  PutObject("a", "theirs");
  Rename("/a", "/b");
  Pass(3000);
  EXPECT_EQ(StateOf("/b"), PersistenceState::kLost);
  EXPECT_EQ(understore_->Objects()["a"], "theirs");
  EXPECT_EQ(understore_->Objects().count("b"), 0u);
  WriteFile("/a2", 10, {worker_});
  Upload(worker_, TakePersist());
  EXPECT_EQ(StateOf("/a2"), PersistenceState::kPersisted) << "the rest goes on";
}

// As a store that carries out twice what it was asked once.
TEST_F(ConflictsTest, moveWhoseObjectHasAnotherEtagAndTheSameBytes_goesOn) {
  for (const bool in_parts : {false, true}) {
    if (in_parts) understore_->set_copy_bytes_max(4);
    WritePersisted("/a", 10, worker_);
    ASSERT_TRUE(master_->Free(root_, "/a", true, true).result.ok());
    executor_.RunAll();
    const std::string before = understore_->Head("a")->etag;
    PutObject("a", Data(10));
    ASSERT_NE(understore_->Head("a")->etag, before);
    Rename("/a", "/b");
    Pass(10'000);
    EXPECT_EQ(StateOf("/b"), PersistenceState::kPersisted);
    EXPECT_EQ(understore_->Objects(), (std::map<std::string, std::string>{{"b", Data(10)}}));
    ASSERT_TRUE(master_->Remove(root_, "/b", {}).result.ok());
    Pass(3000);
  }
}

TEST_F(ConflictsTest, largeMove_goesInParts_andIsCompletedOnce) {
  understore_->set_copy_bytes_max(4);
  WritePersisted("/a", 10, worker_);
  understore_->FailNext(1, Unavailable("away"), false);
  Rename("/a", "/b");
  Pass(5000);
  EXPECT_EQ(understore_->Objects()["b"], Data(10));
  EXPECT_EQ(understore_->Objects().count("a"), 0u);
  EXPECT_EQ(understore_->open_uploads(), 0u);
  EXPECT_EQ(understore_->requests("copy"), 0);
  EXPECT_LE(understore_->requests("copy_part"), 4);
}

TEST_F(ConflictsTest, largeMoveOfADeletedFile_leavesNoUpload) {
  understore_->set_copy_bytes_max(4);
  WritePersisted("/a", 10, worker_);
  ASSERT_TRUE(master_->Rename(root_, "/a", "/b", {}).result.ok());
  for (int i = 0; i < 8; ++i) executor_.RunOne();
  Remove("/b");
  Pass(5000);
  EXPECT_TRUE(understore_->Objects().empty());
  EXPECT_EQ(understore_->open_uploads(), 0u);
}

TEST_F(ConflictsTest, completionThatWasNotAnswered_isLookedUp_notBegunAgain) {
  WriteBig();
  for (auto part = TakePersist(); part.job_id() != 0; part = TakePersist()) {
    StringBody body(Data(100));
    const auto uploaded = understore_->UploadPart(
        "big", part.upload_id(), static_cast<int>(part.part_number()), body, std::nullopt);
    ASSERT_TRUE(uploaded.ok());
    understore_->FailNext(part.part_number() == 2 ? 1 : 0,
                          MakeStatus(StatusCode::kDeadlineExceeded, "no answer"), true);
    AnswerPersist(worker_, part, absl::OkStatus(), uploaded->etag);
  }
  Pass(3000);
  EXPECT_EQ(StateOf("/big"), PersistenceState::kPersisted);
  EXPECT_EQ(understore_->requests("complete_multipart"), 1);
  EXPECT_EQ(understore_->open_uploads(), 0u);
}

// Without conditions the first of two puts replaces the second when it comes late.
// The look that follows fails, and then the file is deleted: its object must not stay.
TEST_F(ConflictsTest, completionThatWasNotAnswered_andCannotBeLookedUp_isNotTakenForNone) {
  WriteBig();
  for (auto part = TakePersist(); part.job_id() != 0; part = TakePersist()) {
    StringBody body(Data(100));
    const auto uploaded = understore_->UploadPart(
        "big", part.upload_id(), static_cast<int>(part.part_number()), body, std::nullopt);
    if (part.part_number() == 2) {
      understore_->DelayNext(1, MakeStatus(StatusCode::kDeadlineExceeded, "no answer"), 400,
                             "complete_multipart");
    }
    AnswerPersist(worker_, part, absl::OkStatus(), uploaded->etag);
  }
  understore_->FailNext(1, Unavailable("away"), false, "head");
  for (int i = 0; i < 2; ++i) {
    executor_.AdvanceMs(500);
    AdvanceMs(500);
  }
  Remove("/big");
  executor_.AdvanceMs(60'000);
  Pass(options_.unknown_outcome_ms + 60'000);
  EXPECT_TRUE(understore_->Objects().empty());
  EXPECT_EQ(understore_->open_uploads(), 0u);
}

TEST_F(ConflictsTest, sameContentPutOnceMoreByALateCall_isStillOurs) {
  StoreProfile profile = StoreProfile::Everything();
  profile.Set(StoreFeature::kPutIfAbsent, Support::kNo);
  understore_->set_profile(profile);
  for (const char* name : {"f", "g"}) {
    const std::string path = std::string("/") + name;
    WriteFile(path, 10, {worker_});
    AnswerPersist(worker_, TakePersist(), MakeStatus(StatusCode::kDeadlineExceeded, "no answer"));
    Pass(1000);
    Upload(worker_, TakePersist());
    ASSERT_EQ(StateOf(path), PersistenceState::kPersisted);
    PutObject(name, Data(10));
  }
  Remove("/f");
  Overwrite("/g", 20);
  Pass(70'000);  // the call could come as late as that
  for (int i = 0; i < 3 && StateOf("/g") != PersistenceState::kPersisted; ++i) {
    Upload(worker_, TakePersist());
    Pass(2000);
  }
  Pass(5000);
  EXPECT_EQ(understore_->Objects(), (std::map<std::string, std::string>{{"g", Data(20)}}));
}

TEST_F(ConflictsTest, oneKeyThatCannotBeDeleted_waitsAlone_withItsCause) {
  for (const char* path : {"/a", "/b", "/c"}) WritePersisted(path, 10, worker_);
  understore_->Refuse("delete", "b", MakeStatus(StatusCode::kPermissionDenied, "locked"));
  for (const char* path : {"/a", "/b", "/c"}) Remove(path);
  Pass(3000);
  EXPECT_EQ(understore_->Objects().size(), 1u);
  const auto stores = master_->GetStoreReport(10);
  ASSERT_EQ(stores.size(), 1u);
  EXPECT_EQ(stores[0].deletes_failing, 1);
  ASSERT_EQ(stores[0].deletes.size(), 1u);
  EXPECT_EQ(stores[0].deletes[0].key, "b");
  EXPECT_NE(stores[0].deletes[0].cause.find("locked"), std::string::npos);
  understore_->Refuse("delete", "b", absl::OkStatus());
  Pass(60'000);
  EXPECT_TRUE(understore_->Objects().empty());
}

}  // namespace
}  // namespace spillway
