// What the twin does on request: conditions that hold late, features that are missing, others who
// write.
#include "understore/memory/memory_under_store.h"

#include <gtest/gtest.h>

#include "common/checksum.h"

namespace spillway {
namespace {

class MemoryUnderStoreTest : public testing::Test {
 protected:
  MemoryUnderStoreTest() {
    store_.set_clock(&clock_);
    store_.OnChange([this](const StoreChange& change) {
      changes_.push_back(change.key + (change.data == nullptr ? " -" : " +") +
                         (change.foreign ? " foreign" : "") +
                         (change.replaced_foreign ? " over foreign" : "") +
                         (change.unguarded ? " unguarded" : ""));
    });
  }
  StatusOr<PutResult> Put(const std::string& key, const std::string& data,
                          const PutOptions& options = {}) {
    StringBody body(data);
    return store_.Put(key, body, options);
  }
  Status Read(const std::string& key, const GetOptions& options) {
    return store_.Get(key, 0, 100, options, [](std::string_view) { return absl::OkStatus(); });
  }
  void Lack(StoreFeature feature) {
    StoreProfile profile = store_.profile();
    profile.Set(feature, Support::kNo);
    store_.set_profile(profile);
  }
  static PutOptions IfAbsent() {
    PutOptions options;
    options.if_absent = true;
    return options;
  }
  const Status late_ = MakeStatus(StatusCode::kDeadlineExceeded, "late");
  ManualClock clock_;
  MemoryUnderStore store_;
  std::vector<std::string> changes_;
};

constexpr StatusCode kOther = StatusCode::kFailedPrecondition;

TEST_F(MemoryUnderStoreTest, conditions_ofReadsCopiesAndDeletes) {
  const std::string etag = Put("k", "0123456789")->etag;
  EXPECT_TRUE(Read("k", {etag, 10}).ok());
  EXPECT_EQ(Read("k", {"other", -1}).code(), kOther);
  EXPECT_EQ(Read("k", {"", 9}).code(), kOther);
  EXPECT_EQ(store_.Copy("k", "to", {"other"}).status().code(), kOther);
  const std::string copy = store_.Copy("k", "to", {etag, 10, true})->etag;
  EXPECT_EQ(store_.Copy("k", "to", {etag, 10, true}).status().code(), kOther);
  EXPECT_EQ(store_.Copy("k", "to", {etag, 10, false, "other"}).status().code(), kOther);
  EXPECT_TRUE(store_.Copy("k", "to", {etag, 10, false, copy}).ok());
  const auto failures = store_.Delete({{"k", "other"}, {"to", ""}, {"none", "other"}});
  ASSERT_EQ(failures->size(), 1u);
  EXPECT_EQ(failures->front().key, "k");
  EXPECT_EQ(failures->front().status.code(), kOther);
  EXPECT_EQ(store_.Objects().size(), 1u);
  EXPECT_TRUE(store_.Delete({{"k", etag}})->empty());
  EXPECT_TRUE(store_.Objects().empty());
}

TEST_F(MemoryUnderStoreTest, longObjects_areCopiedInParts) {
  store_.set_copy_bytes_max(4);
  const std::string etag = Put("k", "0123456789")->etag;
  EXPECT_EQ(store_.Copy("k", "to", {}).status().code(), StatusCode::kInvalidArgument);
  const std::string id = *store_.CreateMultipart("to", {});
  EXPECT_EQ(store_.CopyPart("k", 0, 4, "to", id, 1, {"other"}).status().code(), kOther);
  EXPECT_FALSE(store_.CopyPart("k", 8, 4, "to", id, 1, {etag}).ok()) << "beyond the end";
  std::vector<UploadedPart> parts;
  for (int i = 0; i < 3; ++i) {
    const auto part = store_.CopyPart("k", i * 4, i == 2 ? 2 : 4, "to", id, i + 1, {etag});
    ASSERT_TRUE(part.ok());
    parts.push_back(*part);
  }
  ASSERT_TRUE(store_.CompleteMultipart("to", id, parts, IfAbsent()).ok());
  EXPECT_EQ(store_.Objects()["to"], "0123456789");
}

TEST_F(MemoryUnderStoreTest, lateEffects_comeWithTheirConditions) {
  store_.DelayNext(2, late_, 1000);
  EXPECT_EQ(Put("a", "one", IfAbsent()).status().code(), late_.code());
  EXPECT_EQ(Put("b", "two", IfAbsent()).status().code(), late_.code());
  EXPECT_TRUE(store_.Objects().empty());
  ASSERT_TRUE(Put("b", "three").ok());
  EXPECT_EQ(store_.late_effects(), 2u);
  clock_.AdvanceMs(999);
  store_.RunDue();
  EXPECT_EQ(store_.late_effects(), 2u);
  clock_.AdvanceMs(1);
  EXPECT_TRUE(store_.Head("a").ok()) << "what is due comes before the next call";
  EXPECT_EQ(store_.Objects()["b"], "three");
  EXPECT_EQ(store_.late_effects(), 0u);
}

TEST_F(MemoryUnderStoreTest, lateEffects_ofMultipartUploadsAndDeletes) {
  store_.DelayNext(1, late_, 1000);
  EXPECT_FALSE(store_.CreateMultipart("m", {}).ok());
  EXPECT_EQ(store_.open_uploads(), 0u);
  store_.RunLate(0);
  EXPECT_EQ(store_.open_uploads(), 1u);
  const std::string id = store_.ListUploads("m")->front().upload_id;
  StringBody body("part");
  const auto part = store_.UploadPart("m", id, 1, body, std::nullopt);
  store_.DelayNext(1, late_, 1000);
  EXPECT_FALSE(store_.CompleteMultipart("m", id, {*part}, {}).ok());
  ASSERT_TRUE(store_.AbortMultipart("m", id).ok());
  store_.RunLate(0);
  EXPECT_TRUE(store_.Objects().empty()) << "the upload is gone";
  ASSERT_TRUE(Put("x", "1").ok() && Put("y", "2").ok());
  store_.DelayNext(1, late_, 1000);
  EXPECT_EQ(store_.Delete({{"x", store_.EtagOf("x").value()}, {"y", ""}}).status().code(),
            late_.code());
  EXPECT_EQ(store_.Objects().size(), 2u);
  ASSERT_TRUE(Put("x", "another").ok());
  ASSERT_EQ(store_.late_effects(), 2u) << "one for each key";
  store_.RunLate(0);
  store_.RunLate(0);
  EXPECT_EQ(store_.Objects().count("x"), 1u);
  EXPECT_EQ(store_.Objects().count("y"), 0u);
}

TEST_F(MemoryUnderStoreTest, missingCondition_holdsWhenItIsLookedAt) {
  Lack(StoreFeature::kPutIfAbsent);
  Lack(StoreFeature::kMultiDelete);
  Lack(StoreFeature::kDeleteIfMatch);
  store_.PutAsOther("k", "theirs");
  EXPECT_EQ(Put("k", "ours", IfAbsent()).status().code(), kOther) << "it looks first";
  store_.DelayNext(1, late_, 1000);
  EXPECT_EQ(Put("k", "ours", IfAbsent()).status().code(), kOther) << "and then does not ask";
  EXPECT_FALSE(Put("late", "ours", IfAbsent()).ok());
  store_.PutAsOther("late", "theirs");
  store_.RunLate(0);
  EXPECT_EQ(store_.Objects()["late"], "ours");
  EXPECT_EQ(changes_.back(), "late + over foreign unguarded");
  store_.OnWindow([this](const std::string& key) { store_.PutAsOther(key, "theirs, later"); });
  ASSERT_TRUE(store_.Delete({{"late", store_.EtagOf("late").value()}})->empty());
  EXPECT_EQ(changes_.back(), "late - over foreign unguarded");
}

TEST_F(MemoryUnderStoreTest, withoutMultiDelete_eachKeyIsARequest) {
  ASSERT_TRUE(Put("x", "1").ok() && Put("y", "2").ok());
  Lack(StoreFeature::kMultiDelete);
  store_.FailNext(1, Unavailable("away"), false, "delete");
  const auto failures = store_.Delete({{"x", ""}, {"y", ""}});
  ASSERT_EQ(failures->size(), 1u);
  EXPECT_EQ(failures->front().key, "x");
  EXPECT_EQ(store_.requests("delete"), 2);
}

TEST_F(MemoryUnderStoreTest, pagesAreTakenOneByOne) {
  store_.set_entries_per_page(2);
  for (const char* key : {"d/a", "d/b/1", "d/b/2", "d/c", "d/e"}) ASSERT_TRUE(Put(key, "1").ok());
  auto page = store_.List("d", "");
  EXPECT_EQ(page->objects.size(), 1u);
  EXPECT_EQ(page->directories, std::vector<std::string>{"d/b"});
  ASSERT_TRUE(Put("d/a0", "too late for this listing").ok());
  store_.DeleteAsOther("d/c");
  page = store_.List("d", page->next_token);
  ASSERT_EQ(page->objects.size(), 1u);
  EXPECT_EQ(page->objects[0].key, "d/e");
  EXPECT_TRUE(page->directories.empty());
  EXPECT_EQ(page->next_token, "");
}

TEST_F(MemoryUnderStoreTest, refusedKeys_failAlone) {
  ASSERT_TRUE(Put("x", "1").ok() && Put("y", "2").ok());
  store_.Refuse("delete", "x", MakeStatus(StatusCode::kPermissionDenied, "locked"));
  store_.Refuse("put", "z", InvalidArgument("no"));
  const auto failures = store_.Delete({{"x", ""}, {"y", ""}});
  ASSERT_EQ(failures->size(), 1u);
  EXPECT_EQ(failures->front().status.code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(store_.Objects().count("y"), 0u);
  EXPECT_EQ(Put("z", "1").status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(store_.CreateMultipart("z", {}).status().code(), StatusCode::kInvalidArgument);
  store_.Refuse("put", "z", absl::OkStatus());
  EXPECT_TRUE(Put("z", "1").ok());
}

TEST_F(MemoryUnderStoreTest, checksumsAndEtags_asTheStoreGivesThem) {
  store_.set_etags_by_content(true);
  EXPECT_EQ(Put("x", "same")->etag, Put("y", "same")->etag);
  EXPECT_EQ(store_.Head("x")->crc32c, Crc32c("same"));
  Lack(StoreFeature::kChecksums);
  EXPECT_FALSE(store_.Head("x")->crc32c);
  EXPECT_FALSE(store_.List("", "")->objects.front().crc32c);
}

}  // namespace
}  // namespace spillway
