// Multipart uploads that nobody wants any more are aborted, those of others are not.
#include "master/master_fixture.h"

namespace spillway {
namespace {

class OrphansTest : public MasterFixture {
 protected:
  OrphansTest() {
    options_.part_size_bytes = 100;
    CrashAndRestart();
    worker_ = AddWorker("w1");
  }
  void Remove(const std::string& path) {
    ASSERT_TRUE(master_->Remove(root_, path, {}).result.ok());
    executor_.RunAll();
  }
  void NoAnswer(const std::string& kind, int count = 1) {
    understore_->FailNext(count, MakeStatus(StatusCode::kDeadlineExceeded, "no answer"), true,
                          kind);
  }
  std::set<std::string> Uploads() {
    std::set<std::string> ids;
    const auto uploads = understore_->ListUploads("");
    for (const OpenUpload& upload : *uploads) ids.insert(upload.upload_id);
    return ids;
  }
  Master::Session worker_;
};

TEST_F(OrphansTest, uploadsOfOthersAtTheKey_stay) {
  clock_.AdvanceMs(10'000);
  const auto before = understore_->CreateMultipart("big", {});
  Pass(5000);
  NoAnswer("create_multipart");
  WriteTwoBlocks("/big", worker_);
  executor_.RunAll();
  EXPECT_EQ(understore_->open_uploads(), 2u);
  Remove("/big");
  Pass(5000);
  EXPECT_EQ(Uploads(), std::set<std::string>{*before});
  Pass(options_.unknown_outcome_ms + 60'000);
  const auto after = understore_->CreateMultipart("big", {});
  Pass(5000);
  EXPECT_EQ(Uploads(), (std::set<std::string>{*before, *after}));
}

TEST_F(OrphansTest, uploadThatIsNotToBeAborted_isTriedLessAndLess) {
  clock_.AdvanceMs(10'000);
  WriteTwoBlocks("/big", worker_);
  executor_.RunAll();
  understore_->FailNext(1'000'000, Unavailable("no"), false, "abort_multipart");
  const auto first = TakePersist();
  const auto second = TakePersist();
  Remove("/big");
  for (const auto& part : {first, second}) AnswerPersist(worker_, part, Unavailable("cancelled"));
  Pass(600'000);
  EXPECT_GE(understore_->requests("abort_multipart"), 10);
  EXPECT_LE(understore_->requests("abort_multipart"), 40);
  understore_->FailNext(0, absl::OkStatus(), false);
  Pass(60'000);
  EXPECT_EQ(understore_->open_uploads(), 0u);
}

// A master that starts takes up its jobs some at a time: an upload may be asked to be aborted once
// more while those at its key are listed.
TEST_F(OrphansTest, wantedAnewWhileTheListingIsOnItsWay_isLookedForAgain) {
  options_.persist_jobs_max = 5000;
  CrashAndRestart();
  worker_ = AddWorker("w1");
  clock_.AdvanceMs(10'000);
  for (int i = 0; i < 2000; ++i) WriteFile("/small/" + std::to_string(i), 0, {});
  NoAnswer("create_multipart");
  WriteTwoBlocks("/big", worker_);
  executor_.RunAll();
  ASSERT_EQ(understore_->requests("create_multipart"), 1);
  understore_->DelayNext(1, MakeStatus(StatusCode::kDeadlineExceeded, "no answer"), 100'000,
                         "create_multipart");
  clock_.AdvanceMs(options_.unknown_outcome_ms + 1000);
  master_->Heartbeat(worker_, {});
  master_->Tick();
  while (understore_->requests("create_multipart") == 1) ASSERT_TRUE(executor_.RunOne());
  // A crash, and a start of which not everything runs at once.
  master_.reset();
  journal_.reset();
  executor_.Drop();
  journal_ = std::make_unique<Journal>(store_.get(), &executor_,
                                       LastLogIndex(store_.get(), &executor_).value());
  master_ = std::make_unique<Master>(
      options_,
      MasterContext{&clock_, &random_, &executor_, journal_.get(), &sender_, &opener_, nullptr});
  ASSERT_TRUE(master_->Start().ok());
  master_->Tick();
  bool listed = false;
  understore_->OnUploadsListed([&] {
    if (std::exchange(listed, true)) return;
    executor_.RunAll();
  });
  executor_.RunAll();
  understore_->OnUploadsListed(nullptr);
  EXPECT_TRUE(listed);
  Pass(6000);  // the safe mode
  ASSERT_TRUE(master_->Remove(root_, "/small", {.recursive = true}).result.ok());
  Remove("/big");
  Pass(options_.unknown_outcome_ms + 60'000);
  EXPECT_EQ(understore_->requests("create_multipart"), 2);
  EXPECT_EQ(understore_->open_uploads(), 0u);
}

}  // namespace
}  // namespace spillway
