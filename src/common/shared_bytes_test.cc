#include "common/shared_bytes.h"

#include <gtest/gtest.h>

namespace spillway {
namespace {

TEST(SharedBytesTest, partsAndCopies_shareWhatTheFirstHeld_andOutliveIt) {
  auto whole = std::make_unique<SharedBytes>(std::string("0123456789"));
  const char* const where = whole->view().data();
  const SharedBytes copy = *whole;
  const SharedBytes part = whole->Part(3, 4);
  whole.reset();
  EXPECT_EQ(copy.view().data(), where);
  EXPECT_EQ(part.view().data(), where + 3);
  EXPECT_EQ(part.view(), "3456");
  EXPECT_EQ(copy.Part(8, 100).view(), "89");
  EXPECT_TRUE(copy.Part(10).empty());
}

TEST(SharedBytesTest, owner_isLetGoWithTheLastPart) {
  const auto owner = std::make_shared<const std::string>("abc");
  SharedBytes bytes(owner, *owner);
  SharedBytes part = bytes.Part(1);
  bytes = SharedBytes();
  EXPECT_EQ(owner.use_count(), 2);
  part = SharedBytes();
  EXPECT_EQ(owner.use_count(), 1);
}

}  // namespace
}  // namespace spillway
