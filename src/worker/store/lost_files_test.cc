// Files that are no whole blocks: set aside, listed, made blocks again or dropped.
#include <gtest/gtest.h>

#include "common/checksum.h"
#include "common/memory_file_env.h"
#include "worker/store/block_store.h"

namespace spillway {
namespace {

const char* const kRoot = "/a/spillwayworker";

class LostFilesTest : public testing::Test {
 protected:
  LostFilesTest() {
    options_.tiers = {{"MEM", {{"/a", 1000}}}};
    Reopen();
  }
  void Reopen() {
    store_ = std::make_unique<BlockStore>(options_, &env_);
    const Status status = store_->Open();
    ASSERT_TRUE(status.ok()) << status;
  }
  std::string Write(int64_t id, const std::string& data) {
    auto temp = store_->Create(BlockId(id), 0, true);
    const iovec part{const_cast<char*>(data.data()), data.size()};
    EXPECT_TRUE((*temp)->Append(std::span(&part, 1)).ok());
    const auto block = (*temp)->Commit();
    EXPECT_TRUE(block.ok());
    return BlockFileName(*block);
  }
  void Put(const std::string& path, const std::string& data) {
    ASSERT_TRUE(WriteStringToFile(env_, std::string(kRoot) + path, data).ok());
  }
  std::vector<std::string> Lost() {
    std::vector<std::string> names;
    for (const LostFile& file : store_->LostFiles(100)) names.push_back(file.name);
    return names;
  }

  MemoryFileEnv env_;
  BlockStoreOptions options_;
  std::unique_ptr<BlockStore> store_;
};

TEST_F(LostFilesTest, oddNamesAndWrongLengths_areSetAside_andCount) {
  const std::string torn = Write(1, "hello");
  ASSERT_TRUE((*env_.Open(std::string(kRoot) + "/blocks/" + torn, false))->Truncate(3).ok());
  Put("/blocks/notes.txt", "mine");
  Put("/blocks/ 000000000000001-1-00000000", "x");
  Put("/temp/important", "kept");
  Put("/temp/0000000000000005-12", "a write that never ended");
  Reopen();
  EXPECT_TRUE(store_->All().empty());
  EXPECT_EQ(Lost().size(), 4u);
  EXPECT_EQ(*env_.Contents(std::string(kRoot) + "/lost/" + torn), "hel");
  EXPECT_EQ(*env_.Contents(std::string(kRoot) + "/lost/notes.txt"), "mine");
  EXPECT_EQ(*env_.Contents(std::string(kRoot) + "/lost/important"), "kept");
  EXPECT_TRUE(env_.FilesBelow(std::string(kRoot) + "/temp/").empty());
  EXPECT_EQ(store_->Usage()[0].used_bytes, 3 + 4 + 1 + 4);
  Reopen();
  EXPECT_EQ(Lost().size(), 4u) << "found again";
  EXPECT_EQ(store_->Usage()[0].used_bytes, 3 + 4 + 1 + 4);
}

TEST_F(LostFilesTest, nothingIsWrittenOver) {
  Put("/blocks/notes", "first");
  Reopen();
  Put("/blocks/notes", "second");
  Reopen();
  EXPECT_EQ(*env_.Contents(std::string(kRoot) + "/lost/notes"), "first");
  EXPECT_EQ(*env_.Contents(std::string(kRoot) + "/lost/notes.1"), "second");
}

TEST_F(LostFilesTest, corruptBlock_isSetAside_andRestoredOnlyWhenItIsRight) {
  const std::string name = Write(1, "hello");
  ASSERT_TRUE(env_.FlipBit(std::string(kRoot) + "/blocks/" + name, 1).ok());
  EXPECT_EQ(store_->Verify(BlockId(1)).code(), StatusCode::kDataLoss);
  EXPECT_EQ(store_->TakeEvicted(), std::vector<BlockId>{BlockId(1)});
  ASSERT_EQ(Lost(), std::vector<std::string>{name});
  EXPECT_EQ(store_->RestoreLost(kRoot, name).code(), StatusCode::kDataLoss);
  EXPECT_NE(store_->LostFiles(1)[0].why.find("not restored"), std::string::npos);
  ASSERT_TRUE(env_.FlipBit(std::string(kRoot) + "/lost/" + name, 1).ok());
  ASSERT_TRUE(store_->RestoreLost(kRoot, name).ok());
  EXPECT_TRUE(Lost().empty());
  EXPECT_TRUE(store_->Has(BlockId(1)));
  const auto told = store_->TakeRiskChanges();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_FALSE(told[0].unverified);
  EXPECT_EQ(store_->Usage()[0].used_bytes, 5);
  EXPECT_EQ(store_->RestoreLost(kRoot, name).code(), StatusCode::kNotFound);
}

TEST_F(LostFilesTest, restore_doesNotTouchABlockThatIsHere) {
  const std::string name = Write(1, "hello");
  ASSERT_TRUE(env_.FlipBit(std::string(kRoot) + "/blocks/" + name, 1).ok());
  (void)store_->Verify(BlockId(1));
  ASSERT_TRUE(env_.FlipBit(std::string(kRoot) + "/lost/" + name, 1).ok());
  ASSERT_EQ(Write(1, "hello"), name);
  EXPECT_EQ(store_->RestoreLost(kRoot, name).code(), StatusCode::kAlreadyExists);
  ASSERT_TRUE(store_->DropLost(kRoot, name).ok());
  EXPECT_TRUE(Lost().empty());
  EXPECT_EQ(*env_.Contents(std::string(kRoot) + "/blocks/" + name), "hello");
}

TEST_F(LostFilesTest, onlyWhatIsListed_canBeDropped) {
  const std::string name = Write(1, "hello");
  for (const char* bad : {"../blocks/x", "", "nothing"})
    EXPECT_EQ(store_->DropLost(kRoot, bad).code(), StatusCode::kNotFound);
  EXPECT_EQ(store_->DropLost(kRoot, "../blocks/" + name).code(), StatusCode::kNotFound);
  EXPECT_EQ(store_->DropLost("/elsewhere", name).code(), StatusCode::kNotFound);
  EXPECT_TRUE(store_->Has(BlockId(1)));
}

TEST_F(LostFilesTest, blocksOfOneIdThatDiffer_areBothKept) {
  options_.tiers = {{"MEM", {{"/a", 1000}, {"/b", 1000}}}};
  Reopen();
  const std::string name = Write(1, "hello");
  StoredBlock other{BlockId(1), 5, Crc32c("other")};
  const std::string second = BlockFileName(other);
  ASSERT_TRUE(WriteStringToFile(env_, "/b/spillwayworker/blocks/" + second, "other").ok());
  Reopen();
  EXPECT_TRUE(store_->Has(BlockId(1)));
  EXPECT_EQ(Lost(), std::vector<std::string>{second});
  EXPECT_EQ(*env_.Contents("/b/spillwayworker/lost/" + second), "other");
}

}  // namespace
}  // namespace spillway
