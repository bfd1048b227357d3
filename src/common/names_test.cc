#include "common/names.h"

#include <gtest/gtest.h>

#include "common/path.h"

namespace spillway {
namespace {

const char* const kNotUtf8[] = {
    "\xff",
    "a\xc3",
    "\xc3(",
    "\x80",
    "\xc0\xaf",
    "\xe0\x80\xaf",
    "\xf0\x80\x80\xaf",  // overlong
    "\xed\xa0\x80",
    "\xed\xbf\xbf",  // surrogates
    "\xf4\x90\x80\x80",
    "\xf8\x88\x80\x80\x80",  // beyond U+10FFFF
};

TEST(NamesTest, checkText_whatIsNotUtf8_isRefusedAndQuotedAsText) {
  for (const std::string bad : kNotUtf8) {
    EXPECT_FALSE(IsValidUtf8(bad));
    const absl::Status status = CheckText("The owner", bad);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_TRUE(IsValidUtf8(Message(status)));
    EXPECT_NE(Message(status).find("The owner"), std::string::npos);
    EXPECT_NE(Message(status).find("UTF-8"), std::string::npos);
    EXPECT_FALSE(NormalizePath("/a/" + bad).ok());
  }
}

TEST(NamesTest, checkText_oddButCarried_passes) {
  for (const std::string text :
       {"", " ", "\x01\x1f\x7f", "a\nb", "\\", "%2F", "\xf0\x9f\x98\x80", "\xe2\x80\x8f",
        "\xef\xbf\xbe", "\xef\xbf\xbf", "\xf4\x8f\xbf\xbf", "e\xcc\x81", "\xc3\xa9"})
    EXPECT_TRUE(CheckText("x", text).ok()) << text;
  EXPECT_TRUE(CheckText("x", std::string(10, 'a'), 10).ok());
}

TEST(NamesTest, checkText_aNulOrTooMuch_isRefused) {
  EXPECT_FALSE(CheckText("x", std::string("a\0b", 3)).ok());
  EXPECT_FALSE(CheckText("x", std::string(11, 'a'), 10).ok());
  EXPECT_LT(CheckText("x", std::string(1 << 20, 'a')).message().size(), 500);
}

TEST(NamesTest, checkName_dotsSlashesAndLength) {
  for (const std::string name : {"", ".", "..", "a/b"}) EXPECT_FALSE(CheckName(name).ok()) << name;
  for (const std::string name : {"...", ".a", "a "}) EXPECT_TRUE(CheckName(name).ok()) << name;
  EXPECT_TRUE(CheckName(std::string(kNameBytesMax, 'n')).ok());
  EXPECT_FALSE(CheckName(std::string(kNameBytesMax + 1, 'n')).ok());
}

TEST(NamesTest, checkNewPath_refusesABackslash) {
  for (const char* path : {"/a\\b", "/\\", "/a\\/b", "c:\\"})
    EXPECT_EQ(CheckNewPath(path).code(), absl::StatusCode::kInvalidArgument) << path;
  for (const char* path : {"/", "/a b", "/%5C", "/\xef\xbc\xbc"})  // a wide one differs
    EXPECT_TRUE(CheckNewPath(path).ok()) << path;
}

TEST(NamesTest, printable_escapesWhatIsNoText) {
  EXPECT_EQ(Printable("plain"), "plain");
  EXPECT_EQ(Printable("a\xff\n\xc3\xa9\x7f"), "a\\xff\\x0a\xc3\xa9\\x7f");
  EXPECT_EQ(Printable("a\n\t\x01", true), "a\n\t\\x01");
  EXPECT_EQ(Printable(std::string("\0", 1)), "\\x00");
  for (const std::string bad : kNotUtf8) EXPECT_TRUE(IsValidUtf8(Printable(bad)));
}

TEST(NamesTest, utf8Prefix_cutsBeforeACodePoint) {
  EXPECT_EQ(Utf8Prefix("a\xc3\xa9", 2), "a");
  EXPECT_EQ(Utf8Prefix("a\xc3\xa9", 3), "a\xc3\xa9");
}

TEST(NamesTest, normalizePath_tooLong_isRefused) {
  std::string path;
  while (path.size() + 2 <= kPathBytesMax) path += "/a";
  EXPECT_TRUE(NormalizePath(path).ok());
  EXPECT_FALSE(NormalizePath(path + "/b").ok());
}

}  // namespace
}  // namespace spillway
