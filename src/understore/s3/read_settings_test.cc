#include "understore/s3/read_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "common/test_directory.h"
#include "understore/s3/calls.h"
#include "understore/s3/twin_http_client.h"

namespace spillway {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

using Properties = std::map<std::string, std::string>;

std::string NoEnvironment(const std::string&) { return ""; }

// Settings of s3://bucket/prefix with these properties of the mount.
StatusOr<S3Settings> Read(const Properties& properties,
                          const Environment& environment = NoEnvironment) {
  static const Configuration site;
  const UnderStoreConfig config(&site, properties);
  SPILLWAY_RETURN_IF_ERROR(config.Validate());
  return ReadS3Settings("s3://bucket/prefix/", config, environment);
}

std::vector<std::string> Warnings(const Properties& properties) {
  static const Configuration site;
  return S3Warnings(UnderStoreConfig(&site, properties));
}

StatusOr<HttpClient::Options> Http(const Properties& properties) {
  static const Configuration site;
  return ReadHttpOptions(UnderStoreConfig(&site, properties));
}

// What a store sees of one call.
TwinHttpClient::Seen Sent(const Properties& properties,
                          const std::function<void(UnderStore&)>& call) {
  const auto settings = Read(properties);
  EXPECT_TRUE(settings.ok()) << settings.status();
  auto http = std::make_unique<TwinHttpClient>([](const TwinHttpClient::Seen& seen) {
    return MakeResponse(200, {{"etag", "\"e\""}, {"content-length", "1"}},
                        seen.url.find("uploads") != std::string::npos
                            ? "<InitiateMultipartUploadResult><UploadId>u</UploadId>"
                              "</InitiateMultipartUploadResult>"
                            : "<CopyObjectResult><ETag>e</ETag></CopyObjectResult>");
  });
  TwinHttpClient* const twin = http.get();
  ManualClock clock;
  S3UnderStore store(std::make_unique<S3Client>(*settings, std::move(http),
                                                std::make_unique<FixedCredentials>(), &clock));
  call(store);
  for (const auto& seen : twin->seen()) {
    if (seen.method != "HEAD") return seen;
  }
  return {};
}

TwinHttpClient::Seen SentPut(const Properties& properties) {
  return Sent(properties, [](UnderStore& store) {
    StringBody body("data");
    EXPECT_TRUE(store.Put("key", body, PutOptions()).ok());
  });
}

TEST(S3SettingsTest, defaults) {
  const auto settings = Read({});
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->bucket, "bucket");
  EXPECT_EQ(settings->prefix, "prefix/");
  EXPECT_EQ(settings->scheme, "https");
  EXPECT_EQ(settings->host, "s3.us-east-1.amazonaws.com");
  EXPECT_EQ(settings->region, "us-east-1");
  EXPECT_FALSE(settings->path_style);
  EXPECT_EQ(settings->request_timeout_ms, 60'000);
  EXPECT_EQ(settings->socket_timeout_ms, 50'000);
  EXPECT_EQ(settings->copy_timeout_ms, 600'000);
  EXPECT_EQ(settings->complete_timeout_ms, 600'000);
  EXPECT_EQ(settings->copy_bytes_max, 1 << 30);
  EXPECT_EQ(settings->copy_part_bytes, 256 << 20);
  EXPECT_TRUE(settings->probe);
  EXPECT_EQ(settings->profile, StoreProfile());
  EXPECT_THAT(Warnings({}), ElementsAre());
}

TEST(S3SettingsTest, region_goesIntoSignatureAndHost) {
  const auto put = SentPut({{"alluxio.underfs.s3.region", "eu-west-3"}});
  EXPECT_EQ(put.url, "https://bucket.s3.eu-west-3.amazonaws.com/prefix/key");
  EXPECT_THAT(put.headers.at("authorization"), HasSubstr("/eu-west-3/s3/aws4_request"));
  EXPECT_EQ(Read({{"alluxio.underfs.s3.region", "cn-north-1"}})->host,
            "s3.cn-north-1.amazonaws.com.cn");
}

TEST(S3SettingsTest, region_ofEndpointGoesBeforeWhereThereIsOne) {
  const Properties both{{"alluxio.underfs.s3.region", "one"},
                        {"alluxio.underfs.s3.endpoint.region", "two"}};
  EXPECT_EQ(Read(both)->region, "one");
  Properties with_endpoint = both;
  with_endpoint["alluxio.underfs.s3.endpoint"] = "http://store:9000";
  EXPECT_EQ(Read(with_endpoint)->region, "two");
  EXPECT_EQ(Read({{"alluxio.underfs.s3.endpoint.region", "two"}})->region, "two");
  EXPECT_EQ(Read({{"alluxio.underfs.s3.endpoint", "s3.cn-north-1.amazonaws.com.cn"}})->region,
            "cn-north-1");
}

TEST(S3SettingsTest, region_fromEnvironmentThenConfigFile) {
  const TestDirectory directory;
  const std::string file = directory.path() + "/config";
  std::ofstream(file) << "[default]\nregion = no\n[profile work]\nregion = eu-north-1\n";
  std::map<std::string, std::string> variables{{"AWS_CONFIG_FILE", file}, {"AWS_PROFILE", "work"}};
  const Environment environment = [&](const std::string& name) { return variables[name]; };
  EXPECT_EQ(Read({}, environment)->region, "eu-north-1");
  variables["AWS_DEFAULT_REGION"] = "us-west-1";
  EXPECT_EQ(Read({}, environment)->region, "us-west-1");
  variables["AWS_REGION"] = "us-west-2";
  EXPECT_EQ(Read({}, environment)->region, "us-west-2");
}

TEST(S3SettingsTest, endpoint_schemeAndPathStyle) {
  const Properties custom{{"alluxio.underfs.s3.endpoint", "store:9000/"}};
  EXPECT_EQ(SentPut(custom).url, "https://bucket.store:9000/prefix/key");
  Properties plain = custom;
  plain["alluxio.underfs.s3.secure.http.enabled"] = "false";
  plain["alluxio.underfs.s3.disable.dns.buckets"] = "true";
  EXPECT_EQ(SentPut(plain).url, "http://store:9000/bucket/prefix/key");
  for (const char* bad : {"gopher://x", "http://", "http://a/b", "http://user@host", "a b"}) {
    EXPECT_THAT(Message(Read({{"alluxio.underfs.s3.endpoint", bad}}).status()),
                HasSubstr("alluxio.underfs.s3.endpoint"))
        << bad;
  }
}

TEST(S3SettingsTest, times) {
  const auto settings = Read({{"alluxio.underfs.s3.request.timeout", "5sec"},
                              {"alluxio.underfs.s3.socket.timeout", "7sec"},
                              {"spillway.underfs.s3.copy.timeout", "1min"},
                              {"spillway.underfs.s3.complete.timeout", "2min"}});
  EXPECT_EQ(settings->request_timeout_ms, 5'000);
  EXPECT_EQ(settings->socket_timeout_ms, 7'000);
  EXPECT_EQ(settings->copy_timeout_ms, 60'000);
  EXPECT_EQ(settings->complete_timeout_ms, 120'000);
  EXPECT_EQ(Read({{"alluxio.underfs.s3.request.timeout", "0"}})->request_timeout_ms, 86'400'000);
  EXPECT_FALSE(Read({{"alluxio.underfs.s3.socket.timeout", "-1"}}).ok());
}

TEST(S3SettingsTest, sizes_withinWhatS3Takes) {
  const auto settings = Read({{"spillway.underfs.s3.copy.single.max", "5GB"},
                              {"spillway.underfs.s3.copy.part.size", "5MB"}});
  EXPECT_EQ(settings->copy_bytes_max, 5LL << 30);
  EXPECT_EQ(settings->copy_part_bytes, 5LL << 20);
  EXPECT_FALSE(Read({{"spillway.underfs.s3.copy.single.max", "6GB"}}).ok());
  EXPECT_FALSE(Read({{"spillway.underfs.s3.copy.part.size", "1MB"}}).ok());
  EXPECT_EQ(Read({{"alluxio.underfs.s3.list.length", "7000"}})->list_length, 1000);
  EXPECT_FALSE(Read({{"alluxio.underfs.s3.list.length", "0"}}).ok());
}

TEST(S3SettingsTest, encryptionAndStorageClass_areAskedForWithEveryNewObject) {
  const Properties properties{{"spillway.underfs.s3.kms.key", "arn:aws:kms:eu-west-1:1:key/k"},
                              {"spillway.underfs.s3.storage.class", "STANDARD_IA"}};
  const std::vector<std::function<void(UnderStore&)>> calls{
      [](UnderStore& store) {
        StringBody body("data");
        EXPECT_TRUE(store.Put("key", body, PutOptions()).ok());
      },
      [](UnderStore& store) { EXPECT_TRUE(store.CreateMultipart("key", PutOptions()).ok()); },
      [](UnderStore& store) { EXPECT_TRUE(store.Copy("a", "b", CopyOptions()).ok()); }};
  for (const auto& call : calls) {
    const auto seen = Sent(properties, call);
    EXPECT_EQ(seen.headers.at("x-amz-server-side-encryption"), "aws:kms") << seen.url;
    EXPECT_EQ(seen.headers.at("x-amz-server-side-encryption-aws-kms-key-id"),
              "arn:aws:kms:eu-west-1:1:key/k");
    EXPECT_EQ(seen.headers.at("x-amz-storage-class"), "STANDARD_IA");
    const auto plain = Sent({{"alluxio.underfs.s3a.server.side.encryption.enabled", "true"}}, call);
    EXPECT_EQ(plain.headers.at("x-amz-server-side-encryption"), "AES256");
    EXPECT_EQ(plain.headers.count("x-amz-storage-class"), 0u);
    EXPECT_EQ(Sent({}, call).headers.count("x-amz-server-side-encryption"), 0u);
  }
  EXPECT_FALSE(Read({{"spillway.underfs.s3.kms.key", "a\nb"}}).ok());
}

TEST(S3SettingsTest, profile_propertiesGoBeforeTheMastersWord) {
  const auto settings = Read({{"spillway.underfs.s3.profile", "list-v2=yes,get-range=yes"},
                              {"alluxio.underfs.s3.list.objects.v1", "true"},
                              {"alluxio.underfs.s3.bulk.delete.enabled", "false"},
                              {"spillway.underfs.s3.feature.put-if-match", "true"},
                              {"spillway.underfs.s3.feature.multi-delete-if-match", "true"}});
  EXPECT_EQ(settings->profile.ToString(),
            "put-if-match=yes,multi-delete=no,multi-delete-if-match=yes,get-range=yes,list-v2=no");
  EXPECT_FALSE(Read({{"spillway.underfs.s3.feature.copy-part", "perhaps"}}).ok());
  EXPECT_FALSE(Read({{"spillway.underfs.s3.probe.enabled", "false"}})->probe);
  EXPECT_EQ(Read({{"spillway.underfs.s3.checksums", "false"},
                  {"spillway.underfs.s3.conditional.writes", "false"}})
                ->profile.ToString(),
            "put-if-absent=no,put-if-match=no,complete-conditions=no,copy-conditions=no,"
            "checksums=no");
}

TEST(S3SettingsTest, everyFeature_hasItsKey) {
  for (int i = 0; i < kStoreFeatures; ++i) {
    const auto feature = static_cast<StoreFeature>(i);
    const std::string key = "spillway.underfs.s3.feature." + std::string(NameOf(feature));
    EXPECT_EQ(Read({{key, "false"}})->profile.Get(feature), Support::kNo) << key;
    EXPECT_EQ(Read({{key, "true"}})->profile.Get(feature), Support::kYes) << key;
  }
}

TEST(S3SettingsTest, connections) {
  EXPECT_EQ(Http({})->connections_max, 128);
  EXPECT_EQ(Http({})->proxy, "");
  EXPECT_EQ(Http({})->connection_ttl_ms, -1);
  EXPECT_EQ(Http({{"alluxio.underfs.s3.threads.max", "9"}})->connections_max, 9);
  EXPECT_EQ(
      Http({{"alluxio.underfs.s3.threads.max", "9"}, {"alluxio.underfs.s3.connection.max", "11"}})
          ->connections_max,
      11);
  EXPECT_EQ(Http({{"alluxio.underfs.s3.connection.ttl", "90sec"}})->connection_ttl_ms, 90'000);
  EXPECT_EQ(Http({{"alluxio.underfs.s3.connect.timeout", "2sec"}})->connect_timeout_ms, 2'000);
  EXPECT_EQ(
      Http({{"alluxio.underfs.s3.proxy.host", "proxy"}, {"alluxio.underfs.s3.proxy.port", "3128"}})
          ->proxy,
      "http://proxy:3128");
  EXPECT_FALSE(Http({{"alluxio.underfs.s3.proxy.host", "a/b"}}).ok());
  EXPECT_FALSE(
      Http({{"alluxio.underfs.s3.proxy.host", "a"}, {"alluxio.underfs.s3.proxy.port", "99999"}})
          .ok());
  EXPECT_FALSE(Http({{"alluxio.underfs.s3.connection.max", "0"}}).ok());
}

TEST(S3SettingsTest, site_threadsAndPartSize) {
  Configuration site;
  ASSERT_TRUE(site.SetFromArgument("alluxio.underfs.s3.threads.max=40").ok());
  ASSERT_TRUE(
      site.SetFromArgument("alluxio.underfs.s3a.streaming.upload.partition.size=16MB").ok());
  ASSERT_TRUE(site.Validate().ok());
  EXPECT_EQ(ReadHttpOptions(UnderStoreConfig(&site, {}))->connections_max, 40);
  EXPECT_EQ(site.GetBytes("spillway.underfs.multipart.part.size"), 16 << 20);
}

TEST(S3SettingsTest, unsupportedKeys_areNamedWithWhatToDo) {
  for (const UnsupportedS3Key& key : UnsupportedS3Keys()) {
    const auto warnings = Warnings({{key.name, "something"}});
    ASSERT_EQ(warnings.size(), 1u) << key.name;
    EXPECT_THAT(warnings[0], HasSubstr(key.name));
    EXPECT_THAT(warnings[0], HasSubstr(key.advice));
  }
  EXPECT_THAT(Warnings({{"alluxio.underfs.s3.directory.suffix", "/"},
                        {"alluxio.underfs.s3a.inherit_acl", "false"},
                        {"alluxio.underfs.s3.signer.algorithm", "AWSS3V4SignerType"}}),
              ElementsAre());
  EXPECT_THAT(Warnings({{"alluxio.underfs.s3a.signer.algorithm", "S3SignerType"}}),
              ElementsAre(HasSubstr("version 4")));
  EXPECT_THAT(Warnings({{"spillway.underfs.s3.typo", "1"}}),
              ElementsAre(HasSubstr("spillway.underfs.s3.typo")));
}

TEST(S3SettingsTest, oldCredentialsProfile_isStillTaken) {
  const Configuration site;
  const UnderStoreConfig old(&site, {{"spillway.underfs.s3.profile", "work"}});
  EXPECT_EQ(CredentialsProfileOf(old), "work");
  EXPECT_THAT(S3Warnings(old), ElementsAre(HasSubstr("spillway.underfs.s3.credentials.profile")));
  const UnderStoreConfig both(&site, {{"spillway.underfs.s3.profile", "list-v2=no"},
                                      {"spillway.underfs.s3.credentials.profile", "team"}});
  EXPECT_EQ(CredentialsProfileOf(both), "team");
}

TEST(S3SettingsTest, malformedPropertyOfMount_isNamed) {
  EXPECT_THAT(Message(Read({{"alluxio.underfs.s3.request.timeout", "soon"}}).status()),
              HasSubstr("alluxio.underfs.s3.request.timeout"));
  EXPECT_THAT(Message(Read({{"alluxio.underfs.s3.list.objects.v1", "maybe"}}).status()),
              HasSubstr("alluxio.underfs.s3.list.objects.v1"));
}

TEST(RetryTest, repeats_areLimited) {
  ManualClock clock;
  SystemRandom random;
  int asked = 0;
  S3Settings settings = *Read({});
  auto http = std::make_unique<TwinHttpClient>([&](const TwinHttpClient::Seen&) {
    ++asked;
    return MakeResponse(503);
  });
  auto inner = std::make_shared<S3UnderStore>(std::make_unique<S3Client>(
      settings, std::move(http), std::make_unique<FixedCredentials>(), &clock));
  const auto store = MakeRetryingUnderStore(inner, &clock, &random, 1'000'000, 2);
  EXPECT_FALSE(store->Head("key").ok());
  EXPECT_EQ(asked, 3);
}

}  // namespace
}  // namespace spillway
