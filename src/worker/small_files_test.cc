// Small files taken whole, between two workers and a master that is played here.
#include <gtest/gtest.h>

#include "api/unused_worker_api.h"
#include "common/checksum.h"
#include "worker/ops/small_files.h"

namespace spillway {
namespace {

class SmallFilesTest : public testing::Test, public WorkerConnector {
 protected:
  struct Side {
    explicit Side(SmallFilesTest* test, int number) {
      BlockStoreOptions options;
      options.tiers = {{"MEM", {{"/mem", 1 << 20}}}};
      store = std::make_unique<BlockStore>(options, &env);
      EXPECT_TRUE(store->Open().ok());
      files = std::make_unique<SmallFiles>(SmallFiles::Context{
          &test->clock_, store.get(), test,
          [this](uint64_t session, session::WorkerMessage message) {
            if (session != up) return false;
            sent.push_back(std::move(message));
            return true;
          },
          [this](const StoredBlock& block, const std::function<void(Status)>& done) {
            asked.push_back(block.id);
            done(answer_to_ask);
          }});
      Begin(1, number);
    }
    void Begin(uint64_t session, int number) {
      up = session;
      files->Begin(session, WorkerId(number), Epoch(static_cast<int64_t>(10 * session)));
    }
    MemoryFileEnv env;
    std::unique_ptr<BlockStore> store;
    std::unique_ptr<SmallFiles> files;
    uint64_t up = 0;
    std::vector<session::WorkerMessage> sent;
    std::vector<BlockId> asked;
    Status answer_to_ask;
  };
  class Link : public UnusedWorkerApi {
   public:
    Link(SmallFilesTest* test, SmallFiles* files) : test_(test), files_(files) {}
    void StoreBlocks(const smallfiles::StoreBlocksRequest& request,
                     std::function<void(StatusOr<smallfiles::StoreBlocksResponse>)> done) override {
      auto answer = files_->StoreBlocks(request);
      if (test_->lose_answer_) return done(Unavailable("the answer was lost"));
      done(std::move(answer));
    }

   private:
    SmallFilesTest* const test_;
    SmallFiles* const files_;
  };

