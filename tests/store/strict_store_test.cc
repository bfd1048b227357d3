// What the store refuses, and what it does.
#include "store/strict_store.h"

#include "common/checksum.h"
#include "store/store_fixture.h"

namespace spillway::strict {
namespace {

class StrictStoreTest : public StoreFixture {};

TEST_F(StrictStoreTest, putGetHeadDelete) {
  const RawAnswer put = Put("a/b c", "0123456789");
  ASSERT_EQ(put.status, 200) << put.raw;
  EXPECT_EQ(put.headers.at("etag"), "\"781e5e245d69b566979b86e28d23f2c7\"");
  EXPECT_FALSE(put.headers.at("x-amz-request-id").empty());
  EXPECT_EQ(Ask("GET", "a/b c").body, "0123456789");
  const RawAnswer head = Ask("HEAD", "a/b c");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.headers.at("content-length"), "10");
  EXPECT_TRUE(head.body.empty());
  EXPECT_EQ(Ask("DELETE", "a/b c").status, 204);
  EXPECT_EQ(Ask("DELETE", "a/b c").status, 204);
  EXPECT_EQ(Ask("GET", "a/b c").Code(), "NoSuchKey");
  EXPECT_EQ(Ask("HEAD", "a/b c").status, 404);
}

TEST_F(StrictStoreTest, connection_servesManyRequests) {
  RawRequest request;
  request.method = "PUT";
  request.key = "x";
  request.body = "data";
  request.keep_alive = true;
  std::string bytes = SignedRequest(store_->port(), request);
  request.method = "GET";
  request.body.clear();
  request.keep_alive = false;
  const RawAnswer both = SendRaw(store_->port(), bytes + SignedRequest(store_->port(), request));
  EXPECT_EQ(both.raw.substr(both.raw.size() - 8), "\r\n\r\ndata");
  EXPECT_EQ(store_->Requests().size(), 2u);
}

TEST_F(StrictStoreTest, virtualHost) {
  RawRequest request;
  request.method = "PUT";
  request.key = "a";
  request.body = "data";
  request.virtual_host = true;
  EXPECT_EQ(Ask(request).status, 200);
  EXPECT_EQ(store_->ObjectsSnapshot().at("a").data.Flatten(), "data");
}

TEST_F(StrictStoreTest, bucketMissing) {
  RawRequest request;
  request.bucket = "none";
  EXPECT_EQ(Ask(request).Code(), "NoSuchBucket");
  request.method = "HEAD";
  EXPECT_EQ(Ask(request).status, 404);
  request.bucket = "bucket";
  EXPECT_EQ(Ask(request).headers.at("x-amz-bucket-region"), "us-east-1");
}

TEST_F(StrictStoreTest, range) {
  Put("a", "0123456789");
  const auto get = [&](const std::string& range) {
    return Ask("GET", "a", "", {{"range", range}});
  };
  EXPECT_EQ(get("bytes=3-5").body, "345");
  EXPECT_EQ(get("bytes=3-5").status, 206);
  EXPECT_EQ(get("bytes=3-5").headers.at("content-range"), "bytes 3-5/10");
  EXPECT_EQ(get("bytes=8-99").body, "89");
  EXPECT_EQ(get("bytes=8-").body, "89");
  EXPECT_EQ(get("bytes=-3").body, "789");
  EXPECT_EQ(get("bytes=10-12").Code(), "InvalidRange");
  EXPECT_EQ(get("bytes=10-12").status, 416);
  EXPECT_EQ(get("bytes=5-3").status, 200);
}

TEST_F(StrictStoreTest, conditionsOfGet) {
  const std::string etag = Put("a", "data").headers.at("etag");
  EXPECT_EQ(Ask("GET", "a", "", {{"if-match", etag}}).body, "data");
  EXPECT_EQ(Ask("GET", "a", "", {{"if-match", "\"other\""}}).Code(), "PreconditionFailed");
  EXPECT_EQ(Ask("GET", "a", "", {{"if-none-match", etag}}).status, 304);
  EXPECT_EQ(Ask("GET", "a", "", {{"if-none-match", "\"other\""}}).body, "data");
}

TEST_F(StrictStoreTest, conditionsOfPut) {
  EXPECT_EQ(Put("a", "1", {{"if-match", "\"x\""}}).Code(), "NoSuchKey");
  const std::string etag = Put("a", "1", {{"if-none-match", "*"}}).headers.at("etag");
  EXPECT_EQ(Put("a", "2", {{"if-none-match", "*"}}).status, 412);
  EXPECT_EQ(Put("a", "2", {{"if-match", "\"x\""}}).Code(), "PreconditionFailed");
  EXPECT_EQ(Put("a", "2", {{"if-none-match", etag}}).Code(), "NotImplemented");
  EXPECT_EQ(Put("a", "3", {{"if-match", etag}}).status, 200);
  EXPECT_EQ(Ask("GET", "a").body, "3");
}

TEST_F(StrictStoreTest, conditionsOfDelete) {
  const std::string etag = Put("a", "1").headers.at("etag");
  EXPECT_EQ(Ask("DELETE", "a", "", {{"if-match", "\"x\""}}).Code(), "PreconditionFailed");
  EXPECT_EQ(Ask("DELETE", "a", "", {{"if-match", etag}}).status, 204);
  EXPECT_EQ(Ask("DELETE", "a", "", {{"if-match", etag}}).Code(), "NoSuchKey");
}

TEST_F(StrictStoreTest, digests) {
  const std::string crc = Crc32cBase64(Crc32c("data"));
  EXPECT_EQ(Put("a", "data", {{"x-amz-checksum-crc32c", crc}}).headers.at("x-amz-checksum-crc32c"),
            crc);
  EXPECT_EQ(Put("b", "Data", {{"x-amz-checksum-crc32c", crc}}).Code(), "BadDigest");
  EXPECT_EQ(Put("b", "data", {{"x-amz-checksum-crc32c", "abc"}}).Code(), "InvalidRequest");
  EXPECT_EQ(Put("b", "Data", {{"content-md5", ToBase64(Md5Of("data"))}}).Code(), "BadDigest");
  EXPECT_EQ(Put("b", "data", {{"content-md5", "abc"}}).Code(), "InvalidDigest");
  EXPECT_EQ(Put("b", "data", {{"x-amz-checksum-sha256", ToBase64(Sha256Of("Data"))}}).Code(),
            "BadDigest");
  EXPECT_EQ(Put("b", "123456789", {{"x-amz-checksum-crc32", "y/Q5Jg=="}}).status, 200);
  EXPECT_EQ(Ask("HEAD", "a").headers.count("x-amz-checksum-crc32c"), 0u);
  const RawAnswer head = Ask("HEAD", "a", "", {{"x-amz-checksum-mode", "ENABLED"}});
  EXPECT_EQ(head.headers.at("x-amz-checksum-crc32c"), crc);
}

TEST_F(StrictStoreTest, lengthMissing) {
  RawRequest request;
  request.method = "PUT";
  request.key = "a";
  request.with_length = false;
  EXPECT_EQ(Ask(request).status, 411);
  request.unsigned_headers["transfer-encoding"] = "chunked";
  EXPECT_EQ(Ask(request).Code(), "MissingContentLength");
}

TEST_F(StrictStoreTest, bodyTooLong_isNotRead) {
  RawRequest request;
  request.method = "PUT";
  request.key = "a";
  request.with_length = false;
  request.unsigned_headers["content-length"] = std::to_string((5LL << 30) + 1);
  EXPECT_EQ(Ask(request).Code(), "EntityTooLarge");
}

TEST_F(StrictStoreTest, keys) {
  EXPECT_EQ(Put(std::string(1024, 'k'), "1").status, 200);
  EXPECT_EQ(Put(std::string(1025, 'k'), "1").Code(), "KeyTooLongError");
  EXPECT_EQ(Put("\xff", "1").Code(), "InvalidURI");
  EXPECT_EQ(Put("a\xc0\x80", "1").Code(), "InvalidURI");
  EXPECT_EQ(Put("a+b%20&?=\xc3\xa4", "1").status, 200);
  EXPECT_EQ(store_->ObjectsSnapshot().count("a+b%20&?=\xc3\xa4"), 1u);
}

TEST_F(StrictStoreTest, requestsThatAreNone) {
  const std::string host = "Host: 127.0.0.1\r\nConnection: close\r\n\r\n";
  EXPECT_EQ(SendRaw(store_->port(), "GET /bucket/a HTTP/1.0\r\n" + host).Code(), "BadRequest");
  EXPECT_EQ(SendRaw(store_->port(), "GET /a b HTTP/1.1\r\n" + host).Code(), "BadRequest");
  EXPECT_EQ(SendRaw(store_->port(), "GET /bucket/%zz HTTP/1.1\r\n" + host).Code(), "InvalidURI");
  EXPECT_EQ(SendRaw(store_->port(), "GET /bucket?acl HTTP/1.1\r\n" + host).status, 501);
  EXPECT_EQ(SendRaw(store_->port(), "PATCH /bucket/a HTTP/1.1\r\n" + host).status, 405);
  EXPECT_EQ(SendRaw(store_->port(), "GET /bucket/a HTTP/1.1\r\n\r\n").Code(), "BadRequest");
}

TEST_F(StrictStoreTest, deleteObjects) {
  for (const char* key : {"a", "b", "c&<"}) Put(key, key);
  const RawAnswer answer = DeleteMany(
      "<Delete><Object><Key>a</Key></Object><Object><Key>c&amp;&lt;</Key></Object>"
      "<Object><Key>b</Key><ETag>\"x\"</ETag></Object>"
      "<Object><Key>none</Key></Object><Object><Key>none</Key><ETag>x</ETag></Object></Delete>");
  ASSERT_EQ(answer.status, 200) << answer.raw;
  const auto root = ReadXml(answer.body);
  ASSERT_TRUE(root);
  ASSERT_EQ(root->children.size(), 5u);
  EXPECT_EQ(root->children[0].ChildText("Key"), "a");
  EXPECT_EQ(root->children[1].ChildText("Key"), "c&<");
  EXPECT_EQ(root->children[2].ChildText("Code"), "PreconditionFailed");
  EXPECT_EQ(root->children[3].name, "Deleted");
  EXPECT_EQ(root->children[4].ChildText("Code"), "NoSuchKey");
  EXPECT_EQ(store_->ObjectsSnapshot().size(), 1u);
}

TEST_F(StrictStoreTest, deleteObjects_refused) {
  const std::string one = "<Object><Key>a</Key></Object>";
  EXPECT_EQ(Ask("POST", "", "<Delete>" + one + "</Delete>", {}, {{"delete", ""}}).Code(),
            "InvalidRequest");
  std::string many;
  for (int i = 0; i < 1001; ++i) many += one;
  for (const std::string& xml :
       {std::string("<Delete></Delete>"), "<Delete>" + many + "</Delete>",
        "<Delete>" + one + "</Delet>", "<Wrong>" + one + "</Wrong>", "<Delete>" + one,
        std::string("<Delete><Object><Key>a&b</Key></Object></Delete>"),
        std::string("<Delete><Object><Key>a\x01</Key></Object></Delete>"),
        std::string("<Delete><Object><Key>a&#x1;</Key></Object></Delete>"),
        std::string("<Delete><Object><Key>a\xff</Key></Object></Delete>"),
        std::string("<Delete><Object><Key></Key></Object></Delete>"),
        std::string("<Delete><Object><Name>a</Name></Object></Delete>")}) {
    EXPECT_EQ(DeleteMany(xml).Code(), "MalformedXML") << xml.substr(0, 80);
  }
}

TEST_F(StrictStoreTest, copyObject) {
  const std::string etag = Put("a b", "data").headers.at("etag");
  const auto copy = [&](const std::string& target, std::map<std::string, std::string> headers) {
    headers["x-amz-copy-source"] = "/bucket/a%20b";
    return Put(target, "", headers);
  };
  const RawAnswer answer = copy("t", {});
  ASSERT_EQ(ReadXml(answer.body)->ChildText("ETag"), etag) << answer.raw;
  EXPECT_EQ(Ask("GET", "t").body, "data");
  EXPECT_EQ(store_->bytes_copied(), 4);
  EXPECT_EQ(store_->Requests()[1].bytes_copied, 4);
  EXPECT_EQ(copy("t", {{"x-amz-copy-source-if-match", "\"x\""}}).status, 412);
  EXPECT_EQ(copy("t", {{"x-amz-copy-source-if-match", etag}}).status, 200);
  EXPECT_EQ(copy("t", {{"if-none-match", "*"}}).status, 412);
  EXPECT_EQ(copy("t", {{"if-match", "\"x\""}}).status, 412);
  EXPECT_EQ(copy("a b", {}).Code(), "InvalidRequest");
  EXPECT_EQ(Put("t", "", {{"x-amz-copy-source", "bucket/none"}}).Code(), "NoSuchKey");
  EXPECT_EQ(Put("t", "", {{"x-amz-copy-source", "none/a"}}).Code(), "NoSuchBucket");
  EXPECT_EQ(Put("t", "", {{"x-amz-copy-source", "a"}}).Code(), "InvalidArgument");
  store_->PutSynthetic("big", (5LL << 30) + 1);
  EXPECT_EQ(Put("t", "", {{"x-amz-copy-source", "/bucket/big"}}).Code(), "InvalidRequest");
  store_->PutSynthetic("big", 5LL << 30);
  EXPECT_EQ(Put("t", "", {{"x-amz-copy-source", "/bucket/big"}}).status, 200);
  EXPECT_EQ(store_->ObjectsSnapshot().at("t").data.size(), 5LL << 30);
}

TEST_F(StrictStoreTest, profile_ignoresOrRefuses) {
  Put("a", "0123456789");
  Profile profile;
  profile.conditional_put = profile.range = profile.checksums = Support::kIgnore;
  profile.multi_delete = profile.conditional_delete = Support::kRefuse;
  store_->SetProfile(profile);
  EXPECT_EQ(Put("a", "0123456789", {{"if-none-match", "*"}}).status, 200);
  EXPECT_EQ(Ask("GET", "a", "", {{"range", "bytes=1-2"}}).body, "0123456789");
  EXPECT_EQ(Put("a", "1", {{"x-amz-checksum-crc32c", Crc32cBase64(Crc32c("1"))}})
                .headers.count("x-amz-checksum-crc32c"),
            0u);
  EXPECT_EQ(DeleteMany("<Delete><Object><Key>a</Key></Object></Delete>").status, 405);
  EXPECT_EQ(Ask("DELETE", "a", "", {{"if-match", "x"}}).Code(), "NotImplemented");
  EXPECT_EQ(Ask("DELETE", "a").status, 204);
}

TEST_F(StrictStoreTest, rateLimit_slowsDown) {
  store_->SetRequestsPerSecond(1);
  int slow = 0;
  for (int i = 0; i < 5; ++i) slow += Ask("GET", "a").Code() == "SlowDown" ? 1 : 0;
  EXPECT_GE(slow, 1);
  store_->SetRequestsPerSecond(0);
  EXPECT_EQ(Ask("GET", "a").Code(), "NoSuchKey");
}

}  // namespace
}  // namespace spillway::strict
