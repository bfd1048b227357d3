// Folders in stores to which the key "a/" is another name of the object "a".
#include <gtest/gtest.h>

#include "understore/s3/calls.h"
#include "understore/s3/twin_http_client.h"

namespace spillway {
namespace {

TEST(RemoveDirectoryTest, objectOfTheSameName_isNotDeleted) {
  auto http = std::make_unique<TwinHttpClient>([](const TwinHttpClient::Seen& seen) {
    if (seen.method == "HEAD") return MakeResponse(200, {{"etag", "e"}, {"content-length", "1"}});
    if (seen.method != "GET") return MakeResponse(204);
    return MakeResponse(200, {},
                        "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>");
  });
  TwinHttpClient* const twin = http.get();
  ManualClock clock;
  S3Settings settings;
  settings.bucket = "bucket";
  settings.scheme = "http";
  settings.host = "store";
  settings.path_style = true;
  settings.region = "us-east-1";
  S3UnderStore store(std::make_unique<S3Client>(settings, std::move(http),
                                                std::make_unique<FixedCredentials>(), &clock));
  EXPECT_TRUE(store.RemoveDirectory("d").ok());
  ASSERT_FALSE(twin->seen().empty());
  for (const auto& seen : twin->seen())
    EXPECT_TRUE(seen.method == "HEAD" || seen.method == "GET") << seen.method << " " << seen.url;
}

}  // namespace
}  // namespace spillway
