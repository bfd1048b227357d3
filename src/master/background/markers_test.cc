// Commit markers reach the store last; old ones go first.
#include "master/master_fixture.h"

namespace spillway {
namespace {

class MarkerTest : public MasterFixture {
 protected:
  MarkerTest() {
    options_.marker_patterns = {"_SUCCESS", "_delta_log/*.json", "metadata/*.metadata.json",
                                "metadata/version-hint.text"};
    options_.persist_blacklist = {"/_temporary/"};
    CrashAndRestart();
    worker_ = AddWorker("w1");
  }
  std::map<std::string, session::PersistCommand> TakeAll() {
    std::map<std::string, session::PersistCommand> all;
    for (auto command = TakePersist(); command.job_id() != 0; command = TakePersist())
      all[command.key()] = command;
    return all;
  }
  // A file whose object is in the store under its path's key.
  void WritePersisted(const std::string& path, const std::string& data) {
    WriteFile(path, 0, {});
    AdvanceMs(100);
    const std::string etag = PutObject(path.substr(1), data);
    AnswerPersist(worker_, TakePersist(), absl::OkStatus(), etag);
  }
  Master::Session worker_;
};

TEST_F(MarkerTest, success_waitsForWhatWasCompletedBefore) {
  WriteFile("/out/a", 10, {worker_});
  WriteFile("/out/p=1/b", 10, {worker_});
  WriteFile("/out/_SUCCESS", 0, {});
  WriteFile("/elsewhere/_SUCCESS", 0, {});
  WriteFile("/out/later", 10, {worker_});
  auto begun = TakeAll();
  EXPECT_EQ(begun.count("out/_SUCCESS"), 0u);
  EXPECT_EQ(begun.count("elsewhere/_SUCCESS"), 1u) << "nothing before it in its own scope";
  const auto info = master_->GetPersistInfo(root_, {"/out/_SUCCESS"});
  ASSERT_EQ(info.size(), 1u);
  EXPECT_EQ(info[0].state, "BLOCKED");
  EXPECT_EQ(info[0].waits_for, "/out/a");
  AnswerPersist(worker_, begun["out/a"], absl::OkStatus());
  AdvanceMs(100);
  EXPECT_TRUE(TakeAll().empty()) << "the partition is not there yet";
  AnswerPersist(worker_, begun["out/p=1/b"], absl::OkStatus());
  AdvanceMs(100);
  EXPECT_EQ(TakeAll().count("out/_SUCCESS"), 1u) << "what came later is not waited for";
}

TEST_F(MarkerTest, failedFile_isStillWaitedFor) {
  WriteFile("/out/a", 10, {worker_});
  WriteFile("/out/_SUCCESS", 0, {});
  AnswerPersist(worker_, TakePersist(), MakeStatus(StatusCode::kPermissionDenied, "no"));
  for (int i = 0; i < 5; ++i) {
    AdvanceMs(30'000);
    auto begun = TakeAll();
    EXPECT_EQ(begun.count("out/_SUCCESS"), 0u);
    if (begun.count("out/a") > 0) {
      AnswerPersist(worker_, begun["out/a"], MakeStatus(StatusCode::kPermissionDenied, "no"));
    }
  }
}

TEST_F(MarkerTest, fileRenamedIntoTheScope_isWaitedFor) {
  WriteFile("/out/_temporary/0/part", 10, {worker_});
  EXPECT_TRUE(TakeAll().empty());
  ASSERT_TRUE(master_->Rename(root_, "/out/_temporary/0/part", "/out/part", {}).result.ok());
  // Before the rename is durable its job is known already.
  CreateFileOptions options;
  ASSERT_TRUE(master_->CreateFile(root_, "/out/_SUCCESS", options).result.ok());
  CompleteFileOptions complete;
  complete.persist = true;
  ASSERT_TRUE(master_->CompleteFile(root_, "/out/_SUCCESS", complete).result.ok());
  executor_.RunAll();
  auto begun = TakeAll();
  EXPECT_EQ(begun.count("out/part"), 1u);
  EXPECT_EQ(begun.count("out/_SUCCESS"), 0u);
}

TEST_F(MarkerTest, parkedFiles_areNotWaitedFor) {
  WriteFile("/out/_temporary/0/part", 10, {worker_});
  WriteFile("/out/_SUCCESS", 0, {});
  EXPECT_EQ(TakeAll().count("out/_SUCCESS"), 1u);
}

TEST_F(MarkerTest, tableFormats_vouchForTheTable) {
  WriteFile("/t/data/a", 10, {worker_});
  WriteFile("/t/_delta_log/0.json", 10, {worker_});
  WriteFile("/i/data/a", 10, {worker_});
  WriteFile("/i/metadata/v1.metadata.json", 10, {worker_});
  WriteFile("/i/metadata/version-hint.text", 10, {worker_});
  auto begun = TakeAll();
  EXPECT_EQ(begun.size(), 2u);
  AnswerPersist(worker_, begun["t/data/a"], absl::OkStatus());
  AnswerPersist(worker_, begun["i/data/a"], absl::OkStatus());
  AdvanceMs(100);
  begun = TakeAll();
  EXPECT_EQ(begun.count("t/_delta_log/0.json"), 1u);
  EXPECT_EQ(begun.count("i/metadata/v1.metadata.json"), 1u);
  EXPECT_EQ(begun.count("i/metadata/version-hint.text"), 0u) << "markers are in order too";
}

TEST_F(MarkerTest, restart_keepsTheOrder) {
  const auto file = WriteFile("/out/a", 10, {worker_});
  WriteFile("/out/_SUCCESS", 0, {});
  CrashAndRestart();
  worker_ = AddWorker("w1", {Report(file.blocks[0].id, 10)});
  auto begun = TakeAll();
  EXPECT_EQ(begun.count("out/a"), 1u);
  EXPECT_EQ(begun.count("out/_SUCCESS"), 0u);
}

TEST_F(MarkerTest, oldMarker_isDeletedBeforeNewDataAppears) {
  WriteFile("/out/a", 10, {worker_});
  AnswerPersist(worker_, TakePersist(), absl::OkStatus());
  WritePersisted("/out/_SUCCESS", "");
  RemoveOptions remove;
  remove.recursive = true;
  ASSERT_TRUE(master_->Remove(root_, "/out", remove).result.ok());
  understore_->FailNext(1, Unavailable("away"), false);
  WriteFile("/out/b", 10, {worker_});
  EXPECT_TRUE(TakeAll().empty()) << "the old marker still stands";
  for (int i = 0; i < 20; ++i) AdvanceMs(200);
  EXPECT_EQ(understore_->Objects().count("out/_SUCCESS"), 0u);
  EXPECT_EQ(TakeAll().count("out/b"), 1u);
}

TEST_F(MarkerTest, oldMarkerBehindManyBlockedDeletes_isDeletedAllTheSame) {
  // Hive's names sort before the marker's: each of their deletes waits for the new file's upload,
  // which waits for the old marker to go.
  constexpr int kFiles = 1100;
  const auto write = [&] {
    for (int i = 0; i < kFiles; ++i)
      WriteFile("/out/00" + std::to_string(1000 + i) + "_0", 10, {worker_});
  };
  write();
  WriteFile("/out/_SUCCESS", 0, {});
  int persisted = 0;
  for (int round = 0; round < 10'000 && persisted <= kFiles; ++round) {
    for (const auto& [key, command] : TakeAll()) {
      AnswerPersist(worker_, command, absl::OkStatus(), PutObject(key, ""));
      ++persisted;
    }
    AdvanceMs(10);
  }
  ASSERT_EQ(persisted, kFiles + 1);
  understore_->FailNext(3, Unavailable("away"), false);
  RemoveOptions remove;
  remove.recursive = true;
  ASSERT_TRUE(master_->Remove(root_, "/out", remove).result.ok());
  write();
  for (int i = 0; i < 100 && understore_->Objects().count("out/_SUCCESS") > 0; ++i) AdvanceMs(500);
  EXPECT_EQ(understore_->Objects().count("out/_SUCCESS"), 0u);
  for (int i = 0; i < 10; ++i) AdvanceMs(100);
  EXPECT_GT(TakeAll().size(), 0u) << "what waited for it goes on";
}

TEST_F(MarkerTest, oldMarkerThatIsStillTheSourceOfAMove_doesNotHoldTheMoveUp) {
  // The delete of the old key waits for the move, which lies in the scope of that old marker.
  WritePersisted("/_SUCCESS", "");
  ASSERT_TRUE(master_->CreateDirectory(root_, "/d", {}).result.ok());
  understore_->FailNext(1000, Unavailable("away"), false);
  ASSERT_TRUE(master_->Rename(root_, "/_SUCCESS", "/d/p", {}).result.ok());
  AdvanceMs(100);
  WriteFile("/d/f", 10, {worker_});
  ASSERT_EQ(TakePersist().key(), "d/f");  // it may be published from now on, at any name it gets
  ASSERT_TRUE(master_->Rename(root_, "/d/f", "/_SUCCESS", {}).result.ok());
  ASSERT_TRUE(master_->Rename(root_, "/_SUCCESS", "/d/g", {}).result.ok());
  understore_->FailNext(0, absl::OkStatus(), false);
  for (int i = 0; i < 100; ++i) AdvanceMs(500);
  EXPECT_EQ(understore_->Objects().count("d/p"), 1u);
  EXPECT_EQ(understore_->Objects().count("_SUCCESS"), 0u);
}

TEST_F(MarkerTest, markerWhoseOldKeyIsWantedByAFileItWaitsFor_movesAsideFirst) {
  WriteFile("/d/_temporary/b", 10, {worker_});
  WritePersisted("/s", "the marker");
  ASSERT_TRUE(master_->Rename(root_, "/s", "/_SUCCESS", {}).result.ok());
  ASSERT_TRUE(master_->Rename(root_, "/d/_temporary/b", "/s", {}).result.ok());
  session::PersistCommand command;
  for (int i = 0; i < 60 && command.job_id() == 0; ++i) {
    AdvanceMs(500);
    command = TakePersist();
  }
  EXPECT_EQ(understore_->Objects().count("_SUCCESS"), 0u) << "the file goes first";
  ASSERT_EQ(command.key(), "s");
  AnswerPersist(worker_, command, absl::OkStatus(), PutObject("s", "the file"));
  for (int i = 0; i < 10; ++i) AdvanceMs(500);
  const std::map<std::string, std::string> wanted{{"_SUCCESS", "the marker"}, {"s", "the file"}};
  EXPECT_EQ(understore_->Objects(), wanted);
}

TEST_F(MarkerTest, filesThatChangeNames_doNotWaitForEachOtherForEver) {
  WritePersisted("/a", "was a");
  WritePersisted("/b", "was b");
  understore_->FailNext(1000, Unavailable("away"), false);
  ASSERT_TRUE(master_->Rename(root_, "/a", "/c", {}).result.ok());
  ASSERT_TRUE(master_->Rename(root_, "/b", "/a", {}).result.ok());
  ASSERT_TRUE(master_->Rename(root_, "/c", "/b", {}).result.ok());
  understore_->FailNext(0, absl::OkStatus(), false);
  for (int i = 0; i < 100; ++i) AdvanceMs(500);
  const std::map<std::string, std::string> wanted{{"a", "was b"}, {"b", "was a"}};
  EXPECT_EQ(understore_->Objects(), wanted);
}

TEST_F(MarkerTest, oldMarkersDelete_isForgottenWhenANewOneIsWrittenThrough) {
  WritePersisted("/out/_SUCCESS", "");
  ASSERT_TRUE(master_->Remove(root_, "/out/_SUCCESS", {}).result.ok());
  understore_->FailNext(1000, Unavailable("away"), false);
  executor_.RunAll();
  CreateFileOptions create;
  create.write_type = WriteType::kThrough;
  ASSERT_TRUE(master_->CreateFile(root_, "/out/_SUCCESS", create).result.ok());
  CompleteFileOptions complete;
  complete.understore_length = 0;
  const auto completed = master_->CompleteFile(root_, "/out/_SUCCESS", complete);
  ASSERT_TRUE(completed.result.ok()) << completed.result.status();
  executor_.RunAll();
  WriteFile("/out/b", 10, {worker_});
  EXPECT_EQ(TakeAll().count("out/b"), 1u) << "no old marker stands above it any more";
}

TEST_F(MarkerTest, barrier_coversWhatWasCompletedBeforeTheCall) {
  WriteFile("/out/a", 10, {worker_});
  auto left = master_->GetPersistProgress(root_, "/out", 0);
  ASSERT_TRUE(left.ok());
  EXPECT_EQ(left->files_left, 1);
  const int64_t cut = left->cut;
  auto begun = TakeAll();
  WriteFile("/out/b", 10, {worker_});
  AnswerPersist(worker_, begun["out/a"], absl::OkStatus());
  EXPECT_EQ(master_->GetPersistProgress(root_, "/out", cut)->files_left, 0);
  EXPECT_EQ(master_->GetPersistProgress(root_, "/out", 0)->files_left, 1);
  EXPECT_EQ(master_->GetPersistProgress(root_, "/none", 0).status().code(), StatusCode::kNotFound);
}

}  // namespace
}  // namespace spillway
