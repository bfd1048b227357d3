// What a refused request learns, and that it is sent again once.
#include "understore/s3/send.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "understore/s3/calls.h"
#include "understore/s3/twin_http_client.h"

namespace spillway {
namespace {

using testing::HasSubstr;

constexpr int64_t kSentAtMs = 1'700'000'000'000;  // Tue, 14 Nov 2023 22:13:20 GMT

// Gives out key0, and the next key once it was told that one is refused.
class CountedCredentials : public CredentialsProvider {
 public:
  explicit CountedCredentials(int last) : last_(last) {}
  StatusOr<S3Credentials> Get() override {
    return S3Credentials{"key" + std::to_string(now_), "secret", ""};
  }
  bool Refused(const S3Credentials& credentials) override {
    ++told_;
    if (now_ == last_) return false;
    ++now_;
    return true;
  }
  int told_ = 0;

 private:
  const int last_;
  int now_ = 0;
};

class SendTest : public testing::Test {
 protected:
  void Open(std::deque<HttpResponse> answers, int credentials = 0,
            const S3Place& place = {"https", "s3.us-east-1.amazonaws.com", false, "us-east-1"},
            const std::string& profile = "") {
    S3Settings settings;
    settings.profile = StoreProfile::Parse(profile);
    settings.bucket = "bucket";
    settings.scheme = place.scheme;
    settings.host = place.host;
    settings.path_style = place.path_style;
    settings.region = place.region;
    settings.checksums = false;
    answers_ = std::move(answers);
    auto http = std::make_unique<TwinHttpClient>([this](const auto&) -> StatusOr<HttpResponse> {
      if (answers_.empty()) return MakeResponse(200, {{"content-length", "1"}, {"etag", "\"e\""}});
      HttpResponse answer = answers_.front();
      answers_.pop_front();
      if (answer.code == 0) return Unavailable("no answer");
      return answer;
    });
    http_ = http.get();
    auto provider = std::make_unique<CountedCredentials>(credentials);
    credentials_ = provider.get();
    store_ = std::make_unique<S3UnderStore>(
        std::make_unique<S3Client>(settings, std::move(http), std::move(provider), &clock_));
  }
  static HttpResponse Refusal(int code, const std::string& error, const std::string& date = "") {
    return MakeResponse(code, {{"date", date}}, "<Error><Code>" + error + "</Code></Error>");
  }
  std::string Authorization(size_t request) {
    return http_->seen().at(request).headers.at("authorization");
  }
  std::string AmzDateOf(size_t request) {
    return http_->seen().at(request).headers.at("x-amz-date");
  }

