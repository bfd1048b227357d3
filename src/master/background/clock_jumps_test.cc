// The wall clock is set, back by an hour and ahead by a day, while the master works.
#include "master/master_fixture.h"

namespace spillway {
namespace {

constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kStepMs = 100;
constexpr int64_t kPatienceMs = 120'000;  // longer than any back-off

class ClockJumpsTest : public MasterFixture, public testing::WithParamInterface<int64_t> {
 protected:
  ClockJumpsTest() : worker_(AddWorker("w1")) {}

  // The next upload command, and how long it took to come; job_id 0 if none came.
  session::PersistCommand AwaitPersist(int64_t* waited_ms) {
    session::PersistCommand command = TakePersist();
    for (*waited_ms = 0; command.job_id() == 0 && *waited_ms < kPatienceMs; *waited_ms += kStepMs) {
      AdvanceMs(kStepMs);
      command = TakePersist();
    }
    return command;
  }

  Master::Session worker_;
};

INSTANTIATE_TEST_SUITE_P(BackAndAhead, ClockJumpsTest, testing::Values(-kHourMs, 24 * kHourMs));

TEST_P(ClockJumpsTest, failedUpload_isRepeatedAfterItsBackOffAndNotBefore) {
  WriteFile("/f", 10, {worker_});
  int64_t waited_ms = 0;
  // The back-off grows: by the fourth failure it is longer than a step.
  for (int i = 0; i < 4; ++i) {
    const auto command = AwaitPersist(&waited_ms);
    ASSERT_NE(command.job_id(), 0U);
    AnswerPersist(worker_, command, MakeStatus(StatusCode::kResourceExhausted, "slow down"));
  }
  clock_.JumpWallMs(GetParam());
  const auto again = AwaitPersist(&waited_ms);
  ASSERT_NE(again.job_id(), 0U) << "the back-off does not end";
  EXPECT_GE(waited_ms, kStepMs) << "the back-off was cut short";
  Upload(worker_, again);
  EXPECT_EQ(StateOf("/f"), PersistenceState::kPersisted);
}

TEST_P(ClockJumpsTest, restartAfterIt_jobsOfBeforeAreDone) {
  const FileStatus file = WriteFile("/f", 10, {worker_});
  AnswerPersist(worker_, TakePersist(), MakeStatus(StatusCode::kResourceExhausted, "slow down"));
  clock_.JumpWallMs(GetParam());
  CrashAndRestart();
  worker_ = AddWorker("w1", {Report(file.blocks[0].id, 10)});
  int64_t waited_ms = 0;
  const auto again = AwaitPersist(&waited_ms);
  ASSERT_NE(again.job_id(), 0U);
  Upload(worker_, again);
  EXPECT_EQ(StateOf("/f"), PersistenceState::kPersisted);
}

TEST_P(ClockJumpsTest, deleteOfBefore_isCarriedOut) {
  WritePersisted("/f", 10, worker_);
  RemoveOptions options;
  ASSERT_TRUE(master_->Remove(root_, "/f", options).result.ok());
  clock_.JumpWallMs(GetParam());
  Pass(60'000);
  EXPECT_EQ(understore_->Head("f").status().code(), StatusCode::kNotFound);
}

TEST_P(ClockJumpsTest, timeToLive_followsTheWall) {
  WriteFile("/f", 10, {worker_});
  SetAttributeOptions options;
  options.ttl_ms = 2 * kHourMs;
  options.ttl_action = TtlAction::kDelete;
  ASSERT_TRUE(master_->SetAttribute(root_, "/f", options).result.ok());
  clock_.JumpWallMs(GetParam());
  AdvanceMs(kStepMs);
  Pass(options_.ttl_check_interval_ms + 1000);
  EXPECT_EQ(*master_->Exists(root_, "/f").result, GetParam() < 0);
}

TEST_P(ClockJumpsTest, session_livesOn) {
  clock_.JumpWallMs(GetParam());
  Pass(10'000);
  const auto workers = master_->GetWorkers();
  ASSERT_TRUE(workers.ok()) << workers.status();
  EXPECT_EQ(workers->size(), 1U);
}

}  // namespace
}  // namespace spillway
