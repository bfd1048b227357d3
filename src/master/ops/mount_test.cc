#include "master/master_fixture.h"

namespace spillway {
namespace {

class MountTest : public MasterFixture {
 protected:
  void PutObject(const std::string& key, const std::string& data) {
    StringBody body(data);
    ASSERT_TRUE(understore_->Put(key, body, PutOptions()).ok());
  }
  Status Mount(const std::string& path, const std::string& uri, const MountOptions& options = {}) {
    const Status status = master_->Mount(root_, path, uri, options).result.status();
    executor_.RunAll();
    return status;
  }
  Status Unmount(const std::string& path) {
    const Status status = master_->Unmount(root_, path).result.status();
    executor_.RunAll();
    return status;
  }
  bool Exists(const std::string& path) { return *master_->Exists(root_, path).result; }
};

TEST_F(MountTest, aMount_showsWhatIsThereAndSurvivesARestart) {
  PutObject("f", "123");  // one memory store is behind every URI
  ASSERT_TRUE(Mount("/m", "s3://other/dir").ok());
  ASSERT_TRUE(Load("/m").ok());
  EXPECT_TRUE(Exists("/m/f"));
  const auto status = *master_->GetStatus(root_, "/m/f").result;
  EXPECT_EQ(status.understore_path, "s3://other/dir/f");
  EXPECT_NE(status.mount_id, kRootMountId);
  CrashAndRestart();
  EXPECT_TRUE(Exists("/m/f"));
  EXPECT_EQ(master_->GetMounts().size(), 2U);
  EXPECT_TRUE(master_->GetStatus(root_, "/m").result->mount_point);
}

TEST_F(MountTest, refused_whereItCannotBe) {
  ASSERT_TRUE(master_->CreateDirectory(root_, "/here", {}).result.ok());
  EXPECT_EQ(Mount("/here", "s3://other").code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(Mount("/no/parent", "s3://other").code(), StatusCode::kNotFound);
  EXPECT_EQ(Mount("/m", "s3://bucket/dir").code(), StatusCode::kAlreadyExists) << "in the root";
  ASSERT_TRUE(Mount("/m", "s3://other/dir").ok());
  EXPECT_EQ(Mount("/n", "s3://other").code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(Unmount("/here").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Unmount("/").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(master_->Rename(root_, "/m", "/o", {}).result.status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(master_->Mount({"eve", {}}, "/e", "s3://e", {}).result.status().code(),
            StatusCode::kPermissionDenied);
}

TEST_F(MountTest, aStoreThatDoesNotAnswer_isNotMounted) {
  understore_->FailNext(1000, MakeStatus(StatusCode::kPermissionDenied, "keys"), false);
  EXPECT_EQ(Mount("/m", "s3://other").code(), StatusCode::kPermissionDenied);
  EXPECT_FALSE(Exists("/m"));
}

TEST_F(MountTest, unmount_leavesTheStoreAlone) {
  PutObject("f", "123");
  ASSERT_TRUE(Mount("/m", "s3://other").ok());
  ASSERT_TRUE(Load("/m").ok());
  ASSERT_TRUE(Unmount("/m").ok());
  EXPECT_FALSE(Exists("/m"));
  EXPECT_TRUE(understore_->Head("f").ok());
  CrashAndRestart();
  EXPECT_EQ(master_->GetMounts().size(), 1U);
}

TEST_F(MountTest, unmount_waitsForWhatIsNotInTheStoreYet) {
  const auto worker = AddWorker("w");
  ASSERT_TRUE(Mount("/m", "s3://other").ok());
  ASSERT_TRUE(Load("/m").ok());
  WriteFile("/m/f", 5, {worker});
  EXPECT_EQ(Unmount("/m").code(), StatusCode::kUnavailable);
  AdvanceMs(100);
  AnswerPersist(worker, TakePersist(), absl::OkStatus());
  EXPECT_TRUE(Unmount("/m").ok());
}

TEST_F(MountTest, unmount_refusesToLoseWhatNobodyPersists) {
  const auto worker = AddWorker("w");
  ASSERT_TRUE(Mount("/m", "s3://other").ok());
  ASSERT_TRUE(Load("/m").ok());
  CreateFileOptions options;
  options.persistence_wait_time_ms = -1;
  WriteFile("/m/f", 5, {worker}, options);
  EXPECT_EQ(Unmount("/m").code(), StatusCode::kFailedPrecondition);
  ASSERT_TRUE(master_->Remove(root_, "/m/f", {}).result.ok());
  executor_.RunAll();
  EXPECT_TRUE(Unmount("/m").ok());
}

TEST_F(MountTest, readOnly_changesNothingBelow) {
  PutObject("f", "123");
  MountOptions options;
  options.read_only = true;
  ASSERT_TRUE(Mount("/m", "s3://other", options).ok());
  ASSERT_TRUE(Load("/m").ok());
  CreateFileOptions create;
  EXPECT_EQ(master_->CreateFile(root_, "/m/g", create).result.status().code(),
            StatusCode::kPermissionDenied);
  EXPECT_EQ(master_->Remove(root_, "/m/f", {}).result.status().code(),
            StatusCode::kPermissionDenied);
  EXPECT_EQ(master_->Rename(root_, "/m/f", "/m/h", {}).result.status().code(),
            StatusCode::kPermissionDenied);
  options.read_only = false;
  ASSERT_TRUE(master_->UpdateMount(root_, "/m", options).result.ok());
  EXPECT_TRUE(master_->CreateFile(root_, "/m/g", create).result.ok());
}

TEST_F(MountTest, workersAreTold) {
  AddWorker("w");
  sender_.sent.clear();
  ASSERT_TRUE(Mount("/m", "s3://other").ok());
  ASSERT_FALSE(sender_.sent.empty());
  EXPECT_EQ(sender_.sent.back().second.mount_table().mounts_size(), 2);
  ASSERT_TRUE(Unmount("/m").ok());
  EXPECT_EQ(sender_.sent.back().second.mount_table().mounts_size(), 1);
}

}  // namespace
}  // namespace spillway
