// Objects without entity tag, as gateways over a folder have them, and web pages, which have none
// either.
#include <gtest/gtest.h>

#include "common/clock.h"
#include "understore/s3/calls.h"
#include "understore/s3/twin_http_client.h"

namespace spillway {
namespace {

class NoEtagTest : public testing::Test {
 protected:
  NoEtagTest() {
    S3Settings settings;
    settings.bucket = "bucket";
    settings.host = "host";
    store_ = std::make_unique<S3UnderStore>(std::make_unique<S3Client>(
        settings,
        std::make_unique<TwinHttpClient>([this](const auto& seen) { return Answer(seen); }),
        std::make_unique<FixedCredentials>(), &clock_));
  }

  StatusOr<HttpResponse> Answer(const TwinHttpClient::Seen& seen) {
    if (seen.method == "HEAD") return MakeResponse(200, {{"content-length", "5"}});
    if (seen.url.find("list-type") != std::string::npos)
      return MakeResponse(200, {}, "<ListBucketResult>" + listed_ + "</ListBucketResult>");
    return MakeResponse(code_, headers_, "hello");
  }

  Status Get(const GetOptions& options) {
    return store_->Get("key", 0, 5, options, [](std::string_view) { return absl::OkStatus(); });
  }

  static std::string Listed(const std::string& etag, int size) {
    return "<IsTruncated>false</IsTruncated><Contents><Key>key</Key><ETag>" + etag +
           "</ETag><Size>" + std::to_string(size) + "</Size></Contents>";
  }

  ManualClock clock_;
  std::string listed_ = Listed("", 5);
  int code_ = 206;
  std::map<std::string, std::string> headers_ = {{"content-range", "bytes 0-4/5"}};
  std::unique_ptr<S3UnderStore> store_;
};

TEST_F(NoEtagTest, head_isBelievedIfTheListingSaysTheSame) {
  const auto info = store_->Head("key");
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->size_bytes, 5);
  EXPECT_EQ(info->etag, "");
}

TEST_F(NoEtagTest, head_isNoAnswerOtherwise) {
  for (const std::string& listed :
       {Listed("\"e\"", 5), Listed("", 6), std::string("<IsTruncated>false</IsTruncated>")}) {
    listed_ = listed;
    EXPECT_EQ(store_->Head("key").status().code(), StatusCode::kUnavailable) << listed;
  }
}

TEST_F(NoEtagTest, get_isBelievedForARangeOfAKnownLength) {
  EXPECT_TRUE(Get({"", 5}).ok());
  EXPECT_EQ(Get({"", 6}).code(), StatusCode::kFailedPrecondition) << "another length";
  EXPECT_EQ(Get({"", -1}).code(), StatusCode::kUnavailable) << "anything may stand there";
  EXPECT_EQ(Get({"etag", 5}).code(), StatusCode::kUnavailable) << "another version may stand there";
  code_ = 200;
  headers_ = {{"content-length", "5"}};
  EXPECT_EQ(Get({"", 5}).code(), StatusCode::kUnavailable) << "a web page of five bytes";
}

}  // namespace
}  // namespace spillway
