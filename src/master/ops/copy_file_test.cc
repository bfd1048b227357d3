#include "master/master_fixture.h"

namespace spillway {
namespace {

class CopyFileTest : public MasterFixture {
 protected:
  CopyFileTest() {
    for (const char* host : {"w1", "w2", "w3"}) workers_.push_back(AddWorker(host));
    durable_.durable_replicas = 2;
    WriteFile("/f", 10, {workers_[0], workers_[1]}, durable_);
    sender_.sent.clear();
  }

  void Copy(const std::string& source, const std::string& target) {
    answer_.reset();
    CreateFileOptions options = durable_;
    options.overwrite = overwrite_;
    master_->CopyFile(root_, source, target, options,
                      [this](StatusOr<InodeId> done) { answer_ = done.status(); });
    executor_.RunAll();
  }
  struct Command {
    Master::Session worker;
    session::ReplicateBlock block;
  };
  std::vector<Command> TakeCommands() {
    std::vector<Command> found;
    for (auto& [worker, message] : sender_.sent) {
      if (!message.has_replicate_block()) continue;
      for (const auto& session : workers_) {
        if (session.worker == worker) found.push_back({session, message.replicate_block()});
      }
    }
    sender_.sent.clear();
    return found;
  }
  void Answer(const Command& command, const Status& status = absl::OkStatus()) {
    const BlockId block(static_cast<int64_t>(command.block.store_as() != 0
                                                 ? command.block.store_as()
                                                 : command.block.block().block_id()));
    if (status.ok()) {
      ASSERT_TRUE(
          master_
              ->CommitBlock(command.worker, Report(block, command.block.block().length_bytes(),
                                                   command.block.block().crc32c()))
              .ok());
    }
    session::ReplicateResult result;
    result.set_block_id(static_cast<uint64_t>(block.value()));
    result.set_code(static_cast<int>(status.code()));
    result.set_message(Message(status));
    master_->ReplicateDone(command.worker, result);
    executor_.RunAll();
  }
  BlockId BlockOf(const std::string& path) {
    return master_->GetStatus(root_, path).result->blocks.at(0).id;
  }

