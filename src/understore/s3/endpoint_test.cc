#include "understore/s3/endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "understore/s3/twin_http_client.h"

namespace spillway {
namespace {

using testing::HasSubstr;

const S3Place kAws{"https", "s3.us-east-1.amazonaws.com", false, "us-east-1"};
const S3Place kCustom{"http", "s3.example.com:9000", true, "us-east-1"};

HttpResponse Redirect(const std::string& location, const std::string& region = "", int code = 301) {
  return MakeResponse(code, {{"location", location}, {"x-amz-bucket-region", region}});
}

Elsewhere Of(const S3Place& place, const HttpResponse& answer) {
  return ElsewhereOf(place, place, "bucket", answer);
}

std::string Error(const std::string& code, const std::string& more) {
  return "<Error><Code>" + code + "</Code>" + more + "</Error>";
}

TEST(EndpointTest, awsHosts_areTakenApart) {
  EXPECT_EQ(ParseAwsS3Host("s3.amazonaws.com")->region, "");
  EXPECT_EQ(ParseAwsS3Host("s3.eu-west-1.amazonaws.com")->region, "eu-west-1");
  EXPECT_EQ(ParseAwsS3Host("s3-us-gov-west-1.amazonaws.com")->region, "us-gov-west-1");
  EXPECT_EQ(ParseAwsS3Host("s3.cn-north-1.amazonaws.com.cn")->domain, "amazonaws.com.cn");
  EXPECT_TRUE(ParseAwsS3Host("s3.dualstack.eu-west-1.amazonaws.com")->dualstack);
  EXPECT_EQ(ParseAwsS3Host("s3-fips.us-east-2.amazonaws.com")->service, "s3-fips");
  for (const char* other :
       {"", "s3.example.com", "amazonaws.com", "ec2-1-2-3-4.compute-1.amazonaws.com",
        "s3.evil.amazonaws.com", "s3.us-east-1.amazonaws.com.evil.com", "xs3.amazonaws.com",
        "s3.dualstack.amazonaws.com", "s3.us-east-.amazonaws.com", "s3.-1.amazonaws.com"}) {
    EXPECT_FALSE(ParseAwsS3Host(other)) << other;
  }
}

TEST(EndpointTest, malformedAuthorization_namesTheRegion) {
  const auto answer =
      MakeResponse(400, {}, Error("AuthorizationHeaderMalformed", "<Region>eu-central-1</Region>"));
  EXPECT_EQ(Of(kCustom, answer).place,
            (S3Place{"http", "s3.example.com:9000", true, "eu-central-1"}));
  EXPECT_EQ(Of(kAws, answer).place,
            (S3Place{"https", "s3.eu-central-1.amazonaws.com", false, "eu-central-1"}));
}

TEST(EndpointTest, answerWithoutBody_namesTheRegionInAHeader) {
  for (const int code : {400, 403}) {
    const auto answer = MakeResponse(code, {{"x-amz-bucket-region", "ap-south-1"}});
    EXPECT_EQ(Of(kAws, answer).place->region, "ap-south-1") << code;
  }
  EXPECT_FALSE(Of(kAws, MakeResponse(403, {{"x-amz-bucket-region", "us-east-1"}})).place);
  EXPECT_FALSE(Of(kAws, MakeResponse(404, {{"x-amz-bucket-region", "ap-south-1"}})).place);
}

TEST(EndpointTest, awsRedirect_isFollowedWithinTheService) {
  const S3Place west{"https", "s3.us-west-2.amazonaws.com", false, "us-west-2"};
  EXPECT_EQ(Of(kAws, Redirect("https://bucket.s3.us-west-2.amazonaws.com/key")).place, west);
  EXPECT_EQ(Of(kAws, Redirect("", "us-west-2")).place, west);
  const auto xml = MakeResponse(
      301, {},
      Error("PermanentRedirect", "<Endpoint>bucket.s3-us-west-2.amazonaws.com</Endpoint>"));
  EXPECT_EQ(Of(kAws, xml).place,
            (S3Place{"https", "s3-us-west-2.amazonaws.com", false, "us-west-2"}));
  EXPECT_TRUE(Of(kAws, Redirect("https://bucket.s3.us-west-2.amazonaws.com/", "", 307)).temporary);
}

TEST(EndpointTest, redirectToStrangers_isRefused) {
  for (const char* location :
       {"https://evil.com/", "https://bucket.s3.us-west-2.amazonaws.com.evil.com/",
        "https://ec2-1-2-3-4.compute-1.amazonaws.com/", "https://s3.cn-north-1.amazonaws.com.cn/",
        "https://user@s3.us-west-2.amazonaws.com/", "https://s3.us-west-2.amazonaws.com:444/",
        "https://other.s3.us-west-2.amazonaws.com/", "https://"}) {
    const auto elsewhere = Of(kAws, Redirect(location));
    EXPECT_FALSE(elsewhere.place) << location;
    EXPECT_NE(elsewhere.refused, "") << location;
  }
  for (const char* location :
       {"http://example.com:9000/", "http://s4.example.com:9000/", "http://s3.example.com/",
        "http://xs3.example.com:9000/", "http://s3.example.com:9000.evil.com/",
        "http://s3.us-west-2.amazonaws.com/"}) {
    EXPECT_FALSE(Of(kCustom, Redirect(location)).place) << location;
  }
  const S3Place address{"http", "127.0.0.1:9000", true, "r"};
  EXPECT_FALSE(Of(address, Redirect("http://evil.127.0.0.1:9000/")).place);
}

TEST(EndpointTest, redirectToAnotherScheme_isRefused) {
  EXPECT_THAT(Of(kAws, Redirect("http://bucket.s3.us-west-2.amazonaws.com/", "us-west-2")).refused,
              HasSubstr("another scheme"));
  EXPECT_FALSE(Of(kCustom, Redirect("https://s3.example.com:9000/")).place);
}

TEST(EndpointTest, customRedirect_isFollowedBelowItsOwnName) {
  EXPECT_EQ(Of(kCustom, Redirect("http://eu.s3.example.com:9000/bucket/key", "eu")).place,
            (S3Place{"http", "eu.s3.example.com:9000", true, "eu"}));
  const S3Place virtual_style{"http", "s3.example.com", false, "r"};
  EXPECT_EQ(Of(virtual_style, Redirect("http://bucket.eu.s3.example.com/key")).place,
            (S3Place{"http", "eu.s3.example.com", false, "r"}));
  EXPECT_EQ(Of(virtual_style, Redirect("http://eu.s3.example.com/bucket/key")).place,
            (S3Place{"http", "eu.s3.example.com", true, "r"}));
}

TEST(EndpointTest, strangerButRegion_regionAloneIsTaken) {
  const auto elsewhere = Of(kCustom, Redirect("http://evil.com:9000/", "eu"));
  EXPECT_EQ(elsewhere.place, (S3Place{"http", "s3.example.com:9000", true, "eu"}));
}

TEST(EndpointTest, malformedRegion_isRefused) {
  for (const char* region : {"a b", "a/b", "a\nb", "../x"}) {
    EXPECT_FALSE(Of(kAws, Redirect("", region)).place) << region;
    EXPECT_THAT(Of(kAws, Redirect("", region)).refused, HasSubstr("region"));
  }
}

TEST(EndpointTest, place_isRememberedAndForgotten) {
  BucketPlace place(kAws, "bucket");
  std::string refused;
  ASSERT_TRUE(place.Learn(kAws, Redirect("", "us-west-2"), 0, &refused));
  const S3Place west = place.Get(1'000'000'000);
  EXPECT_EQ(west.region, "us-west-2");
  // Another request that was under way learns nothing new, and is sent again.
  EXPECT_TRUE(place.Learn(kAws, Redirect("", "us-west-2"), 0, &refused));
  place.Forget(kAws);
  EXPECT_EQ(place.Get(0), west);
  place.Forget(west);
  EXPECT_EQ(place.Get(0), kAws);
}

TEST(EndpointTest, temporaryRedirect_isRememberedForMinutes) {
  BucketPlace place(kAws, "bucket");
  std::string refused;
  ASSERT_TRUE(place.Learn(kAws, Redirect("https://bucket.s3.us-west-2.amazonaws.com/", "", 307), 0,
                          &refused));
  EXPECT_EQ(place.Get(299'999).region, "us-west-2");
  EXPECT_EQ(place.Get(300'000), kAws);
}

}  // namespace
}  // namespace spillway
