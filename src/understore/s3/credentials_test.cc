#include "understore/s3/credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "absl/synchronization/notification.h"
#include "common/test_directory.h"
#include "understore/s3/credential_answers.h"
#include "understore/s3/twin_http_client.h"

namespace spillway {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr int64_t kNowMs = 1'700'000'000'000;  // 2023-11-14T22:13:20Z
constexpr int64_t kMinuteMs = 60'000;

class CredentialsTest : public testing::Test {
 protected:
  void Open(const std::map<std::string, std::string>& properties = {}, int64_t wait_ms = 60'000) {
    provider_.reset();
    http_ = std::make_unique<TwinHttpClient>(
        [this](const TwinHttpClient::Seen& seen) { return answer_(seen); });
    CredentialsOptions options;
    options.environment = [this](const std::string& name) {
      const auto it = variables_.find(name);
      return it == variables_.end() ? "" : it->second;
    };
    options.wait_ms = wait_ms;
    provider_ = MakeCredentialsProvider(UnderStoreConfig(&site_, properties), http_.get(), &clock_,
                                        options);
  }
  // Replaces the credentials file as tools do: a new file takes its name.
  void WriteProfile(const std::string& key, const std::string& more = "") {
    const std::string next = directory_.path() + "/next";
    std::ofstream(next) << "[default]\naws_access_key_id = " << key
                        << "\naws_secret_access_key = secret\n"
                        << more;
    std::filesystem::rename(next, Path("credentials"));
    variables_["AWS_SHARED_CREDENTIALS_FILE"] = Path("credentials");
    variables_["AWS_CONFIG_FILE"] = Path("config");
  }
  void UseWebIdentity() {
    std::ofstream(Path("token")) << "web-token\n";
    variables_["AWS_WEB_IDENTITY_TOKEN_FILE"] = Path("token");
    variables_["AWS_ROLE_ARN"] = "arn:aws:iam::1:role/r";
  }
  std::string Path(const std::string& name) { return directory_.path() + "/" + name; }
  // The key that Get gives, or its error.
  std::string Key() {
    const auto credentials = provider_->Get();
    return credentials.ok() ? credentials->access_key : "<" + Message(credentials.status()) + ">";
  }
  // Ends once the thread has brought this key.
  void AwaitKey(const std::string& key) {
    while (Key() != key) std::this_thread::yield();
  }
  static HttpResponse Sts(const std::string& key, const std::string& expiration) {
    return MakeResponse(
        200, {},
        "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>"
        "<AccessKeyId>" +
            key +
            "</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t"
            "</SessionToken><Expiration>" +
            expiration +
            "</Expiration></Credentials>"
            "</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>");
  }
  static std::string Json(const std::string& key, const std::string& expiration) {
    return R"({"AccessKeyId":")" + key + R"(","SecretAccessKey":"s","Token":"t","Expiration":")" +
           expiration + R"("})";
  }

  TestDirectory directory_;
  Configuration site_;
  ManualClock clock_{kNowMs};
  std::map<std::string, std::string> variables_{{"AWS_EC2_METADATA_DISABLED", "true"},
                                                {"HOME", "/nonexistent"}};
  std::function<StatusOr<HttpResponse>(const TwinHttpClient::Seen&)> answer_ =
      [](const TwinHttpClient::Seen&) { return MakeResponse(404); };
  std::unique_ptr<TwinHttpClient> http_;
  std::unique_ptr<CredentialsProvider> provider_;
};

TEST_F(CredentialsTest, order_propertiesThenEnvironmentThenProfile) {
  WriteProfile("file");
  variables_["AWS_ACCESS_KEY_ID"] = "environment";
  variables_["AWS_SECRET_ACCESS_KEY"] = "s";
  Open({{"s3a.accessKeyId", "property"}, {"aws.secretKey", "s"}});
  EXPECT_EQ(Key(), "property");
  Open();
  EXPECT_EQ(Key(), "environment");
  variables_.erase("AWS_ACCESS_KEY_ID");
  variables_.erase("AWS_SECRET_ACCESS_KEY");
  Open();
  EXPECT_EQ(Key(), "file");
}

TEST_F(CredentialsTest, nothing_namesAllThatWasTried) {
  Open();
  const Status status = provider_->Get().status();
  EXPECT_EQ(status.code(), StatusCode::kPermissionDenied);
  for (const char* word :
       {"No S3 credentials: set s3a.accessKeyId", "AWS_ACCESS_KEY_ID",
        "AWS_WEB_IDENTITY_TOKEN_FILE", "profile default", "AWS_EC2_METADATA_DISABLED"}) {
    EXPECT_THAT(Message(status), HasSubstr(word));
  }
}

