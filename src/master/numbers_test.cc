// Numbers that no client and no worker can mean.
#include "common/checked.h"
#include "master/master_fixture.h"

namespace spillway {
namespace {

class NumbersTest : public MasterFixture {};

TEST_F(NumbersTest, register_tiersThatCannotBe_areRefused) {
  for (const int64_t bytes : {int64_t{-1}, INT64_MIN, INT64_MAX}) {
    for (int field = 0; field < 3; ++field) {
      session::Register request;
      request.mutable_address()->set_host("a");
      request.mutable_address()->set_data_port(29999);
      auto* tier = request.add_tiers();
      tier->set_alias("MEM");
      if (field == 0) tier->set_capacity_bytes(bytes);
      if (field == 1) tier->set_used_bytes(bytes);
      if (field == 2) tier->set_pinned_bytes(bytes);
      Status status;
      master_->RegisterWorker(request, [&](const auto& session) { status = session.status(); });
      executor_.RunAll();
      EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << bytes << " " << field;
    }
  }
  EXPECT_TRUE(master_->GetWorkerReport().empty());
}

TEST_F(NumbersTest, register_uploadsToMountsThatAreNone_arePassedOver) {
  session::Register request;
  request.mutable_address()->set_host("a");
  request.mutable_address()->set_data_port(29999);
  for (const int64_t mount : {int64_t{-1}, INT64_MIN, INT64_MAX, int64_t{0}, int64_t{7}}) {
    auto* upload = request.add_running_uploads();
    upload->set_job_id(static_cast<uint64_t>(mount));
    upload->set_mount_id(mount);
    upload->set_key("k");
  }
  Status status = Internal("not registered");
  master_->RegisterWorker(request, [&](const auto& session) { status = session.status(); });
  executor_.RunAll();
  EXPECT_TRUE(status.ok()) << status;
  Pass(600'000);  // it is lost
  EXPECT_EQ(master_->GetPersistSummary().running, 0);
}

TEST_F(NumbersTest, heartbeat_tiersThatCannotBe_arePassedOver) {
  const auto session = AddWorker("a");
  session::Heartbeat heartbeat;
  heartbeat.add_tiers()->set_capacity_bytes(INT64_MAX);
  heartbeat.add_tiers()->set_capacity_bytes(INT64_MAX);
  master_->Heartbeat(session, heartbeat);
  EXPECT_EQ(master_->GetWorkerReport()[0].capacity_bytes(), 1 << 30);
}

TEST_F(NumbersTest, blocks_lengthsThatCannotBe_areRefused) {
  const auto session = AddWorker("a");
  ASSERT_TRUE(master_->CreateFile(root_, "/f", {.block_size_bytes = 1000}).result.ok());
  const BlockId block = *master_->NewBlockId(root_, "/f").result;
  for (const int64_t length : {int64_t{-1}, INT64_MIN, INT64_MAX, int64_t{1001}}) {
    session::BlockReport report = Report(block, 10);
    report.set_length_bytes(length);
    EXPECT_EQ(master_->CommitBlock(session, report).code(), StatusCode::kInvalidArgument) << length;
    session::BlocksHeld held;
    *held.add_blocks() = report;
    master_->BlocksHeld(session, held);
    session::BlocksRemoved removed;  // as it was told
    removed.add_block_ids(static_cast<uint64_t>(block.value()));
    master_->BlocksRemoved(session, removed);
    EXPECT_FALSE(master_->CompleteFile(root_, "/f", {}).result.ok());
  }
  session::BlockReport negative = Report(block, 10);
  negative.set_block_id(UINT64_MAX);
  EXPECT_EQ(master_->CommitBlock(session, negative).code(), StatusCode::kInvalidArgument);
  session::BlockReport nowhere = Report(block, 10);
  nowhere.set_tier(UINT32_MAX);
  EXPECT_EQ(master_->CommitBlock(session, nowhere).code(), StatusCode::kInvalidArgument);
}

// It may have a good copy.
TEST_F(NumbersTest, reportThatCannotBe_isNoReasonToRemoveTheBlock) {
  const auto session = AddWorker("a");
  const FileStatus file = WriteFile("/f", 10, {session});
  session::BlocksHeld held;
  *held.add_blocks() = Report(BlockIdOf(file.id, 0), 10);
  held.mutable_blocks(0)->set_length_bytes(-1);
  master_->BlocksHeld(session, held);
  for (const auto& [to, message] : sender_.sent) EXPECT_FALSE(message.has_remove_blocks());
  EXPECT_EQ(master_->GetBlockInfo(BlockIdOf(file.id, 0)).result->locations.size(), 1u);
}

TEST_F(NumbersTest, createFile_numbersThatCannotBe_areRefused) {
  const auto refused = [&](const CreateFileOptions& options) {
    return master_->CreateFile(root_, "/f", options).result.status().code() ==
           StatusCode::kInvalidArgument;
  };
  EXPECT_TRUE(refused({.block_size_bytes = INT64_MAX}));
  EXPECT_TRUE(refused({.block_size_bytes = 0}));
  CreateFileOptions options;
  options.replication_min = -1;
  EXPECT_TRUE(refused(options));
  options.replication_min = INT32_MAX;
  EXPECT_TRUE(refused(options));
  options = {};
  options.replication_max = -2;
  EXPECT_TRUE(refused(options));
  options = {};
  options.durable_replicas = INT32_MAX;
  EXPECT_TRUE(refused(options));
  options = {};
  options.mode = -1;
  EXPECT_TRUE(refused(options));
  options = {};
  options.ttl_action = static_cast<TtlAction>(7);
  EXPECT_TRUE(refused(options));
  EXPECT_FALSE(refused({}));
}

TEST_F(NumbersTest, setAttribute_numbersThatCannotBe_areRefused) {
  WriteFile("/f", 0, {});
  SetAttributeOptions options;
  for (const int min : {-1, INT32_MIN, INT32_MAX}) {
    options.replication_min = min;
    EXPECT_FALSE(master_->SetAttribute(root_, "/f", options).result.ok()) << min;
  }
  options = {};
  options.replication_min = 5;
  options.replication_max = 2;
  EXPECT_FALSE(master_->SetAttribute(root_, "/f", options).result.ok());
  options = {};
  options.mode = -1;
  EXPECT_FALSE(master_->SetAttribute(root_, "/f", options).result.ok());
}

TEST_F(NumbersTest, newBlockId_beyondTheLongestFile_isRefused) {
  ASSERT_TRUE(master_->CreateFile(root_, "/f", {.block_size_bytes = kBytesMax / 2}).result.ok());
  EXPECT_TRUE(master_->NewBlockId(root_, "/f").result.ok());
  EXPECT_TRUE(master_->NewBlockId(root_, "/f").result.ok());
  EXPECT_EQ(master_->NewBlockId(root_, "/f").result.status().code(), StatusCode::kInvalidArgument);
}

TEST_F(NumbersTest, persistWait_asLongAsTheTypeGoes_isNoPastTime) {
  const auto session = AddWorker("a");
  CreateFileOptions options;
  options.persistence_wait_time_ms = -1;
  WriteFile("/f", 10, {session}, options);
  ASSERT_TRUE(master_->SchedulePersist(root_, "/f", INT64_MAX).result.ok());
  executor_.RunAll();
  Pass(3000);
  EXPECT_EQ(TakePersist().job_id(), 0u);
}

TEST_F(NumbersTest, writtenThrough_lengthsThatCannotBe_areRefused) {
  ASSERT_TRUE(master_->CreateFile(root_, "/f", {.write_type = WriteType::kThrough}).result.ok());
  for (const int64_t length : {int64_t{-1}, INT64_MIN, INT64_MAX, kBytesMax + 1}) {
    CompleteFileOptions options;
    options.understore_length = length;
    EXPECT_EQ(master_->CompleteFile(root_, "/f", options).result.status().code(),
              StatusCode::kInvalidArgument)
        << length;
  }
}

}  // namespace
}  // namespace spillway
