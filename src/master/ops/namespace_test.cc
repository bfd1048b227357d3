#include "master/master_fixture.h"

namespace spillway {
namespace {

class NamespaceTest : public MasterFixture {};

StatusCode CodeOf(const Outcome<Nothing>& outcome) { return outcome.result.status().code(); }

TEST_F(NamespaceTest, ids_followAlluxiosArithmetic) {
  const auto file = master_->CreateFile(root_, "/f", {});
  const int64_t id = file.result->id.value();
  EXPECT_EQ(id & kSequenceMask, kSequenceMask);
  for (int64_t i = 0; i < 3; ++i) {
    EXPECT_EQ(master_->NewBlockId(root_, "/f").result->value(), (id & ~kSequenceMask) | i);
  }
  EXPECT_LT(master_->CreateDirectory(root_, "/d", {}).result.status().code(), StatusCode::kUnknown);
  EXPECT_LT(master_->GetStatus(root_, "/d").result->id.value(), 1000);
  EXPECT_EQ(master_->GetStatus(root_, "/").result->id, kRootInodeId);
  EXPECT_EQ(master_->GetStatus(root_, "/").result->name, "");
}

TEST_F(NamespaceTest, create_waitsForItsSync) {
  const auto created = master_->CreateFile(root_, "/f", {});
  bool durable = false;
  master_->WhenDurable(created.wait_for, [&] { durable = true; });
  EXPECT_FALSE(durable);
  // Who sees it waits for the same sync; who looks elsewhere waits for nothing.
  EXPECT_EQ(master_->GetStatus(root_, "/f").wait_for, created.wait_for);
  executor_.RunAll();
  EXPECT_TRUE(durable);
}

TEST_F(NamespaceTest, createErrors_haveTheirCodes) {
  WriteFile("/d/f", 0, {});
  EXPECT_EQ(master_->CreateFile(root_, "/d/f", {}).result.status().code(),
            StatusCode::kAlreadyExists);
  EXPECT_EQ(master_->CreateFile(root_, "/no/such/f", {}).result.status().code(),
            StatusCode::kNotFound);
  EXPECT_EQ(master_->CreateFile(root_, "/d/f/below", {}).result.status().code(),
            StatusCode::kInvalidArgument);
  CreateFileOptions overwrite;
  overwrite.overwrite = true;
  EXPECT_EQ(master_->CreateFile(root_, "/d", overwrite).result.status().code(),
            StatusCode::kAlreadyExists);
  CreateFileOptions bad;
  bad.replication_min = 3;
  bad.replication_max = 2;
  EXPECT_EQ(master_->CreateFile(root_, "/x", bad).result.status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(master_
                ->CreateFile(root_, "/" + std::string(900, 'a') + "/" + std::string(900, 'b'),
                             {.recursive = true})
                .result.status()
                .code(),
            StatusCode::kInvalidArgument)
      << "the object key is too long";
}

// Stock clients take one for a slash.
TEST_F(NamespaceTest, newNamesWithABackslash_areRefused) {
  WriteFile("/d/f", 0, {});
  EXPECT_EQ(master_->CreateFile(root_, "/d/a\\b", {}).result.status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(CodeOf(master_->Rename(root_, "/d/f", "/d/a\\b", {})), StatusCode::kInvalidArgument);
  EXPECT_EQ(master_->CreateDirectory(root_, "/a\\b/c", {.recursive = true}).result.status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(master_->Mount(root_, "/m\\", "s3://other", {}).result.status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_TRUE(master_->GetStatus(root_, "/d/f").result.ok());
}

TEST_F(NamespaceTest, operationId_repeatGetsTheFirstResult) {
  CreateFileOptions options;
  options.operation_id = OperationId{1, 2};
  const auto first = master_->CreateFile(root_, "/f", options);
  executor_.RunAll();
  EXPECT_EQ(master_->CreateFile(root_, "/f", options).result->id, first.result->id);
  CrashAndRestart();
  EXPECT_EQ(master_->CreateFile(root_, "/f", options).result->id, first.result->id)
      << "also after a restart";
  RemoveOptions remove;
  remove.operation_id = OperationId{3, 4};
  EXPECT_TRUE(master_->Remove(root_, "/f", remove).result.ok());
  EXPECT_TRUE(master_->Remove(root_, "/f", remove).result.ok());
  EXPECT_EQ(CodeOf(master_->Remove(root_, "/f", {})), StatusCode::kNotFound);
}

TEST_F(NamespaceTest, complete_needsEveryBlockCommitted) {
  const auto worker = AddWorker("w1");
  ASSERT_TRUE(master_->CreateFile(root_, "/f", {.block_size_bytes = 100}).result.ok());
  const BlockId first = *master_->NewBlockId(root_, "/f").result;
  const BlockId second = *master_->NewBlockId(root_, "/f").result;
  EXPECT_EQ(CodeOf(master_->CompleteFile(root_, "/f", {})), StatusCode::kInvalidArgument);
  ASSERT_TRUE(master_->CommitBlock(worker, Report(first, 60)).ok());
  ASSERT_TRUE(master_->CommitBlock(worker, Report(second, 10)).ok());
  EXPECT_EQ(CodeOf(master_->CompleteFile(root_, "/f", {})), StatusCode::kInvalidArgument)
      << "a short block in the middle";
  ASSERT_TRUE(master_->CommitBlock(worker, Report(first, 100)).ok() || true);
}

TEST_F(NamespaceTest, complete_lengthIsTheSumOfBlocks) {
  const auto worker = AddWorker("w1");
  ASSERT_TRUE(master_->CreateFile(root_, "/f", {.block_size_bytes = 100}).result.ok());
  ASSERT_TRUE(
      master_->CommitBlock(worker, Report(*master_->NewBlockId(root_, "/f").result, 100)).ok());
  ASSERT_TRUE(
      master_->CommitBlock(worker, Report(*master_->NewBlockId(root_, "/f").result, 23)).ok());
  ASSERT_TRUE(master_->CompleteFile(root_, "/f", {}).result.ok());
  EXPECT_EQ(master_->GetStatus(root_, "/f").result->length_bytes, 123);
  EXPECT_EQ(CodeOf(master_->CompleteFile(root_, "/f", {})), StatusCode::kAlreadyExists);
}

TEST_F(NamespaceTest, rename_rules) {
  WriteFile("/a/f", 0, {});
  ASSERT_TRUE(master_->CreateDirectory(root_, "/b", {}).result.ok());
  EXPECT_EQ(CodeOf(master_->Rename(root_, "/a", "/a/f/x", {})), StatusCode::kInvalidArgument);
  EXPECT_EQ(CodeOf(master_->Rename(root_, "/a", "/b", {})), StatusCode::kAlreadyExists);
  EXPECT_EQ(CodeOf(master_->Rename(root_, "/none", "/x", {})), StatusCode::kNotFound);
  EXPECT_EQ(CodeOf(master_->Rename(root_, "/a", "/none/x", {})), StatusCode::kNotFound);
  EXPECT_EQ(CodeOf(master_->Rename(root_, "/", "/x", {})), StatusCode::kInvalidArgument);
  EXPECT_TRUE(master_->Rename(root_, "/a", "/a", {}).result.ok());
  EXPECT_TRUE(master_->Rename(root_, "/a", "/b/c", {}).result.ok());
  EXPECT_TRUE(*master_->Exists(root_, "/b/c/f").result);
  EXPECT_FALSE(*master_->Exists(root_, "/a").result);
}

TEST_F(NamespaceTest, remove_rules) {
  WriteFile("/d/f", 0, {});
  EXPECT_EQ(CodeOf(master_->Remove(root_, "/d", {})), StatusCode::kFailedPrecondition);
  EXPECT_EQ(CodeOf(master_->Remove(root_, "/", {.recursive = true})), StatusCode::kInvalidArgument);
  EXPECT_TRUE(master_->Remove(root_, "/d", {.recursive = true}).result.ok());
  EXPECT_EQ(master_->GetStatus(root_, "/").result->length_bytes, 0);
}

TEST_F(NamespaceTest, list_pagesResumeWhereTheyEnded) {
  for (const char* path : {"/d/b/1", "/d/b/2", "/d/a", "/d/c/x/y", "/d/c/z", "/d/e"})
    WriteFile(path, 0, {});
  const std::vector<std::string> expected{"/d/a",   "/d/b",     "/d/b/1", "/d/b/2", "/d/c",
                                          "/d/c/x", "/d/c/x/y", "/d/c/z", "/d/e"};
  for (size_t page_size = 1; page_size <= 10; ++page_size) {
    ListCursor cursor;
    std::vector<std::string> seen;
    while (!cursor.done) {
      const auto page = master_->ListStatus(root_, "/d", {.recursive = true}, page_size, &cursor);
      ASSERT_TRUE(page.result.ok());
      EXPECT_LE(page.result->size(), page_size);
      for (const auto& status : *page.result) seen.push_back(status.path);
    }
    EXPECT_EQ(seen, expected) << page_size;
  }
  ListCursor cursor;
  EXPECT_EQ(master_->ListStatus(root_, "/d", {}, 100, &cursor).result->size(), 4u);
  EXPECT_EQ(master_->ListStatus(root_, "/d/a", {}, 100, &cursor).result->size(), 1u)
      << "a file lists itself";
}

TEST_F(NamespaceTest, keptListing_goesWithACopy_andIsForThoseWhoMayList) {
  const auto first = AddWorker("w1");
  const auto second = AddWorker("w2");
  WriteFile("/d/f", 100, {first});
  const auto keep = [&] {
    ListCursor cursor{.to_keep = true};
    (void)master_->ListStatus(root_, "/d", {}, 100, &cursor);
    master_->KeepListing(cursor, "listing");
    return master_->CachedListing(root_, "/d").result->has_value();
  };
  const BlockId block = master_->GetStatus(root_, "/d/f").result->blocks[0].id;
  EXPECT_TRUE(keep());
  ASSERT_TRUE(master_->CommitBlock(second, Report(block, 100)).ok());
  EXPECT_FALSE(*master_->CachedListing(root_, "/d").result) << "a copy has come";
  EXPECT_TRUE(keep());
  master_->SessionClosed(second);
  clock_.AdvanceMs(100'000);
  master_->Tick();
  EXPECT_FALSE(*master_->CachedListing(root_, "/d").result) << "a copy has gone";
  SetAttributeOptions only_root;
  only_root.mode = 0700;
  ASSERT_TRUE(master_->SetAttribute(root_, "/d", only_root).result.ok());
  EXPECT_TRUE(keep());
  EXPECT_FALSE(*master_->CachedListing({"ann", {"ann"}}, "/d").result);
}

TEST_F(NamespaceTest, permissions_arePosix) {
  const Caller alice{"alice", {"staff"}};
  const Caller bob{"bob", {"staff"}};
  const Caller eve{"eve", {"others"}};
  ASSERT_TRUE(master_->CreateDirectory(root_, "/home", {.mode = 0777}).result.ok());
  ASSERT_TRUE(master_->CreateDirectory(alice, "/home/alice", {.mode = 0750}).result.ok());
  ASSERT_TRUE(master_->CreateFile(alice, "/home/alice/f", {.mode = 0640}).result.ok());
  EXPECT_TRUE(master_->GetStatus(bob, "/home/alice/f").result.ok());
  EXPECT_EQ(master_->GetStatus(eve, "/home/alice/f").result.status().code(),
            StatusCode::kPermissionDenied);
  EXPECT_EQ(master_->CreateFile(bob, "/home/alice/g", {}).result.status().code(),
            StatusCode::kPermissionDenied);
  EXPECT_EQ(CodeOf(master_->Remove(bob, "/home/alice/f", {})), StatusCode::kPermissionDenied);
  EXPECT_TRUE(master_->CheckAccess(bob, "/home/alice/f", 4).result.ok());
  EXPECT_EQ(CodeOf(master_->CheckAccess(bob, "/home/alice/f", 2)), StatusCode::kPermissionDenied);
  SetAttributeOptions chown;
  chown.owner = "eve";
  EXPECT_EQ(CodeOf(master_->SetAttribute(alice, "/home/alice/f", chown)),
            StatusCode::kPermissionDenied);
  EXPECT_TRUE(master_->SetAttribute(root_, "/home/alice/f", chown).result.ok());
}

TEST_F(NamespaceTest, setAttribute_pinFollowsReplication) {
  WriteFile("/d/f", 0, {});
  SetAttributeOptions pin;
  pin.pinned = true;
  ASSERT_TRUE(master_->SetAttribute(root_, "/d", pin).result.ok());
  EXPECT_TRUE(master_->GetStatus(root_, "/d/f").result->pinned);
  EXPECT_EQ(master_->GetStatus(root_, "/d/f").result->replication_min, 1);
  WriteFile("/d/g", 0, {});
  EXPECT_TRUE(master_->GetStatus(root_, "/d/g").result->pinned) << "new children inherit";
  SetAttributeOptions min_max;
  min_max.replication_min = 4;
  min_max.replication_max = 2;
  EXPECT_EQ(CodeOf(master_->SetAttribute(root_, "/d/f", min_max)), StatusCode::kInternal);
}

TEST_F(NamespaceTest, crash_losesOnlyWhatWasNotSynced) {
  WriteFile("/kept", 0, {});
  ASSERT_TRUE(master_->CreateFile(root_, "/lost", {}).result.ok());
  CrashAndRestart();
  EXPECT_TRUE(*master_->Exists(root_, "/kept").result);
  EXPECT_FALSE(*master_->Exists(root_, "/lost").result) << "it was never acknowledged";
}

TEST_F(NamespaceTest, newerFormatAndForeignRoot_areRefused) {
  MasterOptions other = options_;
  other.root_uri = "s3://other";
  Master foreign(other, MasterContext{&clock_, &random_, &executor_, journal_.get(), &sender_,
                                      &opener_, nullptr});
  EXPECT_EQ(foreign.Start().code(), StatusCode::kFailedPrecondition);
  state::ClusterRecord record;
  record.set_format_version(kStateFormatVersion + 1);
  ASSERT_TRUE(store_->Commit({{"C", record.SerializeAsString()}}).ok());
  Journal journal(store_.get(), &executor_, LogIndex(0));
  Master newer(options_,
               MasterContext{&clock_, &random_, &executor_, &journal, &sender_, &opener_, nullptr});
  EXPECT_EQ(newer.Start().code(), StatusCode::kFailedPrecondition);
}

TEST_F(NamespaceTest, storeOfTheFormatBefore_isTakenOver) {
  WriteFile("/kept", 0, {});
  state::ClusterRecord record;
  ASSERT_TRUE(record.ParseFromString(store_->Get("C")->value()));
  record.set_format_version(kStateFormatOldest);
  ASSERT_TRUE(store_->Commit({{"C", record.SerializeAsString()}}).ok());
  CrashAndRestart();
  EXPECT_TRUE(*master_->Exists(root_, "/kept").result);
  executor_.RunAll();
  ASSERT_TRUE(record.ParseFromString(store_->Get("C")->value()));
  EXPECT_EQ(record.format_version(), kStateFormatVersion);
}

TEST_F(NamespaceTest, load_oncePerDirectory) {
  StringBody body("12345");
  ASSERT_TRUE(understore_->Put("dir/sub/object", body, {}).ok());
  // The root was loaded when the store was empty: a new store is needed to see it.
  MemoryStateStore fresh;
  Journal journal(&fresh, &executor_, LogIndex(0));
  Master master(options_, MasterContext{&clock_, &random_, &executor_, &journal, &sender_, &opener_,
                                        nullptr});
  ASSERT_TRUE(master.Start().ok());
  const int64_t before = understore_->requests("list");
  while (const auto directory = master.DirectoryToLoad("/dir/sub/object", false)) {
    ASSERT_TRUE(master.LoadDirectory(*directory).ok());
  }
  EXPECT_EQ(understore_->requests("list") - before, 3);
  const auto status = master.GetStatus(root_, "/dir/sub/object");
  ASSERT_TRUE(status.result.ok());
  EXPECT_EQ(status.result->length_bytes, 5);
  EXPECT_EQ(status.result->persistence_state, PersistenceState::kPersisted);
  EXPECT_FALSE(master.DirectoryToLoad("/dir/sub/none", true))
      << "what is known asks the store no more";
}

// A stream that was cut off within a message may look as if it had ended.
TEST_F(NamespaceTest, completeFile_shorterThanWhatWasWritten_isRefused) {
  const auto worker = AddWorker("w1");
  ASSERT_TRUE(master_->CreateFile(root_, "/f", {}).result.ok());
  const BlockId block = *master_->NewBlockId(root_, "/f").result;
  ASSERT_TRUE(master_->CommitBlock(worker, Report(block, 10)).ok());
  CompleteFileOptions options;
  options.length_bytes = 11;
  EXPECT_EQ(CodeOf(master_->CompleteFile(root_, "/f", options)), StatusCode::kDataLoss);
  EXPECT_FALSE(master_->GetStatus(root_, "/f").result->completed);
  options.length_bytes = 10;
  EXPECT_TRUE(master_->CompleteFile(root_, "/f", options).result.ok());
}

}  // namespace
}  // namespace spillway
