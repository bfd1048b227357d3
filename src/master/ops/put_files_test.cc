// Small files that a worker took whole.
#include "master/master_fixture.h"

namespace spillway {
namespace {

class PutFilesTest : public MasterFixture {
 protected:
  PutFilesTest() {
    first_ = AddWorker("w1");
    second_ = AddWorker("w2");
    Reserve();
  }
  void Reserve() {
    master_->ReserveIds(
        first_, [this](const session::ReservedIds& ids) { next_ = ids.first_container_id(); });
    executor_.RunAll();
  }
  session::PutFiles Request(const std::string& path, uint64_t operation, int copies = 2) {
    session::PutFiles request;
    request.set_request_id(1);
    request.set_user("root");
    auto* file = request.add_files();
    file->set_block_id(static_cast<uint64_t>(BlockIdOf(FileIdOfContainer(next_++), 0).value()));
    file->set_length_bytes(10);
    file->set_crc32c(7);
    file->mutable_options()->set_path(path);
    file->mutable_options()->set_operation_most_significant(operation);
    file->mutable_options()->set_block_size_bytes(1 << 20);
    file->mutable_options()->set_recursive(true);
    file->mutable_options()->set_mode(0644);
    file->mutable_options()->set_replication_max(-1);
    file->mutable_options()->set_durable_replicas(copies);
    file->mutable_options()->set_ttl_ms(-1);
    for (const auto& session : {first_, second_}) {
      auto* holder = request.add_holders();
      holder->set_worker_id(session.worker.value());
      holder->set_epoch(session.epoch.value());
    }
    return request;
  }
  session::PutFilesAck::Outcome Put(const session::PutFiles& request) {
    session::PutFilesAck answer;
    master_->PutFiles(first_, request, [&](session::PutFilesAck ack) { answer = std::move(ack); });
    answered_at_once_ = answer.outcomes_size() > 0;
    executor_.RunAll();
    return answer.outcomes_size() == 1 ? answer.outcomes(0) : session::PutFilesAck::Outcome();
  }
  static StatusCode Code(const session::PutFilesAck::Outcome& outcome) {
    return static_cast<StatusCode>(outcome.code());
  }
  static BlockId BlockOf(const session::PutFiles& request) {
    return BlockId(static_cast<int64_t>(request.files(0).block_id()));
  }
  Master::Session first_, second_;
  int64_t next_ = 0;
  bool answered_at_once_ = false;
};

TEST_F(PutFilesTest, fileIsThereCompleteWithItsCopiesAndIsPersisted) {
  const auto request = Request("/d/f", 1);
  EXPECT_EQ(Code(Put(request)), StatusCode::kOk);
  EXPECT_FALSE(answered_at_once_) << "before it was durable";
  const auto status = master_->GetStatus(root_, "/d/f");
  ASSERT_TRUE(status.result.ok());
  EXPECT_TRUE(status.result->completed);
  EXPECT_EQ(status.result->length_bytes, 10);
  EXPECT_EQ(status.result->persistence_state, PersistenceState::kToBePersisted);
  ASSERT_EQ(status.result->blocks.size(), 1u);
  EXPECT_EQ(status.result->blocks[0].id, BlockOf(request));
  EXPECT_EQ(status.result->blocks[0].locations.size(), 2u);
  const auto command = TakePersist();
  EXPECT_EQ(command.key(), "d/f");
  EXPECT_EQ(command.crc32c(), command.blocks(0).crc32c());
  CrashAndRestart();
  AddWorker("w1", {Report(BlockOf(request), 10)});
  AddWorker("w2", {Report(BlockOf(request), 10)});
  EXPECT_TRUE(master_->GetStatus(root_, "/d/f").result->completed);
}

TEST_F(PutFilesTest, allFilesOfARequest_arePersisted) {
  auto request = Request("/a", 1);
  for (const std::string path : {"/b", "/c"}) *request.add_files() = Request(path, 2).files(0);
  request.mutable_files(2)->mutable_options()->set_operation_most_significant(3);
  Put(request);
  std::set<std::string> keys;
  for (auto command = TakePersist(); command.job_id() != 0; command = TakePersist())
    keys.insert(command.key());
  EXPECT_EQ(keys, (std::set<std::string>{"a", "b", "c"}));
}

TEST_F(PutFilesTest, holderWhoseSessionIsOver_doesNotCount) {
  const auto request = Request("/f", 1);
  master_->SessionClosed(second_);
  EXPECT_EQ(Code(Put(request)), StatusCode::kUnavailable) << "it may be gone";
  second_ = AddWorker("w2");
  EXPECT_EQ(Code(Put(request)), StatusCode::kUnavailable) << "it was told to drop what it held";
  EXPECT_FALSE(*master_->Exists(root_, "/f").result);
  EXPECT_EQ(Code(Put(Request("/f", 1))), StatusCode::kOk);
}

TEST_F(PutFilesTest, repeatedOperation_isAnsweredAndNotCarriedOutAgain) {
  const auto once = Request("/f", 5);
  EXPECT_EQ(Code(Put(once)), StatusCode::kOk);
  const auto again = Put(Request("/f", 5));
  EXPECT_EQ(Code(again), StatusCode::kOk);
  EXPECT_TRUE(again.repeated_operation());
  EXPECT_EQ(master_->GetStatus(root_, "/f").result->blocks[0].id, BlockOf(once));
  ASSERT_TRUE(master_->Remove(root_, "/f", {}).result.ok());
  EXPECT_EQ(Code(Put(Request("/f", 5))), StatusCode::kUnavailable) << "it would come back";
}

TEST_F(PutFilesTest, fileBegunTheLongWayMeanwhile_isLeftToIt) {
  CreateFileOptions options;
  options.operation_id = OperationId{6, 0};
  ASSERT_TRUE(master_->CreateFile(root_, "/f", options).result.ok());
  executor_.RunAll();
  EXPECT_EQ(Code(Put(Request("/f", 6))), StatusCode::kUnavailable);
  EXPECT_FALSE(master_->GetStatus(root_, "/f").result->completed);
}

TEST_F(PutFilesTest, blockThatAHolderWasToldToDrop_isNotTaken) {
  const auto request = Request("/f", 1);
  EXPECT_EQ(master_->CommitBlock(second_, Report(BlockOf(request), 10)).code(),
            StatusCode::kNotFound);
  EXPECT_EQ(Code(Put(request)), StatusCode::kUnavailable);
}

TEST_F(PutFilesTest, blockThatAHolderHasLost_isNotTaken) {
  const auto request = Request("/f", 1);
  session::BlocksRemoved removed;
  removed.add_block_ids(request.files(0).block_id());
  master_->BlocksRemoved(second_, removed);
  EXPECT_EQ(Code(Put(request)), StatusCode::kUnavailable);
}

TEST_F(PutFilesTest, tooFewCopies_areRefused) {
  EXPECT_EQ(Code(Put(Request("/f", 1, 3))), StatusCode::kFailedPrecondition);
}

TEST_F(PutFilesTest, idThatWasNotReserved_isRefused) {
  auto request = Request("/f", 1);
  request.mutable_files(0)->set_block_id(5 << 24);
  EXPECT_EQ(Code(Put(request)), StatusCode::kInternal);
  EXPECT_EQ(Code(Put(Request("/g", 2))), StatusCode::kOk);
}

TEST_F(PutFilesTest, existingFile_isReplacedOnlyIfAsked) {
  EXPECT_EQ(Code(Put(Request("/f", 1))), StatusCode::kOk);
  EXPECT_EQ(Code(Put(Request("/f", 2))), StatusCode::kAlreadyExists);
  auto request = Request("/f", 3);
  request.mutable_files(0)->mutable_options()->set_overwrite(true);
  EXPECT_EQ(Code(Put(request)), StatusCode::kOk);
  EXPECT_EQ(master_->GetStatus(root_, "/f").result->blocks[0].id, BlockOf(request));
}

class PutEmptyFilesTest : public PutFilesTest {
 protected:
  StatusCode PutEmpty(const std::string& path, uint64_t operation, bool persisted = true) {
    smallfiles::PutFilesRequest request;
    auto* options = request.add_files()->mutable_options();
    *options = Request(path, operation).files(0).options();
    options->set_not_persisted(!persisted);
    return PutAll(request).at(0);
  }
  std::vector<StatusCode> PutAll(const smallfiles::PutFilesRequest& request) {
    const auto outcome = master_->PutEmptyFiles(root_, request);
    executor_.RunAll();
    std::vector<StatusCode> codes;
    for (const auto& file : outcome.result->outcomes())
      codes.push_back(static_cast<StatusCode>(file.code()));
    return codes;
  }
};

TEST_F(PutEmptyFilesTest, fileIsCompleteAndPersisted) {
  EXPECT_EQ(PutEmpty("/d/f", 1), StatusCode::kOk);
  EXPECT_EQ(TakePersist().key(), "d/f");
  CrashAndRestart();
  const auto status = *master_->GetStatus(root_, "/d/f").result;
  EXPECT_TRUE(status.completed);
  EXPECT_EQ(status.length_bytes, 0);
  EXPECT_TRUE(status.blocks.empty());
  EXPECT_EQ(status.persistence_state, PersistenceState::kToBePersisted);
}

TEST_F(PutEmptyFilesTest, fileThatIsNotToBePersisted_isNot) {
  EXPECT_EQ(PutEmpty("/f", 1, false), StatusCode::kOk);
  EXPECT_EQ(master_->GetStatus(root_, "/f").result->persistence_state,
            PersistenceState::kNotPersisted);
  EXPECT_EQ(TakePersist().job_id(), 0u);
}

TEST_F(PutEmptyFilesTest, repeatedOperation_isNotCarriedOutAgain) {
  EXPECT_EQ(PutEmpty("/f", 1), StatusCode::kOk);
  EXPECT_EQ(PutEmpty("/f", 1), StatusCode::kOk);
  EXPECT_EQ(PutEmpty("/f", 2), StatusCode::kAlreadyExists);
  ASSERT_TRUE(master_->Remove(root_, "/f", {}).result.ok());
  EXPECT_EQ(PutEmpty("/f", 1), StatusCode::kUnavailable) << "it would come back";
}

TEST_F(PutEmptyFilesTest, eachFileHasItsOwnOutcome) {
  smallfiles::PutFilesRequest request;
  for (const std::string path : {"/a", "relative", "/data", "/b"})
    *request.add_files()->mutable_options() = Request(path, path.size()).files(0).options();
  request.mutable_files(2)->set_data("x");
  request.mutable_files(3)->mutable_options()->set_operation_most_significant(77);
  EXPECT_EQ(PutAll(request),
            (std::vector<StatusCode>{StatusCode::kOk, StatusCode::kInvalidArgument,
                                     StatusCode::kInvalidArgument, StatusCode::kOk}));
  EXPECT_FALSE(*master_->Exists(root_, "/data").result);
  EXPECT_TRUE(*master_->Exists(root_, "/b").result);
}

TEST_F(PutFilesTest, reservedIds_areGivenOnce) {
  const int64_t before = next_;
  CrashAndRestart();
  first_ = AddWorker("w1");
  AddWorker("w2");
  Reserve();
  EXPECT_GE(next_, before + 1000);
  EXPECT_GT(WriteFile("/f", 0, {}).id.value(), FileIdOfContainer(next_).value());
}

}  // namespace
}  // namespace spillway