TEST_F(CredentialsTest, halfAPair_isNamed) {
  Open({{"s3a.accessKeyId", "only"}});
  EXPECT_THAT(Key(), HasSubstr("s3a.secretKey: the secret key is missing"));
  variables_["AWS_SECRET_ACCESS_KEY"] = "only";
  Open();
  EXPECT_THAT(Key(), HasSubstr("AWS_ACCESS_KEY_ID"));
}

TEST_F(CredentialsTest, changedFile_isReadAgain) {
  WriteProfile("one");
  Open();
  EXPECT_EQ(Key(), "one");
  WriteProfile("two");
  clock_.AdvanceMs(1000);
  EXPECT_EQ(Key(), "two");
  EXPECT_TRUE(http_->seen().empty());
}

TEST_F(CredentialsTest, brokenFile_leavesWhatIsHeld) {
  WriteProfile("one");
  Open();
  EXPECT_EQ(Key(), "one");
  std::ofstream(Path("credentials")) << "[default]\naws_access_key_id = half";
  clock_.AdvanceMs(1000);
  EXPECT_EQ(Key(), "one");
  std::filesystem::remove(Path("credentials"));
  clock_.AdvanceMs(1000);
  EXPECT_EQ(Key(), "one");
  WriteProfile("two");
  clock_.AdvanceMs(1000);
  EXPECT_EQ(Key(), "two");
}

