// One suite over the local store and the in-memory twin; tests/cluster/test_s3_store.py runs it
// over S3 too, against a real server named by SPILLWAY_S3_TEST_ENDPOINT.
#include "understore/under_store.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "common/checksum.h"
#include "common/test_directory.h"
#include "understore/local/local_under_store.h"
#include "understore/memory/memory_under_store.h"
#include "understore/s3/s3_client.h"

namespace spillway {
namespace {

class UnderStoreTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (std::string(GetParam()) == "local") {
      store_ = std::make_shared<LocalUnderStore>(directory_.path());
    } else if (std::string(GetParam()) == "memory") {
      store_ = std::make_shared<MemoryUnderStore>();
    } else {
      OpenS3();
    }
  }
  // A prefix of its own for each test, below s3://bucket.
  void OpenS3() {
    const auto setting = [](const char* name) {
      const char* value = std::getenv(name);
      return std::string(value == nullptr ? "" : value);
    };
    const std::map<std::string, std::string> properties{
        {"alluxio.underfs.s3.endpoint", setting("SPILLWAY_S3_TEST_ENDPOINT")},
        {"alluxio.underfs.s3.disable.dns.buckets", setting("SPILLWAY_S3_TEST_PATH_STYLE")},
        {"spillway.underfs.s3.ca.file", setting("SPILLWAY_S3_TEST_CA")}};
    const std::string test = testing::UnitTest::GetInstance()->current_test_info()->name() +
                             setting("SPILLWAY_S3_TEST_RUN");
    auto store = OpenUnderStore(
        "s3://bucket/" + test.substr(0, test.find('/')) + setting("SPILLWAY_S3_TEST_RUN"),
        properties, {&site_, &clock_, &random_, nullptr});
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *store;
    // The smallest part but the last that S3 takes.
    part_bytes_ = 5 << 20;
  }
  StatusOr<PutResult> Put(const std::string& key, const std::string& data,
                          PutOptions options = {}) {
    StringBody body(data);
    return store_->Put(key, body, options);
  }
  std::string Get(const std::string& key, int64_t offset = 0, int64_t length = 1 << 30) {
    std::string all;
    const Status status = store_->Get(key, offset, length, [&](std::string_view data) {
      all += data;
      return absl::OkStatus();
    });
    return status.ok() ? all : "<" + Message(status) + ">";
  }
  TestDirectory directory_;
  Configuration site_;
  SystemClock clock_;
  SystemRandom random_;
  size_t part_bytes_ = 1000;
  std::shared_ptr<UnderStore> store_;
};

