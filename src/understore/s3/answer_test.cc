// What of a stranger's words is believed.
#include "understore/s3/answer.h"

#include <gtest/gtest.h>

#include "understore/s3/list_page.h"

namespace spillway {
namespace {

const AnswerRule& Listing() {
  static const AnswerRule kRule{"list",
                                {200},
                                {{"etag", FieldKind::kEtag, false}},
                                "Result",
                                {{"IsTruncated", FieldKind::kBool}},
                                {{"Item", {{"Size", FieldKind::kSize}}}}};
  return kRule;
}

std::string Why(const std::string& body, int code = 200) {
  Answer answer;
  answer.http.code = code;
  answer.http.body = body;
  return WhyNoAnswer(Listing(), &answer);
}

TEST(AnswerTest, answer_isWhatItsRuleDescribes) {
  const std::string head = "<Result><IsTruncated>false</IsTruncated>";
  EXPECT_EQ(Why(head + "</Result>"), "");
  EXPECT_EQ(Why(head + "<Item><Size>0</Size></Item></Result>"), "");
  EXPECT_EQ(Why("   \n " + head + "</Result>"), "") << "blanks before a late document";
  EXPECT_NE(Why(head + "</Result>", 206), "");
  EXPECT_NE(Why(""), "");
  EXPECT_NE(Why("<html><body><p>log in<br></body></html>"), "");
  EXPECT_NE(Why("<Error><Code>InternalError</Code></Error>"), "");
  EXPECT_NE(Why("<Wrong/>" + head + "</Result>"), "");
  EXPECT_NE(Why("<Result></Result>"), "");
  EXPECT_NE(Why("<Result><IsTruncated>yes</IsTruncated></Result>"), "");
  EXPECT_NE(Why(head), "") << "cut off";
  for (const char* size : {"", "-1", " 7", "7 ", "1e3", "0x10", "99999999999999999999"})
    EXPECT_NE(Why(head + "<Item><Size>" + size + "</Size></Item></Result>"), "") << size;
  for (const char* nul : {"&#0;", "&#x0;", "&#X00;", "&#000;"})
    EXPECT_NE(Why(head + "<K>a" + nul + "b</K></Result>"), "") << nul;
  EXPECT_EQ(Why(head + "<K>a&#10;&amp;#0;</K></Result>").find("NUL"), std::string::npos);
}

TEST(AnswerTest, quotesWithoutAnEtag_areNone) {
  const auto why = [](const char* etag, bool required) {
    const AnswerRule rule{"head", {200}, {{"etag", FieldKind::kEtag, required}}};
    Answer answer;
    answer.http.code = 200;
    answer.http.headers["etag"] = etag;
    return WhyNoAnswer(rule, &answer);
  };
  EXPECT_EQ(why("\"\"", false), "");
  EXPECT_NE(why("\"\"", true), "");
  EXPECT_NE(why("\"", false), "");
  EXPECT_NE(why("a b", false), "");
  EXPECT_EQ(why("\"a\"", true), "");
}

TEST(AnswerTest, elementOfAnyName_isNotAnErrors) {
  const AnswerRule rule{"create", {200}, {}, kAnyRoot, {{"Id", FieldKind::kText}}};
  const auto why = [&rule](const std::string& body) {
    Answer answer;
    answer.http.code = 200;
    answer.http.body = body;
    const std::string found = WhyNoAnswer(rule, &answer);
    EXPECT_TRUE(!found.empty() || TextOf(answer.root, "Id") == "i") << body;
    return found;
  };
  for (const char* root : {"Result", "Other", "ns:Result"}) {
    const std::string name = root;
    EXPECT_EQ(why("<" + name + "><Id>i</Id></" + name + ">"), "") << name;
    EXPECT_NE(why("<" + name + "><Id></Id></" + name + ">"), "") << name;
    EXPECT_NE(why("<" + name + "><In><Id>i</Id></In></" + name + ">"), "") << name;
  }
  EXPECT_NE(why("<Error><Id>i</Id></Error>"), "");
  EXPECT_NE(why("<Id>i</Id>"), "");
  EXPECT_NE(why("<?xml version=\"1.0\"?>"), "");
  EXPECT_NE(why(""), "");
}

TEST(AnswerTest, refusal_ofAStranger_isNoRefusal) {
  HttpResponse response;
  response.code = 404;
  EXPECT_EQ(WhyNoRefusal("GET", response), "");
  response.body = "<Error><Code>NoSuchKey</Code></Error>";
  EXPECT_EQ(WhyNoRefusal("GET", response), "");
  response.body = "<html>not found</html>";
  EXPECT_NE(WhyNoRefusal("GET", response), "");
  response.body = "";
  response.headers["content-type"] = "text/html; charset=utf-8";
  EXPECT_NE(WhyNoRefusal("HEAD", response), "");
  for (const int code : {0, 199, 302, 304, 600, 999}) {
    response.code = code;
    EXPECT_NE(WhyNoRefusal("GET", response), "") << code;
  }
}

TEST(AnswerTest, lateErrors_haveTheStatusOfTheirCode) {
  const auto code = [](const char* s3) {
    return StatusOfS3Error({HttpCodeOf(s3), s3, ""}, "Copy").code();
  };
  EXPECT_EQ(code("AccessDenied"), StatusCode::kPermissionDenied);
  EXPECT_EQ(code("PreconditionFailed"), StatusCode::kFailedPrecondition);
  EXPECT_EQ(code("SlowDown"), StatusCode::kResourceExhausted);
  EXPECT_EQ(code("NoSuchUpload"), StatusCode::kNotFound);
  EXPECT_EQ(code("SomethingNew"), StatusCode::kUnavailable);
  EXPECT_EQ(S3ErrorOf(StatusOfS3Error({404, "NoSuchKey", ""}, "x")).code, "NoSuchKey");
  EXPECT_EQ(S3ErrorOf(Unavailable("x")).http_code, 0);
}

TEST(AnswerTest, textsAndNumbers) {
  EXPECT_EQ(ParseDecimal("0"), 0);
  EXPECT_EQ(ParseDecimal("9223372036854775807"), INT64_MAX);
  EXPECT_FALSE(ParseDecimal("9223372036854775808"));
  EXPECT_FALSE(ParseDecimal("8", 7));
  EXPECT_EQ(ParseIsoTimeMs("2009-10-12T17:50:30.000Z"), 1255369830000);
  EXPECT_EQ(ParseIsoTimeMs("2009-10-12T17:50:30Z"), 1255369830000);
  for (const char* time : {"", "2009-10-12", "2009-10-12T17:50:30.Z", "1900-01-01T00:00:00Z",
                           "2009-10-12T17:50:30+02:00", "2009-10-12T17:50:30.000Zx"}) {
    EXPECT_FALSE(ParseIsoTimeMs(time)) << time;
  }
  EXPECT_TRUE(IsUtf8("a\xc3\xa4\xf0\x9f\x98\x80"));
  for (const char* bad : {"\xff", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                          "\xc3", "\xe2\x82"}) {
    EXPECT_FALSE(IsUtf8(bad)) << bad;
  }
  EXPECT_TRUE(FitsXml("a b\t\xc3\xa4"));
  for (const char* bad : {"\x01", "\x1f", "\xef\xbf\xbe", "\xef\xbf\xbf", "\xff"})
    EXPECT_FALSE(FitsXml(bad)) << bad;
  EXPECT_EQ(UriDecode("a%20b+c%2B%c3%a4"), "a b c+\xc3\xa4");
  for (const char* bad : {"%", "%2", "%zz", "a%4"}) EXPECT_FALSE(UriDecode(bad)) << bad;
  for (const char* good : {"abc", "\"abc\"", "\"a-2\"", "W/\"abc\""}) EXPECT_TRUE(IsEtag(good));
  for (const char* bad : {"", "\"\"", "\"", "a b", "a\r\nx: y", "W/\"\""})
    EXPECT_FALSE(IsEtag(bad)) << bad;
}

TEST(TokenTrailTest, everyCircle_isFoundWithinTwiceItsLength) {
  for (int before : {0, 1, 7}) {
    for (int length : {1, 2, 3, 10, 100}) {
      std::string carried;
      int steps = 0;
      for (bool fresh = true; fresh && steps < 1000; ++steps) {
        TokenTrail trail = TokenTrail::Parse(carried);
        const int at = steps < before ? steps : before + (steps - before) % length;
        fresh = trail.Add("token " + std::to_string(at));
        carried = trail.ToString();
      }
      EXPECT_GT(steps, before + length - 1);
      EXPECT_LE(steps, 4 * (before + length) + 2);
    }
  }
  TokenTrail trail;
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(trail.Add(std::to_string(i)));
}

}  // namespace
}  // namespace spillway
