// The seams between persist, rename, delete, overwrite and failures.
#include "master/master_fixture.h"

namespace spillway {
namespace {

class PersistTest : public MasterFixture {
 protected:
  PersistTest() : worker_(AddWorker("w1")) {}
  Master::Session worker_;
};

TEST_F(PersistTest, complete_sendsOneConditionalUpload) {
  WriteFile("/f", 10, {worker_});
  const auto command = TakePersist();
  EXPECT_EQ(command.key(), "f");
  EXPECT_TRUE(command.if_absent());
  EXPECT_EQ(command.length_bytes(), 10);
  EXPECT_TRUE(command.crc_known());
  EXPECT_EQ(TakePersist().job_id(), 0u);
  EXPECT_EQ(StateOf("/f"), PersistenceState::kToBePersisted);
  AnswerPersist(worker_, command, absl::OkStatus());
  EXPECT_EQ(StateOf("/f"), PersistenceState::kPersisted);
  EXPECT_EQ(master_->GetStatus(root_, "/f").result->etag, "etag");
  bool unpinned = false;
  for (const auto& [id, message] : sender_.sent)
    unpinned = unpinned || (message.has_pin_blocks() && !message.pin_blocks().pinned());
  EXPECT_TRUE(unpinned);
}

// The old file's upload was forgotten, and nothing ever persisted it, before a restart.
TEST_F(PersistTest, overwriteThatIsRefused_leavesTheOldFileOnItsWay) {
  WriteFile("/f", 10, {worker_});
  const auto command = TakePersist();
  CreateFileOptions options;
  options.overwrite = true;
  options.replication_min = 3;
  options.replication_max = 2;
  EXPECT_EQ(master_->CreateFile(root_, "/f", options).result.status().code(),
            StatusCode::kInvalidArgument);
  options = {};
  options.overwrite = true;
  options.block_size_bytes = 0;
  EXPECT_EQ(master_->CreateFile(root_, "/f", options).result.status().code(),
            StatusCode::kInvalidArgument);
  options = {};
  options.overwrite = true;
  MountOptions read_only;
  read_only.read_only = true;
  ASSERT_TRUE(master_->UpdateMount(root_, "/", read_only).result.ok());
  EXPECT_EQ(master_->CreateFile(root_, "/f", options).result.status().code(),
            StatusCode::kPermissionDenied);
  AnswerPersist(worker_, command, absl::OkStatus());
  EXPECT_EQ(StateOf("/f"), PersistenceState::kPersisted);
  EXPECT_EQ(master_->GetStatus(root_, "/f").result->blocks[0].locations.size(), 1U);
}

TEST_F(PersistTest, upload_startsOnlyWhenCompletionIsDurable) {
  ASSERT_TRUE(master_->CreateFile(root_, "/f", {}).result.ok());
  executor_.RunAll();
  CompleteFileOptions complete;
  complete.persist = true;
  ASSERT_TRUE(master_->CompleteFile(root_, "/f", complete).result.ok());
  EXPECT_EQ(TakePersist().job_id(), 0u) << "an upload of what a crash forgets would be an orphan";
  executor_.RunAll();
  EXPECT_EQ(TakePersist().key(), "f");
}

TEST_F(PersistTest, emptyFile_isUploadedToo) {
  WriteFile("/empty", 0, {});
  const auto command = TakePersist();
  EXPECT_EQ(command.key(), "empty");
  EXPECT_EQ(command.length_bytes(), 0);
}

TEST_F(PersistTest, failures_areRetriedForEver) {
  WriteFile("/f", 10, {worker_});
  for (int attempt = 0; attempt < 50; ++attempt) {
    const auto command = TakePersist();
    ASSERT_NE(command.job_id(), 0u) << attempt;
    AnswerPersist(worker_, command, MakeStatus(StatusCode::kPermissionDenied, "no"));
    EXPECT_EQ(StateOf("/f"), PersistenceState::kToBePersisted);
    AdvanceMs(options_.persist_retry_ms_max);
  }
}

TEST_F(PersistTest, rename_beforeUpload_bindsTheNewKey) {
  CreateFileOptions wait;
  wait.persistence_wait_time_ms = -1;
  WriteFile("/old", 10, {worker_}, wait);
  ASSERT_TRUE(master_->Rename(root_, "/old", "/new", {}).result.ok());
  ASSERT_TRUE(master_->SchedulePersist(root_, "/new", 0).result.ok());
  executor_.RunAll();
  EXPECT_EQ(TakePersist().key(), "new");
  EXPECT_EQ(TakePersist().job_id(), 0u);
}

TEST_F(PersistTest, rename_duringUpload_cancelsAndCleansUp) {
  WriteFile("/old", 10, {worker_});
  const auto stale = TakePersist();
  ASSERT_TRUE(master_->Rename(root_, "/old", "/new", {}).result.ok());
  executor_.RunAll();
  const auto fresh = TakePersist();
  EXPECT_EQ(fresh.key(), "new");
  const std::string etag = PutObject("old", Data(10));
  AdvanceMs(1000);
  EXPECT_EQ(understore_->Objects().count("old"), 1u) << "its upload is still under way";
  AnswerPersist(worker_, stale, absl::OkStatus(), etag);
  AdvanceMs(1000);
  EXPECT_EQ(understore_->Objects().count("old"), 0u);
  AnswerPersist(worker_, fresh, absl::OkStatus(), "fresh-etag");
  EXPECT_EQ(master_->GetStatus(root_, "/new").result->etag, "fresh-etag");
}

TEST_F(PersistTest, rename_duringUpload_whatWasSentMayStillCome) {
  WriteFile("/old", 10, {worker_});
  const auto stale = TakePersist();
  ASSERT_TRUE(master_->Rename(root_, "/old", "/new", {}).result.ok());
  AnswerPersist(worker_, stale, absl::CancelledError("not wanted"));
  for (int i = 0; i < 3; ++i) AdvanceMs(1000);
  EXPECT_EQ(master_->GetPersistReport(1).objects_to_delete, 1);
}

TEST_F(PersistTest, rename_duringUpload_whatWasNeverSentIsNotWaitedFor) {
  WriteFile("/old", 10, {worker_});
  const auto stale = TakePersist();
  ASSERT_TRUE(master_->Rename(root_, "/old", "/new", {}).result.ok());
  AnswerPersist(worker_, stale, absl::CancelledError("not wanted"), "", /*unsent=*/true);
  for (int i = 0; i < 3; ++i) AdvanceMs(1000);
  EXPECT_EQ(master_->GetPersistReport(1).objects_to_delete, 0);
}

TEST_F(PersistTest, delete_beforeUpload_asksTheStoreForNothing) {
  CreateFileOptions wait;
  wait.persistence_wait_time_ms = -1;
  WriteFile("/f", 10, {worker_}, wait);
  ASSERT_TRUE(master_->Remove(root_, "/f", {}).result.ok());
  AdvanceMs(10'000);
  EXPECT_EQ(understore_->requests("delete"), 0);
  EXPECT_EQ(TakePersist().job_id(), 0u);
}

TEST_F(PersistTest, delete_duringUpload_winsOverTheLateObject) {
  WriteFile("/f", 10, {worker_});
  const auto command = TakePersist();
  ASSERT_TRUE(master_->Remove(root_, "/f", {}).result.ok());
  AdvanceMs(1000);
  AnswerPersist(worker_, command, absl::OkStatus(), PutObject("f", Data(10)));
  AdvanceMs(1000);
  AdvanceMs(1000);
  EXPECT_TRUE(understore_->Objects().empty());
}

TEST_F(PersistTest, deletePersisted_isCarriedOutOnceDurable_alsoAfterACrash) {
  WritePersisted("/f", 10, worker_);
  ASSERT_TRUE(master_->Remove(root_, "/f", {}).result.ok());
  EXPECT_EQ(understore_->Objects().count("f"), 1u);
  // Synced, then killed before the store was asked.
  for (int i = 0; i < 3; ++i) executor_.RunOne();
  CrashAndRestart();
  AdvanceMs(1000);
  EXPECT_EQ(understore_->Objects().count("f"), 1u) << "a worker not back yet may still upload";
  AddWorker("w1");
  AdvanceMs(1000);
  AdvanceMs(1000);
  EXPECT_EQ(understore_->Objects().count("f"), 0u);
}

TEST_F(PersistTest, overwrite_replacesTheObjectInPlace) {
  WritePersisted("/f", 10, worker_);
  CreateFileOptions overwrite;
  overwrite.overwrite = true;
  WriteFile("/f", 20, {worker_}, overwrite);
  const auto command = TakePersist();
  EXPECT_FALSE(command.if_absent());
  EXPECT_EQ(command.if_match(), understore_->Head("f")->etag);
  AdvanceMs(5000);
  EXPECT_EQ(understore_->Objects().count("f"), 1u) << "never a moment without an object";
  AnswerPersist(worker_, command, absl::OkStatus(), "second");
  AdvanceMs(5000);
  EXPECT_EQ(understore_->Objects().count("f"), 1u);
  EXPECT_EQ(understore_->requests("delete"), 0);
}

TEST_F(PersistTest, overwriteThenDelete_takesTheOldObjectAway) {
  WritePersisted("/f", 10, worker_);
  CreateFileOptions overwrite;
  overwrite.overwrite = true;
  overwrite.persistence_wait_time_ms = -1;
  WriteFile("/f", 20, {worker_}, overwrite);
  ASSERT_TRUE(master_->Remove(root_, "/f", {}).result.ok());
  AdvanceMs(1000);
  AdvanceMs(1000);
  EXPECT_TRUE(understore_->Objects().empty());
}

TEST_F(PersistTest, recreateAfterDelete_isNeverDeletedByTheOldTombstone) {
  WritePersisted("/f", 10, worker_);
  ASSERT_TRUE(master_->Remove(root_, "/f", {}).result.ok());
  WriteFile("/f", 20, {worker_});
  const auto command = TakePersist();
  ASSERT_EQ(command.key(), "f");
  EXPECT_FALSE(command.if_absent()) << "the old object may still stand there";
  Upload(worker_, command);
  AdvanceMs(5000);
  AdvanceMs(5000);
  EXPECT_EQ(understore_->Objects()["f"], Data(20));
}

TEST_F(PersistTest, renamePersisted_copiesThenDeletes_neverOverwritesAWaitingSource) {
  WritePersisted("/a", 10, worker_);
  understore_->FailNext(1, Unavailable("away"), false);
  ASSERT_TRUE(master_->Rename(root_, "/a", "/b", {}).result.ok());
  executor_.RunAll();
  EXPECT_EQ(master_->GetStatus(root_, "/b").result->understore_path, "s3://bucket/a")
      << "reads stay right";
  WriteFile("/a", 20, {worker_});
  EXPECT_EQ(TakePersist().job_id(), 0u) << "the only copy of /b still stands at key a";
  AdvanceMs(1000);
  AdvanceMs(1000);
  EXPECT_EQ(understore_->Objects()["b"], Data(10));
  EXPECT_EQ(master_->GetStatus(root_, "/b").result->understore_path, "s3://bucket/b");
  EXPECT_EQ(TakePersist().key(), "a");
}

TEST_F(PersistTest, temporaryTree_isParkedUntilARenameTakesItOut) {
  MasterOptions options = options_;
  options_.persist_blacklist = {"/_temporary/"};
  CrashAndRestart();
  worker_ = AddWorker("w1");
  WriteFile("/job/_temporary/0/part", 10, {worker_});
  AdvanceMs(60'000);
  master_->Heartbeat(worker_, {});
  EXPECT_EQ(TakePersist().job_id(), 0u);
  worker_ = AddWorker(
      "w1",
      {Report(BlockIdOf(master_->GetStatus(root_, "/job/_temporary/0/part").result->id, 0), 10)});
  ASSERT_TRUE(master_->Rename(root_, "/job/_temporary/0/part", "/job/part", {}).result.ok());
  executor_.RunAll();
  EXPECT_EQ(TakePersist().key(), "job/part");
}

TEST_F(PersistTest, multipart_partsGoToHoldersAndOrphansAreAborted) {
  options_.part_size_bytes = 100;
  CrashAndRestart();
  worker_ = AddWorker("w1");
  ASSERT_TRUE(master_->CreateFile(root_, "/big", {.block_size_bytes = 100}).result.ok());
  for (const int64_t length : {100, 100, 50}) {
    ASSERT_TRUE(
        master_->CommitBlock(worker_, Report(*master_->NewBlockId(root_, "/big").result, length))
            .ok());
  }
  CompleteFileOptions complete;
  complete.persist = true;
  ASSERT_TRUE(master_->CompleteFile(root_, "/big", complete).result.ok());
  executor_.RunAll();
  std::vector<session::PersistCommand> parts{TakePersist(), TakePersist(), TakePersist()};
  EXPECT_EQ(parts[2].part_number(), 3u);
  EXPECT_EQ(parts[2].length_bytes(), 50);
  EXPECT_EQ(understore_->open_uploads(), 1u);
  AnswerPersist(worker_, parts[0], absl::OkStatus());
  AnswerPersist(worker_, parts[1], Unavailable("broken"));
  AdvanceMs(10);
  AdvanceMs(200);
  AdvanceMs(2000);
  EXPECT_LE(understore_->open_uploads(), 1u) << "the failed upload was aborted, another one begun";
  EXPECT_EQ(StateOf("/big"), PersistenceState::kToBePersisted);
  CrashAndRestart();
  AdvanceMs(1000);
  EXPECT_EQ(understore_->open_uploads(), 0u) << "uploads of before the crash are aborted";
}

TEST_F(PersistTest, workerLost_itsUploadGoesToAnother) {
  const auto second = AddWorker("w2");
  CreateFileOptions options;
  options.durable_replicas = 2;
  WriteFile("/f", 10, {worker_, second}, options);
  const auto command = TakePersist();
  const WorkerId first_choice = persist_worker_;
  const auto& dying = first_choice == worker_.worker ? worker_ : second;
  const auto& other = first_choice == worker_.worker ? second : worker_;
  master_->SessionClosed(dying);
  AdvanceMs(1100);
  EXPECT_EQ(master_->GetStatus(root_, "/f").result->blocks[0].locations.size(), 1u);
  master_->Heartbeat(other, {});
  AdvanceMs(500);
  const auto again = TakePersist();
  EXPECT_EQ(again.key(), "f");
  EXPECT_EQ(persist_worker_, other.worker);
}

TEST_F(PersistTest, restart_queuesWhatWaited_andKnowsReturningBlocks) {
  const auto file = WriteFile("/f", 10, {worker_});
  CrashAndRestart();
  EXPECT_TRUE(master_->InSafeMode());
  EXPECT_EQ(master_->GetStatus(root_, "/f").result.status().code(), StatusCode::kUnavailable);
  worker_ = AddWorker("w1", {Report(file.blocks[0].id, 10), Report(BlockId(42), 5)});
  EXPECT_FALSE(master_->InSafeMode()) << "all workers known before are back";
  bool removed = false;
  for (const auto& [id, message] : sender_.sent)
    removed =
        removed || (message.has_remove_blocks() && message.remove_blocks().block_ids(0) == 42);
  EXPECT_TRUE(removed) << "blocks of no file are removed";
  AdvanceMs(1000);
  EXPECT_EQ(TakePersist().key(), "f");
}

TEST_F(PersistTest, returningBlockWithWrongChecksum_doesNotCount) {
  const auto file = WriteFile("/f", 10, {worker_});
  worker_ = AddWorker("w1", {Report(file.blocks[0].id, 10, /*crc=*/8)});
  EXPECT_TRUE(master_->GetStatus(root_, "/f").result->blocks[0].locations.empty());
}

TEST_F(PersistTest, fencedSession_commitsNothing) {
  ASSERT_TRUE(master_->CreateFile(root_, "/f", {}).result.ok());
  const BlockId block = *master_->NewBlockId(root_, "/f").result;
  const auto old = worker_;
  worker_ = AddWorker("w1");
  EXPECT_EQ(master_->CommitBlock(old, Report(block, 10)).code(), StatusCode::kUnavailable);
}

TEST_F(PersistTest, workerLostForLong_isForgotten) {
  ASSERT_EQ(master_->GetWorkerReport().size(), 1u);
  sessions_.clear();
  master_->SessionClosed(worker_);
  AdvanceMs(1100);
  EXPECT_EQ(master_->GetWorkerReport()[0].state, WorkerState::kLost);
  AdvanceMs(options_.lost_worker_deletion_ms);
  EXPECT_TRUE(master_->GetWorkerReport().empty());
  CrashAndRestart();
  EXPECT_FALSE(master_->InSafeMode()) << "nobody waits for it";
}

TEST_F(PersistTest, free_refusesWhatIsNotPersisted) {
  WriteFile("/f", 10, {worker_});
  EXPECT_EQ(master_->Free(root_, "/f", true, true).result.status().code(), StatusCode::kUnknown);
  AnswerPersist(worker_, TakePersist(), absl::OkStatus());
  EXPECT_TRUE(master_->Free(root_, "/f", true, false).result.ok());
  EXPECT_TRUE(master_->GetStatus(root_, "/f").result->blocks[0].locations.empty());
}

}  // namespace
}  // namespace spillway
