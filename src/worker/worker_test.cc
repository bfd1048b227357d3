#include "worker/worker.h"

#include <gtest/gtest.h>

#include "common/checksum.h"
#include "common/memory_file_env.h"
#include "common/step_executor.h"
#include "understore/memory/memory_under_store.h"

namespace spillway {
namespace {

class NoPeers : public WorkerConnector {
 public:
  std::shared_ptr<WorkerApi> Connect(const WorkerAddress&) override {
    return std::make_shared<Peer>();
  }

 private:
  class Peer : public WorkerApi {
    StatusOr<std::unique_ptr<BlockWriteStream>> WriteBlock(const BlockWriteOptions&) override {
      return Unavailable("no peer");
    }
    StatusOr<std::unique_ptr<BlockWriteStream>> WriteThrough(
        const FileWriteThroughOptions&) override {
      return Unavailable("no peer");
    }
    void PutFiles(const smallfiles::PutFilesRequest&, SmallFiles::PutDone done) override {
      done(Unavailable("not here"));
    }
    void StoreBlocks(const smallfiles::StoreBlocksRequest&,
                     std::function<void(StatusOr<smallfiles::StoreBlocksResponse>)> done) override {
      done(Unavailable("not here"));
    }
    StatusOr<std::unique_ptr<BlockReadStream>> ReadBlock(const BlockReadOptions&) override {
      return Unavailable("no peer");
    }
  };
};

class WorkerTest : public testing::Test {
 protected:
  WorkerTest() : understore_(std::make_shared<MemoryUnderStore>()) {
    BlockStoreOptions options;
    options.tiers = {{"MEM", {{"/mem", 64 << 20}}}};
    store_ = std::make_unique<BlockStore>(options, &env_);
    EXPECT_TRUE(store_->Open().ok());
    worker_ = std::make_unique<Worker>(
        WorkerOptions{},
        WorkerContext{&clock_, &executor_, store_.get(), &peers_, nullptr,
                      [this](const std::string&, const auto&) { return understore_; }});
    Connect();
  }

  void Connect() {
    worker_->SessionUp(
        [this](session::WorkerMessage message) { sent_.push_back(std::move(message)); }, 0);
    session::MasterMessage mounts;
    auto* mount = mounts.mutable_mount_table()->add_mounts();
    mount->set_mount_id(1);
    mount->set_uri("s3://bucket");
    worker_->OnMessage(mounts);
    session::MasterMessage registered;
    registered.mutable_registered()->set_cluster_id("cluster");
    worker_->OnMessage(registered);
  }

  void Ack(uint64_t request, StatusCode code = StatusCode::kOk) {
    session::MasterMessage ack;
    ack.mutable_commit_ack()->set_request_id(request);
    ack.mutable_commit_ack()->set_code(static_cast<int>(code));
    worker_->OnMessage(ack);
  }

  // Writes a block; the commit waits for the master.
  void Write(int64_t id, std::string data, Status* result) {
    auto target = worker_->WriteBlock({BlockId(id), 0, true}, 0);
    ASSERT_TRUE(target.ok()) << target.status();
    (*target)->Append({iovec{data.data(), data.size()}},
                      [](const Status& status) { ASSERT_TRUE(status.ok()); });
    (*target)->Commit([result](const Status& status) { *result = status; });
  }

  const session::WorkerMessage* Last(session::WorkerMessage::MessageCase kind) {
    for (auto it = sent_.rbegin(); it != sent_.rend(); ++it) {
      if (it->message_case() == kind) return &*it;
    }
    return nullptr;
  }

  session::PersistCommand Command(const std::string& key, int64_t block, const std::string& data) {
    session::PersistCommand command;
    command.set_job_id(9);
    command.set_mount_id(1);
    command.set_key(key);
    command.set_length_bytes(static_cast<int64_t>(data.size()));
    command.set_crc_known(true);
    command.set_crc32c(Crc32c(data));
    auto* source = command.add_blocks();
    source->set_block_id(static_cast<uint64_t>(block));
    source->set_length_bytes(static_cast<int64_t>(data.size()));
    return command;
  }

  const session::PersistResult& Persist(const session::PersistCommand& command) {
    session::MasterMessage message;
    *message.mutable_persist() = command;
    worker_->OnMessage(message);
    executor_.RunAll();
    return Last(session::WorkerMessage::kPersistResult)->persist_result();
  }

