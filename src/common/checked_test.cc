#include "common/checked.h"

#include <gtest/gtest.h>

namespace spillway {
namespace {

TEST(CheckedTest, inRange_namesWhatIsOutside) {
  EXPECT_EQ(*InRange(0, 0, 9, "n"), 0);
  EXPECT_EQ(*InRange(9, 0, 9, "n"), 9);
  EXPECT_NE(Message(InRange(-1, 0, 9, "the length").status()).find("the length is -1"),
            std::string::npos);
  EXPECT_FALSE(InRange(10, 0, 9, "n").ok());
  EXPECT_FALSE(InRange(INT64_MIN, 0, INT64_MAX, "n").ok());
  EXPECT_EQ(*InRangeUnsigned(INT64_MAX, INT64_MAX, "n"), INT64_MAX);
  EXPECT_FALSE(InRangeUnsigned(uint64_t{1} << 63, INT64_MAX, "n").ok());
}

TEST(CheckedTest, sums_doNotWrap) {
  EXPECT_EQ(*CheckedAdd(INT64_MAX, 0, "n"), INT64_MAX);
  EXPECT_FALSE(CheckedAdd(INT64_MAX, 1, "n").ok());
  EXPECT_FALSE(CheckedAdd(INT64_MIN, -1, "n").ok());
  EXPECT_EQ(SaturatingAdd(INT64_MAX, 1), INT64_MAX);
  EXPECT_EQ(SaturatingAdd(INT64_MIN, -1), INT64_MIN);
  EXPECT_EQ(SaturatingAdd(INT64_MIN, INT64_MAX), -1);
}

TEST(CheckedTest, ranges_endWithinTheWhole) {
  EXPECT_TRUE(IsRangeWithin(0, 10, 10));
  EXPECT_TRUE(IsRangeWithin(10, 0, 10));
  EXPECT_FALSE(IsRangeWithin(1, 10, 10));
  EXPECT_FALSE(IsRangeWithin(INT64_MAX, INT64_MAX, INT64_MAX));
  EXPECT_FALSE(IsRangeWithin(-1, 1, 10));
  EXPECT_FALSE(IsRangeWithin(0, -1, 10));
}

}  // namespace
}  // namespace spillway
