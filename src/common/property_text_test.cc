#include "common/property_text.h"

#include <gtest/gtest.h>

namespace spillway {
namespace {

// "key=value" of every entry, the value in brackets so that blanks show.
std::string Read(std::string_view text) {
  const auto entries = ParsePropertyText(text);
  if (!entries.ok()) return Message(entries.status());
  std::string out;
  for (const PropertyLine& entry : *entries) out += entry.key + "=[" + entry.value + "]";
  return out;
}

TEST(PropertyTextTest, separators_firstThatIsNotEscaped) {
  EXPECT_EQ(Read("a=1\nb:2\nc 3\nd\t4\ne\f5\n"), "a=[1]b=[2]c=[3]d=[4]e=[5]");
  EXPECT_EQ(Read("a  =  1\nb : = 2\nc = = 3\n"), "a=[1]b=[= 2]c=[= 3]");
  EXPECT_EQ(Read("a\\=b\\:c\\ d=1"), "a=b:c d=[1]");
  EXPECT_EQ(Read("a\\\\=1"), "a\\=[1]");
  EXPECT_EQ(Read("alone\n=1"), "alone=[]=[1]");
  EXPECT_EQ(Read("a="), "a=[]");
}

TEST(PropertyTextTest, blanks_leadingOnesAreDropped) {
  EXPECT_EQ(Read(" \t\f a=1 \t\nb=\\ 2"), "a=[1 \t]b=[ 2]");
  EXPECT_EQ(Read("a=1\\\n  \t\f 2 \n"), "a=[12 ]");
}

TEST(PropertyTextTest, lineEnds_allThree) {
  EXPECT_EQ(Read("a=1\rb=2\r\nc=3\nd=4"), "a=[1]b=[2]c=[3]d=[4]");
  EXPECT_EQ(Read("a=1\\\r\n  2\\\r3\r\n"), "a=[123]");
  EXPECT_EQ(Read("\xEF\xBB\xBF"
                 "a=1"),
            "a=[1]")
      << "the mark that some editors put first";
}

TEST(PropertyTextTest, continuation_oddBackslashesOnly) {
  EXPECT_EQ(Read("a=1\\\\\nb=2\n"), "a=[1\\]b=[2]");
  EXPECT_EQ(Read("a=1\\\\\\\n2\n"), "a=[1\\2]");
  EXPECT_EQ(Read("a=1\\"), "a=[1]");
  EXPECT_EQ(Read("a=1\\\n\nb=2"), "a=[1]b=[2]") << "an empty line ends it";
  EXPECT_EQ(Read("a=1\\ \nb=2"), "a=[1 ]b=[2]") << "a blank behind the backslash";
}

TEST(PropertyTextTest, comments_areWholeLinesOfTheirOwn) {
  EXPECT_EQ(Read("# a=1\\\nb=2\n ! c=3\nd=4"), "b=[2]d=[4]") << "a comment is not continued";
  EXPECT_EQ(Read("\\\n# a=1\\\nb=2"), "b=[2]");
  EXPECT_EQ(Read("a=1,\\\n  # 2\nb=3 # no comment"), "a=[1,# 2]b=[3 # no comment]");
}

TEST(PropertyTextTest, escapes_becomeCharacters) {
  EXPECT_EQ(Read("a=\\t\\n\\r\\f\\q\\\"\\\\"), "a=[\t\n\r\fq\"\\]");
  EXPECT_EQ(Read("\\u0061=\\u00e9\\u20AC\\uD83D\\uDE00."),
            "a=[\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80.]");
  EXPECT_EQ(Read("a=\xC3\xA9"), "a=[\xC3\xA9]") << "UTF-8 is taken as it is";
  EXPECT_EQ(Read("a=\\\\u00e9"), "a=[\\u00e9]");
}

TEST(PropertyTextTest, malformedEscapes_nameTheLine) {
  EXPECT_EQ(Read("# one\na=1,\\\n2\nb=\\u12G4\n"),
            "line 4: \"\\u12G4\" is malformed: \\u needs four hex digits");
  EXPECT_EQ(Read("a=\\u12"), "line 1: \"\\u12\" is malformed: \\u needs four hex digits");
  for (const char* half : {"a=\\uD83D", "a=\\uD83Dx", "a=\\uD83D\\u0041", "a=\\uDE00\\uD83D"})
    EXPECT_NE(Read(half).find("half of a surrogate pair"), std::string::npos) << half;
  EXPECT_EQ(Read("# \\u is no escape in a comment\na=1"), "a=[1]");
}

}  // namespace
}  // namespace spillway
