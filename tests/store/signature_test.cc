// Which signatures the store takes.
#include "store/sigv4_verify.h"
#include "store/store_fixture.h"

namespace spillway::strict {
namespace {

class SignatureTest : public StoreFixture {
 protected:
  RawRequest request_;
  int64_t now_ms_ = SystemClock().NowMs();
};

// An example of the AWS documentation, "Signature Calculations for the Authorization Header".
TEST(SignatureExampleTest, getObject) {
  StoreOptions options;
  options.access_key = "AKIAIOSFODNN7EXAMPLE";
  options.secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
  HttpRequest request;
  request.method = "GET";
  request.path = "/test.txt";
  const std::string hash = Hex(Sha256Of(""));
  request.headers = {
      {"host", "examplebucket.s3.amazonaws.com"},
      {"range", "bytes=0-9"},
      {"x-amz-content-sha256", hash},
      {"x-amz-date", "20130524T000000Z"},
      {"authorization",
       "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
       "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
       "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"}};
  EXPECT_FALSE(VerifySignature(options, request, 1369353600000));
  request.path = "/Test.txt";
  EXPECT_EQ(VerifySignature(options, request, 1369353600000)->error_code, "SignatureDoesNotMatch");
}

TEST_F(SignatureTest, missing_isRefused) {
  const RawAnswer answer = SendRaw(
      store_->port(), "GET /bucket HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(answer.Code(), "AccessDenied");
  StoreOptions options;
  options.require_signature = false;
  Restart(options);
  EXPECT_EQ(SendRaw(store_->port(),
                    "GET /bucket HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
                .status,
            200);
}

TEST_F(SignatureTest, wrongKeys) {
  EXPECT_EQ(Ask(request_).status, 200);
  request_.secret_key = "other";
  EXPECT_EQ(Ask(request_).Code(), "SignatureDoesNotMatch");
  request_.access_key = "other";
  EXPECT_EQ(Ask(request_).Code(), "InvalidAccessKeyId");
}

TEST_F(SignatureTest, queryAndPathAreSigned) {
  request_.key = "a";
  std::string bytes = SignedRequest(store_->port(), request_);
  EXPECT_EQ(SendRaw(store_->port(), bytes).Code(), "NoSuchKey");
  EXPECT_EQ(SendRaw(store_->port(), bytes.replace(bytes.find("/a "), 3, "/b ")).Code(),
            "SignatureDoesNotMatch");
  request_.key.clear();
  request_.query = {{"list-type", "2"}, {"prefix", "a b/\xc3\xa4"}, {"delimiter", "/"}};
  bytes = SignedRequest(store_->port(), request_);
  EXPECT_EQ(SendRaw(store_->port(), bytes).status, 200);
  EXPECT_EQ(SendRaw(store_->port(), bytes.replace(bytes.find("type=2"), 6, "type=1")).Code(),
            "SignatureDoesNotMatch");
}

TEST_F(SignatureTest, headersOfAmazonMustBeSigned) {
  request_.unsigned_headers["x-amz-meta-a"] = "b";
  EXPECT_EQ(Ask(request_).Code(), "AccessDenied");
  request_.unsigned_headers.clear();
  request_.headers["x-amz-meta-a"] = "b   c";
  EXPECT_EQ(Ask(request_).status, 200);
}

TEST_F(SignatureTest, payloadHash) {
  request_.method = "PUT";
  request_.key = "a";
  request_.body = "data";
  request_.payload_hash = Hex(Sha256Of("data"));
  EXPECT_EQ(Ask(request_).status, 200);
  request_.payload_hash = Hex(Sha256Of("Data"));
  EXPECT_EQ(Ask(request_).Code(), "XAmzContentSHA256Mismatch");
  request_.payload_hash = "abc";
  EXPECT_EQ(Ask(request_).Code(), "InvalidArgument");
  request_.payload_hash = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
  EXPECT_EQ(Ask(request_).Code(), "NotImplemented");
}

TEST_F(SignatureTest, timeTooSkewed_tellsTheServersTime) {
  request_.time_ms = now_ms_ - 14 * 60'000;
  EXPECT_EQ(Ask(request_).status, 200);
  request_.time_ms = now_ms_ - 16 * 60'000;
  EXPECT_EQ(Ask(request_).Code(), "RequestTimeTooSkewed");
  request_.time_ms = now_ms_ + 16 * 60'000;
  EXPECT_EQ(Ask(request_).status, 403);
  EXPECT_EQ(Ask(request_).headers.count("date"), 1u);
  store_->SetClockSkewMs(16 * 60'000);
  EXPECT_EQ(Ask(request_).status, 200);
}

TEST_F(SignatureTest, wrongRegion) {
  request_.region = "eu-west-1";
  const RawAnswer answer = Ask(request_);
  EXPECT_EQ(answer.Code(), "AuthorizationHeaderMalformed");
  EXPECT_EQ(ReadXml(answer.body)->ChildText("Region"), "us-east-1");
  StoreOptions options;
  options.redirect_to_region = true;
  Restart(options);
  EXPECT_EQ(Ask(request_).status, 301);
  EXPECT_EQ(Ask(request_).headers.at("x-amz-bucket-region"), "us-east-1");
}

TEST_F(SignatureTest, sessionToken) {
  request_.headers["x-amz-security-token"] = "token";
  EXPECT_EQ(Ask(request_).Code(), "InvalidToken");
  store_->SetSessionToken("token");
  EXPECT_EQ(Ask(request_).status, 200);
  request_.headers.clear();
  EXPECT_EQ(Ask(request_).Code(), "InvalidAccessKeyId");
}

}  // namespace
}  // namespace spillway::strict