  std::vector<Master::Session> workers_;
  CreateFileOptions durable_;
  bool overwrite_ = false;
  std::optional<Status> answer_;
};

TEST_F(CopyFileTest, workersMakeIt_andItIsCompleteWithAllItsCopies) {
  Copy("/f", "/g");
  auto commands = TakeCommands();
  ASSERT_EQ(commands.size(), 1U);
  EXPECT_EQ(commands[0].block.block().block_id(), static_cast<uint64_t>(BlockOf("/f").value()));
  EXPECT_EQ(commands[0].block.block().holders_size(), 2);
  EXPECT_EQ(commands[0].block.block().length_bytes(), 10);
  EXPECT_EQ(commands[0].block.store_as(), static_cast<uint64_t>(BlockOf("/g").value()));
  EXPECT_TRUE(commands[0].block.pinned());
  Answer(commands[0]);
  EXPECT_FALSE(answer_) << "one copy of two";
  EXPECT_FALSE(master_->GetStatus(root_, "/g").result->completed);
  commands = TakeCommands();
  ASSERT_EQ(commands.size(), 1U) << "from the first copy on as healing does";
  EXPECT_EQ(commands[0].block.block().block_id(), static_cast<uint64_t>(BlockOf("/g").value()));
  EXPECT_EQ(commands[0].block.store_as(), 0U);
  Answer(commands[0]);
  ASSERT_TRUE(answer_);
  EXPECT_TRUE(answer_->ok()) << *answer_;
  const auto status = *master_->GetStatus(root_, "/g").result;
  EXPECT_TRUE(status.completed);
  EXPECT_EQ(status.length_bytes, 10);
  EXPECT_EQ(status.persistence_state, PersistenceState::kToBePersisted);
  EXPECT_EQ(status.blocks[0].locations.size(), 2U);
}

TEST_F(CopyFileTest, nothingIsCopiedBeforeItsIdsAreDurable) {
  master_->CopyFile(root_, "/f", "/g", durable_, [](const auto&) {});
  AdvanceMs(0);  // runs the journal
  EXPECT_EQ(TakeCommands().size(), 1U);
  CrashAndRestart();
  EXPECT_FALSE(master_->GetStatus(root_, "/g").result->completed)
      << "forgotten, as a dead client's";
}

TEST_F(CopyFileTest, anEmptyFile_isThereAtOnce) {
  WriteFile("/empty", 0, {}, durable_);
  Copy("/empty", "/g");
  ASSERT_TRUE(answer_);
  EXPECT_TRUE(answer_->ok());
  EXPECT_TRUE(master_->GetStatus(root_, "/g").result->completed);
}

TEST_F(CopyFileTest, theSourceIsDeleted_thereIsNoTarget) {
  Copy("/f", "/g");
  const auto commands = TakeCommands();
  ASSERT_TRUE(master_->Remove(root_, "/f", {}).result.ok());
  executor_.RunAll();
  Answer(commands.at(0), NotFound("gone"));
  AdvanceMs(1000);
  ASSERT_TRUE(answer_);
  EXPECT_EQ(answer_->code(), StatusCode::kNotFound);
  EXPECT_FALSE(*master_->Exists(root_, "/g").result);
}

TEST_F(CopyFileTest, itFailsAgainAndAgain_itIsGivenUp) {
  Copy("/f", "/g");
  for (int i = 0; i < 20 && !answer_; ++i) {
    for (const auto& command : TakeCommands()) Answer(command, Unavailable("no"));
    AdvanceMs(5000);
  }
  ASSERT_TRUE(answer_);
  EXPECT_EQ(answer_->code(), StatusCode::kUnavailable);
  EXPECT_FALSE(*master_->Exists(root_, "/g").result);
}

TEST_F(CopyFileTest, theTargetIsDeleted_itEnds) {
  Copy("/f", "/g");
  ASSERT_TRUE(master_->Remove(root_, "/g", {}).result.ok());
  executor_.RunAll();
  AdvanceMs(100);
  ASSERT_TRUE(answer_);
  EXPECT_EQ(answer_->code(), StatusCode::kCancelled);
}

TEST_F(CopyFileTest, aCopyIsLostMeanwhile_itIsMadeAgain) {
  Copy("/f", "/g");
  auto commands = TakeCommands();
  Answer(commands.at(0));
  const auto first = commands[0].worker;
  TakeCommands();
  master_->SessionClosed(first);
  sessions_.erase(std::find_if(sessions_.begin(), sessions_.end(),
                               [&](const auto& s) { return s.worker == first.worker; }));
  AdvanceMs(1100);
  for (int i = 0; i < 40 && !answer_; ++i) {
    for (const auto& command : TakeCommands()) {
      if (command.worker.worker == first.worker) continue;
      Answer(command);
    }
    AdvanceMs(1000);
  }
  ASSERT_TRUE(answer_);
  EXPECT_TRUE(answer_->ok()) << *answer_;
  EXPECT_EQ(master_->GetStatus(root_, "/g").result->blocks[0].locations.size(), 2U);
}

TEST_F(CopyFileTest, whatIsBeingCopied_isNoDamage) {
  Copy("/f", "/g");
  EXPECT_EQ(master_->GetHealthReport(10).degraded_blocks, 0);
  EXPECT_EQ(master_->GetPersistSummary().under_replicated_blocks, 0);
}

TEST_F(CopyFileTest, badInput) {
  const auto code = [&](const std::string& source, const std::string& target) {
    Copy(source, target);
    return answer_ ? answer_->code() : StatusCode::kOk;
  };
  EXPECT_EQ(code("/none", "/g"), StatusCode::kNotFound);
  EXPECT_EQ(code("/", "/g"), StatusCode::kInvalidArgument);
  overwrite_ = true;
  EXPECT_EQ(code("/f", "/f"), StatusCode::kInvalidArgument);
  overwrite_ = false;
  WriteFile("/other", 3, {workers_[0], workers_[1]}, durable_);
  EXPECT_EQ(code("/f", "/other"), StatusCode::kAlreadyExists);
  ASSERT_TRUE(master_->CreateFile(root_, "/open", {}).result.ok());
  EXPECT_EQ(code("/open", "/g"), StatusCode::kFailedPrecondition);
  EXPECT_TRUE(*master_->Exists(root_, "/f").result);
  SetAttributeOptions closed;
  closed.mode = 0600;
  ASSERT_TRUE(master_->SetAttribute(root_, "/f", closed).result.ok());
  master_->CopyFile({"eve", {}}, "/f", "/g", durable_,
                    [&](StatusOr<InodeId> done) { answer_ = done.status(); });
  executor_.RunAll();
  EXPECT_EQ(answer_->code(), StatusCode::kPermissionDenied);
}

// Each one took a slot of the worker with it, until it copied nothing any more.
TEST_F(CopyFileTest, fromAndToTheSameWorker_oneAfterTheOther) {
  options_.heals_per_worker_max = 2;
  CrashAndRestart();
  workers_ = {AddWorker("w1")};
  for (int i = 0; i < 8; ++i) AdvanceMs(1000);  // the others are not waited for any longer
  sender_.sent.clear();
  durable_.durable_replicas = 1;
  WriteFile("/p", 10, {workers_[0]}, durable_);
  for (int i = 0; i < 5; ++i) {
    sender_.sent.clear();
    Copy("/p", "/g" + std::to_string(i));
    const auto commands = TakeCommands();
    ASSERT_EQ(commands.size(), 1U) << i;
    Answer(commands[0]);
    ASSERT_TRUE(answer_ && answer_->ok()) << i;
  }
}

// A worker was never healed to again once enough files were deleted while it copied them.
TEST_F(CopyFileTest, deletedWhileItIsCopied_theWorkerMayCopyOthers) {
  options_.heals_per_worker_max = 1;
  CrashAndRestart();
  workers_.clear();
  for (const char* host : {"w1", "w2"}) workers_.push_back(AddWorker(host));
  for (int i = 0; i < 8; ++i) AdvanceMs(1000);  // the third is not waited for any longer
  sender_.sent.clear();
  WriteFile("/p", 10, {workers_[0]}, CreateFileOptions{.durable_replicas = 1});
  CreateFileOptions one;
  const auto copy = [&](const std::string& target) {
    master_->CopyFile(root_, "/p", target, one, [](const auto&) {});
    executor_.RunAll();
  };
  for (int i = 0; i < 4; ++i) {
    copy("/g" + std::to_string(i));
    AdvanceMs(1000);
    ASSERT_EQ(TakeCommands().size(), 1U) << i;
    ASSERT_TRUE(master_->Remove(root_, "/g" + std::to_string(i), {}).result.ok());
    executor_.RunAll();
    AdvanceMs(100);
  }
}

}  // namespace
}  // namespace spillway
