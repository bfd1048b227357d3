#include "common/path.h"

#include <gtest/gtest.h>

namespace spillway {
namespace {

TEST(PathTest, normalize_cleans) {
  EXPECT_EQ(*NormalizePath("/"), "/");
  EXPECT_EQ(*NormalizePath("/a//b/"), "/a/b");
  EXPECT_EQ(*NormalizePath("/a/./b/../c"), "/a/c");
  EXPECT_EQ(*NormalizePath("alluxio://host:19998/x/y"), "/x/y");
  EXPECT_EQ(*NormalizePath("alluxio://host:19998"), "/");
  EXPECT_EQ(*NormalizePath("/a://b"), "/a:/b");
}

TEST(PathTest, normalize_refuses) {
  for (const char* bad : {"", "a/b", "/..", "/a/../../b"}) {
    EXPECT_EQ(NormalizePath(bad).status().code(), StatusCode::kInvalidArgument) << bad;
  }
  EXPECT_FALSE(NormalizePath("/" + std::string(kNameBytesMax + 1, 'x')).ok());
  EXPECT_TRUE(NormalizePath("/" + std::string(kNameBytesMax, 'x')).ok());
  EXPECT_FALSE(NormalizePath(std::string("/a\0b", 4)).ok());
}

TEST(PathTest, parts) {
  EXPECT_EQ(ParentPath("/a/b"), "/a");
  EXPECT_EQ(ParentPath("/a"), "/");
  EXPECT_EQ(BaseName("/a/b"), "b");
  EXPECT_EQ(PathComponents("/a/b"), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(PathComponents("/").empty());
  EXPECT_TRUE(IsWithin("/a/b", "/a"));
  EXPECT_FALSE(IsWithin("/ab", "/a"));
  EXPECT_TRUE(IsWithin("/a", "/"));
}

}  // namespace
}  // namespace spillway
