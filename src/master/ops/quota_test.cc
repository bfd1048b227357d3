#include "master/master_fixture.h"

namespace spillway {
namespace {

class QuotaTest : public MasterFixture {
 protected:
  QuotaTest() : worker_(AddWorker("w")) {
    EXPECT_TRUE(master_->CreateDirectory(root_, "/q", {}).result.ok());
  }
  void SetQuota(int64_t files, int64_t bytes, const std::string& path = "/q") {
    const auto set = master_->SetQuota(root_, path, files, bytes);
    ASSERT_TRUE(set.result.ok()) << set.result.status();
  }
  Quota Now(const std::string& path = "/q") {
    const auto quotas = *master_->ListQuotas(root_, path).result;
    return quotas.empty() ? Quota() : quotas.front();
  }
  StatusCode Create(const std::string& path, bool overwrite = false) {
    CreateFileOptions options;
    options.overwrite = overwrite;
    options.recursive = true;
    return master_->CreateFile(root_, path, options).result.status().code();
  }
  Master::Session worker_;
};

TEST_F(QuotaTest, files_areCountedWhereverTheyComeFrom) {
  WriteFile("/q/before", 5, {worker_});
  SetQuota(2, 0);
  EXPECT_EQ(Now().files, 1);
  EXPECT_EQ(Now().bytes, 5);
  WriteFile("/q/deep/er/f", 7, {worker_});
  EXPECT_EQ(Create("/q/third"), StatusCode::kResourceExhausted);
  EXPECT_EQ(Create("/q/before", /*overwrite=*/true), StatusCode::kOk) << "one for one";
  ASSERT_TRUE(master_->Remove(root_, "/q/deep/er/f", {}).result.ok());
  EXPECT_EQ(Now().files, 1);
  EXPECT_EQ(Create("/q/third"), StatusCode::kOk);
  EXPECT_EQ(Create("/elsewhere"), StatusCode::kOk);
}

TEST_F(QuotaTest, bytes_areRefusedEarlyAndAtTheEnd) {
  SetQuota(0, 10);
  WriteFile("/q/f", 6, {worker_});
  ASSERT_EQ(Create("/q/g"), StatusCode::kOk);
  const auto block = master_->NewBlockId(root_, "/q/g");
  ASSERT_TRUE(block.result.ok());
  ASSERT_TRUE(master_->CommitBlock(worker_, Report(*block.result, 5)).ok());
  EXPECT_EQ(master_->CompleteFile(root_, "/q/g", {}).result.status().code(),
            StatusCode::kResourceExhausted);
  EXPECT_EQ(Now().bytes, 6) << "what was refused does not count";
  SetQuota(0, 6);
  ASSERT_EQ(Create("/q/h"), StatusCode::kOk);
  EXPECT_EQ(master_->NewBlockId(root_, "/q/h").result.status().code(),
            StatusCode::kResourceExhausted);
}

TEST_F(QuotaTest, renames_moveWhatIsCounted) {
  SetQuota(2, 0);
  for (const char* path : {"/from/a", "/from/b", "/from/c"}) WriteFile(path, 3, {worker_});
  EXPECT_EQ(master_->Rename(root_, "/from", "/q/to", {}).result.status().code(),
            StatusCode::kResourceExhausted);
  ASSERT_TRUE(master_->Remove(root_, "/from/c", {}).result.ok());
  ASSERT_TRUE(master_->Rename(root_, "/from", "/q/to", {}).result.ok());
  EXPECT_EQ(Now().files, 2);
  EXPECT_EQ(Now().bytes, 6);
  EXPECT_TRUE(master_->Rename(root_, "/q/to", "/q/again", {}).result.ok()) << "within";
  EXPECT_EQ(Now().files, 2);
  ASSERT_TRUE(master_->Rename(root_, "/q/again/a", "/out", {}).result.ok());
  EXPECT_EQ(Now().files, 1);
}

TEST_F(QuotaTest, nestedOnes_holdEach_andSurviveARestart) {
  ASSERT_TRUE(master_->CreateDirectory(root_, "/q/in", {}).result.ok());
  SetQuota(5, 0);
  SetQuota(1, 0, "/q/in");
  WriteFile("/q/in/f", 4, {worker_});
  EXPECT_EQ(Create("/q/in/g"), StatusCode::kResourceExhausted);
  EXPECT_EQ(Create("/q/g"), StatusCode::kOk);
  executor_.RunAll();
  CrashAndRestart();
  EXPECT_EQ(Now().files, 2);
  EXPECT_EQ(Now("/q/in").files, 1);
  EXPECT_EQ(Create("/q/in/g"), StatusCode::kResourceExhausted);
  SetQuota(0, 0, "/q/in");
  EXPECT_EQ(Create("/q/in/g"), StatusCode::kOk);
  EXPECT_EQ(master_->ListQuotas(root_, "/").result->size(), 1U);
}

TEST_F(QuotaTest, onlyASuperuser_onlyDirectories) {
  WriteFile("/q/f", 4, {worker_});
  EXPECT_EQ(master_->SetQuota({"eve", {}}, "/q", 1, 0).result.status().code(),
            StatusCode::kPermissionDenied);
  EXPECT_EQ(master_->SetQuota(root_, "/q/f", 1, 0).result.status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(master_->SetQuota(root_, "/q", -1, 0).result.status().code(),
            StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace spillway