  SmallFilesTest() : here_(this, 1), there_(this, 2) { Reserve(); }
  std::shared_ptr<WorkerApi> Connect(const WorkerAddress& address) override {
    return std::make_shared<Link>(this,
                                  address.host == "here" ? here_.files.get() : there_.files.get());
  }
  void Reserve() {
    Put("/none");  // asks for ids
    session::ReservedIds ids;
    ids.set_first_container_id(1000);
    ids.set_count(10'000);
    here_.files->OnReserved(ids);
    here_.sent.clear();
  }
  void Put(const std::string& path) {
    smallfiles::PutFilesRequest request;
    request.add_files()->mutable_options()->set_path(path);
    request.mutable_files(0)->set_data("some data");
    request.add_peers()->set_host("there");
    outcome_.reset();
    here_.files->PutFiles(
        request, "root", {"root"}, [this](const StatusOr<smallfiles::PutFilesResponse>& response) {
          outcome_ = response.ok() ? Status(static_cast<StatusCode>(response->outcomes(0).code()),
                                            response->outcomes(0).message())
                                   : response.status();
        });
  }
  // Of files that came otherwise than they were sent.
  Status PutAs(std::optional<int64_t> length, std::optional<uint32_t> crc32c) {
    smallfiles::PutFilesRequest request;
    request.add_files()->mutable_options()->set_path("/f");
    request.mutable_files(0)->set_data("some data");
    if (length) request.mutable_files(0)->set_length_bytes(*length);
    if (crc32c) request.mutable_files(0)->set_crc32c(*crc32c);
    request.add_peers()->set_host("there");
    outcome_.reset();
    here_.files->PutFiles(request, "root", {"root"}, [this](const auto& response) {
      outcome_ = Status(static_cast<StatusCode>(response->outcomes(0).code()),
                        response->outcomes(0).message());
    });
    return outcome_.value_or(absl::OkStatus());
  }
  session::PutFiles Asked() {
    EXPECT_EQ(here_.sent.size(), 1u);
    return here_.sent.empty() ? session::PutFiles() : here_.sent.back().put_files();
  }
  void Answer(const session::PutFiles& asked, StatusCode code, bool repeated = false) {
    session::PutFilesAck ack;
    ack.set_request_id(asked.request_id());
    ack.add_outcomes()->set_code(static_cast<int>(code));
    ack.mutable_outcomes(0)->set_repeated_operation(repeated);
    here_.files->OnAck(ack);
  }
  static BlockId BlockOf(const session::PutFiles& asked) {
    return BlockId(static_cast<int64_t>(asked.files(0).block_id()));
  }

  ManualClock clock_;
  bool lose_answer_ = false;
  Side here_, there_;
  std::optional<Status> outcome_;
};

TEST_F(SmallFilesTest, put_isStoredOnBothBeforeTheMasterIsAsked) {
  Put("/f");
  const auto asked = Asked();
  EXPECT_FALSE(outcome_) << "answered before the master has";
  ASSERT_EQ(asked.holders_size(), 2);
  EXPECT_EQ(asked.holders(0).worker_id(), 1);
  EXPECT_EQ(asked.holders(1).worker_id(), 2);
  EXPECT_EQ(asked.holders(1).epoch(), 10);
  EXPECT_EQ(asked.files(0).length_bytes(), 9);
  EXPECT_TRUE(here_.store->Has(BlockOf(asked)) && there_.store->Has(BlockOf(asked)));
  Answer(asked, StatusCode::kOk);
  ASSERT_TRUE(outcome_);
  EXPECT_TRUE(outcome_->ok());
  here_.files->Tick();
  clock_.AdvanceMs(60'000);
  there_.files->Tick();
  EXPECT_TRUE(there_.asked.empty()) << "it was told that the file is made";
  EXPECT_TRUE(here_.store->Has(BlockOf(asked)) && there_.store->Has(BlockOf(asked)));
}

TEST_F(SmallFilesTest, refusedOrRepeated_isDroppedOnBoth) {
  for (const bool repeated : {false, true}) {
    here_.sent.clear();
    Put("/f");
    const auto asked = Asked();
    Answer(asked, repeated ? StatusCode::kOk : StatusCode::kAlreadyExists, repeated);
    ASSERT_TRUE(outcome_);
    EXPECT_EQ(outcome_->ok(), repeated);
    here_.files->Tick();
    EXPECT_FALSE(here_.store->Has(BlockOf(asked)) || there_.store->Has(BlockOf(asked)));
  }
}

TEST_F(SmallFilesTest, sessionThatEndsBeforeTheAnswer_leavesItToTheMaster) {
  Put("/f");
  const auto asked = Asked();
  here_.up = 0;
  here_.files->End();
  ASSERT_TRUE(outcome_);
  EXPECT_EQ(outcome_->code(), StatusCode::kUnavailable);
  here_.files->Tick();
  EXPECT_TRUE(here_.store->Has(BlockOf(asked)) && there_.store->Has(BlockOf(asked)));
  Answer(asked, StatusCode::kOk);  // of the old session: nobody waits any more
  there_.answer_to_ask = NotFound("of no file");
  clock_.AdvanceMs(31'000);
  there_.files->Tick();
  EXPECT_FALSE(there_.store->Has(BlockOf(asked))) << "the peer asks in the end";
}

TEST_F(SmallFilesTest, peersSilence_dropsWhatItMayHaveStored) {
  lose_answer_ = true;
  Put("/f");
  EXPECT_TRUE(here_.sent.empty());
  ASSERT_TRUE(outcome_);
  EXPECT_EQ(outcome_->code(), StatusCode::kUnavailable);
  EXPECT_TRUE(here_.store->All().empty());
  EXPECT_EQ(there_.store->All().size(), 1u);
  here_.files->Tick();
  EXPECT_TRUE(there_.store->All().empty());
}

TEST_F(SmallFilesTest, peerWithoutSession_storesNothing) {
  there_.files->End();
  Put("/f");
  ASSERT_TRUE(outcome_);
  EXPECT_EQ(outcome_->code(), StatusCode::kUnavailable);
  EXPECT_TRUE(here_.store->All().empty() && there_.store->All().empty());
}

TEST_F(SmallFilesTest, committedBlock_isNotDroppedByLateNews) {
  Put("/f");
  const auto asked = Asked();
  there_.Begin(2, 2);  // the master has judged what it held
  Answer(asked, StatusCode::kAlreadyExists);
  here_.files->Tick();
  EXPECT_TRUE(there_.store->Has(BlockOf(asked)));
}

TEST_F(SmallFilesTest, idsOfAnEarlierSession_areNotUsed) {
  here_.up = 2;
  EXPECT_TRUE(here_.files->Begin(2, WorkerId(1), Epoch(20))) << "more are to be asked for";
  Put("/f");
  ASSERT_TRUE(outcome_);
  EXPECT_EQ(outcome_->code(), StatusCode::kUnavailable);
  EXPECT_TRUE(here_.sent.empty());
}

TEST_F(SmallFilesTest, filesThatArriveOtherwise_areStoredNowhere) {
  const uint32_t crc = Crc32c("some data");
  EXPECT_EQ(PutAs(10, crc).code(), StatusCode::kDataLoss);
  EXPECT_EQ(PutAs(9, crc + 1).code(), StatusCode::kDataLoss);
  EXPECT_EQ(PutAs(-1, std::nullopt).code(), StatusCode::kDataLoss);
  EXPECT_TRUE(here_.store->All().empty());
  EXPECT_TRUE(there_.store->All().empty());
  EXPECT_TRUE(here_.sent.empty());
  EXPECT_TRUE(PutAs(9, crc).ok());
  EXPECT_EQ(Asked().files(0).length_bytes(), 9);
  EXPECT_TRUE(there_.store->Has(BlockOf(Asked())));
}

TEST_F(SmallFilesTest, storeBlocks_whatCannotBe_isStoredNowhere) {
  smallfiles::StoreBlocksRequest request;
  for (int i = 0; i < 3; ++i) {
    auto* block = request.add_blocks();
    block->set_block_id(static_cast<uint64_t>(i + 1) << 24);
    block->set_data("some data");
    block->set_crc32c(Crc32c("some data"));
    block->set_length_bytes(9);
  }
  request.mutable_blocks(0)->set_block_id(uint64_t{1} << 63);
  request.mutable_blocks(1)->set_length_bytes(8);
  request.mutable_blocks(2)->set_crc32c(1);
  const auto answer = there_.files->StoreBlocks(request);
  for (int i = 0; i < 3; ++i) EXPECT_NE(answer->outcomes(i).code(), 0) << i;
  EXPECT_TRUE(there_.store->All().empty());
  EXPECT_EQ(there_.store->Usage()[0].used_bytes, 0);
}

TEST_F(SmallFilesTest, idsThatCannotBe_areNotUsed) {
  for (const auto& [first, count] : {std::pair{int64_t{-5}, int64_t{10}},
                                     {int64_t{5}, int64_t{-10}},
                                     {INT64_MAX, int64_t{10}},
                                     {INT64_MAX >> 24, int64_t{1}}}) {
    here_.Begin(1, 1);
    session::ReservedIds ids;
    ids.set_first_container_id(first);
    ids.set_count(count);
    here_.files->OnReserved(ids);
    Put("/f");
    EXPECT_EQ(outcome_->code(), StatusCode::kUnavailable) << first << " " << count;
    EXPECT_TRUE(here_.store->All().empty());
  }
}

}  // namespace
}  // namespace spillway