  ManualClock clock_{kSentAtMs};
  std::deque<HttpResponse> answers_;
  TwinHttpClient* http_ = nullptr;
  CountedCredentials* credentials_ = nullptr;
  std::unique_ptr<S3UnderStore> store_;
};

TEST_F(SendTest, refusedCredentials_areReadAgainAndTheBodyIsSentAgain) {
  for (const char* error :
       {"ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "SignatureDoesNotMatch"}) {
    Open({Refusal(error == std::string("ExpiredToken") ? 400 : 403, error)}, 1);
    StringBody body("the data");
    ASSERT_TRUE(store_->Put("key", body, PutOptions()).ok()) << error;
    ASSERT_EQ(http_->seen().size(), 2u);
    EXPECT_THAT(Authorization(0), HasSubstr("Credential=key0/"));
    EXPECT_THAT(Authorization(1), HasSubstr("Credential=key1/"));
    EXPECT_EQ(http_->seen()[1].body, "the data");
  }
}

TEST_F(SendTest, credentialsRefusedTwice_endWithTheError) {
  Open({Refusal(403, "InvalidAccessKeyId"), Refusal(403, "InvalidAccessKeyId")}, 5);
  EXPECT_EQ(store_->Head("key").status().code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(http_->seen().size(), 2u);
}

TEST_F(SendTest, sameCredentialsAgain_areNotTried) {
  Open({Refusal(400, "ExpiredToken")}, 0);
  const Status status = store_->Head("key").status();
  EXPECT_EQ(status.code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(http_->seen().size(), 1u);
  EXPECT_EQ(credentials_->told_, 1);
}

TEST_F(SendTest, accessDenied_isNoMatterOfCredentials_butAnEmpty403MayBe) {
  Open({Refusal(403, "AccessDenied")}, 1);
  EXPECT_FALSE(store_->Head("key").ok());
  EXPECT_EQ(credentials_->told_, 0);
  Open({MakeResponse(403)}, 1);
  EXPECT_TRUE(store_->Head("key").ok());
  EXPECT_EQ(credentials_->told_, 1);
}

TEST_F(SendTest, skewedClock_isLearnedFromTheAnswer) {
  const std::string an_hour_later = "Tue, 14 Nov 2023 23:13:20 GMT";
  Open({Refusal(403, "RequestTimeTooSkewed", an_hour_later)});
  EXPECT_TRUE(store_->Head("key").ok());
  EXPECT_EQ(AmzDateOf(0), "20231114T221320Z");
  EXPECT_EQ(AmzDateOf(1), "20231114T231320Z");
  clock_.AdvanceMs(1000);
  EXPECT_TRUE(store_->Head("other").ok());
  EXPECT_EQ(AmzDateOf(2), "20231114T231321Z");
  EXPECT_EQ(http_->seen().size(), 3u);
}

TEST_F(SendTest, clockThatIsPutRight_isLearnedAgain) {
  Open({Refusal(403, "RequestTimeTooSkewed", "Tue, 14 Nov 2023 23:13:20 GMT")});
  ASSERT_TRUE(store_->Head("key").ok());
  clock_.AdvanceMs(3'600'000);
  answers_ = {Refusal(403, "RequestTimeTooSkewed", "Tue, 14 Nov 2023 23:13:20 GMT")};
  EXPECT_TRUE(store_->Head("key").ok());
  EXPECT_EQ(AmzDateOf(3), "20231114T231320Z");
}

TEST_F(SendTest, dateOfA403_countsIfItIsFarOff) {
  Open({MakeResponse(403, {{"date", "Tue, 14 Nov 2023 22:18:20 GMT"}})});
  EXPECT_TRUE(store_->Head("key").ok());
  EXPECT_EQ(http_->seen().size(), 2u);
  Open({MakeResponse(403, {{"date", "Tue, 14 Nov 2023 22:16:20 GMT"}})});
  EXPECT_FALSE(store_->Head("key").ok());
  EXPECT_EQ(http_->seen().size(), 1u);
}

TEST_F(SendTest, skewWithoutUsableDate_isAnError) {
  for (const char* date : {"", "yesterday", "Thu, 01 Jan 1970 00:00:00 GMT",
                           "Tue, 14 Nov 2023 23:13:20 CET", "Tue, 14 Nov 2023 22:13:20 GMT"}) {
    Open({Refusal(403, "RequestTimeTooSkewed", date)});
    EXPECT_FALSE(store_->Head("key").ok()) << date;
    EXPECT_EQ(http_->seen().size(), 1u) << date;
  }
}

TEST_F(SendTest, wrongRegion_isLearnedAndRemembered) {
  Open({MakeResponse(400, {},
                     "<Error><Code>AuthorizationHeaderMalformed</Code>"
                     "<Region>eu-west-1</Region></Error>")});
  StringBody body("the data");
  ASSERT_TRUE(store_->Put("key", body, PutOptions()).ok());
  EXPECT_EQ(http_->seen()[1].url, "https://bucket.s3.eu-west-1.amazonaws.com/key");
  EXPECT_THAT(Authorization(1), HasSubstr("/eu-west-1/s3/aws4_request"));
  EXPECT_EQ(http_->seen()[1].body, "the data");
  ASSERT_TRUE(store_->Head("key").ok());
  EXPECT_EQ(http_->seen()[2].url, "https://bucket.s3.eu-west-1.amazonaws.com/key");
  EXPECT_EQ(http_->seen().size(), 3u);
}

TEST_F(SendTest, redirectLoop_ends) {
  const auto to = [](const char* region) {
    return MakeResponse(301, {{"x-amz-bucket-region", region}});
  };
  Open({to("eu-west-1"), to("us-east-1"), to("eu-west-1"), to("us-east-1")});
  EXPECT_EQ(store_->Head("key").status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(http_->seen().size(), 2u);
}

TEST_F(SendTest, redirectToStranger_saysWhyItIsNotFollowed) {
  Open({MakeResponse(307, {{"location", "https://evil.com/bucket/key"}})});
  const Status status = store_->Head("key").status();
  EXPECT_THAT(Message(status), HasSubstr("evil.com, which does not belong to"));
  EXPECT_EQ(http_->seen().size(), 1u);
}

TEST_F(SendTest, learnedPlaceThatDoesNotAnswer_isForgotten) {
  Open({MakeResponse(301, {{"x-amz-bucket-region", "eu-west-1"}}), MakeResponse(0)});
  EXPECT_EQ(store_->Head("key").status().code(), StatusCode::kUnavailable);
  EXPECT_TRUE(store_->Head("key").ok());
  EXPECT_EQ(http_->seen()[2].url, "https://bucket.s3.us-east-1.amazonaws.com/key");
}

TEST_F(SendTest, severalCauses_areRepeatedOnceEach) {
  Open({Refusal(403, "RequestTimeTooSkewed", "Tue, 14 Nov 2023 23:13:20 GMT"),
        MakeResponse(301, {{"x-amz-bucket-region", "eu-west-1"}}),
        Refusal(403, "InvalidAccessKeyId")},
       1);
  EXPECT_TRUE(store_->Head("key").ok());
  EXPECT_EQ(http_->seen().size(), 4u);
}

TEST_F(SendTest, requestsSideBySide_areRepeatedToo) {
  Open(
      {MakeResponse(204), Refusal(403, "InvalidAccessKeyId"), MakeResponse(204), MakeResponse(204)},
      1, {"https", "s3.us-east-1.amazonaws.com", false, "us-east-1"}, "multi-delete=no");
  const auto failures = store_->Delete({{"a", ""}, {"b", ""}, {"c", ""}});
  ASSERT_TRUE(failures.ok()) << failures.status();
  EXPECT_TRUE(failures->empty());
  EXPECT_EQ(http_->seen().size(), 4u);
  EXPECT_THAT(Authorization(3), HasSubstr("Credential=key1/"));
  EXPECT_THAT(http_->seen()[3].url, HasSubstr("/b"));
}

}  // namespace
}  // namespace spillway
