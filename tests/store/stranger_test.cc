// Each deformation, as a raw client sees it.
#include "store/stranger/stranger.h"

#include "common/checksum.h"
#include "store/store_fixture.h"

namespace spillway::strict {
namespace {

using D = Deformation;

StoreOptions ManualEffects() {
  StoreOptions options;
  options.manual_effects = true;
  return options;
}

class StrangerTest : public StoreFixture {
 protected:
  StrangerTest() : StoreFixture(ManualEffects()) {
    for (const char* key : {"a", "b", "c", "d"}) store_->PutForeign(key, "0123456789");
  }
  // The next request meets the rule.
  void Meet(Deformation deformation, const std::string& name = "", const std::string& value = "",
            int status = 0, int64_t ms = 0, int64_t amount = 0) {
    Rule rule;
    rule.deformation = deformation;
    rule.name = name;
    rule.value = value;
    rule.status = status;
    rule.ms = ms;
    rule.amount = amount;
    store_->AddRule(rule);
  }
  RawAnswer List() { return Ask("GET", "", "", {}, {{"list-type", "2"}}); }
  RawAnswer Get() { return Ask("GET", "a", "", {{"range", "bytes=2-5"}}); }
};

TEST_F(StrangerTest, tables_areWhole) {
  ASSERT_EQ(AllCalls().size(), 16u);
  for (size_t i = 0; i < AllCalls().size(); ++i) {
    EXPECT_EQ(static_cast<size_t>(AllCalls()[i]), i);
    EXPECT_EQ(CallByName(CallName(AllCalls()[i])), AllCalls()[i]);
  }
  for (size_t i = 0; i < AllDeformations().size(); ++i) {
    EXPECT_EQ(static_cast<size_t>(AllDeformations()[i].deformation), i);
    EXPECT_EQ(DeformationByName(AllDeformations()[i].name), AllDeformations()[i].deformation);
  }
  EXPECT_EQ(AllDeformations().back().deformation, D::kGarbage);
  EXPECT_GT(AllErrors().size(), 70u);
}

TEST_F(StrangerTest, rules_areCountedAndFiltered) {
  Rule rule;
  rule.call = S3Call::kGetObject;
  rule.deformation = D::kErrorCode;
  rule.name = "SlowDown";
  rule.key = "b*";
  rule.count = 2;
  rule.skip = 1;
  store_->AddRule(rule);
  EXPECT_EQ(Ask("GET", "a").status, 200);
  EXPECT_EQ(Ask("HEAD", "b").status, 200);
  EXPECT_EQ(Ask("GET", "b").status, 200);
  EXPECT_EQ(Ask("GET", "b").status, 503);
  EXPECT_EQ(store_->Rules()[0].count, 1);
  EXPECT_EQ(Ask("GET", "b").Code(), "SlowDown");
  EXPECT_TRUE(store_->Rules().empty());
  EXPECT_EQ(Ask("GET", "b").status, 200);
  EXPECT_EQ(store_->Requests()[4].deformation, "error_code");
}

TEST_F(StrangerTest, bodies) {
  Meet(D::kWrongRoot, "Other");
  EXPECT_EQ(ReadXml(List().body)->name, "Other");
  Meet(D::kHtmlPage);
  EXPECT_EQ(List().headers.at("content-type"), "text/html; charset=utf-8");
  Meet(D::kEmptyBody);
  EXPECT_EQ(List().headers.at("content-length"), "0");
  Meet(D::kMalformedXml);
  RawAnswer answer = List();
  EXPECT_TRUE(answer.whole && !ReadXml(answer.body));
  Meet(D::kCutOff);
  answer = List();
  EXPECT_FALSE(answer.whole);
  EXPECT_FALSE(answer.body.empty());
  Meet(D::kCutOff, "", "", 0, 0, 3);
  EXPECT_EQ(Ask("GET", "a").body, "012");
  Meet(D::kCutOff);
  answer = Put("x", "1");
  EXPECT_EQ(answer.status, 200);
  EXPECT_FALSE(answer.whole);
  Meet(D::kByteFlipped);
  EXPECT_EQ(Ask("GET", "a").body, "0123456788");
  Meet(D::kBodyLonger, "", "", 0, 0, 2);
  EXPECT_EQ(Ask("GET", "a").body, "0123456789##");
}

TEST_F(StrangerTest, fields) {
  Meet(D::kListShortened);
  auto root = ReadXml(List().body);
  EXPECT_EQ(std::count_if(root->children.begin(), root->children.end(),
                          [](const XmlNode& node) { return node.name == "Contents"; }),
            2);
  EXPECT_EQ(root->ChildText("KeyCount"), "4");
  Meet(D::kFieldMissing, "Size");
  EXPECT_EQ(ReadXml(List().body)->Child("Contents")->Child("Size"), nullptr);
  Meet(D::kFieldAbsurd, "Size", "-1");
  EXPECT_EQ(ReadXml(List().body)->Child("Contents")->ChildText("Size"), "-1");
  Meet(D::kFieldTwice, "IsTruncated", "true");
  EXPECT_NE(List().body.find("<IsTruncated>false</IsTruncated><IsTruncated>true</IsTruncated>"),
            std::string::npos);
}

TEST_F(StrangerTest, headers) {
  Meet(D::kHeaderMissing, "ETag");
  EXPECT_EQ(Put("x", "1").headers.count("etag"), 0u);
  Meet(D::kHeaderAbsurd, "etag", "");
  EXPECT_EQ(
      SendRaw(store_->port(), SignedRequest(store_->port(), {.key = "a"})).raw.find("etag: \r\n") !=
          std::string::npos,
      true);
  Meet(D::kHeaderAbsurd, "Content-Length", "-5");
  EXPECT_EQ(Ask("HEAD", "a").headers.at("content-length"), "-5");
  Meet(D::kHeaderMissing, "content-length");
  EXPECT_EQ(Ask("HEAD", "a").headers.count("content-length"), 0u);
  Meet(D::kNoContentLength);
  const RawAnswer answer = Ask("GET", "a");
  EXPECT_EQ(answer.headers.count("content-length"), 0u);
  EXPECT_EQ(answer.body, "0123456789");
}

TEST_F(StrangerTest, statuses) {
  for (int status = 200; status < 600; status += 7) {
    Meet(D::kStatus, "", "", status);
    EXPECT_EQ(Put("x", "1").status, status);
    Meet(D::kStatusWithError, "AccessDenied", "", status);
    const RawAnswer answer = Put("x", "1");
    EXPECT_EQ(answer.status, status);
    EXPECT_EQ(answer.Code(), status == 204 || status == 304 ? "" : "AccessDenied");
  }
  EXPECT_EQ(store_->ObjectsSnapshot().count("x"), 0u);
  for (const S3Error& error : AllErrors()) {
    Meet(D::kErrorCode, error.code);
    EXPECT_EQ(Put("x", "1").status, error.status);
  }
  Meet(D::kErrorWith200, "InternalError");
  const RawAnswer answer = Put("x", "1");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.Code(), "InternalError");
  EXPECT_EQ(store_->ObjectsSnapshot().count("x"), 0u);
  Rule rule;
  rule.deformation = D::kErrorCode;
  rule.name = "InternalError";
  rule.effect = true;
  store_->AddRule(rule);
  EXPECT_EQ(Put("x", "1").status, 500);
  EXPECT_EQ(store_->ObjectsSnapshot().count("x"), 1u);
}

TEST_F(StrangerTest, redirects) {
  Meet(D::kRedirect, "eu-west-1", "http://127.0.0.2:1/bucket/x", 301);
  RawAnswer answer = Put("x", "1");
  EXPECT_EQ(answer.status, 301);
  EXPECT_EQ(answer.headers.at("location"), "http://127.0.0.2:1/bucket/x");
  EXPECT_EQ(answer.headers.at("x-amz-bucket-region"), "eu-west-1");
  Meet(D::kRedirect, "", "http://127.0.0.2:1/");
  answer = Put("x", "1");
  EXPECT_EQ(answer.status, 307);
  EXPECT_EQ(answer.headers.count("x-amz-bucket-region"), 0u);
}

TEST_F(StrangerTest, ranges) {
  EXPECT_EQ(Get().body, "2345");
  Meet(D::kRangeMisnamed);
  EXPECT_EQ(Get().headers.at("content-range"), "bytes 3-6/11");
  Meet(D::kRangeOther);
  RawAnswer answer = Get();
  EXPECT_EQ(answer.body, "3456");
  EXPECT_EQ(answer.headers.at("content-range"), "bytes 3-6/10");
  Meet(D::kRangeShort);
  EXPECT_EQ(Get().body, "23");
  Meet(D::kRangeIgnored);
  answer = Get();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "0123456789");
  Meet(D::kRangeUnnamed);
  answer = Get();
  EXPECT_EQ(answer.status, 206);
  EXPECT_EQ(answer.headers.count("content-range"), 0u);
}

