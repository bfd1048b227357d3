// Folders that fail at start and while running: nothing is removed on doubt, and one folder does
// not stop the others.
#include <gtest/gtest.h>

#include <set>

#include "common/checksum.h"
#include "common/faulty_file_env.h"
#include "common/memory_file_env.h"
#include "worker/store/block_store.h"

namespace spillway {
namespace {

const Status kIoError = MakeStatus(StatusCode::kUnknown, "Input/output error");
const Status kNoHandles = MakeStatus(StatusCode::kResourceExhausted, "Too many open files");
const Status kReadOnly = MakeStatus(StatusCode::kPermissionDenied, "Read-only file system");

class FoldersTest : public testing::Test {
 protected:
  FoldersTest() {
    options_.tiers = {{"MEM", {{"/a", 1000}, {"/b", 1000}}}};
    options_.worker_name = "w:1";
    faulty_.Decide([this](FileOp op, const std::string& path) {
      if (op == FileOp::kRemove && path.find("/blocks/") != std::string::npos) ++removed_blocks_;
      for (const auto& [key, status] : faults_) {
        if (key.first == op && path.rfind(key.second, 0) == 0) return status;
      }
      for (const std::string& prefix : read_only_) {
        if (Changes(op) && path.rfind(prefix, 0) == 0) return kReadOnly;
      }
      return absl::OkStatus();
    });
    Reopen();
  }
  void Reopen() {
    store_ = std::make_unique<BlockStore>(options_, &faulty_);
    const Status status = store_->Open();
    ASSERT_TRUE(status.ok()) << status;
  }
  Status Write(int64_t id, const std::string& data, bool pin = true) {
    SPILLWAY_ASSIGN_OR_RETURN(auto temp, store_->Create(BlockId(id), 0, pin));
    const iovec part{const_cast<char*>(data.data()), data.size()};
    SPILLWAY_RETURN_IF_ERROR(temp->Append(std::span(&part, 1)));
    return temp->Commit().status();
  }
  std::string Read(int64_t id) {
    auto open = store_->OpenForRead(BlockId(id));
    if (!open.ok()) return open.status().ToString();
    std::string data(static_cast<size_t>(open->info.length_bytes), '?');
    const auto read = open->file->ReadAt(0, data.data(), static_cast<int64_t>(data.size()));
    return read.ok() ? data : read.status().ToString();
  }
  std::string PathOf(int64_t id) {
    char name[32];
    std::snprintf(name, sizeof(name), "/blocks/%016llx-", static_cast<unsigned long long>(id));
    for (const std::string& path : env_.FilesBelow("/")) {
      if (path.find(name) != std::string::npos) return path;
    }
    return "";
  }
  void Fail(FileOp op, const std::string& prefix, const Status& status) {
    faults_[{op, prefix}] = status;
  }
  void FailAll(const std::string& prefix, const Status& status) {
    for (const FileOp op :
         {FileOp::kCreateDirs, FileOp::kOpen, FileOp::kCreate, FileOp::kStat, FileOp::kRead,
          FileOp::kWrite, FileOp::kSync, FileOp::kRename, FileOp::kRemove, FileOp::kList})
      Fail(op, prefix, status);
  }
  FolderInfo Folder(size_t index) { return store_->Folders()[index]; }
  int64_t Capacity() { return store_->Usage()[0].capacity_bytes; }

