// Where blocks come from, and what follows when another object is met there.
#include "common/checksum.h"
#include "master/master_fixture.h"

namespace spillway {
namespace {

class BlockOriginTest : public MasterFixture {
 protected:
  // As another client of the store does it.
  std::string PutObject(const std::string& key, const std::string& data) {
    StringBody body(data);
    return understore_->Put(key, body, PutOptions())->etag;
  }
  BlockId BlockOf(const std::string& path, size_t index = 0) {
    return master_->GetStatus(root_, path).result->blocks.at(index).id;
  }
  std::optional<session::BlockOrigin> Ask(const Master::Session& session, BlockId block) {
    session::GetBlockOrigin question;
    question.set_request_id(17);
    question.set_block_id(static_cast<uint64_t>(block.value()));
    std::optional<session::BlockOrigin> answer;
    master_->GetBlockOrigin(session, question,
                            [&](session::BlockOrigin origin) { answer = std::move(origin); });
    executor_.RunAll();
    if (answer) {
      EXPECT_EQ(answer->request_id(), 17U);
    }
    return answer;
  }
  static StatusCode CodeOf(const session::BlockOrigin& origin) {
    return static_cast<StatusCode>(origin.code());
  }
  void Tell(const Master::Session& session, BlockId block) {
    session::ObjectChanged changed;
    changed.set_block_id(static_cast<uint64_t>(block.value()));
    master_->ObjectChanged(session, changed);
  }
};

TEST_F(BlockOriginTest, ofAnObjectThatWasFound) {
  const auto worker = AddWorker("w");
  const std::string etag = PutObject("d/f", std::string((64 << 20) + 5, 'x'));
  SyncCounts counts;
  ASSERT_TRUE(master_->SyncMetadata("/", SyncDepth::kAll, &counts).ok());
  const auto origin = *Ask(worker, BlockOf("/d/f", 1));
  EXPECT_EQ(CodeOf(origin), StatusCode::kOk) << origin.message();
  EXPECT_EQ(origin.mount_id(), kRootMountId.value());
  EXPECT_EQ(origin.key(), "d/f");
  EXPECT_EQ(origin.etag(), etag);
  EXPECT_EQ(origin.object_bytes(), (64 << 20) + 5);
  EXPECT_EQ(origin.offset_in_object(), 64 << 20);
  EXPECT_EQ(origin.length_bytes(), 5);
  EXPECT_FALSE(origin.crc_known());
}

TEST_F(BlockOriginTest, ofWhatWasWritten_onceItIsPersisted) {
  const auto worker = AddWorker("w");
  WriteFile("/f", 5, {worker});
  const BlockId block = BlockOf("/f");
  const auto early = *Ask(worker, block);
  EXPECT_EQ(CodeOf(early), StatusCode::kUnavailable);
  EXPECT_EQ(early.length_bytes(), 5) << "a copy can be compared all the same";
  EXPECT_TRUE(early.crc_known());
  EXPECT_EQ(early.crc32c(), Crc32c(Data(5)));
  EXPECT_EQ(early.key(), "");
  AdvanceMs(100);
  Upload(worker, TakePersist());
  const auto origin = *Ask(worker, block);
  EXPECT_EQ(CodeOf(origin), StatusCode::kOk) << origin.message();
  EXPECT_EQ(origin.key(), "f");
  EXPECT_EQ(origin.etag(), understore_->Head("f")->etag);
  EXPECT_EQ(origin.crc32c(), Crc32c(Data(5)));
  // A rename that is not carried out yet: the object stands where it stood.
  ASSERT_TRUE(master_->Rename(root_, "/f", "/g", {}).result.ok());
  EXPECT_EQ(Ask(worker, block)->key(), "f");
  AdvanceMs(100);
  const auto moved = *Ask(worker, block);
  EXPECT_EQ(moved.key(), "g");
  EXPECT_EQ(moved.etag(), understore_->Head("g")->etag);
}

TEST_F(BlockOriginTest, ofNoCompleteFile_isNotFound) {
  const auto worker = AddWorker("w");
  EXPECT_EQ(CodeOf(*Ask(worker, BlockId(12345))), StatusCode::kNotFound);
  EXPECT_EQ(CodeOf(*Ask(worker, BlockId(-1))), StatusCode::kNotFound);
  EXPECT_EQ(CodeOf(*Ask(worker, BlockId(0))), StatusCode::kNotFound) << "the root's number";
  PutObject("f", "123");
  ASSERT_TRUE(Load("/").ok());
  SyncCounts counts;
  ASSERT_TRUE(master_->SyncMetadata("/", SyncDepth::kAll, &counts).ok());
  const BlockId block = BlockOf("/f");
  EXPECT_EQ(CodeOf(*Ask(worker, BlockId(block.value() + 1))), StatusCode::kNotFound);
  ASSERT_TRUE(master_->Remove(root_, "/f", {}).result.ok());
  EXPECT_EQ(CodeOf(*Ask(worker, block)), StatusCode::kNotFound);
  const auto created = master_->CreateFile(root_, "/new", {});
  const auto writing = *master_->NewBlockId(root_, "/new").result;
  ASSERT_TRUE(master_->CommitBlock(worker, Report(writing, 5)).ok());
  EXPECT_EQ(CodeOf(*Ask(worker, writing)), StatusCode::kNotFound);
}

TEST_F(BlockOriginTest, anOldSession_isNotAnswered) {
  auto worker = AddWorker("w");
  worker.epoch = Epoch(worker.epoch.value() + 1);
  EXPECT_FALSE(Ask(worker, BlockId(1)).has_value());
}

TEST_F(BlockOriginTest, changedObject_isLoadedAnew_andKeepsItsAttributes) {
  const auto worker = AddWorker("w");
  PutObject("f", "old");
  PutObject("untouched", "1");
  SyncCounts counts;
  ASSERT_TRUE(master_->SyncMetadata("/", SyncDepth::kAll, &counts).ok());
  SetAttributeOptions attributes;
  attributes.owner = "ann";
  attributes.mode = 0600;
  ASSERT_TRUE(master_->SetAttribute(root_, "/f", attributes).result.ok());
  const BlockId old = BlockOf("/f");
  ASSERT_TRUE(master_->CommitBlock(worker, Report(old, 3)).ok());
  const std::string etag = PutObject("f", "newer");
  understore_->Delete({{"untouched", ""}}).IgnoreError();
  clock_.AdvanceMs(10);
  Tell(worker, old);
  executor_.RunAll();
  const auto status = *master_->GetStatus(root_, "/f").result;
  EXPECT_EQ(status.length_bytes, 5);
  EXPECT_EQ(status.owner, "ann");
  EXPECT_EQ(status.mode, 0600);
  EXPECT_NE(status.blocks.at(0).id, old);
  EXPECT_EQ(CodeOf(*Ask(worker, old)), StatusCode::kNotFound);
  EXPECT_EQ(Ask(worker, status.blocks.at(0).id)->etag(), etag);
  bool removed = false;
  for (const auto& [to, message] : sender_.sent) {
    for (const uint64_t id : message.remove_blocks().block_ids())
      removed = removed || id == static_cast<uint64_t>(old.value());
  }
  EXPECT_TRUE(removed) << "copies of the old bytes go";
  EXPECT_TRUE(*master_->Exists(root_, "/untouched").result) << "only the one path is compared";
}

TEST_F(BlockOriginTest, deletedObject_disappears) {
  const auto worker = AddWorker("w");
  PutObject("f", "old");
  SyncCounts counts;
  ASSERT_TRUE(master_->SyncMetadata("/", SyncDepth::kAll, &counts).ok());
  const BlockId block = BlockOf("/f");
  understore_->Delete({{"f", ""}}).IgnoreError();
  clock_.AdvanceMs(10);
  Tell(worker, block);
  executor_.RunAll();
  EXPECT_FALSE(*master_->Exists(root_, "/f").result);
}

TEST_F(BlockOriginTest, manyReports_areOneComparison) {
  const auto worker = AddWorker("w");
  PutObject("f", "same");
  SyncCounts counts;
  ASSERT_TRUE(master_->SyncMetadata("/", SyncDepth::kAll, &counts).ok());
  const BlockId block = BlockOf("/f");
  clock_.AdvanceMs(10);
  const int64_t before = understore_->requests("head");
  for (int i = 0; i < 5; ++i) Tell(worker, block);
  executor_.RunAll();
  const int64_t one = understore_->requests("head") - before;
  EXPECT_GT(one, 0);
  for (int i = 0; i < 5; ++i) Tell(worker, block);
  executor_.RunAll();
  EXPECT_EQ(understore_->requests("head"), before + one);
  clock_.AdvanceMs(1000);
  Tell(worker, block);
  executor_.RunAll();
  EXPECT_EQ(understore_->requests("head"), before + 2 * one);
  Tell(worker, BlockId(12345));
  executor_.RunAll();
  EXPECT_EQ(BlockOf("/f"), block);
}

}  // namespace
}  // namespace spillway
