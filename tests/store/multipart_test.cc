#include "common/checksum.h"
#include "store/store_fixture.h"

namespace spillway::strict {
namespace {

StoreOptions SmallParts() {
  StoreOptions options;
  options.min_part_bytes = 4;
  return options;
}

std::string CrcOf(const std::string& data) { return Crc32cBase64(Crc32c(data)); }

class MultipartTest : public StoreFixture {
 protected:
  MultipartTest() : StoreFixture(SmallParts()) {}
};

TEST_F(MultipartTest, completed) {
  const std::string id = Begin("m");
  ASSERT_FALSE(id.empty());
  EXPECT_EQ(SendPart("m", id, 2, "end").status, 200);
  EXPECT_EQ(SendPart("m", id, 1, "begin").headers.at("etag"), Quoted(Hex(Md5Of("begin"))));
  ASSERT_EQ(store_->OpenUploads().size(), 1u);
  EXPECT_EQ(store_->OpenUploads()[0].bytes, 8);
  const RawAnswer answer = Complete("m", id, PartXml(1, "begin") + PartXml(2, "end"));
  ASSERT_EQ(answer.status, 200) << answer.raw;
  const std::string etag = Hex(Md5Of(Md5Of("begin") + Md5Of("end"))) + "-2";
  EXPECT_EQ(ReadXml(answer.body)->ChildText("ETag"), Quoted(etag));
  EXPECT_EQ(Ask("GET", "m").body, "beginend");
  EXPECT_EQ(Ask("GET", "m").headers.at("etag"), Quoted(etag));
  EXPECT_TRUE(store_->OpenUploads().empty());
  EXPECT_EQ(Complete("m", id, PartXml(1, "begin")).Code(), "NoSuchUpload");
}

TEST_F(MultipartTest, checksums) {
  const std::string id = Begin("m", {{"x-amz-checksum-algorithm", "CRC32C"}});
  EXPECT_EQ(SendPart("m", id, 1, "begin").Code(), "InvalidRequest");
  EXPECT_EQ(SendPart("m", id, 1, "begin", {{"x-amz-checksum-crc32c", CrcOf("begin")}}).status, 200);
  EXPECT_EQ(SendPart("m", id, 2, "end", {{"x-amz-checksum-crc32c", CrcOf("end")}}).status, 200);
  EXPECT_EQ(Complete("m", id, PartXml(1, "begin") + PartXml(2, "end")).Code(), "InvalidRequest");
  EXPECT_EQ(
      Complete("m", id, PartXml(1, "begin", CrcOf("x")) + PartXml(2, "end", CrcOf("end"))).Code(),
      "InvalidPart");
  ASSERT_EQ(Complete("m", id, PartXml(1, "begin", CrcOf("begin")) + PartXml(2, "end", CrcOf("end")))
                .status,
            200);
  const auto raw = [](const std::string& data) { return *FromBase64(CrcOf(data)); };
  const RawAnswer head = Ask("HEAD", "m", "", {{"x-amz-checksum-mode", "ENABLED"}});
  EXPECT_EQ(head.headers.at("x-amz-checksum-crc32c"), CrcOf(raw("begin") + raw("end")) + "-2");
  EXPECT_EQ(head.headers.at("x-amz-checksum-type"), "COMPOSITE");
}

TEST_F(MultipartTest, checksumOfAPart_withoutOneOfTheUpload_isRefused) {
  const std::string id = Begin("m");
  EXPECT_EQ(SendPart("m", id, 1, "begin", {{"x-amz-checksum-crc32c", CrcOf("begin")}}).Code(),
            "InvalidRequest");
}

TEST_F(MultipartTest, fullObjectChecksum) {
  const std::string id =
      Begin("m", {{"x-amz-checksum-algorithm", "CRC32C"}, {"x-amz-checksum-type", "FULL_OBJECT"}});
  SendPart("m", id, 1, "begin", {{"x-amz-checksum-crc32c", CrcOf("begin")}});
  SendPart("m", id, 2, "end", {{"x-amz-checksum-crc32c", CrcOf("end")}});
  const std::string parts = PartXml(1, "begin", CrcOf("begin")) + PartXml(2, "end", CrcOf("end"));
  EXPECT_EQ(Complete("m", id, parts, {{"x-amz-checksum-crc32c", CrcOf("x")}}).Code(), "BadDigest");
  EXPECT_EQ(Complete("m", id, parts, {{"x-amz-checksum-crc32c", CrcOf("beginend")}}).status, 200);
  EXPECT_EQ(store_->ObjectsSnapshot().at("m").crc32c, CrcOf("beginend"));
}

TEST_F(MultipartTest, wrongLists_areRefused) {
  const std::string id = Begin("m");
  SendPart("m", id, 1, "begin");
  SendPart("m", id, 2, "abc");
  SendPart("m", id, 3, "end");
  EXPECT_EQ(Complete("m", id, "").Code(), "MalformedXML");
  EXPECT_EQ(Complete("m", id, "<Part><PartNumber>1</PartNumber></Part>").Code(), "MalformedXML");
  EXPECT_EQ(Complete("m", id, "<Part>").Code(), "MalformedXML");
  EXPECT_EQ(Complete("m", id, PartXml(3, "end") + PartXml(1, "begin")).Code(), "InvalidPartOrder");
  EXPECT_EQ(Complete("m", id, PartXml(1, "begin") + PartXml(1, "begin")).Code(),
            "InvalidPartOrder");
  EXPECT_EQ(Complete("m", id, PartXml(1, "other")).Code(), "InvalidPart");
  EXPECT_EQ(Complete("m", id, PartXml(1, "begin") + PartXml(4, "end")).Code(), "InvalidPart");
  EXPECT_EQ(Complete("m", id, PartXml(2, "abc") + PartXml(3, "end")).Code(), "EntityTooSmall");
  EXPECT_EQ(Complete("other", id, PartXml(1, "begin")).Code(), "NoSuchUpload");
  EXPECT_EQ(SendPart("m", id, 0, "x").Code(), "InvalidArgument");
  EXPECT_EQ(SendPart("m", id, 10'001, "x").Code(), "InvalidArgument");
  EXPECT_EQ(SendPart("m", id, 10'000, "x").status, 200);
  EXPECT_EQ(SendPart("m", "none", 1, "x").Code(), "NoSuchUpload");
  EXPECT_TRUE(store_->ObjectsSnapshot().empty());
}

TEST_F(MultipartTest, conditions) {
  const std::string id = Begin("m");
  SendPart("m", id, 1, "begin");
  const std::string parts = PartXml(1, "begin");
  EXPECT_EQ(Complete("m", id, parts, {{"if-match", "\"x\""}}).Code(), "NoSuchKey");
  store_->PutForeign("m", "foreign");
  EXPECT_EQ(Complete("m", id, parts, {{"if-none-match", "*"}}).status, 412);
  EXPECT_EQ(Complete("m", id, parts, {{"if-match", "\"x\""}}).status, 412);
  const std::string etag = store_->ObjectsSnapshot().at("m").etag;
  EXPECT_EQ(Complete("m", id, parts, {{"if-match", Quoted(etag)}}).status, 200);
}

TEST_F(MultipartTest, abortedUpload_isGone) {
  const std::string id = Begin("m");
  EXPECT_EQ(Ask("DELETE", "m", "", {}, {{"uploadId", id}}).status, 204);
  EXPECT_EQ(Ask("DELETE", "m", "", {}, {{"uploadId", id}}).Code(), "NoSuchUpload");
}

TEST_F(MultipartTest, copiedParts) {
  store_->PutSynthetic("big", 6LL << 30, 7);
  const std::string id = Begin("m", {{"x-amz-checksum-algorithm", "CRC32C"}});
  const auto copy = [&](const std::string& range) {
    std::map<std::string, std::string> headers{{"x-amz-copy-source", "/bucket/big"}};
    if (!range.empty()) headers["x-amz-copy-source-range"] = range;
    return SendPart("m", id, 1, "", headers);
  };
  EXPECT_EQ(copy("").Code(), "InvalidRequest");
  EXPECT_EQ(copy("bytes=0-").Code(), "InvalidArgument");
  EXPECT_EQ(copy(fmt::format("bytes=0-{}", 6LL << 30)).Code(), "InvalidArgument");
  EXPECT_EQ(copy(fmt::format("bytes=0-{}", 5LL << 30)).Code(), "InvalidRequest");
  const RawAnswer answer = copy(fmt::format("bytes=100-{}", (1LL << 30) - 1));
  ASSERT_EQ(answer.status, 200) << answer.raw;
  const auto result = ReadXml(answer.body);
  const std::string part =
      "<Part><PartNumber>1</PartNumber>" + XmlTag("ETag", result->ChildText("ETag")) +
      XmlTag("ChecksumCRC32C", result->ChildText("ChecksumCRC32C")) + "</Part>";
  EXPECT_EQ(Complete("m", id, part).status, 200);
  EXPECT_EQ(store_->bytes_copied(), (1LL << 30) - 100);
  const std::string bytes = Ask("GET", "m", "", {{"range", "bytes=5-6"}}).body;
  EXPECT_EQ(bytes, (std::string{SyntheticByte(7, 105), SyntheticByte(7, 106)}));
}

TEST_F(MultipartTest, copiedParts_notSupported) {
  store_->PutForeign("a", "data");
  Profile profile;
  profile.multipart_copy = Support::kRefuse;
  store_->SetProfile(profile);
  const std::string id = Begin("m");
  EXPECT_EQ(SendPart("m", id, 1, "", {{"x-amz-copy-source", "/bucket/a"}}).status, 501);
  profile.multipart_copy = Support::kIgnore;
  store_->SetProfile(profile);
  const RawAnswer empty = SendPart("m", id, 1, "", {{"x-amz-copy-source", "/bucket/a"}});
  EXPECT_EQ(empty.headers.at("etag"), Quoted(Hex(Md5Of(""))));
  EXPECT_TRUE(empty.body.empty());
}

TEST_F(MultipartTest, listedUploadsAndParts) {
  const std::string first = Begin("a/1");
  const std::string second = Begin("a/1");
  Begin("b");
  const auto list = [&](std::vector<std::pair<std::string, std::string>> query) {
    query.emplace_back("uploads", "");
    return *ReadXml(Ask("GET", "", "", {}, query).body);
  };
  EXPECT_EQ(list({{"prefix", "a/"}}).ChildText("IsTruncated"), "false");
  const XmlNode page = list({{"max-uploads", "1"}});
  EXPECT_EQ(page.ChildText("IsTruncated"), "true");
  EXPECT_EQ(page.Child("Upload")->ChildText("UploadId"), first);
  const XmlNode next = list({{"key-marker", page.ChildText("NextKeyMarker")},
                             {"upload-id-marker", page.ChildText("NextUploadIdMarker")}});
  EXPECT_EQ(next.Child("Upload")->ChildText("UploadId"), second);
  for (int number : {1, 2, 3}) SendPart("a/1", first, number, "data");
  const auto parts =
      ReadXml(Ask("GET", "a/1", "", {}, {{"uploadId", first}, {"max-parts", "2"}}).body);
  EXPECT_EQ(parts->ChildText("NextPartNumberMarker"), "2");
  EXPECT_EQ(parts->Child("Part")->ChildText("Size"), "4");
}

}  // namespace
}  // namespace spillway::strict
