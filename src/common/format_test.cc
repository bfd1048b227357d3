#include "common/format.h"

#include <gtest/gtest.h>

namespace spillway {
namespace {

TEST(FormatTest, shortDuration_twoLargestUnits) {
  EXPECT_EQ(FormatShortDuration(-5), "0s");
  EXPECT_EQ(FormatShortDuration(42'999), "42s");
  EXPECT_EQ(FormatShortDuration(300'000), "5m 0s");
  EXPECT_EQ(FormatShortDuration((3 * 60 + 12) * 60'000 + 59'000), "3h 12m");
  EXPECT_EQ(FormatShortDuration((2 * 24 + 4) * 3'600'000LL), "2d 4h");
}

TEST(FormatTest, bytes_asAlluxioPrints) {
  EXPECT_EQ(FormatBytes(12), "12B");
  EXPECT_EQ(FormatBytes(2623468), "2561.98KB");
  EXPECT_EQ(FormatBytes(1LL << 30), "1024.00MB");
}

TEST(FormatTest, parseBytes) {
  EXPECT_EQ(*ParseBytes("64MB"), 64 << 20);
  EXPECT_EQ(*ParseBytes("1.5g"), 3LL << 29);
  EXPECT_EQ(*ParseBytes("512"), 512);
  EXPECT_FALSE(ParseBytes("lots").ok());
  EXPECT_FALSE(ParseBytes("").ok());
  EXPECT_FALSE(ParseBytes("3x").ok());
}

TEST(FormatTest, parseDuration) {
  EXPECT_EQ(*ParseDurationMs("3sec"), 3000);
  EXPECT_EQ(*ParseDurationMs("5min"), 300'000);
  EXPECT_EQ(*ParseDurationMs("-1"), -1);
  EXPECT_FALSE(ParseDurationMs("soon").ok());
}

}  // namespace
}  // namespace spillway