TEST_F(StrangerTest, lostAnswers) {
  Meet(D::kEffectNoAnswer);
  EXPECT_EQ(Put("x", "1").raw, "");
  EXPECT_EQ(store_->ObjectsSnapshot().count("x"), 1u);
  Meet(D::kNoEffectNoAnswer);
  EXPECT_EQ(Put("y", "1").raw, "");
  EXPECT_EQ(store_->ObjectsSnapshot().count("y"), 0u);
  Meet(D::kGarbage);
  EXPECT_EQ(Put("z", "1").raw, "SSH-2.0-strict\r\n");
  EXPECT_EQ(store_->Requests().back().status, 0);
}

TEST_F(StrangerTest, lateEffects) {
  Meet(D::kEffectLater, "", "", 0, 1000);
  EXPECT_EQ(Put("x", "1").raw, "");
  Meet(D::kEffectLater, "", "", 503, 2000);
  EXPECT_EQ(Ask("DELETE", "a").status, 503);
  EXPECT_EQ(store_->pending_effects(), 2);
  store_->AdvanceMs(999);
  EXPECT_EQ(store_->ObjectsSnapshot().count("x"), 0u);
  store_->AdvanceMs(1);
  EXPECT_EQ(store_->ObjectsSnapshot().count("x"), 1u);
  EXPECT_EQ(store_->ObjectsSnapshot().count("a"), 1u);
  store_->AdvanceMs(1000);
  EXPECT_EQ(store_->ObjectsSnapshot().count("a"), 0u);
}