  ManualClock clock_;
  StepExecutor executor_;
  MemoryFileEnv env_;
  NoPeers peers_;
  std::shared_ptr<MemoryUnderStore> understore_;
  std::unique_ptr<BlockStore> store_;
  std::unique_ptr<Worker> worker_;
  std::vector<session::WorkerMessage> sent_;
};

const Status kPending = MakeStatus(StatusCode::kUnknown, "pending");

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
  worker_ = std::make_unique<Worker>(
      WorkerOptions{},
      WorkerContext{&clock_, &executor_, store_.get(), &peers_, nullptr,
                    [this](const std::string&, const auto&) { return understore_; }});
  Connect();
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

TEST_F(WorkerTest, persist_lostAnswerIsSettledByLooking) {
  Status result = kPending;
  Write(1, "data", &result);
  auto command = Command("k", 1, "data");
  command.set_if_absent(true);
  understore_->FailNext(1, Unavailable("answer lost"), /*after_effect=*/true);
  EXPECT_NE(Persist(command).code(), 0);
  EXPECT_EQ(Persist(command).code(), 0) << "the object there is ours";
  StringBody foreign("somebody else's");
  ASSERT_TRUE(understore_->Put("other", foreign, {}).ok());
  auto conflict = Command("other", 1, "data");
  conflict.set_if_absent(true);
  EXPECT_EQ(Persist(conflict).code(), static_cast<int>(StatusCode::kFailedPrecondition));
  EXPECT_EQ(understore_->Objects()["other"], "somebody else's");
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

TEST_F(WorkerTest, readFromUnderStore_keepsWholeBlocks) {
  StringBody body("0123456789");
  ASSERT_TRUE(understore_->Put("dir/f", body, {}).ok());
  std::string read;
  const auto sink = [&](std::string_view data) {
    read += data;
    return absl::OkStatus();
  };
  BlockReadOptions options{BlockId(5), 2, 3,
                           UnderStoreRange{MountId(1), "s3://bucket/dir/f", 4, 6, false}};
  ASSERT_TRUE(worker_->ReadFromUnderStore(options, sink).ok());
  EXPECT_EQ(read, "678");
  EXPECT_FALSE(store_->Has(BlockId(5))) << "a part of a block is not kept";
  options.offset = 0;
  options.length_bytes = 6;
  ASSERT_TRUE(worker_->ReadFromUnderStore(options, sink).ok());
  EXPECT_TRUE(store_->Has(BlockId(5)));
  options.understore->block_length_bytes = options.length_bytes = 100;
  options.block_id = BlockId(6);
  EXPECT_FALSE(worker_->ReadFromUnderStore(options, sink).ok()) << "shorter than its metadata says";
  EXPECT_FALSE(store_->Has(BlockId(6)));
  options.understore->uri = "s3://elsewhere/f";
  EXPECT_EQ(worker_->ReadFromUnderStore(options, sink).code(), StatusCode::kInvalidArgument);
}

TEST_F(WorkerTest, replicate_asAnotherBlock_whichIsCommittedUnderItsOwnId) {
  StringBody body("0123456789");
  ASSERT_TRUE(understore_->Put("dir/f", body, {}).ok());
  session::MasterMessage message;
  auto* command = message.mutable_replicate_block();
  command->mutable_block()->set_block_id(5);
  command->mutable_block()->set_length_bytes(6);
  command->mutable_block()->set_crc32c(Crc32c("456789"));
  command->mutable_block()->set_crc_known(true);
  command->set_store_as(8);
  command->set_pinned(true);
  command->set_mount_id(1);
  command->set_uri("s3://bucket/dir/f");
  command->set_offset_in_file(4);
  worker_->OnMessage(message);
  executor_.RunAll();
  EXPECT_TRUE(store_->Has(BlockId(8)));
  EXPECT_FALSE(store_->Has(BlockId(5)));
  const auto* commit = Last(session::WorkerMessage::kCommitBlock);
  ASSERT_NE(commit, nullptr);
  EXPECT_EQ(commit->commit_block().block().block_id(), 8U);
  EXPECT_EQ(commit->commit_block().block().crc32c(), Crc32c("456789"));
  EXPECT_TRUE(commit->commit_block().block().pinned());
  Ack(commit->commit_block().request_id());
  const auto* result = Last(session::WorkerMessage::kReplicateResult);
  ASSERT_NE(result, nullptr);
  EXPECT_EQ(result->replicate_result().code(), 0);
  EXPECT_EQ(result->replicate_result().block_id(), 8U);
  EXPECT_EQ(result->replicate_result().copied_from(), 5U);
}

TEST_F(WorkerTest, writeThrough_publishesOnCommitOnly) {
  const FileWriteThroughOptions options{MountId(1), "s3://bucket/t", "", "", 0644};
  std::string data = "through";
  {
    auto target = *worker_->WriteThrough(options);
    target->Append({iovec{data.data(), data.size()}}, [](const Status&) {});
  }
  executor_.RunAll();
  EXPECT_TRUE(understore_->Objects().empty());
  auto target = *worker_->WriteThrough(options);
  target->Append({iovec{data.data(), data.size()}}, [](const Status&) {});
  Status result = kPending;
  target->Commit([&](const Status& status) { result = status; });
  executor_.RunAll();
  EXPECT_TRUE(result.ok()) << result;
  EXPECT_EQ(understore_->Objects()["t"], "through");
  EXPECT_FALSE(target->content_hash().empty());
}

TEST_F(WorkerTest, writeThrough_largeFileGoesInParts) {
  auto target = *worker_->WriteThrough({MountId(1), "s3://bucket/big", "", "", 0644});
  std::string data(20 << 20, 'z');
  Status result = kPending;
  target->Append({iovec{data.data(), data.size()}}, [&](const Status& status) { result = status; });
  executor_.RunAll();
  ASSERT_TRUE(result.ok());
  std::string rest = "end";
  target->Append({iovec{rest.data(), rest.size()}}, [](const Status&) {});
  target->Commit([&](const Status& status) { result = status; });
  executor_.RunAll();
  ASSERT_TRUE(result.ok()) << result;
  EXPECT_EQ(understore_->Objects()["big"], data + rest);
  EXPECT_EQ(understore_->open_uploads(), 0u);
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
