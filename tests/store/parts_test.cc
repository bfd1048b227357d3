// Ropes, XML and encodings.
#include <gtest/gtest.h>

#include "common/checksum.h"
#include "store/digest.h"
#include "store/rope.h"
#include "store/xml.h"

namespace spillway::strict {
namespace {

TEST(RopeTest, slices) {
  Rope rope(std::string("0123456789"));
  rope.Append(Rope(std::string("abcdef")));
  EXPECT_EQ(rope.Slice(8, 4).Flatten(), "89ab");
  EXPECT_EQ(rope.Slice(8, INT64_MAX).Flatten(), "89abcdef");
  EXPECT_EQ(rope.Slice(16, 1).size(), 0);
  EXPECT_EQ(rope.Crc32c(), Crc32c("0123456789abcdef"));
  EXPECT_EQ(rope.Etag(), Hex(Md5Of("0123456789abcdef")));
}

TEST(RopeTest, synthetic) {
  const Rope rope = Rope::Synthetic(3 * kPatternBytes + 5, 9);
  const std::string flat = rope.Flatten();
  ASSERT_EQ(static_cast<int64_t>(flat.size()), rope.size());
  for (int64_t at = 0; at < rope.size(); at += 9973) ASSERT_EQ(flat[at], SyntheticByte(9, at));
  EXPECT_EQ(rope.Crc32c(), Crc32c(flat));
  const Rope slice = rope.Slice(kPatternBytes - 3, 2 * kPatternBytes);
  EXPECT_EQ(slice.Crc32c(),
            Crc32c(std::string_view(flat).substr(kPatternBytes - 3, 2 * kPatternBytes)));
  EXPECT_NE(rope.Etag(), slice.Etag());
  EXPECT_NE(rope.Etag(), Rope::Synthetic(rope.size(), 8).Etag());
}

TEST(XmlTest, wellFormed) {
  const auto root = ReadXml(
      "<?xml version=\"1.0\"?>\n<!-- c --><a b=\"1\" c='2'><d>x &amp; &#x41;&#66;</d><e/>"
      "<f><![CDATA[<&]]></f></a>\n");
  ASSERT_TRUE(root);
  EXPECT_EQ(root->ChildText("d"), "x & AB");
  EXPECT_EQ(root->ChildText("f"), "<&");
  EXPECT_EQ(root->children.size(), 3u);
  EXPECT_TRUE(ReadXml(WriteXml(*root)));
  EXPECT_EQ(ReadXml("<a>&#xE4;&#x20AC;&#x1F600;</a>")->text,
            "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
}

TEST(XmlTest, notWellFormed) {
  for (const char* text : {"",
                           "a",
                           "<a>",
                           "<a></b>",
                           "<a/><b/>",
                           "<a>&</a>",
                           "<a>&none;</a>",
                           "<a b></a>",
                           "<a b=1/>",
                           "<a>\x01</a>",
                           "<a>&#1;</a>",
                           "<a>&#xFFFE;</a>",
                           "<a>\xef\xbf\xbf</a>",
                           "<a>\xff</a>",
                           "<a>]]></a>",
                           "<1/>",
                           "<a b=\"<\"/>",
                           "<!DOCTYPE a><a/>",
                           "<a>&#xD800;</a>",
                           "< a/>"}) {
    EXPECT_FALSE(ReadXml(text)) << text;
  }
}

TEST(EncodingTest, base64AndPercent) {
  for (const std::string data : {"", "a", "ab", "abc", "abcd"}) {
    EXPECT_EQ(ToBase64(data), Base64Encode(data));
    EXPECT_EQ(FromBase64(ToBase64(data)), data);
  }
  for (const char* text : {"a", "YQ", "YR==", "Y===", "YQ==YQ==", "YW J"})
    EXPECT_FALSE(FromBase64(text));
  EXPECT_EQ(PercentDecode("a%2fb%20+"), "a/b +");
  EXPECT_FALSE(PercentDecode("%2"));
  EXPECT_EQ(PercentEncode("a/b \xc3\xa4+", "/"), "a/b%20%C3%A4%2B");
  EXPECT_EQ(Crc32Of("123456789"), 0xCBF43926);
}

}  // namespace
}  // namespace spillway::strict
