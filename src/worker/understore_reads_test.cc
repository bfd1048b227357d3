// Reads of blocks that are not here: the version that the namespace knows, or an error.
#include "worker/worker_fixture.h"

namespace spillway {
namespace {

class UnderStoreReadsTest : public WorkerFixture {
 protected:
  struct Result {
    std::string data;
    Status status = kPending;
  };

  std::string PutObject(const std::string& key, const std::string& data) {
    StringBody body(data);
    return understore_->Put(key, body, {})->etag;
  }

  // As the master answers for a block of dir/f, whose blocks have 4 bytes and ids from 50.
  void Know(int64_t block, const std::string& data, const std::string& etag) {
    session::BlockOrigin& origin = origins_[block];
    origin.set_mount_id(1);
    origin.set_key("dir/f");
    origin.set_etag(etag);
    origin.set_object_bytes(static_cast<int64_t>(data.size()));
    origin.set_offset_in_object(4 * (block - 50));
    origin.set_length_bytes(std::min<int64_t>(4, origin.object_bytes() - 4 * (block - 50)));
    origin.set_crc32c(
        Crc32c(data.substr(origin.offset_in_object(), static_cast<size_t>(origin.length_bytes()))));
  }

  // Everything that can happen, the master's answers included.
  void Run() {
    do {
      executor_.RunAll();
    } while (AnswerOne());
  }
  bool AnswerOne() {
    while (answered_ < sent_.size()) {
      const session::WorkerMessage asked = sent_[answered_++];
      if (!asked.has_get_block_origin()) continue;
      ++questions_;
      if (on_question_) on_question_();
      session::MasterMessage answer;
      const auto it = origins_.find(static_cast<int64_t>(asked.get_block_origin().block_id()));
      if (it != origins_.end()) *answer.mutable_block_origin() = it->second;
      if (it == origins_.end())
        answer.mutable_block_origin()->set_code(static_cast<int>(StatusCode::kNotFound));
      answer.mutable_block_origin()->set_request_id(asked.get_block_origin().request_id());
      worker_->OnMessage(answer);
      return true;
    }
    return false;
  }

  void Begin(int64_t block, int64_t offset, int64_t length, Result* result,
             std::optional<UnderStoreRange> range = UnderStoreRange()) {
    worker_->ReadFromUnderStore(
        {BlockId(block), offset, length, std::move(range)},
        [result](std::string_view data) {
          result->data += data;
          return absl::OkStatus();
        },
        [result](const Status& status) { result->status = status; });
  }
  Result Read(int64_t block, int64_t offset, int64_t length) {
    Result result;
    Begin(block, offset, length, &result);
    Run();
    return result;
  }
  int64_t TimesTold() const {
    return std::count_if(sent_.begin(), sent_.end(),
                         [](const auto& message) { return message.has_object_changed(); });
  }

