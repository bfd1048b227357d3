// Files written straight to the understore, in parts.
#include "worker/worker_fixture.h"

namespace spillway {
namespace {

class WriteThroughTest : public WorkerFixture {
 protected:
  std::unique_ptr<WriteTarget> Open(const std::string& key) {
    return *worker_->WriteThrough({MountId(1), "s3://bucket/" + key, "", "", 0644});
  }
  Status Append(WriteTarget& target, std::string data) {
    Status result = kPending;
    target.Append({iovec{data.data(), data.size()}},
                  [&](const Status& status) { result = status; });
    executor_.RunAll();
    return result;
  }
  Status Commit(WriteTarget& target) {
    Status result = kPending;
    target.Commit([&](const Status& status) { result = status; });
    executor_.RunAll();
    return result;
  }
  void SmallParts(ThroughParts parts) {
    WorkerOptions options;
    options.through_parts = parts;
    StartWorker(options);
  }
};

TEST_F(WriteThroughTest, publishesOnCommitOnly) {
  {
    const auto target = Open("t");
    EXPECT_TRUE(Append(*target, "through").ok());
  }
  executor_.RunAll();
  EXPECT_TRUE(understore_->Objects().empty());
  const auto target = Open("t");
  EXPECT_TRUE(Append(*target, "through").ok());
  EXPECT_TRUE(Commit(*target).ok());
  EXPECT_EQ(understore_->Objects()["t"], "through");
  EXPECT_FALSE(target->content_hash().empty());
}

TEST_F(WriteThroughTest, largeFileGoesInParts) {
  const auto target = Open("big");
  const std::string data(20 << 20, 'z');
  ASSERT_TRUE(Append(*target, data).ok());
  ASSERT_TRUE(Append(*target, "end").ok());
  const Status result = Commit(*target);
  ASSERT_TRUE(result.ok()) << result;
  EXPECT_EQ(understore_->requests("upload_part"), 2);
  EXPECT_EQ(understore_->Objects()["big"], data + "end");
  EXPECT_EQ(understore_->open_uploads(), 0u);
}

TEST_F(WriteThroughTest, parts_growWithTheFile) {
  const ThroughParts parts;
  EXPECT_EQ(parts.PartBytes(0), 16 << 20);
  EXPECT_EQ(parts.PartBytes(999), 16 << 20);
  EXPECT_EQ(parts.PartBytes(1000), 32 << 20);
  EXPECT_EQ(parts.PartBytes(4000), 256 << 20);
  EXPECT_EQ(parts.PartBytes(9999), 256 << 20);
  EXPECT_EQ(parts.FileBytesMax(), int64_t{1'776'000} << 20);
}

TEST_F(WriteThroughTest, aFileOfAllParts_isWritten_aLongerOneIsRefused) {
  SmallParts({2, 8, 10, 40});  // 20 + 40 + 160 bytes
  std::string data;
  for (int i = 0; i < 220; ++i) data.push_back(static_cast<char>('a' + i % 26));
  const auto target = Open("most");
  for (int i = 0; i < 220; i += 11) ASSERT_TRUE(Append(*target, data.substr(i, 11)).ok());
  EXPECT_EQ(understore_->requests("upload_part"), 40);
  EXPECT_EQ(Append(*target, "x").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(target->length_bytes(), 220);
  ASSERT_TRUE(Commit(*target).ok());
  EXPECT_EQ(understore_->Objects()["most"], data);
}

TEST_F(WriteThroughTest, folders_takeAnyNumberOfEqualParts) {
  class Folder : public MemoryUnderStore {
   public:
    bool is_object_store() const override { return false; }
    StatusOr<std::string> CreateMultipart(const std::string& key,
                                          const PutOptions& options) override {
      part_bytes = options.part_bytes;
      return MemoryUnderStore::CreateMultipart(key, options);
    }
    int64_t part_bytes = 0;
  };
  const auto folder = std::make_shared<Folder>();
  opened_ = folder;
  ThroughParts parts;
  parts.first_bytes = 1;
  parts.largest_bytes = 1;
  SmallParts(parts);
  std::string data;
  for (int i = 0; i < 10'500; ++i) data.push_back(static_cast<char>('a' + i % 26));
  const auto target = Open("f");
  ASSERT_TRUE(Append(*target, data).ok());
  const Status result = Commit(*target);
  ASSERT_TRUE(result.ok()) << result;
  EXPECT_EQ(folder->requests("upload_part"), 10'500);
  EXPECT_EQ(folder->part_bytes, 1);
  EXPECT_EQ(folder->Objects()["f"], data);
}

TEST_F(WriteThroughTest, lostAnswers_areSettledByLooking) {
  SmallParts({10, 10, 1000, 10'000});
  const auto small = Open("small");
  ASSERT_TRUE(Append(*small, "through").ok());
  understore_->FailNext(1, Unavailable("answer lost"), /*after_effect=*/true);
  EXPECT_TRUE(Commit(*small).ok());
  EXPECT_EQ(small->content_hash(), understore_->Head("small")->etag);
  const auto large = Open("large");
  ASSERT_TRUE(Append(*large, "0123456789abcdefghij").ok());
  understore_->FailNext(1, Unavailable("answer lost"), /*after_effect=*/true);
  const Status result = Commit(*large);
  EXPECT_TRUE(result.ok()) << result;
  EXPECT_EQ(large->content_hash(), understore_->Head("large")->etag);
  EXPECT_EQ(understore_->Objects()["large"], "0123456789abcdefghij");
}

TEST_F(WriteThroughTest, failedAnswers_areNotTakenForSuccess) {
  StringBody foreign("foreign");
  ASSERT_TRUE(understore_->Put("t", foreign, {}).ok());
  const auto target = Open("t");
  ASSERT_TRUE(Append(*target, "through").ok());
  understore_->FailNext(1, Unavailable("away"), /*after_effect=*/false);
  EXPECT_EQ(Commit(*target).code(), StatusCode::kUnavailable);
  EXPECT_EQ(target->content_hash(), "");
  EXPECT_EQ(understore_->Objects()["t"], "foreign");
}

TEST_F(WriteThroughTest, conditions_areStated) {
  StringBody foreign("somebody else's");
  ASSERT_TRUE(understore_->Put("t", foreign, {}).ok());
  FileWriteThroughOptions options{MountId(1), "s3://bucket/t", "", "", 0644};
  options.if_absent = true;
  const auto target = *worker_->WriteThrough(options);
  ASSERT_TRUE(Append(*target, "through").ok());
  EXPECT_EQ(Commit(*target).code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(understore_->Objects()["t"], "somebody else's");
}

TEST_F(WriteThroughTest, withoutAnEtag_isNoSuccess) {
  class Nameless : public MemoryUnderStore {
    StatusOr<PutResult> Put(const std::string&, BodySource&, const PutOptions&) override {
      return PutResult{};
    }
  };
  opened_ = std::make_shared<Nameless>();
  const auto target = Open("t");
  ASSERT_TRUE(Append(*target, "through").ok());
  EXPECT_EQ(Commit(*target).code(), StatusCode::kUnavailable);
}

}  // namespace
}  // namespace spillway
