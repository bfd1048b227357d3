// What the retrying decorator makes of answers that were lost.
#include <gtest/gtest.h>

#include "common/checksum.h"
#include "understore/forwarding_under_store.h"
#include "understore/memory/memory_under_store.h"
#include "understore/read_version.h"
#include "understore/same_object.h"

namespace spillway {
namespace {

// A store that gives checksums only if told to, and may replace an object between HEAD and GET.
class Bare : public ForwardingUnderStore<Bare> {
 public:
  using ForwardingUnderStore::ForwardingUnderStore;
  using UnderStore::Get;
  template <typename F>
  auto Call(const char*, F&& call) {
    return call();
  }
  StatusOr<ObjectInfo> Head(const std::string& key) override {
    auto info = inner_->Head(key);
    if (info.ok() && !checksums) info->crc32c.reset();
    if (info.ok()) info->composite_crc32c = composite;
    return info;
  }
  StatusOr<PutResult> CompleteMultipart(const std::string& key, const std::string& id,
                                        const std::vector<UploadedPart>& parts,
                                        const PutOptions& options) override {
    auto result = inner_->CompleteMultipart(key, id, parts, options);
    if (lose_answers-- > 0) return Unavailable("answer lost");
    return result;
  }
  StatusOr<PutResult> Copy(const std::string& source, const std::string& target,
                           const CopyOptions& options) override {
    auto result = inner_->Copy(source, target, options);
    if (lose_answers-- > 0) return Unavailable("answer lost");
    return result;
  }
  StatusOr<std::vector<DeleteFailure>> Delete(const std::vector<DeleteRequest>& requests) override {
    deletes.push_back(requests.size());
    std::vector<DeleteFailure> failures;
    for (const DeleteRequest& request : requests) {
      if (request.key == "refused")
        failures.push_back({request.key, MakeStatus(StatusCode::kPermissionDenied, "no")});
      if (request.key == "later" && deletes.size() < 3)
        failures.push_back({request.key, Unavailable("away")});
    }
    return failures;
  }
  bool checksums = false;
  std::string composite;
  int lose_answers = 0;
  std::vector<size_t> deletes;
};

class RetryingTest : public testing::Test {
 protected:
  ManualClock clock_;
  SeededRandom random_{1};
  std::shared_ptr<MemoryUnderStore> memory_ = std::make_shared<MemoryUnderStore>();
  std::shared_ptr<Bare> bare_ = std::make_shared<Bare>(memory_);
  std::shared_ptr<UnderStore> store_ = MakeRetryingUnderStore(bare_, &clock_, &random_, 5000);

