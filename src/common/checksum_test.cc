#include "common/checksum.h"

#include <gtest/gtest.h>

namespace spillway {
namespace {

// RFC 3720, appendix B.4.
TEST(ChecksumTest, crc32c_rfcVectors) {
  EXPECT_EQ(Crc32c("123456789"), 0xE3069283u);
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8A9136AAu);
  EXPECT_EQ(Crc32c(std::string(32, '\xff')), 0x62A8AB43u);
  EXPECT_EQ(Crc32c(""), 0u);
}

TEST(ChecksumTest, combine_equalsWhole) {
  const std::string whole = "the quick brown fox jumps over the lazy dog";
  for (size_t cut = 0; cut <= whole.size(); ++cut) {
    const std::string a = whole.substr(0, cut);
    const std::string b = whole.substr(cut);
    EXPECT_EQ(Crc32cCombine(Crc32c(a), Crc32c(b), b.size()), Crc32c(whole)) << cut;
    EXPECT_EQ(Crc32cExtend(Crc32c(a), b.data(), b.size()), Crc32c(whole)) << cut;
  }
}

TEST(ChecksumTest, base64_bigEndian) { EXPECT_EQ(Crc32cBase64(0xE3069283u), "4waSgw=="); }

}  // namespace
}  // namespace spillway