TEST_F(StrangerTest, lateEffects_inRealTime) {
  Restart(StoreOptions());
  Meet(D::kEffectLater, "", "", 0, 1);
  Put("x", "1");
  SystemClock clock;
  for (int i = 0; i < 1000 && store_->pending_effects() > 0; ++i) clock.SleepMs(5);
  EXPECT_EQ(store_->ObjectsSnapshot().count("x"), 1u);
}

TEST_F(StrangerTest, slowAnswers_areWhole) {
  Meet(D::kSlowFirstByte, "", "", 0, 5);
  EXPECT_EQ(Ask("GET", "a").body, "0123456789");
  Meet(D::kTrickle, "", "", 0, 0, 200);
  EXPECT_EQ(Ask("GET", "a").body, "0123456789");
  store_->SetDelayMs(S3Call::kGetObject, 5);
  EXPECT_EQ(Ask("GET", "a").body, "0123456789");
}

TEST_F(StrangerTest, blanks) {
  const std::map<std::string, std::string> source{{"x-amz-copy-source", "/bucket/a"}};
  Meet(D::kBlanks, "", "", 0, 2, 10);
  RawAnswer answer = Put("x", "", source);
  EXPECT_EQ(answer.headers.at("transfer-encoding"), "chunked");
  EXPECT_TRUE(answer.whole);
  EXPECT_NE(answer.body.find("?>\n     <CopyObjectResult"), std::string::npos) << answer.raw;
  EXPECT_TRUE(ReadXml(answer.body));
  // An error comes with status 200 then.
  Meet(D::kBlanks, "", "", 0, 2, 10);
  answer = Put("x", "", {{"x-amz-copy-source", "/bucket/none"}});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.Code(), "NoSuchKey");
  store_->SetDelayMs(S3Call::kCopyObject, 4);
  store_->SetBlanksEveryMs(2);
  EXPECT_NE(Put("y", "", source).body.find("?>\n  <CopyObjectResult"), std::string::npos);
}

}  // namespace
}  // namespace spillway::strict