std::vector<const char*> Stores() {
  std::vector<const char*> stores{"local", "memory"};
  if (std::getenv("SPILLWAY_S3_TEST_ENDPOINT") != nullptr) stores.push_back("s3");
  return stores;
}
INSTANTIATE_TEST_SUITE_P(Stores, UnderStoreTest, testing::ValuesIn(Stores()),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(UnderStoreTest, putGetHeadDelete) {
  ASSERT_TRUE(Put("a/b/c", "0123456789").ok());
  EXPECT_EQ(Get("a/b/c"), "0123456789");
  EXPECT_EQ(Get("a/b/c", 3, 4), "3456");
  EXPECT_EQ(Get("a/b/c", 8, 100), "89");
  EXPECT_EQ(Get("a/b/c", 10, 5), "");
  EXPECT_EQ(store_->Head("a/b/c")->size_bytes, 10);
  EXPECT_EQ(store_->Head("a/none").status().code(), StatusCode::kNotFound);
  ASSERT_TRUE(store_->Delete({{"a/b/c", ""}, {"a/none", ""}}).ok());
  EXPECT_EQ(store_->Head("a/b/c").status().code(), StatusCode::kNotFound);
}

TEST_P(UnderStoreTest, manyPutsAtOnce_haveAResultEach) {
  ASSERT_TRUE(Put("many/there", "old").ok());
  const std::vector<std::string> keys{"many/a", "many/b", "many/there", "many/bad", "many/c"};
  std::vector<StringBody> bodies;
  for (const std::string& key : keys) bodies.emplace_back("data of " + key);
  std::vector<PutRequest> puts;
  for (size_t i = 0; i < keys.size(); ++i) {
    PutOptions options;
    options.if_absent = i != 4;
    options.crc32c = Crc32c("data of " + keys[i]) + (keys[i] == "many/bad" ? 1 : 0);
    puts.push_back({keys[i], &bodies[i], options});
  }
  const auto results = store_->PutMany(puts);
  ASSERT_EQ(results.size(), keys.size());
  for (const size_t i : {0, 1, 4}) {
    ASSERT_TRUE(results[i].ok()) << results[i].status();
    EXPECT_EQ(store_->Head(keys[i])->etag, results[i]->etag);
    EXPECT_EQ(Get(keys[i]), "data of " + keys[i]);
  }
  EXPECT_EQ(results[2].status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(Get("many/there"), "old");
  EXPECT_EQ(results[3].status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(store_->Head("many/bad").status().code(), StatusCode::kNotFound);
  EXPECT_GE(store_->puts_together(), 1);
}

TEST_P(UnderStoreTest, longObjects_ofAnySize) {
  for (const size_t size : {1u << 20, (1u << 20) + 1, (3u << 20) - 1, (2u << 20) + 4096}) {
    std::string data(size, 'a');
    for (size_t i = 0; i < size; i += 997) data[i] = static_cast<char>('b' + i % 23);
    PutOptions options;
    options.crc32c = Crc32c(data);
    ASSERT_TRUE(Put("long", data, options).ok()) << size;
    EXPECT_EQ(store_->Head("long")->size_bytes, static_cast<int64_t>(size));
    EXPECT_TRUE(Get("long") == data) << size;
    options.if_absent = true;
    const std::string fresh = "new/" + std::to_string(size);
    ASSERT_TRUE(Put(fresh, data, options).ok()) << size;
    EXPECT_TRUE(Get(fresh) == data) << size;
    // Other bytes: a repeated upload of the same ones counts as done if an answer was lost.
    const std::string other = "!" + data.substr(1);
    options.crc32c = Crc32c(other);
    EXPECT_EQ(Put(fresh, other, options).status().code(), StatusCode::kFailedPrecondition);
    EXPECT_TRUE(Get(fresh) == data) << size;
    options.crc32c = *options.crc32c + 1;
    EXPECT_EQ(Put("other", data, options).status().code(), StatusCode::kDataLoss);
  }
  EXPECT_EQ(store_->Head("other").status().code(), StatusCode::kNotFound);
}

TEST_P(UnderStoreTest, list_oneLevel) {
  for (const char* key : {"d/x", "d/y/1", "d/y/2", "top", "d.txt"}) ASSERT_TRUE(Put(key, "1").ok());
  const auto root = store_->List("", "");
  EXPECT_EQ(root->directories, std::vector<std::string>{"d"});
  ASSERT_EQ(root->objects.size(), 2u);
  const auto page = store_->List("d", "");
  EXPECT_EQ(page->directories, std::vector<std::string>{"d/y"});
  ASSERT_EQ(page->objects.size(), 1u);
  EXPECT_EQ(page->objects[0].key, "d/x");
  EXPECT_TRUE(store_->List("none", "")->objects.empty());
}

TEST_P(UnderStoreTest, lookUp_findsObjectsAndDirectories) {
  for (const char* key : {"l/x", "l/y/1", "l/y-z"}) ASSERT_TRUE(Put(key, "12").ok());
  const auto object = store_->LookUp("l/x");
  ASSERT_TRUE(object.ok());
  ASSERT_EQ(object->objects.size(), 1u);
  EXPECT_EQ(object->objects[0].key, "l/x");
  EXPECT_EQ(object->objects[0].size_bytes, 2);
  EXPECT_EQ(store_->LookUp("l/y")->directories, std::vector<std::string>{"l/y"});
  EXPECT_EQ(store_->LookUp("l")->directories, std::vector<std::string>{"l"});
  for (const char* none : {"l/z", "l/y/2", "k"}) {
    const auto page = store_->LookUp(none);
    ASSERT_TRUE(page.ok());
    EXPECT_TRUE(page->objects.empty() && page->directories.empty()) << none;
  }
}

TEST_P(UnderStoreTest, conditions) {
  PutOptions absent;
  absent.if_absent = true;
  const auto first = Put("k", "one", absent);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(Put("k", "two", absent).status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(Get("k"), "one");
  PutOptions match;
  match.if_match = first->etag;
  ASSERT_TRUE(Put("k", "three", match).ok());
  EXPECT_EQ(Put("k", "four", match).status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(Get("k"), "three");
}

TEST_P(UnderStoreTest, wrongChecksum_publishesNothing) {
  PutOptions options;
  options.crc32c = 1;
  EXPECT_EQ(Put("k", "data", options).status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(store_->Head("k").status().code(), StatusCode::kNotFound);
  options.crc32c = Crc32c("data");
  EXPECT_TRUE(Put("k", "data", options).ok());
}

TEST_P(UnderStoreTest, multipart_wholeOrNothing) {
  PutOptions options;
  options.part_bytes = static_cast<int64_t>(part_bytes_);
  const auto id = store_->CreateMultipart("m", options);
  ASSERT_TRUE(id.ok()) << id.status();
  std::vector<UploadedPart> parts;
  for (int number : {3, 2, 1}) {
    const size_t bytes = number == 3 ? 10 : part_bytes_;
    StringBody body(std::string(bytes, static_cast<char>('0' + number)));
    const auto part = store_->UploadPart("m", *id, number, body, std::nullopt);
    ASSERT_TRUE(part.ok());
    parts.insert(parts.begin(), *part);
  }
  EXPECT_EQ(store_->Head("m").status().code(), StatusCode::kNotFound)
      << "nothing before completion";
  ASSERT_TRUE(store_->CompleteMultipart("m", *id, parts, {}).ok());
  EXPECT_EQ(Get("m"),
            std::string(part_bytes_, '1') + std::string(part_bytes_, '2') + std::string(10, '3'));
  // A repeat changes nothing, whether the store remembers the upload or not.
  const auto again = store_->CompleteMultipart("m", *id, parts, {}).status();
  EXPECT_TRUE(again.ok() || again.code() == StatusCode::kNotFound) << again;
  EXPECT_EQ(store_->Head("m")->size_bytes, static_cast<int64_t>(2 * part_bytes_ + 10));
  const auto aborted = store_->CreateMultipart("n", options);
  ASSERT_TRUE(store_->AbortMultipart("n", *aborted).ok());
  ASSERT_TRUE(store_->AbortMultipart("n", *aborted).ok());
  EXPECT_EQ(store_->Head("n").status().code(), StatusCode::kNotFound);
  EXPECT_TRUE(store_->List("", "")->directories.empty()) << "uploads are not to be seen";
}

TEST_P(UnderStoreTest, copy) {
  ASSERT_TRUE(Put("from", "data").ok());
  ASSERT_TRUE(store_->Copy("from", "deep/to", {}).ok());
  EXPECT_EQ(Get("deep/to"), "data");
  EXPECT_EQ(Get("from"), "data");
  EXPECT_EQ(store_->Copy("none", "x", {}).status().code(), StatusCode::kNotFound);
}

TEST_P(UnderStoreTest, sinkThatFails_endsTheRead) {
  ASSERT_TRUE(Put("k", "data").ok());
  EXPECT_EQ(store_->Get("k", 0, 4, [](std::string_view) { return Internal("full"); }).code(),
            StatusCode::kInternal);
}

TEST(RetryingUnderStoreTest, triesAgainWhatMaySucceed_andNothingElse) {
  SystemClock clock;
  SeededRandom random(1);
  auto inner = std::make_shared<MemoryUnderStore>();
  auto store = MakeRetryingUnderStore(inner, &clock, &random, 5000);
  inner->FailNext(2, Unavailable("away"), false);
  StringBody body("data");
  EXPECT_TRUE(store->Put("k", body, {}).ok());
  EXPECT_EQ(inner->requests("put"), 3);
  inner->FailNext(1, MakeStatus(StatusCode::kPermissionDenied, "no"), false);
  EXPECT_EQ(store->Head("k").status().code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(inner->requests("head"), 1);
}

TEST(RetryingUnderStoreTest, conditionalPutWhoseAnswerWasLost_succeeds) {
  SystemClock clock;
  SeededRandom random(1);
  auto inner = std::make_shared<MemoryUnderStore>();
  auto store = MakeRetryingUnderStore(inner, &clock, &random, 5000);
  inner->FailNext(1, Unavailable("answer lost"), /*after_effect=*/true);
  StringBody body("data");
  PutOptions options;
  options.if_absent = true;
  options.crc32c = Crc32c("data");
  EXPECT_TRUE(store->Put("k", body, options).ok());
  EXPECT_EQ(inner->Objects()["k"], "data");
}

TEST(S3StatusTest, errorsSayWhatToDoNext) {
  const auto code = [](int http, const std::string& s3) {
    return StatusFromS3(http, "<Error><Code>" + s3 + "</Code><Message>m</Message></Error>", "PUT")
        .code();
  };
  EXPECT_EQ(code(503, "SlowDown"), StatusCode::kResourceExhausted);
  EXPECT_EQ(code(503, "ServiceUnavailable"), StatusCode::kUnavailable);
  EXPECT_EQ(code(500, "InternalError"), StatusCode::kUnavailable);
  EXPECT_EQ(code(403, "AccessDenied"), StatusCode::kPermissionDenied);
  EXPECT_EQ(code(404, "NoSuchKey"), StatusCode::kNotFound);
  EXPECT_EQ(code(412, "PreconditionFailed"), StatusCode::kFailedPrecondition);
  EXPECT_EQ(code(409, "ConditionalRequestConflict"), StatusCode::kUnavailable);
  EXPECT_EQ(code(400, "BadDigest"), StatusCode::kDataLoss);
  EXPECT_EQ(code(400, "InvalidArgument"), StatusCode::kInvalidArgument);
  EXPECT_EQ(StatusFromS3(502, "<html>", "PUT").code(), StatusCode::kUnavailable);
  EXPECT_EQ(*ParseCrc32cBase64("4waSgw=="), 0xE3069283u);
  EXPECT_FALSE(ParseCrc32cBase64("rubbish"));
}

}  // namespace
}  // namespace spillway
