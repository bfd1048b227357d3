// Names and records that nobody should have let in: one entry each is lost, nothing around it.
#include <cstdlib>

#include "common/names.h"
#include "master/master_fixture.h"
#include "master/state/keys.h"

namespace spillway {
namespace {

const char* const kBad = "bad\xff";

class DamagedTest : public MasterFixture {
 protected:
  std::vector<std::string> Names(const std::string& path) {
    ListCursor cursor;
    std::vector<std::string> names;
    const auto entries = master_->ListStatus(root_, path, ListOptions(), 1000, &cursor);
    EXPECT_TRUE(entries.result.ok()) << entries.result.status();
    if (entries.result.ok())
      for (const FileStatus& entry : *entries.result) names.push_back(entry.name);
    return names;
  }
  // As damage does it, while no master runs.
  void Damage(const std::string& key, const std::string& value) {
    executor_.RunAll();
    StateBatch batch;
    batch[key] = value;
    ASSERT_TRUE(store_->Commit(batch).ok());
    CrashAndRestart();
  }
  StatusCode CodeOf(const std::string& path) {
    return master_->GetStatus(root_, path).result.status().code();
  }
  std::string OnlyDamaged() {
    const auto report = master_->GetDamaged(10);
    EXPECT_EQ(report.records_count, 1);
    return report.records.empty() ? "" : report.records[0].name;
  }
};

TEST_F(DamagedTest, whatIsNotText_isRefusedByEveryOperation) {
  AddWorker("w1");
  ASSERT_TRUE(master_->CreateDirectory(root_, "/d", {}).result.ok());
  SetAttributeOptions owner;
  owner.owner = kBad;
  SetAttributeOptions group;
  group.group = kBad;
  SetAttributeOptions xattr;
  xattr.set_xattr = true;
  xattr.xattr[kBad] = "value";
  CreateFileOptions file;
  file.xattr[kBad] = "value";
  CreateDirectoryOptions directory;
  directory.xattr[kBad] = "value";
  MountOptions mount;
  mount.properties[kBad] = "value";
  const Status answers[] = {
      master_->SetAttribute(root_, "/d", owner).result.status(),
      master_->SetAttribute(root_, "/d", group).result.status(),
      master_->SetAttribute(root_, "/d", xattr).result.status(),
      master_->CreateFile(root_, "/f", file).result.status(),
      master_->CreateFile(root_, std::string("/") + kBad, {}).result.status(),
      master_->CreateDirectory(root_, "/e", directory).result.status(),
      master_->CreateDirectory(root_, std::string("/") + kBad, {}).result.status(),
      master_->Rename(root_, "/d", std::string("/") + kBad, {}).result.status(),
      master_->Mount(root_, "/m", "s3://other", mount).result.status(),
      master_->Mount(root_, "/m", std::string("s3://") + kBad, {}).result.status(),
      master_->SetPathProperties(root_, "/d", {{kBad, "v"}}, {}, false).result.status(),
      master_
          ->SetAcl(root_, "/d", AclAction::kModify, {{AclEntryType::kNamedUser, kBad, 7, false}},
                   false)
          .result.status()};
  for (const Status& status : answers) {
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << status;
  }
  executor_.RunAll();
  CrashAndRestart();
  EXPECT_EQ(Names("/"), std::vector<std::string>{"d"});
}

TEST_F(DamagedTest, foreignNames_areLeftOutCountedAndTheRestIsShown) {
  PutObject(std::string("f/") + kBad, "1");
  PutObject(std::string("f/") + kBad + "dir/x", "1");
  PutObject("f/back\\slash", "1");
  PutObject("f/good", "1");
  SyncCounts counts;
  ASSERT_TRUE(master_->SyncMetadata("/", SyncDepth::kChildren, &counts).ok());
  ASSERT_TRUE(Load("/f").ok());
  EXPECT_EQ(Names("/f"), std::vector<std::string>{"good"});
  auto report = master_->GetDamaged(10);
  ASSERT_EQ(report.left_out_count, 1);
  EXPECT_EQ(report.left_out[0].entries, 3);
  EXPECT_TRUE(IsValidUtf8(report.left_out[0].example));
  PutObject("f/later", "1");
  clock_.AdvanceMs(10);
  ASSERT_TRUE(master_->SyncMetadata("/f", SyncDepth::kAll, &counts).ok());
  executor_.RunAll();
  EXPECT_EQ(Names("/f"), (std::vector<std::string>{"good", "later"}));
  EXPECT_TRUE(master_->CheckConsistency(root_, "/f").result.ok());
  ASSERT_TRUE(understore_->Delete({{std::string("f/") + kBad, ""}}).ok());
  ASSERT_TRUE(understore_->Delete({{"f/back\\slash", ""}}).ok());
  ASSERT_TRUE(understore_->Delete({{std::string("f/") + kBad + "dir/x", ""}}).ok());
  ASSERT_TRUE(master_->SyncMetadata("/f", SyncDepth::kAll, &counts).ok());
  EXPECT_EQ(master_->GetDamaged(10).left_out_count, 0);
  executor_.RunAll();
  CrashAndRestart();
  EXPECT_EQ(Names("/f"), (std::vector<std::string>{"good", "later"}));
}

// As versions wrote it that had no door.
TEST_F(DamagedTest, oldRecordsWithTextThatIsNone_areReadAndWorkGoesOn) {
  const auto session = AddWorker("w1");
  const FileStatus file = WriteFile("/d/f", 10, {session});
  executor_.RunAll();
  state::Inode inode;
  ASSERT_TRUE(inode.ParseFromString(store_->Get(keys::InodeKey(file.id))->value()));
  inode.set_owner(kBad);
  inode.set_group(kBad);
  Damage(keys::InodeKey(file.id), inode.SerializeAsString());
  AddWorker("w1", {Report(BlockIdOf(file.id, 0), 10)});
  EXPECT_EQ(master_->GetStatus(root_, "/d/f").result->owner, kBad);
  EXPECT_EQ(Names("/d"), std::vector<std::string>{"f"});
  Pass(2000);
  session::PersistCommand command = TakePersist();
  EXPECT_EQ(command.owner(), kBad);
  session::PersistCommand read;
  EXPECT_TRUE(read.ParseFromString(command.SerializeAsString()));
  EXPECT_EQ(master_->GetDamaged(10).records_count, 0);
}

TEST_F(DamagedTest, aDamagedFile_isDataLossAndItsNeighboursStay) {
  const auto session = AddWorker("w1");
  const FileStatus file = WriteFile("/d/f", 10, {session});
  WriteFile("/d/g", 10, {session});
  for (const std::string& value : {std::string("\xff\xff"), std::string("garbage")}) {
    Damage(keys::InodeKey(file.id), value);
    AddWorker("w1");
    EXPECT_EQ(Names("/d"), std::vector<std::string>{"g"});
    EXPECT_EQ(CodeOf("/d/f"), StatusCode::kDataLoss);
    EXPECT_TRUE(master_->GetStatus(root_, "/d/g").result.ok());
    Pass(70'000);
    // Nothing is put over it, and nothing above it goes.
    EXPECT_EQ(master_->CreateFile(root_, "/d/f", {.overwrite = true}).result.status().code(),
              StatusCode::kDataLoss);
    EXPECT_EQ(master_->CreateDirectory(root_, "/d/f", {}).result.status().code(),
              StatusCode::kDataLoss);
    EXPECT_EQ(master_->Rename(root_, "/d/g", "/d/f", {}).result.status().code(),
              StatusCode::kDataLoss);
    EXPECT_EQ(master_->Remove(root_, "/d", {.recursive = true}).result.status().code(),
              StatusCode::kDataLoss);
    EXPECT_EQ(master_->Remove(root_, "/d/f", {}).result.status().code(), StatusCode::kDataLoss);
    EXPECT_EQ(master_->Exists(root_, "/d/f").result.status().code(), StatusCode::kDataLoss);
    SyncCounts counts;
    PutObject("d/f", "theirs");
    EXPECT_TRUE(master_->SyncMetadata("/d", SyncDepth::kAll, &counts).ok());
    EXPECT_EQ(CodeOf("/d/f"), StatusCode::kDataLoss);
    EXPECT_EQ(Names("/d"), std::vector<std::string>{"g"});
  }
}

TEST_F(DamagedTest, blocksOfADamagedFile_areKept) {
  const auto session = AddWorker("w1");
  const FileStatus file = WriteFile("/f", 10, {session});
  Damage(keys::InodeKey(file.id), "garbage");
  AddWorker("w1", {Report(BlockIdOf(file.id, 0), 10)});
  Pass(5000);
  for (const auto& [worker, message] : sender_.sent) EXPECT_FALSE(message.has_remove_blocks());
  EXPECT_EQ(OnlyDamaged(), DamagedRecord({keys::InodeKey(file.id), "", "", 0, ""}).Name());
}

TEST_F(DamagedTest, drop_takesADamagedFileAwayForGood) {
  const auto session = AddWorker("w1");
  const FileStatus file = WriteFile("/d/f", 10, {session});
  Damage(keys::InodeKey(file.id), "garbage");
  Names("/d");
  const std::string name = OnlyDamaged();
  EXPECT_EQ(*master_->ExportRecord(name), "garbage");
  EXPECT_EQ(master_->DropRecord("inode-00").result.status().code(), StatusCode::kNotFound);
  EXPECT_EQ(*master_->DropRecord(name).result, "dropped");
  EXPECT_EQ(CodeOf("/d/f"), StatusCode::kNotFound);
  EXPECT_EQ(master_->GetDamaged(10).records_count, 0);
  EXPECT_EQ(master_->GetStatus(root_, "/d").result->length_bytes, 0);
  executor_.RunAll();
  CrashAndRestart();
  EXPECT_EQ(CodeOf("/d/f"), StatusCode::kNotFound);
  EXPECT_TRUE(master_->CreateFile(root_, "/d/f", {}).result.ok());
  EXPECT_TRUE(master_->Remove(root_, "/d", {.recursive = true}).result.ok());
}

TEST_F(DamagedTest, drop_makesADirectoryWithEntriesAnew) {
  const auto session = AddWorker("w1");
  WriteFile("/d/sub/f", 10, {session});
  const InodeId id = master_->GetStatus(root_, "/d/sub").result->id;
  Damage(keys::InodeKey(id), "garbage");
  AddWorker("w1");
  EXPECT_EQ(CodeOf("/d/sub/f"), StatusCode::kDataLoss);
  EXPECT_EQ(CodeOf("/d/sub"), StatusCode::kDataLoss);
  Pass(70'000);
  EXPECT_NE(master_->DropRecord(OnlyDamaged()).result->find("made anew"), std::string::npos);
  EXPECT_EQ(Names("/d/sub"), std::vector<std::string>{"f"});
  EXPECT_EQ(master_->GetStatus(root_, "/d").result->length_bytes, 1);
  EXPECT_EQ(master_->GetStatus(root_, "/d/sub").result->length_bytes, 1);
  executor_.RunAll();
  CrashAndRestart();
  EXPECT_EQ(Names("/d/sub"), std::vector<std::string>{"f"});
}

TEST_F(DamagedTest, drop_whereItLiesMustBeKnown) {
  const auto session = AddWorker("w1");
  const FileStatus file = WriteFile("/d/f", 10, {session});
  Damage(keys::InodeKey(file.id), "garbage");
  (void)master_->GetFilePath(file.id);
  const std::string name = OnlyDamaged();
  EXPECT_EQ(master_->DropRecord(name).result.status().code(), StatusCode::kFailedPrecondition);
  Names("/d");
  EXPECT_TRUE(master_->DropRecord(name).result.ok());
}

TEST_F(DamagedTest, entriesThatLeadNowhere_areLeftOut) {
  const auto session = AddWorker("w1");
  const FileStatus file = WriteFile("/d/f", 10, {session});
  const InodeId directory = master_->GetStatus(root_, "/d").result->id;
  std::string other;
  keys::AppendBigEndian(12345, &other);
  std::string up;
  keys::AppendBigEndian(static_cast<uint64_t>(directory.value()), &up);
  for (const std::string& value : {std::string("short"), other, up, std::string()}) {
    Damage(keys::ChildKey(directory, "f"), value);
    EXPECT_TRUE(Names("/d").empty());
    EXPECT_EQ(CodeOf("/d/f"), StatusCode::kDataLoss);
    ListOptions all;
    all.recursive = true;
    ListCursor cursor;
    EXPECT_TRUE(master_->ListStatus(root_, "/", all, 100, &cursor).result.ok());
  }
  EXPECT_EQ(*master_->DropRecord(OnlyDamaged()).result, "dropped");
  EXPECT_EQ(CodeOf("/d/f"), StatusCode::kNotFound);
}

TEST_F(DamagedTest, entriesWhoseNamesCannotBe_endEveryListing) {
  const auto session = AddWorker("w1");
  const FileStatus file = WriteFile("/d/f", 10, {session});
  const InodeId directory = master_->GetStatus(root_, "/d").result->id;
  std::string value;
  keys::AppendBigEndian(static_cast<uint64_t>(file.id.value()), &value);
  for (const std::string name : {"", "a/b", "/"}) {
    Damage(keys::ChildKey(directory, name), value);
    ListOptions all;
    all.recursive = true;
    ListCursor cursor;
    size_t pages = 0;
    for (cursor.done = false; !cursor.done && pages < 10; ++pages)
      EXPECT_TRUE(master_->ListStatus(root_, "/", all, 1, &cursor).result.ok());
    EXPECT_LT(pages, 10u) << name;
    EXPECT_EQ(Names("/d"), std::vector<std::string>{"f"});
    EXPECT_EQ(*master_->DropRecord(OnlyDamaged()).result, "dropped");
  }
}

TEST_F(DamagedTest, otherDamagedRecords_doNotKeepTheMasterFromStarting) {
  const auto session = AddWorker("w1");
  WriteFile("/d/f", 10, {session});
  executor_.RunAll();
  StateBatch batch;
  for (const char table : std::string("pwudqcnr"))
    batch[std::string(1, table) + std::string(8, '\x01')] = "\xff";
  batch[std::string("q") + std::string(8, '\x7f')] = "";
  ASSERT_TRUE(store_->Commit(batch).ok());
  CrashAndRestart();
  AddWorker("w1");
  Pass(70'000);
  (void)master_->PathProperties();
  EXPECT_EQ(Names("/d"), std::vector<std::string>{"f"});
  EXPECT_GE(master_->GetDamaged(10).records_count, 5);
}

// A cluster with something in every table.
class AnyDamageTest : public DamagedTest {
 protected:
  void Fill() {
    options_.marker_patterns = {"_SUCCESS"};
    const auto session = AddWorker("w1");
    WritePersisted("/d/old", 10, session);
    WritePersisted("/d/gone", 10, session);
    ASSERT_TRUE(master_->Remove(root_, "/d/gone", {}).result.ok());
    WriteFile("/d/f", 10, {session});
    WriteFile("/d/e/_SUCCESS", 10, {session});
    WriteFile("/d/later", 10, {session}, {.persistence_wait_time_ms = 1'000'000'000});
    ASSERT_TRUE(master_->SetQuota(root_, "/d", 100, 1 << 20).result.ok());
    ASSERT_TRUE(master_->Rename(root_, "/d/old", "/d/e/new", {}).result.ok());
    ASSERT_TRUE(master_->CreateFile(root_, "/d/open", {}).result.ok());
    ASSERT_TRUE(master_->SetPathProperties(root_, "/d", {{"a", "b"}}, {}, false).result.ok());
    master_->WhenDurable(journal_->last_index(), [] {});
    while (executor_.RunOne()) {
    }
    ASSERT_TRUE(store_
                    ->Scan("", "\xff",
                           [&](std::string_view key, std::string_view value) {
                             sound_[std::string(key)] = std::string(value);
                             return true;
                           })
                    .ok());
  }

  StateBatch Damaged(SeededRandom& random) {
    StateBatch batch = sound_;
    for (uint64_t n = random.Below(3) + 1; n > 0; --n) {
      auto it = batch.begin();
      std::advance(it, static_cast<int64_t>(random.Below(batch.size())));
      std::string& value = *it->second;
      auto other = sound_.begin();
      std::advance(other, static_cast<int64_t>(random.Below(sound_.size())));
      switch (random.Below(5)) {
        case 0:
          value.resize(random.Below(value.size() + 1));
          break;
        case 1:
          value = *other->second;
          break;
        case 2:
          value.push_back(static_cast<char>(random.Below(256)));
          break;
        default:
          if (!value.empty())
            value[random.Below(value.size())] = static_cast<char>(random.Below(256));
      }
    }
    return batch;
  }

  void UseAll() {
    const auto back = AddWorker("w1", {Report(BlockIdOf(InodeId((70'000 << 24) - 1), 0), 10)});
    Pass(61'000);
    for (int n = 0; n < 3; ++n) {
      const auto command = TakePersist();
      if (command.job_id() != 0) Upload(back, command);
    }
    ListOptions all;
    all.recursive = true;
    ListCursor cursor;
    (void)master_->ListStatus(root_, "/", all, 100, &cursor);
    (void)master_->GetPersistReport(100);
    (void)master_->GetHealthReport(100);
    (void)master_->ListQuotas(root_, "/");
    (void)master_->CreateFile(root_, "/d/f", {.overwrite = true});
    (void)master_->Rename(root_, "/d/e", "/moved", {});
    SyncCounts counts;
    (void)master_->SyncMetadata("/", SyncDepth::kAll, &counts);
    (void)master_->Remove(root_, "/d", {.recursive = true});
    for (const auto& record : master_->GetDamaged(100).records)
      (void)master_->DropRecord(record.name);
    (void)master_->Remove(root_, "/d", {.recursive = true});
    Pass(5000);
    // Nothing that was done made it unreadable.
    const auto again = master_->ListStatus(root_, "/", all, 100, &(cursor = ListCursor()));
    EXPECT_TRUE(again.result.ok()) << again.result.status();
  }

  StateBatch sound_;
};

// Whatever one record says: the master starts or says why not, answers, works, and does not stop.
TEST_F(AnyDamageTest, anyRecordChangedAnyhow_stopsNothing) {
  const char* const asked = std::getenv("SPILLWAY_DAMAGE_ROUNDS");
  const int rounds = asked == nullptr ? 300 : std::atoi(asked);
  Fill();
  SeededRandom random(7);
  int started = 0;
  for (int round = 0; round < rounds; ++round) {
    master_.reset();
    journal_.reset();
    executor_.Drop();
    sessions_.clear();
    sender_.sent.clear();
    store_ = std::make_unique<MemoryStateStore>();
    ASSERT_TRUE(store_->Commit(Damaged(random)).ok());
    const auto last = LastLogIndex(store_.get(), &executor_);
    if (!last.ok()) continue;
    journal_ = std::make_unique<Journal>(store_.get(), &executor_, *last);
    master_ = std::make_unique<Master>(
        options_,
        MasterContext{&clock_, &random_, &executor_, journal_.get(), &sender_, &opener_, nullptr});
    if (!master_->Start().ok()) continue;
    ++started;
    UseAll();
  }
  EXPECT_GT(started, rounds / 2);
}

TEST_F(DamagedTest, aDamagedHead_isAClearErrorAtTheStart) {
  executor_.RunAll();
  const std::string keys[] = {keys::InodeKey(kRootInodeId), keys::MountKey(kRootMountId)};
  for (const std::string& key : keys) {
    const std::string before = store_->Get(key)->value();
    master_.reset();
    StateBatch batch;
    batch[key] = "\xff";
    ASSERT_TRUE(store_->Commit(batch).ok());
    journal_ = std::make_unique<Journal>(store_.get(), &executor_,
                                         LastLogIndex(store_.get(), &executor_).value());
    Master master(options_, MasterContext{&clock_, &random_, &executor_, journal_.get(), &sender_,
                                          &opener_, nullptr});
    const Status status = master.Start();
    EXPECT_EQ(status.code(), StatusCode::kDataLoss) << status;
    batch[key] = before;
    ASSERT_TRUE(store_->Commit(batch).ok());
  }
  StateBatch batch;
  batch["C"] = "\xff";
  ASSERT_TRUE(store_->Commit(batch).ok());
  EXPECT_EQ(LastLogIndex(store_.get(), &executor_).status().code(), StatusCode::kDataLoss);
}

}  // namespace
}  // namespace spillway