TEST_F(CredentialsTest, refused_readsTheFileAtOnceButNotAtEveryCall) {
  WriteProfile("one");
  Open();
  const S3Credentials one = *provider_->Get();
  WriteProfile("two");
  EXPECT_TRUE(provider_->Refused(one));
  EXPECT_EQ(Key(), "two");
  EXPECT_TRUE(provider_->Refused(one));  // by a request that was under way
  const S3Credentials two = *provider_->Get();
  WriteProfile("three");
  EXPECT_FALSE(provider_->Refused(two));
  clock_.AdvanceMs(30'000);
  EXPECT_TRUE(provider_->Refused(two));
  EXPECT_EQ(Key(), "three");
}

TEST_F(CredentialsTest, refusedProperties_haveNoOthers) {
  Open({{"s3a.accessKeyId", "a"}, {"s3a.secretKey", "b"}});
  EXPECT_FALSE(provider_->Refused(*provider_->Get()));
}

TEST_F(CredentialsTest, profileOfConfigFile_withToken) {
  std::ofstream(Path("config")) << "[default]\naws_access_key_id = no\n[profile work]\n"
                                   "aws_access_key_id = yes\naws_secret_access_key = s\n"
                                   "aws_session_token = the-token\ns3 =\n  region = nested\n";
  variables_["AWS_CONFIG_FILE"] = Path("config");
  variables_["AWS_PROFILE"] = "work";
  Open();
  const auto credentials = provider_->Get();
  // The profile was asked for by name; that there is no credentials file does not matter then.
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  EXPECT_EQ(credentials->access_key, "yes");
  EXPECT_EQ(credentials->session_token, "the-token");
}

TEST_F(CredentialsTest, profileAskedForByName_isNotPassedOver) {
  WriteProfile("one", "[other]\nrole_arn = r\n");
  variables_["AWS_PROFILE"] = "other";
  Open();
  EXPECT_THAT(Key(), HasSubstr("role_arn, which is not supported"));
  variables_["AWS_PROFILE"] = "none";
  Open();
  EXPECT_THAT(Key(), HasSubstr("profile none"));
  variables_.erase("AWS_PROFILE");
  Open({{"spillway.underfs.s3.credentials.profile", "mine"}});
  EXPECT_THAT(Key(), HasSubstr("profile mine"));
}

TEST_F(CredentialsTest, controlCharactersAndLongFiles_areRefused) {
  WriteProfile(
      "a\x01"
      "b");
  Open();
  EXPECT_THAT(Key(), HasSubstr("the access key has characters"));
  WriteProfile("a", std::string(70'000, '#'));
  Open();
  EXPECT_THAT(Key(), HasSubstr("longer than"));
}

TEST_F(CredentialsTest, temporaryOnes_areRenewedInTheBackground) {
  UseWebIdentity();
  absl::Notification go_on;
  int asked = 0;
  answer_ = [&](const TwinHttpClient::Seen& seen) {
    EXPECT_THAT(seen.body, HasSubstr("WebIdentityToken=web-token"));
    EXPECT_THAT(seen.body, Not(HasSubstr("%0A")));
    if (++asked == 1) return Sts("one", "2023-11-14T23:13:20Z");
    go_on.WaitForNotification();
    return Sts("two", "2023-11-15T01:13:20Z");
  };
  Open();
  EXPECT_EQ(Key(), "one");
  clock_.AdvanceMs(54 * kMinuteMs);
  EXPECT_EQ(Key(), "one");
  EXPECT_EQ(http_->seen().size(), 1u);
  clock_.AdvanceMs(kMinuteMs);
  // STS does not answer, and nobody waits for it.
  for (int i = 0; i < 100; ++i) EXPECT_EQ(Key(), "one");
  go_on.Notify();
  AwaitKey("two");
  EXPECT_EQ(http_->seen().size(), 2u);
}

TEST_F(CredentialsTest, shortLivedOnes_areRenewedAfterHalfTheirLife) {
  UseWebIdentity();
  answer_ = [&](const auto&) {
    return clock_.NowMs() == kNowMs ? Sts("one", "2023-11-14T22:15:20Z")
                                    : Sts("two", "2023-11-14T23:15:20Z");
  };
  Open();
  EXPECT_EQ(Key(), "one");
  clock_.AdvanceMs(kMinuteMs);
  AwaitKey("two");
}

TEST_F(CredentialsTest, failedRenewal_isRepeatedLaterAndOldOnesLastUntilTheyExpire) {
  UseWebIdentity();
  int asked = 0;
  answer_ = [&](const auto&) {
    ++asked;
    return asked == 1 ? Sts("one", "2023-11-14T23:13:20Z") : MakeResponse(503);
  };
  Open();
  EXPECT_EQ(Key(), "one");
  clock_.AdvanceMs(56 * kMinuteMs);
  EXPECT_EQ(Key(), "one");
  while (http_->seen().size() < 2) std::this_thread::yield();
  EXPECT_EQ(Key(), "one");
  clock_.AdvanceMs(4 * kMinuteMs);
  EXPECT_THAT(Key(), HasSubstr("web identity"));
  EXPECT_EQ(provider_->Get().status().code(), StatusCode::kUnavailable);
  // Within the back-off nobody asks again.
  const size_t requests = http_->seen().size();
  EXPECT_THAT(Key(), HasSubstr("the answer is 503"));
  EXPECT_EQ(http_->seen().size(), requests);
  answer_ = [&](const auto&) { return Sts("new", "2023-11-15T01:13:20Z"); };
  clock_.AdvanceMs(kMinuteMs);
  EXPECT_EQ(Key(), "new");
}

TEST_F(CredentialsTest, firstFetch_waitsNoLongerThanTold) {
  UseWebIdentity();
  absl::Notification go_on;
  answer_ = [&](const auto&) {
    go_on.WaitForNotification();
    return Sts("one", "2023-11-14T23:13:20Z");
  };
  Open({}, 0);
  EXPECT_EQ(provider_->Get().status().code(), StatusCode::kUnavailable);
  go_on.Notify();
  AwaitKey("one");
}

TEST_F(CredentialsTest, refusedTemporaryOnes_areFetchedAgain) {
  UseWebIdentity();
  int asked = 0;
  answer_ = [&](const auto&) {
    return Sts("key" + std::to_string(++asked), "2023-11-14T23:13:20Z");
  };
  Open();
  const S3Credentials first = *provider_->Get();
  EXPECT_TRUE(provider_->Refused(first));
  EXPECT_EQ(Key(), "key2");
  EXPECT_FALSE(provider_->Refused(*provider_->Get()));
}

TEST_F(CredentialsTest, expirationThatCannotBe_isTakenForAShortLife) {
  UseWebIdentity();
  for (const char* expiration : {"", "soon", "2023-11-14T22:13:19Z", "9999-01-01T00:00:00Z",
                                 "2023-11-14T23:13:20", "2023-11-14T23:13:20+09:00"}) {
    std::atomic<int> asked = 0;
    answer_ = [&](const auto&) { return Sts("key" + std::to_string(++asked), expiration); };
    Open();
    EXPECT_EQ(Key(), "key1") << expiration;
    clock_.AdvanceMs(2 * kMinuteMs);
    EXPECT_EQ(Key(), "key1") << expiration;
    clock_.AdvanceMs(kMinuteMs);
    AwaitKey("key2");
    clock_.AdvanceMs(-3 * kMinuteMs);
    provider_.reset();
  }
}

TEST_F(CredentialsTest, webIdentityThatFails_isNotPassedOver) {
  WriteProfile("lesser");
  UseWebIdentity();
  answer_ = [](const auto&) {
    return MakeResponse(
        403, {},
        "<ErrorResponse><Error><Code>AccessDenied</Code><Message>Not you\n</Message>"
        "</Error></ErrorResponse>");
  };
  Open();
  EXPECT_EQ(provider_->Get().status().code(), StatusCode::kPermissionDenied);
  EXPECT_THAT(Key(), HasSubstr("web identity"));
  EXPECT_THAT(Key(), HasSubstr("403 AccessDenied: Not you?"));
  for (const char* rubbish : {"", "<html/>", "{}", "<AssumeRoleWithWebIdentityResponse/>"}) {
    answer_ = [&](const auto&) { return MakeResponse(200, {}, rubbish); };
    Open();
    EXPECT_THAT(Key(), HasSubstr("web identity")) << rubbish;
  }
  variables_.erase("AWS_ROLE_ARN");
  Open();
  EXPECT_THAT(Key(), HasSubstr("AWS_ROLE_ARN is not set"));
}

TEST_F(CredentialsTest, stsOfRegion) {
  UseWebIdentity();
  variables_["AWS_REGION"] = "cn-north-1";
  answer_ = [](const auto&) { return Sts("one", "2023-11-14T23:13:20Z"); };
  Open();
  EXPECT_EQ(Key(), "one");
  EXPECT_EQ(http_->seen()[0].url, "https://sts.cn-north-1.amazonaws.com.cn/");
}

TEST_F(CredentialsTest, jsonOfOtherTypes_isAnError) {
  variables_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://127.0.0.1/creds";
  for (const char* body :
       {R"({"AccessKeyId":1,"SecretAccessKey":"s"})", R"({"AccessKeyId":"a","SecretAccessKey":[]})",
        R"({"AccessKeyId":"a","SecretAccessKey":"s","Token":{}})",
        R"({"AccessKeyId":"a","SecretAccessKey":"s","Expiration":7})", R"({"AccessKeyId":"a"})",
        R"({"AccessKeyId":"a b","SecretAccessKey":"s"})", "[]", "7", "null", "", "{",
        R"({"Code":"Failed","Message":"no role"})"}) {
    answer_ = [&](const auto&) { return MakeResponse(200, {}, body); };
    Open();
    EXPECT_THAT(Key(), HasSubstr("the container")) << body;
  }
  answer_ = [](const auto&) {
    return MakeResponse(200, {}, Json("one", "2023-11-14T23:13:20.123Z"));
  };
  Open();
  EXPECT_EQ(Key(), "one");
  answer_ = [](const auto&) { return MakeResponse(200, {}, std::string(70'000, ' ')); };
  Open();
  EXPECT_THAT(Key(), HasSubstr("too long"));
}

TEST_F(CredentialsTest, containersToken_goesToAgentsAlone) {
  variables_["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "secret";
  for (const char* url : {"http://evil.com/", "http://127.0.0.1.evil.com/", "ftp://127.0.0.1/",
                          "http://127.0.0.1:80@evil.com/", "http://169.254.170.200/"}) {
    variables_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = url;
    Open();
    EXPECT_THAT(Key(), HasSubstr("its address")) << url;
    EXPECT_TRUE(http_->seen().empty());
  }
  variables_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://169.254.170.23/v1";
  answer_ = [](const auto&) { return MakeResponse(200, {}, Json("one", "")); };
  Open();
  EXPECT_EQ(Key(), "one");
  EXPECT_EQ(http_->seen()[0].headers.at("Authorization"), "secret");
}

TEST_F(CredentialsTest, instance_byTokenAndRole) {
  variables_.erase("AWS_EC2_METADATA_DISABLED");
  answer_ = [](const TwinHttpClient::Seen& seen) {
    if (seen.method == "PUT") return MakeResponse(200, {}, "token");
    if (seen.headers.at("X-aws-ec2-metadata-token") != "token") return MakeResponse(401);
    if (seen.url.back() == '/') return MakeResponse(200, {}, "the-role\n");
    return MakeResponse(seen.url.ends_with("/the-role") ? 200 : 404, {}, Json("one", ""));
  };
  Open();
  EXPECT_EQ(Key(), "one");
  answer_ = [](const auto&) { return MakeResponse(200, {}, "to\x02ken"); };
  Open();
  EXPECT_THAT(Key(), HasSubstr("instance metadata: the token has characters"));
}

}  // namespace
}  // namespace spillway
