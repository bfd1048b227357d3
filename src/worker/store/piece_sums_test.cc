#include "worker/store/piece_sums.h"

#include <gtest/gtest.h>

#include "common/checksum.h"
#include "common/memory_file_env.h"
#include "common/random.h"
#include "common/test_directory.h"

namespace spillway {
namespace {

constexpr int64_t kPiece = PieceSums::kPieceBytes;

std::string Bytes(int64_t size) {
  SeededRandom random(7);
  std::string data;
  while (static_cast<int64_t>(data.size()) < size)
    data.push_back(static_cast<char>(random.NextU64()));
  return data;
}

class PieceSumsTest : public testing::TestWithParam<int64_t> {};

TEST_P(PieceSumsTest, crcOfAll_howeverTheBytesCome) {
  const std::string data = Bytes(GetParam());
  for (const size_t step : {size_t{1000}, size_t{65536}, size_t{100000}, data.size() + 1}) {
    PieceSums sums;
    for (size_t at = 0; at < data.size(); at += step) {
      sums.Add(data.data() + at, std::min(step, data.size() - at));
      EXPECT_EQ(sums.crc32c(), Crc32c(std::string_view(data).substr(0, at + step)));
    }
    EXPECT_EQ(sums.crc32c(), Crc32c(data));
    EXPECT_EQ(sums.size_bytes(), GetParam());
  }
}

TEST_P(PieceSumsTest, everyRangeIsRead_andNoneThatTouchesAFlippedBit) {
  const std::string data = Bytes(GetParam());
  MemoryFileEnv env;
  ASSERT_TRUE(env.CreateDirs("/d").ok());
  ASSERT_TRUE(WriteStringToFile(env, "/d/f", data).ok());
  auto sums = std::make_shared<PieceSums>();
  sums->Add(data.data(), data.size());
  const auto file = VerifyReads(*env.Open("/d/f", false), sums, "block");
  const int64_t flipped = GetParam() / 2;
  for (const bool damaged : {false, true}) {
    if (damaged && GetParam() == 0) break;
    if (damaged) {
      ASSERT_TRUE(env.FlipBit("/d/f", flipped).ok());
    }
    for (const int64_t from : {int64_t{0}, int64_t{1}, kPiece - 1, kPiece, 2 * kPiece + 5}) {
      for (const int64_t size : {int64_t{1}, int64_t{10}, kPiece, 2 * kPiece, GetParam() + 1}) {
        const int64_t wanted = std::max<int64_t>(0, std::min(size, GetParam() - from));
        std::string got(static_cast<size_t>(size), '\0');
        const auto n = file->ReadAt(from, got.data(), size);
        const bool touches = damaged && wanted > 0 && from / kPiece <= flipped / kPiece &&
                             (from + wanted - 1) / kPiece >= flipped / kPiece;
        ASSERT_EQ(n.ok(), !touches) << from << " " << size;
        if (touches) {
          EXPECT_EQ(n.status().code(), StatusCode::kDataLoss);
          continue;
        }
        ASSERT_EQ(*n, wanted);
        EXPECT_EQ(got.substr(0, wanted),
                  wanted == 0 ? "" : data.substr(static_cast<size_t>(from), wanted));
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, PieceSumsTest,
                         testing::Values(0, 1, kPiece - 1, kPiece, kPiece + 1, 3 * kPiece,
                                         5 * kPiece + 77));

TEST(VerifiedFileTest, map_givesWholePieces_andNoneWithAFlippedBit) {
  TestDirectory memory("/dev/shm");
  PosixFileEnv env;
  std::string data = Bytes(3 * kPiece + 77);
  auto sums = std::make_shared<PieceSums>();
  sums->Add(data.data(), data.size());
  data[static_cast<size_t>(kPiece) + 5] ^= 1;
  ASSERT_TRUE(WriteStringToFile(env, memory.path() + "/f", data).ok());
  const auto file = VerifyReads(*env.Open(memory.path() + "/f", false), sums, "block");
  const std::string_view all = data;
  EXPECT_EQ(file->Map(0, kPiece)->view(), all.substr(0, kPiece));
  EXPECT_EQ(file->Map(2 * kPiece, kPiece + 77)->view(), all.substr(2 * kPiece));
  EXPECT_EQ(file->Map(0, 2 * kPiece).status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(file->Map(2 * kPiece, 100).status().code(), StatusCode::kUnimplemented);
}

TEST(VerifiedFileTest, fileThatShrank_isDataLoss_andWritesAreRefused) {
  MemoryFileEnv env;
  ASSERT_TRUE(env.CreateDirs("/d").ok());
  ASSERT_TRUE(WriteStringToFile(env, "/d/f", "hell").ok());
  auto sums = std::make_shared<PieceSums>();
  sums->Add("hello", 5);
  const auto file = VerifyReads(*env.Open("/d/f", false), sums, "block");
  char data[5];
  EXPECT_EQ(file->ReadAt(0, data, 5).status().code(), StatusCode::kDataLoss);
  EXPECT_FALSE(file->Truncate(0).ok());
}

}  // namespace
}  // namespace spillway
