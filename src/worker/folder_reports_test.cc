// What the master hears of storage folders that fail and come back, and of files set aside.
#include "worker/worker_fixture.h"

namespace spillway {
namespace {

class FolderReportsTest : public WorkerFixture {
 protected:
  void Probe() {
    clock_.AdvanceMs(20'000);
    worker_->Tick();
    executor_.RunAll();
    worker_->Tick();
  }
  void Commit(int64_t id, const std::string& data) {
    Status result = kPending;
    Write(id, data, &result);
    Ack(Last(session::WorkerMessage::kCommitBlock)->commit_block().request_id());
    ASSERT_TRUE(result.ok());
  }
};

TEST_F(FolderReportsTest, folderFails_itsBlocksAreToldAsGone_andAsHeldWhenItIsBack) {
  Commit(1, "data");
  ASSERT_NE(Last(session::WorkerMessage::kFolders), nullptr);
  EXPECT_EQ(Last(session::WorkerMessage::kFolders)->folders().folders(0).state(), 0);
  env_.FailBelow("/mem", Unavailable("input/output error"));
  Probe();
  const auto* removed = Last(session::WorkerMessage::kBlocksRemoved);
  ASSERT_NE(removed, nullptr);
  EXPECT_EQ(removed->blocks_removed().block_ids(0), 1u);
  EXPECT_EQ(Last(session::WorkerMessage::kHeartbeat)->heartbeat().tiers(0).capacity_bytes(), 0);
  const session::Folders failed = Last(session::WorkerMessage::kFolders)->folders();
  EXPECT_EQ(failed.folders(0).state(), 3);
  EXPECT_NE(failed.folders(0).why().find("input/output error"), std::string::npos);
  env_.FailBelow("/mem", absl::OkStatus());
  sent_.clear();
  Probe();
  const auto* held = Last(session::WorkerMessage::kBlocksHeld);
  ASSERT_NE(held, nullptr);
  EXPECT_EQ(held->blocks_held().blocks(0).block_id(), 1u);
  EXPECT_EQ(Last(session::WorkerMessage::kBlocksRemoved), nullptr);
  EXPECT_EQ(Last(session::WorkerMessage::kFolders)->folders().folders(0).state(), 0);
  EXPECT_GT(Last(session::WorkerMessage::kHeartbeat)->heartbeat().tiers(0).capacity_bytes(), 0);
}

TEST_F(FolderReportsTest, reportsAreSentWhenSomethingChanges_andInEachSession) {
  sent_.clear();
  Probe();
  EXPECT_EQ(Last(session::WorkerMessage::kFolders), nullptr);
  worker_->SessionDown();
  Connect();
  EXPECT_NE(Last(session::WorkerMessage::kFolders), nullptr);
}

TEST_F(FolderReportsTest, fileSetAside_isToldAndRestoredOrDropped) {
  Commit(1, "data");
  const std::string path = env_.FilesBelow("/mem/spillwayworker/blocks/").front();
  ASSERT_TRUE(env_.FlipBit(path, 0).ok());
  worker_->SuspectBlock(BlockId(1));
  executor_.RunAll();
  worker_->Tick();
  const session::Folders told = Last(session::WorkerMessage::kFolders)->folders();
  ASSERT_EQ(told.lost_size(), 1);
  EXPECT_EQ(told.folders(0).lost_bytes(), 4);
  session::MasterMessage message;
  auto* change = message.mutable_change_lost_file();
  change->set_folder(told.lost(0).folder());
  change->set_name(told.lost(0).name());
  worker_->OnMessage(message);
  executor_.RunAll();
  EXPECT_NE(Last(session::WorkerMessage::kFolders)->folders().lost(0).why().find("not restored"),
            std::string::npos);
  change->set_drop(true);
  worker_->OnMessage(message);
  executor_.RunAll();
  EXPECT_EQ(Last(session::WorkerMessage::kFolders)->folders().lost_size(), 0);
  EXPECT_TRUE(env_.FilesBelow("/mem/spillwayworker/lost/").empty());
}

}  // namespace
}  // namespace spillway