  MemoryFileEnv env_;
  FaultyFileEnv faulty_{&env_};
  std::map<std::pair<FileOp, std::string>, Status> faults_;
  std::set<std::string> read_only_;
  int removed_blocks_ = 0;
  BlockStoreOptions options_;
  std::unique_ptr<BlockStore> store_;
};

TEST_F(FoldersTest, atStart_aFileThatCannotBeOpened_stays_andComesBack) {
  for (const auto& [op, status] : {std::pair{FileOp::kOpen, kIoError},
                                   {FileOp::kOpen, kNoHandles},
                                   {FileOp::kOpen, kReadOnly},
                                   {FileOp::kStat, kIoError}}) {
    const int64_t id = 1 + static_cast<int64_t>(store_->All().size());
    ASSERT_TRUE(Write(id, "hello").ok());
    const std::string path = PathOf(id);
    Fail(op, path, status);
    Reopen();
    EXPECT_FALSE(store_->Has(BlockId(id)));
    EXPECT_TRUE(env_.Exists(path)) << "perhaps the only copy";
    EXPECT_EQ(Folder(0).unread_files + Folder(1).unread_files, 1);
    EXPECT_EQ(store_->Usage()[0].used_bytes, 5 * id) << "its space is taken";
    store_->ProbeFolders();
    EXPECT_FALSE(store_->Has(BlockId(id)));
    faults_.clear();
    (void)store_->TakeRiskChanges();
    store_->ProbeFolders();
    EXPECT_EQ(Read(id), "hello");
    const auto told = store_->TakeRiskChanges();
    ASSERT_FALSE(told.empty());
    EXPECT_EQ(told[0].id, BlockId(id));
    EXPECT_EQ(Folder(0).unread_files + Folder(1).unread_files, 0);
  }
  EXPECT_EQ(removed_blocks_, 0);
}

TEST_F(FoldersTest, atStart_aDeadFolder_doesNotStopTheOthers) {
  ASSERT_TRUE(Write(1, "one").ok());
  const std::string dead = PathOf(1).substr(0, 2);
  ASSERT_TRUE(Write(2, "two").ok());
  ASSERT_NE(PathOf(2).substr(0, 2), dead) << "the one with more room";
  for (const FileOp op : {FileOp::kList, FileOp::kOpen, FileOp::kRead}) {
    FailAll(dead, absl::OkStatus());
    Fail(op, dead, kIoError);
    Reopen();
    EXPECT_EQ(Read(2), "two");
    EXPECT_FALSE(store_->Has(BlockId(1)));
    EXPECT_EQ(Capacity(), 1000);
    EXPECT_EQ(Folder(dead == "/a" ? 0 : 1).state, FolderState::kFailed);
    EXPECT_TRUE(Write(100 + static_cast<int>(op), "x").ok());
    faults_.clear();
    store_->ProbeFolders();
    const auto told = store_->TakeRiskChanges();
    EXPECT_TRUE(std::any_of(told.begin(), told.end(),
                            [](const StoredBlock& block) { return block.id == BlockId(1); }));
    EXPECT_EQ(Read(1), "one");
    EXPECT_EQ(Capacity(), 2000);
  }
  EXPECT_EQ(removed_blocks_, 0);
}

TEST_F(FoldersTest, allFoldersDead_itStaysUp_andComesBack) {
  ASSERT_TRUE(Write(1, "one").ok());
  FailAll("/", kIoError);
  Reopen();
  EXPECT_EQ(Capacity(), 0);
  EXPECT_EQ(Write(2, "two").code(), StatusCode::kUnavailable);
  faults_.clear();
  store_->ProbeFolders();
  EXPECT_EQ(Read(1), "one");
  EXPECT_TRUE(Write(2, "two").ok());
}

TEST_F(FoldersTest, readOnly_whileRunning_isServed_andTakesNothing) {
  ASSERT_TRUE(Write(1, "one").ok());
  const std::string folder = PathOf(1).substr(0, 2);
  const size_t index = folder == "/a" ? 0 : 1;
  read_only_ = {folder};
  for (int id = 2; id < 6; ++id) {
    ASSERT_TRUE(Write(id, "more").ok()) << "the other folder takes it";
    EXPECT_NE(PathOf(id).substr(0, 2), folder);
  }
  store_->ProbeFolders();
  EXPECT_EQ(Read(1), "one");
  EXPECT_EQ(Capacity(), 1000);
  for (const StoredBlock& block : store_->All()) EXPECT_FALSE(block.at_risk);
  read_only_ = {"/"};
  EXPECT_EQ(Write(9, "x").code(), StatusCode::kUnavailable);
  EXPECT_EQ(Folder(index).state, FolderState::kReadOnly);
  read_only_.clear();
  store_->ProbeFolders();
  EXPECT_EQ(Folder(index).state, FolderState::kServing);
  EXPECT_EQ(Capacity(), 2000);
}

TEST_F(FoldersTest, readOnly_atStart_isServed) {
  ASSERT_TRUE(Write(1, "one").ok());
  // What a crash leaves.
  ASSERT_TRUE(WriteStringToFile(env_, "/a/spillwayworker/temp/0000000000000007-1", "x").ok());
  read_only_ = {"/"};
  Reopen();
  EXPECT_EQ(Read(1), "one");
  for (size_t i : {0, 1}) EXPECT_EQ(Folder(i).state, FolderState::kReadOnly);
  EXPECT_EQ(Folder(0).undeleted_files + Folder(1).undeleted_files, 1);
  EXPECT_EQ(Capacity(), 0);
  read_only_.clear();
  store_->ProbeFolders();
  EXPECT_EQ(Folder(0).undeleted_files + Folder(1).undeleted_files, 0);
  EXPECT_EQ(Capacity(), 2000);
}

TEST_F(FoldersTest, removedWhereNothingCanBeRemoved_takesItsSpace_untilItIsGone) {
  options_.tiers = {{"MEM", {{"/c", 100}}}};
  Reopen();
  ASSERT_TRUE(Write(1, std::string(60, 'x')).ok());
  const std::string path = PathOf(1);
  Fail(FileOp::kRemove, "/c/spillwayworker/blocks", kIoError);
  Fail(FileOp::kRename, "/c/spillwayworker/blocks", kIoError);
  ASSERT_TRUE(store_->Remove(BlockId(1)).ok());
  EXPECT_FALSE(store_->Has(BlockId(1)));
  EXPECT_EQ(store_->Usage()[0].used_bytes, 60);
  EXPECT_EQ(store_->Usage()[0].pinned_bytes, 60) << "nor can it be evicted";
  EXPECT_EQ(Write(2, std::string(60, 'y')).code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(Folder(0).undeleted_files, 1);
  faults_.clear();
  store_->ProbeFolders();
  EXPECT_EQ(store_->Usage()[0].used_bytes, 0);
  EXPECT_FALSE(env_.Exists(path));
  EXPECT_TRUE(Write(2, std::string(60, 'y')).ok());
}

TEST_F(FoldersTest, whatWasToBeRemoved_andIsWrittenAgain_stays) {
  options_.tiers = {{"MEM", {{"/c", 100}}}};
  Reopen();
  ASSERT_TRUE(Write(1, "hello").ok());
  Fail(FileOp::kRemove, "/c/spillwayworker/blocks", kIoError);
  ASSERT_TRUE(store_->Remove(BlockId(1)).ok());
  ASSERT_TRUE(Write(1, "hello").ok());
  faults_.clear();
  store_->ProbeFolders();
  EXPECT_EQ(Read(1), "hello");
  EXPECT_EQ(store_->Usage()[0].used_bytes, 5);
}

TEST_F(FoldersTest, mountGoesAway_whileRunning_nothingIsMadeInItsPlace_andItComesBack) {
  options_.tiers = {{"MEM", {{"/c", 1000}}}};
  Reopen();
  ASSERT_TRUE(Write(1, "hello").ok());
  auto writing = store_->Create(BlockId(2), 0, true);
  ASSERT_TRUE(writing.ok());
  FailAll("/c", NotFound("No such file or directory"));
  EXPECT_FALSE(store_->OpenForRead(BlockId(1)).ok());
  EXPECT_EQ(Folder(0).state, FolderState::kFailed);
  EXPECT_EQ(store_->TakeEvicted(), std::vector<BlockId>{BlockId(1)});
  EXPECT_EQ(Capacity(), 0);
  faults_.clear();
  // An empty mount point.
  std::string format;
  ASSERT_TRUE(ReadFileToString(env_, "/c/spillwayworker/format", &format).ok());
  ASSERT_TRUE(env_.Remove("/c/spillwayworker/format").ok());
  store_->ProbeFolders();
  EXPECT_EQ(Folder(0).state, FolderState::kFailed);
  ASSERT_TRUE(WriteStringToFile(env_, "/c/spillwayworker/format", format).ok());
  store_->ProbeFolders();
  EXPECT_EQ(Read(1), "hello");
  const auto told = store_->TakeRiskChanges();
  ASSERT_FALSE(told.empty());
  EXPECT_EQ(told[0].id, BlockId(1));
  std::string late = "late";
  const iovec part{late.data(), late.size()};
  EXPECT_EQ((*writing)->Append(std::span(&part, 1)).code(), StatusCode::kUnavailable)
      << "begun before the folder failed";
  writing->reset();
  EXPECT_EQ(store_->Usage()[0].used_bytes, 5);
}

TEST_F(FoldersTest, goneAndBackBetweenTwoReports_isHeld) {
  ASSERT_TRUE(Write(1, "hello").ok());
  const std::string folder = PathOf(1).substr(0, 2);
  FailAll(folder, kIoError);
  store_->ProbeFolders();
  EXPECT_FALSE(store_->Has(BlockId(1)));
  faults_.clear();
  store_->ProbeFolders();
  EXPECT_TRUE(store_->Has(BlockId(1)));
  EXPECT_TRUE(store_->TakeEvicted().empty());
  EXPECT_EQ(store_->TakeRiskChanges().size(), 1u);
}

TEST_F(FoldersTest, oneBlockThatCannotBeRead_isNotHeld_theFolderServes) {
  ASSERT_TRUE(Write(1, "one").ok());
  ASSERT_TRUE(Write(2, "two").ok());
  const std::string path = PathOf(1);
  Fail(FileOp::kRead, path, kIoError);
  EXPECT_FALSE(store_->Verify(BlockId(1)).ok());
  EXPECT_EQ(store_->NextToVerify(3), std::vector<BlockId>{BlockId(2)}) << "others have their turn";
  store_->ProbeFolders();
  EXPECT_FALSE(store_->Has(BlockId(1)));
  EXPECT_EQ(store_->TakeEvicted(), std::vector<BlockId>{BlockId(1)});
  EXPECT_EQ(Capacity(), 2000);
  EXPECT_TRUE(env_.Exists(path));
  faults_.clear();
  store_->ProbeFolders();
  EXPECT_EQ(Read(1), "one");
  EXPECT_EQ(removed_blocks_, 0);
}

TEST_F(FoldersTest, syncThatFails_isNoAcknowledgement) {
  options_.tiers = {{"SSD", {{"/c", 1000}}, AckDurability::kFsync}};
  Reopen();
  Fail(FileOp::kSync, "/c/spillwayworker", kIoError);
  EXPECT_FALSE(Write(1, "one").ok());
  EXPECT_FALSE(store_->Has(BlockId(1)));
  EXPECT_EQ(Folder(0).state, FolderState::kAtRisk);
  faults_.clear();
  store_->ProbeFolders();
  EXPECT_TRUE(Write(1, "one").ok());
}

TEST_F(FoldersTest, theSameBlockInTwoFolders_isRemovedOnlyWhenTheOtherWasRead) {
  ASSERT_TRUE(Write(1, "hello").ok());
  const std::string path = PathOf(1);
  const std::string other = (path.substr(0, 2) == "/a" ? "/b" : "/a") + path.substr(2);
  ASSERT_TRUE(WriteStringToFile(env_, other, "hello").ok());
  Reopen();
  EXPECT_TRUE(env_.Exists(path) && env_.Exists(other));
  store_->ProbeFolders();
  EXPECT_TRUE(env_.Exists(path) && env_.Exists(other));
  ASSERT_TRUE(store_->Verify(BlockId(1)).ok());
  store_->ProbeFolders();
  EXPECT_NE(env_.Exists(path), env_.Exists(other));
  EXPECT_EQ(Read(1), "hello");
  EXPECT_EQ(store_->Usage()[0].used_bytes, 5);
}

TEST_F(FoldersTest, aFileThatCanBeReadAgain_whileItsBlockIsWritten_isNotHeldTwice) {
  for (const std::string data : {"hello", "other"}) {
    ASSERT_TRUE(Write(1, "hello").ok());
    Fail(FileOp::kOpen, PathOf(1), kIoError);
    Reopen();
    auto temp = *store_->Create(BlockId(1), 0, true);
    faults_.clear();
    store_->ProbeFolders();
    ASSERT_TRUE(store_->Has(BlockId(1)));
    const iovec part{const_cast<char*>(data.data()), data.size()};
    ASSERT_TRUE(temp->Append(std::span(&part, 1)).ok());
    ASSERT_TRUE(temp->Commit().ok());
    EXPECT_TRUE(store_->CheckInvariants().ok()) << store_->CheckInvariants();
    EXPECT_EQ(Read(1), data);
    EXPECT_EQ(store_->NextToVerify(1000).size(), 1);
    EXPECT_EQ(Folder(0).lost_files + Folder(1).lost_files, data == "hello" ? 0 : 1);
    Reopen();
    EXPECT_EQ(Read(1), data);
    ASSERT_TRUE(store_->Remove(BlockId(1)).ok());
  }
}

TEST_F(FoldersTest, clusterId_isWrittenToAFolderThatComesLate_andComparedThere) {
  FailAll("/b", kIoError);
  Reopen();
  ASSERT_TRUE(store_->SetClusterId("ours").ok());
  faults_.clear();
  store_->ProbeFolders();
  std::string id;
  ASSERT_TRUE(ReadFileToString(env_, "/b/spillwayworker/cluster", &id).ok());
  EXPECT_EQ(id, "ours");
  FailAll("/b", kIoError);
  store_->ProbeFolders();
  faults_.clear();
  ASSERT_TRUE(WriteStringToFile(env_, "/b/spillwayworker/cluster", "theirs").ok());
  store_->ProbeFolders();
  EXPECT_EQ(Folder(1).state, FolderState::kFailed);
  EXPECT_NE(Folder(1).why.find("theirs"), std::string::npos);
}

}  // namespace
}  // namespace spillway
