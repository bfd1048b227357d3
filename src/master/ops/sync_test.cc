// What others change in the bucket, and what must not be lost of it or by it.
#include "master/master_fixture.h"

namespace spillway {
namespace {

class SyncTest : public MasterFixture {
 protected:
  // As another client of the store does it.
  void PutObject(const std::string& key, const std::string& data) {
    StringBody body(data);
    ASSERT_TRUE(understore_->Put(key, body, PutOptions()).ok());
  }
  void DeleteObject(const std::string& key) { ASSERT_TRUE(understore_->Delete({{key, ""}}).ok()); }

  SyncCounts Sync(const std::string& path, SyncDepth depth = SyncDepth::kAll) {
    clock_.AdvanceMs(10);
    SyncCounts counts;
    const Status status = master_->SyncMetadata(path, depth, &counts);
    EXPECT_TRUE(status.ok()) << status;
    executor_.RunAll();
    return counts;
  }
  bool Exists(const std::string& path) { return *master_->Exists(root_, path).result; }
  int64_t Length(const std::string& path) {
    return master_->GetStatus(root_, path).result->length_bytes;
  }
};

TEST_F(SyncTest, newObjects_appear) {
  EXPECT_FALSE(Exists("/a/b/f"));
  PutObject("a/b/f", "123");
  PutObject("top", "1");
  EXPECT_EQ(Sync("/").added, 4);
  EXPECT_EQ(Length("/a/b/f"), 3);
  EXPECT_TRUE(Exists("/top"));
  EXPECT_EQ(Sync("/").added, 0);
}

TEST_F(SyncTest, onlyThePath_asksForNothingElse) {
  PutObject("x", "1");
  PutObject("y", "1");
  Sync("/x", SyncDepth::kPath);
  EXPECT_TRUE(Exists("/x"));
  EXPECT_FALSE(Exists("/y"));
  DeleteObject("x");
  Sync("/x", SyncDepth::kPath);
  EXPECT_FALSE(Exists("/x"));
}

TEST_F(SyncTest, aChangedObject_isLoadedAnewAndKeepsItsAttributes) {
  PutObject("f", "old");
  Sync("/");
  SetAttributeOptions attributes;
  attributes.owner = "ann";
  attributes.mode = 0600;
  ASSERT_TRUE(master_->SetAttribute(root_, "/f", attributes).result.ok());
  PutObject("f", "newer");
  EXPECT_EQ(Sync("/").changed, 1);
  const auto status = *master_->GetStatus(root_, "/f").result;
  EXPECT_EQ(status.length_bytes, 5);
  EXPECT_EQ(status.owner, "ann");
  EXPECT_EQ(status.mode, 0600);
}

TEST_F(SyncTest, deletedObjects_disappear_withTheFoldersThatWereThere) {
  PutObject("d/e/f", "1");
  PutObject("d/g", "1");
  Sync("/");
  DeleteObject("d/e/f");
  Sync("/");
  EXPECT_FALSE(Exists("/d/e"));
  EXPECT_TRUE(Exists("/d/g"));
  DeleteObject("d/g");
  Sync("/");
  EXPECT_FALSE(Exists("/d"));
}

TEST_F(SyncTest, objectAndFolderOfOneName_oneIsShownUntilItIsGone) {
  PutObject("n/m", "object");
  PutObject("n/m-x", "1");
  PutObject("n/m/q", "below");
  understore_->set_entries_per_page(1);
  Sync("/");
  EXPECT_EQ(Length("/n/m"), 6);
  EXPECT_FALSE(Exists("/n/m/q"));
  DeleteObject("n/m");
  Sync("/");
  EXPECT_TRUE(Exists("/n/m/q"));
  PutObject("n/m", "again");
  Sync("/n/m", SyncDepth::kPath);
  EXPECT_TRUE(Exists("/n/m/q")) << "what is below is still there";
  DeleteObject("n/m/q");
  Sync("/");
  EXPECT_EQ(Length("/n/m"), 5);
  PutObject("n/m/q", "below");
  DeleteObject("n/m");
  Sync("/n/m", SyncDepth::kPath);
  EXPECT_TRUE(master_->GetStatus(root_, "/n/m").result->is_directory);
}

TEST_F(SyncTest, aFolderRenamedWhileItIsListed_takesNothingOfThatListing) {
  PutObject("d/f", "1");
  Sync("/", SyncDepth::kChildren);
  understore_->OnListed([&] {
    if (!Exists("/d")) return;
    ASSERT_TRUE(master_->Rename(root_, "/d", "/e", {}).result.ok());
    executor_.RunAll();
  });
  SyncCounts counts;
  const Status status = master_->SyncMetadata("/d", SyncDepth::kAll, &counts);
  understore_->OnListed(nullptr);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_FALSE(Exists("/e/f")) << "an object of this name stands at another key";
  AdvanceMs(1000);  // what is left of the old folder is looked for until here
  Sync("/");
  EXPECT_EQ(Length("/d/f"), 1);
}

TEST_F(SyncTest, aFolderThatTheStoreNeverHad_stays) {
  ASSERT_TRUE(master_->CreateDirectory(root_, "/mine", {}).result.ok());
  Sync("/");
  EXPECT_TRUE(Exists("/mine"));
}

TEST_F(SyncTest, whatIsNotPersistedYet_staysAndIsUploaded) {
  const auto worker = AddWorker("w");
  WriteFile("/d/f", 5, {worker});
  PutObject("d/f", "somebody else's");
  EXPECT_EQ(Sync("/").changed, 0);
  EXPECT_EQ(Length("/d/f"), 5);
  EXPECT_EQ(StateOf("/d/f"), PersistenceState::kToBePersisted);
  DeleteObject("d/f");
  EXPECT_EQ(Sync("/").removed, 0);
  EXPECT_TRUE(Exists("/d/f"));
}

TEST_F(SyncTest, whatWasPersistedWhileTheListingWasTaken_stays) {
  const auto worker = AddWorker("w");
  WriteFile("/f", 5, {worker});
  AdvanceMs(100);
  AnswerPersist(worker, TakePersist(), absl::OkStatus());
  ASSERT_EQ(StateOf("/f"), PersistenceState::kPersisted);
  SyncCounts counts;  // the listing (without f) began in the millisecond in which f was published
  ASSERT_TRUE(master_->SyncMetadata("/", SyncDepth::kAll, &counts).ok());
  EXPECT_TRUE(Exists("/f"));
  Sync("/");
  EXPECT_FALSE(Exists("/f")) << "and is gone when the store still does not have it later";
}

TEST_F(SyncTest, deletedFiles_doNotComeBackFromTheStore) {
  PutObject("f", "1");
  PutObject("d/g", "1");
  Sync("/");
  RemoveOptions recursive;
  recursive.recursive = true;
  ASSERT_TRUE(master_->Remove(root_, "/f", {}).result.ok());
  ASSERT_TRUE(master_->Remove(root_, "/d", recursive).result.ok());
  Sync("/");
  EXPECT_FALSE(Exists("/f"));
  EXPECT_FALSE(Exists("/d"));
}

TEST_F(SyncTest, folderThatNobodyLookedInto_isNotDeletedAsAnEmptyOne) {
  PutObject("d/f", "1");
  Sync("/d", SyncDepth::kPath);
  EXPECT_EQ(master_->Remove(root_, "/d", {}).result.status().code(), StatusCode::kUnavailable);
  ASSERT_TRUE(master_->LoadDirectory(*master_->DirectoryToLoad("/d", true)).ok());
  EXPECT_EQ(master_->Remove(root_, "/d", {}).result.status().code(),
            StatusCode::kFailedPrecondition);
  DeleteObject("d/f");
  Sync("/");
  EXPECT_FALSE(Exists("/d"));
}

TEST_F(SyncTest, folderOfTheSameName_deletedMeanwhile_doesNotForgetTheObjectThatIsToGo) {
  understore_->set_is_object_store(false);
  PutObject("s", "1");
  Sync("/");
  understore_->Refuse("delete", "s", MakeStatus(StatusCode::kPermissionDenied, "locked"));
  ASSERT_TRUE(master_->Remove(root_, "/s", {}).result.ok());
  executor_.RunAll();
  CreateDirectoryOptions persisted;
  persisted.write_type = WriteType::kCacheThrough;
  ASSERT_TRUE(master_->CreateDirectory(root_, "/s", persisted).result.ok());
  ASSERT_TRUE(master_->Remove(root_, "/s", {}).result.ok());
  understore_->Refuse("delete", "s", absl::OkStatus());
  for (int i = 0; i < 100; ++i) {
    clock_.AdvanceMs(1000);
    master_->Tick();
    executor_.RunAll();
  }
  EXPECT_TRUE(understore_->Objects().empty());
}

TEST_F(SyncTest, renamedFiles_areNotFoundAtTheirOldKey) {
  PutObject("d/f", "1");
  Sync("/");
  ASSERT_TRUE(master_->Rename(root_, "/d", "/e", {}).result.ok());
  Sync("/");
  EXPECT_FALSE(Exists("/d"));
  EXPECT_TRUE(Exists("/e/f"));
}

TEST_F(SyncTest, isDue_byAgeAndByRequest) {
  EXPECT_FALSE(master_->SyncIsDue("/a", SyncDepth::kPath, -1));
  EXPECT_TRUE(master_->SyncIsDue("/a", SyncDepth::kPath, 0));
  EXPECT_TRUE(master_->SyncIsDue("/a", SyncDepth::kPath, 1000));
  Sync("/");
  EXPECT_FALSE(master_->SyncIsDue("/a", SyncDepth::kAll, 1000));
  clock_.AdvanceMs(1001);
  EXPECT_TRUE(master_->SyncIsDue("/a", SyncDepth::kAll, 1000));
  ASSERT_TRUE(master_->CreateDirectory(root_, "/a", {}).result.ok());
  ASSERT_TRUE(master_->NeedsSync(root_, "/a").result.ok());
  EXPECT_TRUE(master_->SyncIsDue("/a/f", SyncDepth::kPath, -1));
  EXPECT_FALSE(master_->SyncIsDue("/b", SyncDepth::kPath, -1));
  Sync("/a");
  EXPECT_FALSE(master_->SyncIsDue("/a/f", SyncDepth::kPath, -1));
}

TEST_F(SyncTest, storeAway_changesNothingAndSaysSo) {
  PutObject("f", "1");
  Sync("/");
  understore_->FailNext(1000, Unavailable("down"), false);
  SyncCounts counts;
  EXPECT_EQ(master_->SyncMetadata("/", SyncDepth::kAll, &counts).code(), StatusCode::kUnavailable);
  EXPECT_TRUE(Exists("/f"));
}

TEST_F(SyncTest, consistency_namesWhatTheStoreDoesNotHaveAsItIs) {
  const auto worker = AddWorker("w");
  for (const char* key : {"same", "gone", "other"}) PutObject(key, "1");
  Sync("/");
  WriteFile("/dirty", 5, {worker});
  DeleteObject("gone");
  PutObject("other", "two");
  const auto found = master_->CheckConsistency(root_, "/");
  ASSERT_TRUE(found.result.ok()) << found.result.status();
  EXPECT_EQ(*found.result, (std::vector<std::string>{"/gone", "/other"}));
}

TEST_F(SyncTest, renamedFolder_withAMarker_doesNotAppearAgain) {
  for (const char* key : {"d/", "d/e/", "d/e/f"}) PutObject(key, "");
  EXPECT_EQ(Sync("/").added, 3);
  PutObject("d/empty/", "");
  EXPECT_EQ(Sync("/").added, 1);
  ASSERT_TRUE(master_->Rename(root_, "/d", "/n", {}).result.ok());
  for (int i = 0; i < 4; ++i) AdvanceMs(1000);  // a folder goes after what is in it
  EXPECT_EQ(understore_->Objects().size(), 1u);
  EXPECT_EQ(understore_->Objects().count("n/e/f"), 1u);
  Sync("/");
  EXPECT_TRUE(Exists("/n/e/f"));
  EXPECT_TRUE(Exists("/n/empty")) << "it has no marker, and was made here";
  EXPECT_FALSE(Exists("/d"));
}

}  // namespace
}  // namespace spillway
