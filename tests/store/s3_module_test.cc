// Spillway's S3 module over the strict store: what it sends is well-formed, signed and checked.
#include "common/checksum.h"
#include "store/store_fixture.h"
#include "understore/under_store.h"

namespace spillway::strict {
namespace {

class S3ModuleTest : public StoreFixture {
 protected:
  void SetUp() override {
    const std::map<std::string, std::string> properties{
        {"alluxio.underfs.s3.endpoint", store_->endpoint()},
        {"alluxio.underfs.s3.disable.dns.buckets", "true"},
        {"alluxio.underfs.s3.region", "us-east-1"},
        {"alluxio.underfs.s3.list.length", "2"},
        {"s3a.accessKeyId", "strict"},
        {"s3a.secretKey", "strict-secret"}};
    auto module =
        OpenUnderStore("s3://bucket/pre fix", properties, {&site_, &clock_, &random_, nullptr});
    ASSERT_TRUE(module.ok()) << module.status();
    module_ = *module;
  }
  // Every answer was a success, but for looks at what is not there yet.
  void ExpectNoRefusals() {
    for (const RequestRecord& record : store_->Requests()) {
      if (record.method == "HEAD") continue;
      EXPECT_EQ(record.error_code, "") << record.call << " " << record.key;
    }
  }
  Configuration site_;
  SystemClock clock_;
  SystemRandom random_;
  std::shared_ptr<UnderStore> module_;
};

TEST_F(S3ModuleTest, putGetListDelete) {
  PutOptions options;
  for (const char* name : {"d/a+b", "d/\xc3\xa4 &<", "d/e/f", "d/~'(x)"}) {
    StringBody body(name);
    options.crc32c = Crc32c(name);
    options.if_absent = true;
    const auto put = module_->Put(name, body, options);
    ASSERT_TRUE(put.ok()) << put.status();
    EXPECT_EQ(store_->ObjectsSnapshot().at(std::string("pre fix/") + name).etag, put->etag);
    EXPECT_EQ(module_->Head(name)->crc32c, options.crc32c);
    std::string read;
    ASSERT_TRUE(module_
                    ->Get(name, 1, 2,
                          [&](std::string_view data) {
                            read += data;
                            return absl::OkStatus();
                          })
                    .ok());
    EXPECT_EQ(read, std::string(name).substr(1, 2));
  }
  size_t objects = 0;
  std::string token;
  for (int pages = 0; pages < 10; ++pages) {
    const auto page = module_->List("d", token);
    ASSERT_TRUE(page.ok()) << page.status();
    objects += page->objects.size();
    token = page->next_token;
    if (token.empty()) break;
  }
  EXPECT_EQ(objects, 3u);
  const auto failures = module_->Delete({{"d/a+b", ""}, {"d/\xc3\xa4 &<", ""}, {"d/e/f", ""}});
  ASSERT_TRUE(failures.ok()) << failures.status();
  EXPECT_TRUE(failures->empty());
  EXPECT_EQ(store_->ObjectsSnapshot().size(), 1u);
  ExpectNoRefusals();
}

TEST_F(S3ModuleTest, multipart) {
  const std::string long_part(5 << 20, 'p');
  const auto id = module_->CreateMultipart("m", PutOptions());
  ASSERT_TRUE(id.ok()) << id.status();
  StringBody first(long_part);
  StringBody last("end");
  const auto part = module_->UploadPart("m", *id, 1, first, Crc32c(long_part));
  ASSERT_TRUE(part.ok()) << part.status();
  const auto end = module_->UploadPart("m", *id, 2, last, Crc32c("end"));
  ASSERT_TRUE(end.ok()) << end.status();
  EXPECT_EQ(module_->ListUploads("")->size(), 1u);
  const auto done = module_->CompleteMultipart("m", *id, {*part, *end}, PutOptions());
  ASSERT_TRUE(done.ok()) << done.status();
  EXPECT_EQ(store_->ObjectsSnapshot().at("pre fix/m").data.size(), (5 << 20) + 3);
  EXPECT_TRUE(store_->OpenUploads().empty());
  ExpectNoRefusals();
}

TEST_F(S3ModuleTest, copy) {
  store_->PutForeign("pre fix/a b", "data");
  const auto copied = module_->Copy("a b", "c d", {});
  ASSERT_TRUE(copied.ok()) << copied.status();
  EXPECT_EQ(store_->ObjectsSnapshot().at("pre fix/c d").data.Flatten(), "data");
  EXPECT_EQ(store_->bytes_copied(), 4);
  ExpectNoRefusals();
}

TEST_F(S3ModuleTest, foreignErrors_areStatuses) {
  Rule rule;
  rule.call = S3Call::kHeadObject;
  rule.deformation = Deformation::kErrorCode;
  rule.name = "AccessDenied";
  rule.count = -1;
  store_->AddRule(rule);
  EXPECT_EQ(module_->Head("a").status().code(), StatusCode::kPermissionDenied);
  store_->ClearRules();
  EXPECT_EQ(module_->Head("a").status().code(), StatusCode::kNotFound);
}

}  // namespace
}  // namespace spillway::strict