  StatusOr<PutResult> Put(const std::string& key, const std::string& data) {
    StringBody body(data);
    PutOptions options;
    options.if_absent = true;
    options.crc32c = Crc32c(data);
    return store_->Put(key, body, options);
  }
};

TEST_F(RetryingTest, putWhoseAnswerWasLost_isReadBackIfTheStoreGivesNoChecksum) {
  memory_->FailNext(1, Unavailable("answer lost"), /*after_effect=*/true);
  const auto put = Put("k", "data");
  ASSERT_TRUE(put.ok()) << put.status();
  EXPECT_EQ(put->etag, memory_->Head("k")->etag);
  EXPECT_EQ(memory_->requests("get"), 1);
}

TEST_F(RetryingTest, putThatMeetsOtherBytesOfTheSameLength_isAConflict) {
  ASSERT_TRUE(Put("k", "DATA").ok());
  memory_->FailNext(1, Unavailable("answer lost"), /*after_effect=*/false);
  EXPECT_EQ(Put("k", "data").status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(memory_->Objects()["k"], "DATA");
}

TEST_F(RetryingTest, firstConflict_isNotSettledByLooking) {
  ASSERT_TRUE(Put("k", "data").ok());
  EXPECT_EQ(Put("k", "data").status().code(), StatusCode::kFailedPrecondition)
      << "another writer's object of the same bytes";
  EXPECT_EQ(memory_->requests("head"), 0);
}

TEST_F(RetryingTest, completeWhoseAnswerWasLost_isSettledByItsParts) {
  PutOptions options;
  options.if_absent = true;
  const auto id = store_->CreateMultipart("m", options);
  ASSERT_TRUE(id.ok());
  std::vector<UploadedPart> parts;
  for (int number : {1, 2}) {
    StringBody body(std::string(10, static_cast<char>('0' + number)));
    auto part = store_->UploadPart("m", *id, number, body, std::nullopt);
    ASSERT_TRUE(part.ok());
    part->crc32c = Crc32c(std::string(10, static_cast<char>('0' + number)));
    part->size_bytes = 10;
    parts.push_back(*part);
  }
  bare_->lose_answers = 1;
  const auto done = store_->CompleteMultipart("m", *id, parts, options);
  EXPECT_TRUE(done.ok()) << done.status();
}

TEST_F(RetryingTest, copyWhoseAnswerWasLost_isSettledByLookingAtBoth) {
  ASSERT_TRUE(Put("from", "data").ok());
  CopyOptions options;
  options.if_absent = true;
  bare_->lose_answers = 1;
  EXPECT_TRUE(store_->Copy("from", "to", options).ok());
  bare_->lose_answers = 1;
  ASSERT_TRUE(Put("other", "DATA").ok());
  EXPECT_EQ(store_->Copy("from", "other", options).status().code(),
            StatusCode::kFailedPrecondition);
}

TEST_F(RetryingTest, deletion_repeatsTheKeysThatMayGoLaterAlone) {
  const auto failures = store_->Delete({{"a", ""}, {"later", ""}, {"refused", ""}});
  ASSERT_TRUE(failures.ok());
  ASSERT_EQ(failures->size(), 1u);
  EXPECT_EQ((*failures)[0].key, "refused");
  EXPECT_EQ(bare_->deletes, (std::vector<size_t>{3, 1, 1}));
}

// Breaks off after half of the bytes, and replaces the object meanwhile.
class Torn : public ForwardingUnderStore<Torn> {
 public:
  using ForwardingUnderStore::ForwardingUnderStore;
  using UnderStore::Get;
  template <typename F>
  auto Call(const char*, F&& call) {
    return call();
  }
  Status Get(const std::string& key, int64_t offset, int64_t length, const GetOptions& options,
             const Sink& sink) override {
    if (++gets > 1) return inner_->Get(key, offset, length, options, sink);
    const std::string etag = inner_->Head(key)->etag;
    SPILLWAY_RETURN_IF_ERROR(inner_->Get(key, offset, length / 2, options, sink));
    if (replace) {
      StringBody body("DATA");
      SPILLWAY_RETURN_IF_ERROR(inner_->Put(key, body, {}).status());
    }
    return WithReadVersion(Unavailable("cut off"), etag);
  }
  bool replace = false;
  int gets = 0;
};

TEST_F(RetryingTest, readThatGoesOn_neverJoinsTwoVersions) {
  for (const bool replace : {false, true}) {
    ASSERT_TRUE(memory_->Delete({{"k", ""}}).ok());
    ASSERT_TRUE(Put("k", "data").ok());
    auto torn = std::make_shared<Torn>(memory_);
    torn->replace = replace;
    auto store = MakeRetryingUnderStore(torn, &clock_, &random_, 5000);
    std::string got;
    const Status status = store->Get("k", 0, 4, [&](std::string_view data) {
      got += data;
      return absl::OkStatus();
    });
    if (replace) {
      EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
      EXPECT_EQ(got, "da");
    } else {
      EXPECT_TRUE(status.ok()) << status;
      EXPECT_EQ(got, "data");
    }
  }
}

TEST_F(RetryingTest, holdsParts_believesTheStoresChecksumOfChecksums) {
  ASSERT_TRUE(Put("k", "onetwo").ok());
  std::vector<UploadedPart> parts{{1, "", Crc32c("one"), 3}, {2, "", Crc32c("two"), 3}};
  EXPECT_TRUE(*HoldsParts(*bare_, *bare_->Head("k"), parts));
  EXPECT_EQ(memory_->requests("get"), 1);
  std::string row;
  for (const UploadedPart& part : parts) {
    for (int shift = 24; shift >= 0; shift -= 8)
      row += static_cast<char>((*part.crc32c >> shift) & 0xff);
  }
  bare_->composite = Crc32cBase64(Crc32c(row)) + "-2";
  EXPECT_TRUE(*HoldsParts(*bare_, *bare_->Head("k"), parts));
  bare_->composite = Crc32cBase64(1) + "-2";
  EXPECT_FALSE(*HoldsParts(*bare_, *bare_->Head("k"), parts));
  EXPECT_EQ(memory_->requests("get"), 1) << "nothing more is read";
  parts[1].crc32c.reset();
  EXPECT_FALSE(*HoldsParts(*bare_, *bare_->Head("k"), parts));
}

}  // namespace
}  // namespace spillway
