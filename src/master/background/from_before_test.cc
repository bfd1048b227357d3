// What a master had under way when it died may still have its effect when the next one is there.
#include "master/master_fixture.h"

namespace spillway {
namespace {

class FromBeforeTest : public MasterFixture {
 protected:
  // The store knows no conditions.
  void Unguard() {
    StoreProfile profile = StoreProfile::Everything();
    for (const StoreFeature feature :
         {StoreFeature::kPutIfAbsent, StoreFeature::kPutIfMatch, StoreFeature::kCompleteConditions,
          StoreFeature::kDeleteIfMatch, StoreFeature::kMultiDeleteIfMatch}) {
      profile.Set(feature, Support::kNo);
    }
    understore_->set_profile(profile);
  }
  void Remove(const std::string& path) {
    ASSERT_TRUE(master_->Remove(root_, path, {}).result.ok());
    executor_.RunAll();
  }
  // Uploads whatever is asked for, as long as it takes.
  void UploadAll(int64_t ms) {
    for (int64_t at = 0; at < ms; at += 1000) {
      AdvanceMs(1000);
      for (auto command = TakePersist(); command.job_id() != 0; command = TakePersist())
        Upload(sessions_.back(), command);
    }
  }
  const CreateFileOptions overwrite_{.overwrite = true};
};

TEST_F(FromBeforeTest, uploadOfADeletedFile_comesAfterTheCrash_isDeleted) {
  WriteFile("/f", 10, {AddWorker("w1")});
  const auto command = TakePersist();
  ASSERT_EQ(command.key(), "f");
  Remove("/f");
  Pass(1000);
  CrashAndRestart();
  AddWorker("w1");
  Pass(30'000);
  PutObject("f", Data(10));
  Pass(options_.unknown_outcome_ms + 60'000);
  EXPECT_TRUE(understore_->Objects().empty());
  EXPECT_EQ(master_->GetPersistReport(0).objects_to_delete, 0);
}

TEST_F(FromBeforeTest, deleteThatComesAfterTheCrash_doesNotMeetTheNewObject) {
  Unguard();
  WritePersisted("/f", 10, AddWorker("w1"));
  understore_->DelayNext(1, MakeStatus(StatusCode::kDeadlineExceeded, "no answer"), 30'000,
                         "delete");
  Remove("/f");
  Pass(3000);
  ASSERT_EQ(understore_->late_effects(), 1u);
  CrashAndRestart();
  const auto worker = AddWorker("w1");
  WriteFile("/f", 20, {worker});
  UploadAll(20'000);
  understore_->RunLate(0);
  UploadAll(120'000);
  EXPECT_EQ(StateOf("/f"), PersistenceState::kPersisted);
  EXPECT_EQ(understore_->Objects(), (std::map<std::string, std::string>{{"f", Data(20)}}));
}

TEST_F(FromBeforeTest, uploadThatComesAfterTheCrash_doesNotReplaceWhatWasWrittenBeforeIt) {
  Unguard();
  WriteFile("/f", 10, {AddWorker("w1")});
  ASSERT_EQ(TakePersist().key(), "f");
  const BlockId block = WriteFile("/f", 20, {sessions_.back()}, overwrite_).blocks[0].id;
  CrashAndRestart();
  AddWorker("w1", {Report(block, 20)});
  UploadAll(20'000);
  PutObject("f", Data(10));
  UploadAll(120'000);
  EXPECT_EQ(understore_->Objects(), (std::map<std::string, std::string>{{"f", Data(20)}}));
}

TEST_F(FromBeforeTest, uploadThatComesAfterTheCrash_doesNotReplaceWhatIsWrittenAfterIt) {
  Unguard();
  WriteFile("/f", 10, {AddWorker("w1")});
  ASSERT_EQ(TakePersist().key(), "f");
  CrashAndRestart();
  WriteFile("/f", 30, {AddWorker("w1")}, overwrite_);
  UploadAll(20'000);
  PutObject("f", Data(10));
  UploadAll(120'000);
  EXPECT_EQ(understore_->Objects(), (std::map<std::string, std::string>{{"f", Data(30)}}));
}

}  // namespace
}  // namespace spillway