  std::map<int64_t, session::BlockOrigin> origins_;
  std::function<void()> on_question_;
  size_t answered_ = 0;
  int questions_ = 0;
};

TEST_F(UnderStoreReadsTest, wholeBlocks_areKept_partsAreNot) {
  const std::string data = "0123456789";
  const std::string etag = PutObject("dir/f", data);
  for (const int64_t block : {50, 51, 52}) Know(block, data, etag);
  const Result part = Read(51, 1, 2);
  EXPECT_TRUE(part.status.ok()) << part.status;
  EXPECT_EQ(part.data, "56");
  EXPECT_FALSE(store_->Has(BlockId(51)));
  EXPECT_EQ(Read(51, 0, 4).data, "4567");
  EXPECT_TRUE(store_->Has(BlockId(51)));
  EXPECT_EQ(Read(52, 0, 2).data, "89") << "the last block is shorter";
  EXPECT_TRUE(store_->Has(BlockId(52)));
  Result not_kept;
  UnderStoreRange no_cache;
  no_cache.no_cache = true;
  Begin(50, 0, 4, &not_kept, no_cache);
  Run();
  EXPECT_TRUE(not_kept.status.ok());
  EXPECT_FALSE(store_->Has(BlockId(50)));
}

TEST_F(UnderStoreReadsTest, forgedOptions_readNothingElse) {
  PutObject("secret", "secret");
  const std::string data = "01234567";
  Know(50, data, PutObject("dir/f", data));
  Result result;
  Begin(50, 0, 4, &result, UnderStoreRange{MountId(7), "s3://elsewhere/secret", 2, 6, false});
  Run();
  EXPECT_TRUE(result.status.ok()) << result.status;
  EXPECT_EQ(result.data, "0123");
  Result unknown;
  Begin(99, 0, 6, &unknown, UnderStoreRange{MountId(1), "s3://bucket/secret", 0, 6, false});
  Run();
  EXPECT_EQ(unknown.status.code(), StatusCode::kNotFound);
  EXPECT_EQ(unknown.data, "");
  EXPECT_EQ(Read(50, 2, 3).status.code(), StatusCode::kInvalidArgument) << "beyond the block";
  EXPECT_EQ(Read(50, INT64_MAX, 1).status.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Read(50, 1, INT64_MAX).status.code(), StatusCode::kInvalidArgument);
}

TEST_F(UnderStoreReadsTest, objectReplacedHalfWay_isAnError_andTold) {
  const std::string data = "01234567";
  const std::string etag = PutObject("dir/f", data);
  Know(50, data, etag);
  Know(51, data, etag);
  EXPECT_EQ(Read(50, 0, 4).data, "0123");
  PutObject("dir/f", "abcdefgh");
  const Result rest = Read(51, 0, 4);
  EXPECT_EQ(rest.status.code(), StatusCode::kFailedPrecondition) << rest.status;
  EXPECT_EQ(rest.data, "");
  EXPECT_FALSE(store_->Has(BlockId(51)));
  EXPECT_TRUE(store_->Has(BlockId(50))) << "what is here is of the version that was opened";
  EXPECT_EQ(TimesTold(), 1);
  EXPECT_EQ(Last(session::WorkerMessage::kObjectChanged)->object_changed().block_id(), 51U);
  EXPECT_EQ(questions_, 3) << "it was asked once more whether it had been moved";
}

TEST_F(UnderStoreReadsTest, longerObject_isAnError_evenWithoutAnEtag) {
  const std::string data = "01234567";
  PutObject("dir/f", data + "89");
  Know(51, data, "");
  const Result result = Read(51, 0, 4);
  EXPECT_EQ(result.status.code(), StatusCode::kFailedPrecondition) << result.status;
  EXPECT_EQ(result.data, "");
  EXPECT_EQ(TimesTold(), 1);
}

TEST_F(UnderStoreReadsTest, deletedObject_isAnError_andTold) {
  Know(50, "01234567", "etag");
  EXPECT_EQ(Read(50, 1, 2).status.code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(TimesTold(), 1);
}

TEST_F(UnderStoreReadsTest, objectMovedMeanwhile_isReadWhereItIs) {
  const std::string data = "01234567";
  Know(50, data, "moved");
  on_question_ = [&] {
    if (questions_ < 2) return;
    origins_[50].set_key("elsewhere/f");
    origins_[50].set_etag(PutObject("elsewhere/f", data));
  };
  const Result result = Read(50, 0, 4);
  EXPECT_TRUE(result.status.ok()) << result.status;
  EXPECT_EQ(result.data, "0123");
  EXPECT_EQ(TimesTold(), 0);
}

TEST_F(UnderStoreReadsTest, fileDeletedMeanwhile_isNotTold) {
  Know(50, "01234567", "etag");
  on_question_ = [&] {
    if (questions_ == 2) origins_.clear();
  };
  EXPECT_EQ(Read(50, 0, 4).status.code(), StatusCode::kNotFound);
  EXPECT_EQ(TimesTold(), 0);
}

TEST_F(UnderStoreReadsTest, storeAway_isNoChange) {
  const std::string data = "01234567";
  Know(50, data, PutObject("dir/f", data));
  understore_->FailNext(1, Unavailable("down"), false);
  EXPECT_EQ(Read(50, 0, 4).status.code(), StatusCode::kUnavailable);
  EXPECT_EQ(TimesTold(), 0);
  EXPECT_FALSE(store_->Has(BlockId(50)));
}

TEST_F(UnderStoreReadsTest, wrongBytes_areNoWholeBlock) {
  Know(50, "01234567", PutObject("dir/f", "012X4567"));
  origins_[50].set_crc_known(true);
  const Result result = Read(50, 0, 4);
  EXPECT_EQ(result.status.code(), StatusCode::kDataLoss) << result.status;
  EXPECT_LT(result.data.size(), 4U) << "the end is held back";
  EXPECT_FALSE(store_->Has(BlockId(50)));
  EXPECT_EQ(TimesTold(), 0) << "it has the etag of what was written";
  origins_[50].clear_etag();
  EXPECT_EQ(Read(50, 0, 4).status.code(), StatusCode::kDataLoss);
  EXPECT_EQ(TimesTold(), 1) << "it may be another object";
}

TEST_F(UnderStoreReadsTest, shortAnswer_isNoWholeBlock) {
  class ShortStore : public MemoryUnderStore {
    using MemoryUnderStore::Get;
    Status Get(const std::string&, int64_t, int64_t length, const GetOptions&,
               const Sink& sink) override {
      return sink(std::string(static_cast<size_t>(length - 1), 'x'));
    }
  };
  opened_ = std::make_shared<ShortStore>();
  Know(50, "01234567", "etag");
  const Result result = Read(50, 0, 4);
  EXPECT_EQ(result.status.code(), StatusCode::kUnavailable) << result.status;
  EXPECT_FALSE(store_->Has(BlockId(50)));
}

TEST_F(UnderStoreReadsTest, longAnswer_isCutByNobody) {
  class LongStore : public MemoryUnderStore {
    using MemoryUnderStore::Get;
    Status Get(const std::string&, int64_t, int64_t length, const GetOptions&,
               const Sink& sink) override {
      return sink(std::string(static_cast<size_t>(length + 1), 'x'));
    }
  };
  opened_ = std::make_shared<LongStore>();
  Know(50, "01234567", "etag");
  const Result result = Read(50, 0, 4);
  EXPECT_EQ(result.status.code(), StatusCode::kInternal) << result.status;
  EXPECT_EQ(result.data, "");
}

TEST_F(UnderStoreReadsTest, withoutTheMaster_isUnavailable) {
  Result asked;
  Begin(50, 0, 4, &asked);
  worker_->SessionDown();
  executor_.RunAll();
  EXPECT_EQ(asked.status.code(), StatusCode::kUnavailable);
  Result later;
  Begin(50, 0, 4, &later);
  executor_.RunAll();
  EXPECT_EQ(later.status.code(), StatusCode::kUnavailable);
}

TEST_F(UnderStoreReadsTest, silentMaster_isNotWaitedForLong) {
  Result asked;
  Begin(50, 0, 4, &asked);
  worker_->Tick();
  executor_.RunAll();
  EXPECT_EQ(asked.status, kPending);
  clock_.AdvanceMs(BlockOrigins::kWaitMs);
  worker_->Tick();
  executor_.RunAll();
  EXPECT_EQ(asked.status.code(), StatusCode::kUnavailable);
}

TEST_F(UnderStoreReadsTest, numbersThatDoNotFit_areNotActedUpon) {
  const std::string data = "01234567";
  const std::string etag = PutObject("dir/f", data);
  const auto with = [&](const std::function<void(session::BlockOrigin&)>& change) {
    Know(50, data, etag);
    change(origins_[50]);
    return Read(50, 0, 4).status.code();
  };
  EXPECT_EQ(with([](auto& origin) { origin.set_offset_in_object(-1); }), StatusCode::kInternal);
  EXPECT_EQ(with([](auto& origin) { origin.set_offset_in_object(INT64_MAX); }),
            StatusCode::kInternal);
  EXPECT_EQ(with([](auto& origin) { origin.set_length_bytes(9); }), StatusCode::kInternal);
  EXPECT_EQ(with([](auto& origin) { origin.set_length_bytes(-4); }), StatusCode::kInternal);
  EXPECT_EQ(with([](auto& origin) { origin.set_object_bytes(-1); }), StatusCode::kInternal);
  EXPECT_EQ(with([](auto& origin) { origin.clear_key(); }), StatusCode::kInternal);
  EXPECT_EQ(with([](auto& origin) { origin.set_mount_id(8); }), StatusCode::kUnavailable);
  EXPECT_EQ(understore_->requests("get"), 0);
}

TEST_F(UnderStoreReadsTest, cacheBlock_bringsTheBlockThatTheMasterNames) {
  const std::string data = "01234567";
  Know(51, data, PutObject("dir/f", data));
  origins_[51].set_crc_known(true);
  Status cached = kPending;
  WorkerAddress nobody;
  nobody.host = "gone";
  worker_->CacheBlock(BlockId(51), nobody, [&](const Status& status) { cached = status; });
  Run();
  EXPECT_TRUE(cached.ok()) << cached;
  EXPECT_TRUE(store_->Has(BlockId(51)));
  EXPECT_EQ(Last(session::WorkerMessage::kCommitBlock)->commit_block().block().crc32c(),
            Crc32c("4567"));
  Status unknown = kPending;
  worker_->CacheBlock(BlockId(99), std::nullopt, [&](const Status& status) { unknown = status; });
  Run();
  EXPECT_EQ(unknown.code(), StatusCode::kNotFound);
}

// What peers have to give.
class PeerReadsTest : public UnderStoreReadsTest {
 protected:
  PeerReadsTest() { peers_.blocks = &blocks_; }
  std::map<int64_t, std::string> blocks_;
};

TEST_F(PeerReadsTest, cacheBlock_fromAPeer_isComparedFirst) {
  const std::string data = "01234567";
  Know(50, data, "");
  origins_[50].set_code(static_cast<int>(StatusCode::kUnavailable));  // not in the store yet
  origins_[50].set_crc_known(true);
  WorkerAddress peer;
  peer.host = "peer";
  Status cached;
  const auto cache = [&] {
    cached = kPending;
    worker_->CacheBlock(BlockId(50), peer, [&](const Status& status) { cached = status; });
    Run();
    return cached;
  };
  blocks_[50] = "01X3";
  EXPECT_EQ(cache().code(), StatusCode::kUnavailable);
  EXPECT_FALSE(store_->Has(BlockId(50)));
  blocks_[50] = "01";
  EXPECT_EQ(cache().code(), StatusCode::kUnavailable);
  EXPECT_FALSE(store_->Has(BlockId(50)));
  blocks_[50] = "0123";
  EXPECT_EQ(cache(), kPending);
  EXPECT_TRUE(store_->Has(BlockId(50))) << "and its commit waits for the master";
}

TEST_F(PeerReadsTest, replicate_asAnotherBlock_isCommittedUnderItsOwnId) {
  const std::string data = "0123456789";
  Know(51, data, PutObject("dir/f", data));
  session::MasterMessage message;
  auto* command = message.mutable_replicate_block();
  command->mutable_block()->set_block_id(51);
  command->mutable_block()->set_length_bytes(4);
  command->mutable_block()->set_crc32c(Crc32c("4567"));
  command->mutable_block()->set_crc_known(true);
  command->mutable_block()->add_holders()->set_host("peer");
  command->set_store_as(8);
  command->set_pinned(true);
  command->set_mount_id(1);
  blocks_[51] = "45X7";
  worker_->OnMessage(message);
  Run();
  EXPECT_TRUE(store_->Has(BlockId(8))) << "the peer's bytes are wrong, the store's are right";
  EXPECT_FALSE(store_->Has(BlockId(51)));
  const auto* commit = Last(session::WorkerMessage::kCommitBlock);
  ASSERT_NE(commit, nullptr);
  EXPECT_EQ(commit->commit_block().block().block_id(), 8U);
  EXPECT_EQ(commit->commit_block().block().crc32c(), Crc32c("4567"));
  EXPECT_TRUE(commit->commit_block().block().pinned());
  Ack(commit->commit_block().request_id());
  const auto* result = Last(session::WorkerMessage::kReplicateResult);
  ASSERT_NE(result, nullptr);
  EXPECT_EQ(result->replicate_result().code(), 0);
  EXPECT_EQ(result->replicate_result().block_id(), 8U);
  EXPECT_EQ(result->replicate_result().copied_from(), 51U);
  EXPECT_EQ(result->replicate_result().bad_holders_size(), 1);
}

TEST_F(PeerReadsTest, replicate_ofAReplacedObject_copiesNothing) {
  Know(50, "01234567", PutObject("dir/f", "01234567"));
  PutObject("dir/f", "abcdefgh");
  session::MasterMessage message;
  auto* command = message.mutable_replicate_block();
  command->mutable_block()->set_block_id(50);
  command->mutable_block()->set_length_bytes(4);
  command->set_mount_id(1);
  worker_->OnMessage(message);
  Run();
  EXPECT_FALSE(store_->Has(BlockId(50)));
  EXPECT_EQ(Last(session::WorkerMessage::kReplicateResult)->replicate_result().code(),
            static_cast<int>(StatusCode::kFailedPrecondition));
  EXPECT_EQ(TimesTold(), 1);
}

}  // namespace
}  // namespace spillway
