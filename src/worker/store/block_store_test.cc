#include "worker/store/block_store.h"

#include <gtest/gtest.h>

#include "common/checksum.h"
#include "common/faulty_file_env.h"
#include "common/memory_file_env.h"

namespace spillway {
namespace {

class BlockStoreTest : public testing::Test {
 protected:
  BlockStoreTest() {
    options_.tiers = {{"MEM", {{"/mem", 100}}}, {"SSD", {{"/ssd", 200}}}};
    options_.worker_name = "w:1";
    Reopen();
  }
  void Reopen() {
    store_ = std::make_unique<BlockStore>(options_, &env_);
    const Status status = store_->Open();
    ASSERT_TRUE(status.ok()) << status;
  }
  Status Write(int64_t id, const std::string& data, bool pin = false, int tier = 0) {
    SPILLWAY_ASSIGN_OR_RETURN(auto temp, store_->Create(BlockId(id), tier, pin));
    const iovec part{const_cast<char*>(data.data()), data.size()};
    SPILLWAY_RETURN_IF_ERROR(temp->Append(std::span(&part, 1)));
    return temp->Commit().status();
  }
  int64_t Used(int tier = 0) { return store_->Usage()[tier].used_bytes; }

  MemoryFileEnv env_;
  BlockStoreOptions options_;
  std::unique_ptr<BlockStore> store_;
};

TEST_F(BlockStoreTest, commit_readBack_afterReopenToo) {
  ASSERT_TRUE(Write(5, "hello").ok());
  for (int round = 0; round < 2; ++round) {
    auto open = store_->OpenForRead(BlockId(5));
    ASSERT_TRUE(open.ok());
    EXPECT_EQ(open->info.length_bytes, 5);
    EXPECT_EQ(open->info.crc32c, Crc32c("hello"));
    char data[5];
    EXPECT_EQ(*open->file->ReadAt(0, data, 5), 5);
    EXPECT_EQ(std::string(data, 5), "hello");
    Reopen();
  }
  EXPECT_TRUE(store_->All()[0].pinned) << "pinned until the master says otherwise";
  EXPECT_EQ(Used(), 5);
}

TEST_F(BlockStoreTest, abandonedWrite_givesItsSpaceBackAtOnce) {
  {
    auto temp = store_->Create(BlockId(1), 0, true);
    ASSERT_TRUE(temp.ok());
    std::string data(80, 'x');
    const iovec part{data.data(), data.size()};
    ASSERT_TRUE((*temp)->Append(std::span(&part, 1)).ok());
    EXPECT_EQ(Used(), 80);
    EXPECT_EQ(store_->Create(BlockId(1), 0, true).status().code(), StatusCode::kAlreadyExists);
  }
  EXPECT_EQ(Used(), 0);
  EXPECT_TRUE(Write(1, "again").ok());
  EXPECT_EQ(store_->Create(BlockId(1), 0, true).status().code(), StatusCode::kAlreadyExists);
}

TEST_F(BlockStoreTest, crashInTheMiddle_leavesNothing) {
  auto temp = store_->Create(BlockId(1), 0, true);
  std::string data(10, 'x');
  const iovec part{data.data(), data.size()};
  ASSERT_TRUE((*temp)->Append(std::span(&part, 1)).ok());
  // A process that starts while nobody remembers the write, as after a kill.
  BlockStore next(options_, &env_);
  ASSERT_TRUE(next.Open().ok());
  EXPECT_FALSE(next.Has(BlockId(1)));
  EXPECT_EQ(next.Usage()[0].used_bytes, 0);
  EXPECT_TRUE(env_.List("/mem/spillwayworker/temp")->empty());
}

TEST_F(BlockStoreTest, eviction_takesLeastRecentlyUsedCleanBlocksOnly) {
  ASSERT_TRUE(Write(1, std::string(40, 'a'), /*pin=*/true).ok());
  ASSERT_TRUE(Write(2, std::string(30, 'b')).ok());
  ASSERT_TRUE(Write(3, std::string(30, 'c')).ok());
  ASSERT_TRUE(store_->OpenForRead(BlockId(2)).ok());  // 3 is now the oldest
  ASSERT_TRUE(Write(4, std::string(20, 'd')).ok());
  EXPECT_TRUE(store_->Has(BlockId(1)));
  EXPECT_TRUE(store_->Has(BlockId(2)));
  EXPECT_FALSE(store_->Has(BlockId(3)));
  EXPECT_EQ(store_->TakeEvicted(), std::vector<BlockId>{BlockId(3)});
  EXPECT_TRUE(store_->TakeEvicted().empty());
}

TEST_F(BlockStoreTest, fullOfPinned_refuses_andEvictsNothingInVain) {
  ASSERT_TRUE(Write(1, std::string(90, 'a'), true).ok());
  ASSERT_TRUE(Write(2, std::string(10, 'b')).ok());
  auto temp = store_->Create(BlockId(3), 0, true);
  ASSERT_TRUE(temp.ok());
  std::string data(50, 'x');
  const iovec part{data.data(), data.size()};
  const Status status = (*temp)->Append(std::span(&part, 1));
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
  EXPECT_NE(Message(status).find("w:1"), std::string::npos);
  EXPECT_TRUE(store_->Has(BlockId(2)));
  store_->SetPinned({BlockId(1)}, false);
  EXPECT_TRUE((*temp)->Append(std::span(&part, 1)).ok());
  EXPECT_FALSE(store_->Has(BlockId(1)));
}

TEST_F(BlockStoreTest, fullTier_sendsNewBlocksBelow) {
  ASSERT_TRUE(Write(1, std::string(100, 'a'), true).ok());
  ASSERT_TRUE(Write(2, std::string(50, 'b'), true).ok());
  EXPECT_EQ(store_->OpenForRead(BlockId(2))->info.tier, 1);
  EXPECT_EQ(Used(1), 50);
}

TEST_F(BlockStoreTest, watermark_evictsToTheLowOne) {
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(Write(i, std::string(10, 'x')).ok());
  options_.high_watermark_percent = 95;
  store_->EvictToWatermark();
  EXPECT_LE(Used(), 85);
  EXPECT_FALSE(store_->Has(BlockId(0)));
  EXPECT_TRUE(store_->Has(BlockId(9)));
}

TEST_F(BlockStoreTest, tornFile_isNoBlock) {
  ASSERT_TRUE(Write(1, "12345").ok());
  const std::string path = store_->OpenByPath(BlockId(1))->path;
  ASSERT_TRUE((*env_.Open(path, false))->Truncate(3).ok());
  Reopen();
  EXPECT_FALSE(store_->Has(BlockId(1)));
}

TEST_F(BlockStoreTest, deviceFull_isAnErrorOfTheWriteAlone) {
  env_.SetSpaceLeft(3);
  EXPECT_EQ(Write(1, "12345").code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(Used(), 0);
  env_.SetSpaceLeft(-1);
  EXPECT_TRUE(Write(1, "12345").ok());
}

TEST_F(BlockStoreTest, removedWhileOpen_staysReadable) {
  ASSERT_TRUE(Write(1, "12345").ok());
  auto open = store_->OpenForRead(BlockId(1));
  ASSERT_TRUE(store_->Remove(BlockId(1)).ok());
  char data[5];
  EXPECT_EQ(*open->file->ReadAt(0, data, 5), 5);
  EXPECT_TRUE(store_->Remove(BlockId(1)).ok());
}

TEST_F(BlockStoreTest, aPinnedBlock_isNotRemovedByJustAnybody) {
  ASSERT_TRUE(Write(1, "12345").ok());
  store_->SetPinned({BlockId(1)}, true);
  EXPECT_EQ(store_->Remove(BlockId(1), false).code(), StatusCode::kFailedPrecondition);
  EXPECT_TRUE(store_->Has(BlockId(1)));
  store_->SetPinned({BlockId(1)}, false);
  EXPECT_TRUE(store_->Remove(BlockId(1), false).ok());
  EXPECT_FALSE(store_->Has(BlockId(1)));
}

TEST_F(BlockStoreTest, fsync_survivesPowerLoss) {
  options_.tiers[0].durability = AckDurability::kFsync;
  Reopen();
  ASSERT_TRUE(Write(1, "12345").ok());
  env_.LoseUnsynced();
  Reopen();
  EXPECT_TRUE(store_->Has(BlockId(1)));
}

TEST_F(BlockStoreTest, newerFormat_isRefused) {
  ASSERT_TRUE(WriteStringToFile(env_, "/mem/spillwayworker/format", "spillway-blocks 2").ok());
  BlockStore store(options_, &env_);
  EXPECT_EQ(store.Open().code(), StatusCode::kFailedPrecondition);
}

TEST_F(BlockStoreTest, shortCircuit_adoptsWhatTheClientWrote) {
  auto temp = *store_->Create(BlockId(1), 0, true);
  const std::string data = "written by the client";
  ASSERT_TRUE(WriteStringToFile(env_, temp->SharePath() + "x", "unrelated").ok());
  auto file = *env_.Open(temp->SharePath(), false);
  const iovec part{const_cast<char*>(data.data()), data.size()};
  ASSERT_TRUE(file->WriteAt(0, std::span(&part, 1)).ok());
  ASSERT_TRUE(temp->AdoptWritten().ok());
  const auto block = temp->Commit();
  EXPECT_EQ(block->crc32c, Crc32c(data));
  EXPECT_EQ(block->length_bytes, static_cast<int64_t>(data.size()));
}

class RecycleTest : public BlockStoreTest {
 protected:
  RecycleTest() {
    options_.tiers = {{"MEM", {{"/mem", 100}}}};
    options_.recycled_bytes_min = 10;
    options_.free_file_ticks = 2;
    Reopen();
  }
  std::string Read(int64_t id) {
    auto open = store_->OpenForRead(BlockId(id));
    if (!open.ok()) return open.status().ToString();
    std::string data(open->info.length_bytes, '?');
    const auto read = open->file->ReadAt(0, data.data(), static_cast<int64_t>(data.size()));
    return read.ok() ? data : read.status().ToString();
  }
  size_t Kept() { return env_.FilesBelow("/mem/spillwayworker/temp").size(); }
  int64_t OnDevice() {
    int64_t bytes = 0;
    for (const char* folder : {"temp", "blocks"}) {
      for (const auto& path : env_.FilesBelow(std::string("/mem/spillwayworker/") + folder))
        bytes += static_cast<int64_t>(env_.Contents(path)->size());
    }
    return bytes;
  }
};

TEST_F(RecycleTest, fileOfARemovedBlock_isWrittenAgain) {
  ASSERT_TRUE(Write(1, std::string(20, 'a')).ok());
  ASSERT_TRUE(store_->Remove(BlockId(1)).ok());
  EXPECT_EQ(Kept(), 1u);
  EXPECT_EQ(Used(), 0);
  {
    auto temp = store_->Create(BlockId(2), 0, true);
    ASSERT_TRUE(temp.ok());
    std::string data(15, 'b');
    const iovec part{data.data(), data.size()};
    ASSERT_TRUE((*temp)->Append(std::span(&part, 1)).ok());
    EXPECT_EQ(Used(), 20) << "what the file takes";
    EXPECT_EQ(Kept(), 1u) << "the one that is written";
    ASSERT_TRUE((*temp)->Commit().ok());
  }
  EXPECT_EQ(Used(), 15);
  EXPECT_EQ(Read(2), std::string(15, 'b'));
  EXPECT_EQ(OnDevice(), 15);
  Reopen();
  EXPECT_EQ(Read(2), std::string(15, 'b'));
}

TEST_F(RecycleTest, abandonedAgain_leavesNothing) {
  ASSERT_TRUE(Write(1, std::string(20, 'a')).ok());
  ASSERT_TRUE(store_->Remove(BlockId(1)).ok());
  {
    auto temp = store_->Create(BlockId(2), 0, true);
    std::string data(30, 'b');
    const iovec part{data.data(), data.size()};
    ASSERT_TRUE((*temp)->Append(std::span(&part, 1)).ok());
    EXPECT_EQ(Used(), 30);
  }
  EXPECT_EQ(Used(), 0);
  EXPECT_EQ(OnDevice(), 0);
}

// The bytes would go to a file that has no name any more, and the old content would be the block.
TEST_F(RecycleTest, fileThatCannotBeOpened_isNotWrittenAgain) {
  FaultyFileEnv faulty(&env_);
  store_ = std::make_unique<BlockStore>(options_, &faulty);
  ASSERT_TRUE(store_->Open().ok());
  ASSERT_TRUE(Write(1, std::string(20, 'a')).ok());
  ASSERT_TRUE(store_->Remove(BlockId(1)).ok());
  auto temp = store_->Create(BlockId(2), 0, true);
  ASSERT_TRUE(temp.ok());
  faulty.Decide([](FileOp op, const std::string&) {
    return op == FileOp::kOpen ? MakeStatus(StatusCode::kResourceExhausted, "Too many open files")
                               : absl::OkStatus();
  });
  std::string data(20, 'b');
  const iovec part{data.data(), data.size()};
  Status status = (*temp)->Append(std::span(&part, 1));
  if (!status.ok()) status = (*temp)->Append(std::span(&part, 1));
  ASSERT_TRUE(status.ok()) << status;
  faulty.Decide(nullptr);
  ASSERT_TRUE((*temp)->Commit().ok());
  temp->reset();
  EXPECT_EQ(Read(2), data);
  EXPECT_EQ(Used(), 20);
  EXPECT_EQ(OnDevice(), 20);
  store_.reset();
}

TEST_F(RecycleTest, whatSomebodyReads_isLeftAlone) {
  ASSERT_TRUE(Write(1, std::string(20, 'a')).ok());
  ASSERT_TRUE(Write(2, std::string(20, 'b')).ok());
  auto open = store_->OpenForRead(BlockId(1));
  ASSERT_TRUE(open.ok());
  ASSERT_FALSE(store_->OpenByPath(BlockId(2))->path.empty());
  for (int id : {1, 2}) ASSERT_TRUE(store_->Remove(BlockId(id)).ok());
  EXPECT_EQ(Kept(), 0u) << "one has a reader, of the other the path is known";
  ASSERT_TRUE(Write(3, std::string(20, 'c')).ok());
  char data[20];
  ASSERT_TRUE(open->file->ReadAt(0, data, 20).ok());
  EXPECT_EQ(std::string(data, 20), std::string(20, 'a'));
  open->file.reset();
  EXPECT_EQ(Read(3), std::string(20, 'c'));
}

TEST_F(RecycleTest, whatAClientWroteItself_isLeftAlone) {
  ASSERT_TRUE(Write(1, std::string(20, 'a')).ok());
  ASSERT_TRUE(store_->Remove(BlockId(1)).ok());
  auto temp = store_->Create(BlockId(2), 0, false);
  auto file = env_.Open((*temp)->SharePath(), false);
  std::string data(12, 'b');
  const iovec part{data.data(), data.size()};
  ASSERT_TRUE((*file)->WriteAt(0, std::span(&part, 1)).ok());
  ASSERT_TRUE((*temp)->AdoptWritten().ok());
  ASSERT_TRUE((*temp)->Commit().ok());
  EXPECT_EQ(Read(2), data);
  ASSERT_TRUE(store_->Remove(BlockId(2)).ok());
  EXPECT_EQ(Kept(), 1u) << "that of block 1 alone";
}

TEST_F(RecycleTest, fullFolder_evictsAndWritesAgain_withinItsQuota) {
  for (int id = 1; id <= 40; ++id) {
    ASSERT_TRUE(Write(id, std::string(15 + id % 7, static_cast<char>('a' + id % 26))).ok()) << id;
    EXPECT_LE(OnDevice(), 100);
    EXPECT_LE(Used(), 100);
    EXPECT_EQ(Read(id), std::string(15 + id % 7, static_cast<char>('a' + id % 26)));
  }
}

TEST_F(RecycleTest, whatIsNotWrittenAgain_isGivenUpAfterAWhile) {
  for (int id = 1; id <= 3; ++id) ASSERT_TRUE(Write(id, std::string(20, 'a')).ok());
  for (int id = 1; id <= 2; ++id) ASSERT_TRUE(store_->Remove(BlockId(id)).ok());
  store_->AgeFreeFiles();
  ASSERT_TRUE(store_->Remove(BlockId(3)).ok());
  store_->AgeFreeFiles();
  EXPECT_EQ(Kept(), 3u);
  store_->AgeFreeFiles();
  EXPECT_EQ(Kept(), 1u);
  store_->AgeFreeFiles();
  EXPECT_EQ(Kept(), 0u);
}

TEST_F(RecycleTest, nothingIsKeptOfASyncedTier) {
  ASSERT_TRUE(Write(1, std::string(20, 'a')).ok());
  ASSERT_TRUE(store_->Remove(BlockId(1)).ok());
  EXPECT_EQ(Kept(), 1u);
  options_.tiers[0].durability = AckDurability::kFsync;
  Reopen();
  EXPECT_EQ(Kept(), 0u) << "removed at start";
  ASSERT_TRUE(Write(1, std::string(20, 'a')).ok());
  ASSERT_TRUE(store_->Remove(BlockId(1)).ok());
  EXPECT_EQ(Kept(), 0u);
}

TEST_F(RecycleTest, fullDevice_takesWhatIsKeptFirst) {
  ASSERT_TRUE(Write(1, std::string(20, 'a')).ok());
  ASSERT_TRUE(Write(2, std::string(25, 'a')).ok());
  ASSERT_TRUE(store_->Remove(BlockId(2)).ok());
  ASSERT_EQ(Kept(), 1u);
  env_.SetSpaceLeft(0);
  ASSERT_TRUE(Write(3, std::string(9, 'c')).ok()) << "too small to write the kept one again";
  EXPECT_EQ(Kept(), 0u);
  EXPECT_EQ(Read(1), std::string(20, 'a')) << "no block has to go";
  EXPECT_EQ(Read(3), std::string(9, 'c'));
}

}  // namespace
}  // namespace spillway
