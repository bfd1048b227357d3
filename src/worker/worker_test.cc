#include "worker/ops/guarded_body.h"
#include "worker/worker_fixture.h"

namespace spillway {
namespace {

using WorkerTest = WorkerFixture;

TEST_F(WorkerTest, commit_waitsForTheMaster) {
  Status result = kPending;
  Write(1, "data", &result);
  EXPECT_EQ(result, kPending);
  const auto* commit = Last(session::WorkerMessage::kCommitBlock);
  ASSERT_NE(commit, nullptr);
  EXPECT_EQ(commit->commit_block().block().crc32c(), Crc32c("data"));
  Ack(commit->commit_block().request_id());
  EXPECT_TRUE(result.ok());
}

TEST_F(WorkerTest, commit_isSentAgainAfterABrokenSession) {
  Status result = kPending;
  Write(1, "data", &result);
  worker_->SessionDown();
  sent_.clear();
  Connect();
  ASSERT_NE(Last(session::WorkerMessage::kBlocksHeld), nullptr);
  EXPECT_EQ(Last(session::WorkerMessage::kBlocksHeld)->blocks_held().blocks_size(), 1);
  const auto* commit = Last(session::WorkerMessage::kCommitBlock);
  ASSERT_NE(commit, nullptr);
  Ack(commit->commit_block().request_id());
  EXPECT_TRUE(result.ok());
}

TEST_F(WorkerTest, blockWrittenAgain_isCommittedIfItIsTheSame) {
  Status first = MakeStatus(StatusCode::kUnknown, "pending");
  Write(7, "data", &first);
  worker_->Stop();  // the client hears that the worker is away; the block is here
  EXPECT_EQ(first.code(), StatusCode::kUnavailable);
  StartWorker({});
  sent_.clear();
  Status again = MakeStatus(StatusCode::kUnknown, "pending");
  Write(7, "data", &again);
  const auto* commit = Last(session::WorkerMessage::kCommitBlock);
  ASSERT_NE(commit, nullptr);
  EXPECT_EQ(commit->commit_block().block().length_bytes(), 4);
  Ack(commit->commit_block().request_id());
  EXPECT_TRUE(again.ok()) << again;
  Status other = absl::OkStatus();
  Write(7, "else", &other);
  EXPECT_EQ(other.code(), StatusCode::kAlreadyExists);
}

TEST_F(WorkerTest, stop_answersWhatWaits) {
  Status result = kPending;
  Write(1, "data", &result);
  worker_->Stop();
  EXPECT_EQ(result.code(), StatusCode::kUnavailable);
  EXPECT_TRUE(store_->Has(BlockId(1))) << "the next start finds it";
}

TEST_F(WorkerTest, commitRefused_removesTheBlock) {
  Status result = kPending;
  Write(1, "data", &result);
  Ack(Last(session::WorkerMessage::kCommitBlock)->commit_block().request_id(),
      StatusCode::kNotFound);
  EXPECT_EQ(result.code(), StatusCode::kNotFound);
  EXPECT_FALSE(store_->Has(BlockId(1)));
}

TEST_F(WorkerTest, persist_uploadsOnce) {
  Status result = kPending;
  Write(1, "data", &result);
  const auto& answer = Persist(Command("k", 1, "data"));
  EXPECT_EQ(answer.code(), 0) << answer.message();
  EXPECT_EQ(understore_->Objects()["k"], "data");
  EXPECT_EQ(understore_->requests("put"), 1);
}

TEST_F(WorkerTest, persist_flippedBitIsNeverUploaded) {
  Status result = kPending;
  Write(1, "data", &result);
  ASSERT_TRUE(env_.FlipBit(store_->OpenByPath(BlockId(1))->path, 2).ok());
  EXPECT_EQ(Persist(Command("k", 1, "data")).code(), static_cast<int>(StatusCode::kDataLoss));
  EXPECT_TRUE(understore_->Objects().empty());
}

TEST_F(WorkerTest, persist_withoutTheBlocks_publishesNothing) {
  EXPECT_NE(Persist(Command("k", 77, "data")).code(), 0);
  EXPECT_TRUE(understore_->Objects().empty());
}

TEST_F(WorkerTest, persist_cancelledBeforeItBegan_sendsNothing) {
  Status result = kPending;
  Write(1, "data", &result);
  session::MasterMessage persist;
  *persist.mutable_persist() = Command("k", 1, "data");
  worker_->OnMessage(persist);
  session::MasterMessage cancel;
  cancel.mutable_cancel_persist()->set_job_id(9);
  worker_->OnMessage(cancel);
  executor_.RunAll();
  EXPECT_TRUE(understore_->Objects().empty());
  EXPECT_TRUE(Last(session::WorkerMessage::kPersistResult)->persist_result().unsent());
}

TEST(GuardedBodyTest, withheld_ifRefusedBeforeItsEndWasEverHandedOut) {
  bool open = true;
  const auto guard = [&] { return open ? absl::OkStatus() : absl::CancelledError("no"); };
  char data[4];
  GuardedBody cut(std::make_unique<StringBody>("data"), guard);
  EXPECT_TRUE(cut.Read(0, data, 3).ok());
  EXPECT_FALSE(cut.withheld());
  open = false;
  EXPECT_FALSE(cut.Read(3, data, 1).ok());
  EXPECT_TRUE(cut.withheld());

  open = true;
  GuardedBody twice(std::make_unique<StringBody>("data"), guard);
  EXPECT_TRUE(twice.Read(0, data, 4).ok());
  open = false;
  EXPECT_FALSE(twice.Read(0, data, 4).ok()) << "sent again, after the connection was lost";
  EXPECT_FALSE(twice.withheld()) << "the first sending may have been carried out";
}

TEST_F(WorkerTest, persist_ofSmallFiles_isHandedOverTogether_butAnsweredForEach) {
  understore_->set_puts_together(3);
  Status result = kPending;
  for (int64_t id = 1; id <= 6; ++id) Write(id, "data" + std::to_string(id), &result);
  (void)Persist(Command("first", 1, "data1"));  // opens the store
  sent_.clear();
  for (uint64_t id = 2; id <= 6; ++id) {
    session::MasterMessage persist;
    *persist.mutable_persist() =
        Command("k" + std::to_string(id), static_cast<int64_t>(id), "data" + std::to_string(id));
    persist.mutable_persist()->set_job_id(id);
    if (id == 5) persist.mutable_persist()->set_crc32c(1);
    if (id == 6) persist.mutable_persist()->mutable_blocks(0)->set_length_bytes(3);
    worker_->OnMessage(persist);
  }
  session::MasterMessage cancel;
  cancel.mutable_cancel_persist()->set_job_id(3);
  worker_->OnMessage(cancel);
  executor_.RunAll();
  std::map<uint64_t, StatusCode> answers;
  for (const auto& message : sent_) {
    if (!message.has_persist_result()) continue;
    const auto& answer = message.persist_result();
    answers[answer.job_id()] = static_cast<StatusCode>(answer.code());
    EXPECT_EQ(answer.etag().empty(), answer.code() != 0);
  }
  EXPECT_EQ(answers[2], StatusCode::kOk);
  EXPECT_EQ(answers[3], StatusCode::kCancelled);
  EXPECT_EQ(answers[4], StatusCode::kOk);
  EXPECT_EQ(answers[5], StatusCode::kDataLoss);
  EXPECT_NE(answers[6], StatusCode::kOk) << "no copy of that length";
  const auto objects = understore_->Objects();
  EXPECT_EQ(objects.size(), 3u);
  EXPECT_EQ(objects.at("k4"), "data4");
}

TEST_F(WorkerTest, persist_ofSmallFiles_soonAfterOthers_gathersThem) {
  understore_->set_puts_together(3);
  Status result = kPending;
  Write(1, "data", &result);
  (void)Persist(Command("first", 1, "data"));  // opens the store
  const auto ask = [&](int from, int to) {
    for (int i = from; i <= to; ++i) {
      session::MasterMessage persist;
      *persist.mutable_persist() = Command("k" + std::to_string(i), 1, "data");
      persist.mutable_persist()->set_job_id(static_cast<uint64_t>(20 + i));
      worker_->OnMessage(persist);
    }
    executor_.RunAll();
  };
  const auto objects = [&] { return understore_->Objects().size(); };
  ask(1, 1);
  EXPECT_EQ(objects(), 2u) << "after a rest there is nothing to gather for";
  ask(2, 3);
  EXPECT_EQ(objects(), 2u);
  executor_.AdvanceMs(1000);
  executor_.RunAll();
  EXPECT_EQ(objects(), 4u);
  ask(4, 7);
  executor_.AdvanceMs(1000);
  executor_.RunAll();
  EXPECT_EQ(objects(), 8u) << "those that do not go into a full call go next";
  executor_.AdvanceMs(1000);
  executor_.RunAll();
  ask(8, 8);
  EXPECT_EQ(objects(), 9u) << "it rests again";
}

TEST_F(WorkerTest, persist_ofSmallFiles_whoseSessionIsOver_sendsNothing) {
  understore_->set_puts_together(3);
  Status result = kPending;
  Write(1, "data", &result);
  (void)Persist(Command("first", 1, "data"));
  for (int i = 0; i < 2; ++i) {
    session::MasterMessage persist;
    *persist.mutable_persist() = Command("k" + std::to_string(i), 1, "data");
    persist.mutable_persist()->set_job_id(static_cast<uint64_t>(20 + i));
    worker_->OnMessage(persist);
  }
  worker_->SessionDown();
  executor_.RunAll();
  EXPECT_EQ(understore_->Objects().size(), 1u);
}

TEST_F(WorkerTest, leaseOver_uploadDoesNotBegin) {
  worker_->SessionDown();
  worker_->SessionUp(
      [this](session::WorkerMessage message) { sent_.push_back(std::move(message)); }, 0);
  session::MasterMessage registered;
  registered.mutable_registered()->set_cluster_id("cluster");
  registered.mutable_registered()->set_lease_ms(2000);
  worker_->OnMessage(registered);
  Status status;
  Write(1, "hello", &status);
  session::MasterMessage message;
  *message.mutable_persist() = Command("f", 1, "hello");
  worker_->OnMessage(message);
  clock_.AdvanceMs(2500);  // the master may have given the upload to another
  executor_.RunAll();
  EXPECT_EQ(understore_->requests("put"), 0);
  // An answered heartbeat renews it, from the time when it was sent.
  worker_->Tick();
  session::MasterMessage ack;
  ack.mutable_heartbeat_ack()->set_sequence(
      Last(session::WorkerMessage::kHeartbeat)->heartbeat().sequence());
  worker_->OnMessage(ack);
  EXPECT_EQ(Persist(Command("f", 1, "hello")).code(), 0);
  EXPECT_EQ(understore_->requests("put"), 1);
}

TEST_F(WorkerTest, corruptCopy_isNotPublished_andGoes) {
  Status status;
  Write(1, "hello", &status);
  for (const std::string& path : env_.FilesBelow("/mem/spillwayworker/blocks/"))
    ASSERT_TRUE(env_.FlipBit(path, 0).ok());
  EXPECT_EQ(Persist(Command("f", 1, "hello")).code(), static_cast<int>(StatusCode::kDataLoss));
  EXPECT_TRUE(understore_->Objects().empty());
  EXPECT_FALSE(store_->Has(BlockId(1)));
  ASSERT_NE(Last(session::WorkerMessage::kBlocksRemoved), nullptr);
}

TEST_F(WorkerTest, removeCommand_isAnswered) {
  Status status;
  Write(1, "hello", &status);
  session::MasterMessage message;
  message.mutable_remove_blocks()->add_block_ids(1);
  worker_->OnMessage(message);
  ASSERT_NE(Last(session::WorkerMessage::kBlocksRemoved), nullptr);
  EXPECT_EQ(Last(session::WorkerMessage::kBlocksRemoved)->blocks_removed().block_ids(0), 1u);
}

TEST_F(WorkerTest, commitWhoseBlockIsGone_isNotToldInTheNextSession) {
  worker_->SessionDown();
  Status status = MakeStatus(StatusCode::kUnknown, "pending");
  Write(1, "hello", &status);
  ASSERT_TRUE(store_->Remove(BlockId(1)).ok());
  sent_.clear();
  Connect();
  EXPECT_EQ(Last(session::WorkerMessage::kCommitBlock), nullptr);
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
}

TEST_F(WorkerTest, stopped_answersLateCommits) {
  worker_->Stop();
  Status status = MakeStatus(StatusCode::kUnknown, "pending");
  Write(1, "hello", &status);
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
}

}  // namespace
}  // namespace spillway
