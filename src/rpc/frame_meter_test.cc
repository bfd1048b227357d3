#include "rpc/frame_meter.h"

#include <gtest/gtest.h>

#include <string>

namespace spillway {
namespace {

constexpr int kData = 0, kHeaders = 1, kReset = 3, kSettings = 4, kPing = 6, kContinuation = 9;
constexpr int kEndHeaders = 4;

std::string Frame(int type, int flags, size_t length) {
  std::string frame{static_cast<char>(length >> 16), static_cast<char>(length >> 8),
                    static_cast<char>(length), static_cast<char>(type), static_cast<char>(flags)};
  return frame + std::string("\0\0\0\1", 4) + std::string(length, 'x');
}

class FrameMeterTest : public testing::Test {
 protected:
  FrameMeterTest() { EXPECT_TRUE(Feed("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")); }
  bool Feed(const std::string& bytes) {
    return meter_.Feed(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(), now_ms_,
                       known_);
  }
  // How many of them in a row are taken, of at most `most`.
  int Taken(const std::string& frame, int most) {
    for (int i = 0; i < most; ++i) {
      if (!Feed(frame)) return i;
    }
    return most;
  }

  FrameMeter meter_;
  bool known_ = true;
  int64_t now_ms_ = 1'000'000;
};

TEST_F(FrameMeterTest, callsWithData_areTakenForEver) {
  std::string call = Frame(kHeaders, kEndHeaders, 200) + Frame(kData, 0, 1 << 20);
  EXPECT_EQ(Taken(call, 100), 100);
  // Wherever the pieces end.
  const std::string small =
      Frame(kHeaders, 0, 30) + Frame(kContinuation, kEndHeaders, 7) + Frame(kData, 0, 5);
  for (int i = 0; i < 100'000; i += 7) {
    std::string piece;
    for (int j = 0; j < 7; ++j) piece += small[static_cast<size_t>(i + j) % small.size()];
    ASSERT_TRUE(Feed(piece));
  }
}

TEST_F(FrameMeterTest, headersWithoutAnEnd_areCutOff) {
  ASSERT_TRUE(Feed(Frame(kHeaders, 0, 100)));
  EXPECT_LT(Taken(Frame(kContinuation, 0, 10'000), 10), 10);
  EXPECT_FALSE(Feed(Frame(kData, 0, 1))) << "it is over for good";
}

TEST_F(FrameMeterTest, emptyContinuations_areCutOff) {
  ASSERT_TRUE(Feed(Frame(kHeaders, 0, 100)));
  EXPECT_LT(Taken(Frame(kContinuation, 0, 0), 100), 100);
}

TEST_F(FrameMeterTest, headersInOneGreatFrame_areCutOffBeforeTheyHaveCome) {
  EXPECT_FALSE(Feed(Frame(kHeaders, 0, 1 << 20).substr(0, 9)));
}

TEST_F(FrameMeterTest, floods_areCutOff) {
  for (const std::string& frame : {Frame(kReset, 0, 4), Frame(kSettings, 0, 6), Frame(kPing, 0, 8),
                                   Frame(kData, 0, 0), Frame(99, 0, 0)}) {
    meter_ = FrameMeter();
    ASSERT_TRUE(Feed(std::string(24, 'p')));
    EXPECT_LT(Taken(frame, 100'000), 100'000);
  }
}

TEST_F(FrameMeterTest, whoHasNotLoggedIn_hasLittleToReset) {
  known_ = false;
  EXPECT_LT(Taken(Frame(kReset, 0, 4), 100), 100);
}

TEST_F(FrameMeterTest, whoHasNotLoggedIn_hasLittleToSay) {
  const std::string piece = Frame(kData, 0, 10'000);
  EXPECT_EQ(Taken(piece, 500), 500);
  known_ = false;
  EXPECT_EQ(Taken(piece, 50), 50);
  for (int i = 0; i < 60; ++i) now_ms_ += 1000;
  EXPECT_LT(Taken(piece, 100), 100) << "however slowly";
}

TEST_F(FrameMeterTest, whatComesSlowly_isTaken) {
  for (int second = 0; second < 100; ++second) {
    now_ms_ += 1000;
    EXPECT_EQ(Taken(Frame(kPing, 0, 8), 5000), 5000);
    EXPECT_EQ(Taken(Frame(kReset, 0, 4), 1000), 1000);
    EXPECT_EQ(Taken(Frame(kSettings, 1, 0), 10), 10);
  }
}

}  // namespace
}  // namespace spillway
