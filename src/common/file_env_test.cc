#include "common/file_env.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/memory_file_env.h"
#include "common/test_directory.h"

namespace spillway {
namespace {

// One suite over the machine's disk and its in-memory twin.
template <typename Env>
class FileEnvTest : public testing::Test {
 protected:
  FileEnvTest() : dir_(directory_.path()) { EXPECT_TRUE(env_.CreateDirs(dir_).ok()); }
  TestDirectory directory_;
  Env env_;
  std::string dir_;
};

using Envs = testing::Types<PosixFileEnv, MemoryFileEnv>;
TYPED_TEST_SUITE(FileEnvTest, Envs);

TYPED_TEST(FileEnvTest, writeGathered_readBack) {
  auto file = *this->env_.Open(this->dir_ + "/a", true);
  std::string one = "hello ";
  std::string two = "world";
  const iovec parts[] = {{one.data(), one.size()}, {two.data(), two.size()}};
  ASSERT_TRUE(file->WriteAt(0, parts).ok());
  char buffer[32];
  EXPECT_EQ(*file->ReadAt(0, buffer, sizeof(buffer)), 11);
  EXPECT_EQ(std::string(buffer, 11), "hello world");
  EXPECT_EQ(*file->ReadAt(6, buffer, 3), 3);
  EXPECT_EQ(*file->Size(), 11);
}

TEST(PosixFileTest, map_sharesWhatLiesInMemory_beyondTheFilesLife) {
  TestDirectory memory("/dev/shm");
  PosixFileEnv env;
  const std::string path = memory.path() + "/a";
  const std::string data = std::string(4096, 'a') + std::string(1000, 'b');
  ASSERT_TRUE(WriteStringToFile(env, path, data).ok());
  SharedBytes tail;
  {
    const auto file = *env.Open(path, false);
    EXPECT_EQ(file->Map(0, 5096)->view(), data);
    tail = *file->Map(4096, 1000);
    for (const auto& [offset, size] : {std::pair{1, 10}, {0, 5097}, {4096, 1001}, {8192, 1}})
      EXPECT_EQ(file->Map(offset, size).status().code(), StatusCode::kUnimplemented);
  }
  ASSERT_TRUE(env.Remove(path).ok());
  EXPECT_EQ(tail.view(), std::string(1000, 'b'));
}

// A process that maps a file which somebody cuts off dies of the next look at it.
TEST(PosixFileEnvTest, map_whatOthersMayWrite_isRefused) {
  const std::string path = fmt::format("/dev/shm/spillway-map-{}", ::getpid());
  PosixFileEnv env;
  ASSERT_TRUE(WriteStringToFile(env, path, std::string(8192, 'a')).ok());
  ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
  const auto file = *env.Open(path, false);
  EXPECT_TRUE(file->Map(0, 8192).ok());
  EXPECT_EQ(file->Map(4096, INT64_MAX - 4096).status().code(), StatusCode::kUnimplemented);
  EXPECT_EQ(file->Map(INT64_MAX / 4096 * 4096, 8192).status().code(), StatusCode::kUnimplemented);
  ASSERT_EQ(::chmod(path.c_str(), 0777), 0);
  EXPECT_EQ(file->Map(0, 8192).status().code(), StatusCode::kUnimplemented);
  ASSERT_TRUE(env.Remove(path).ok());
}

TYPED_TEST(FileEnvTest, renameRemoveList) {
  ASSERT_TRUE(WriteStringToFile(this->env_, this->dir_ + "/a", "x").ok());
  ASSERT_TRUE(this->env_.Rename(this->dir_ + "/a", this->dir_ + "/b").ok());
  EXPECT_FALSE(this->env_.Exists(this->dir_ + "/a"));
  EXPECT_EQ(*this->env_.List(this->dir_), std::vector<std::string>{"b"});
  std::string data;
  ASSERT_TRUE(ReadFileToString(this->env_, this->dir_ + "/b", &data).ok());
  EXPECT_EQ(data, "x");
  EXPECT_TRUE(this->env_.Remove(this->dir_ + "/b").ok());
  EXPECT_EQ(this->env_.Remove(this->dir_ + "/b").code(), StatusCode::kNotFound);
  EXPECT_EQ(this->env_.Open(this->dir_ + "/b", false).status().code(), StatusCode::kNotFound);
}

TEST(MemoryFileEnvTest, faults) {
  MemoryFileEnv env;
  auto file = *env.Open("/f", true);
  std::string data = "abc";
  const iovec part{data.data(), data.size()};
  ASSERT_TRUE(file->WriteAt(0, std::span(&part, 1)).ok());
  ASSERT_TRUE(file->Sync().ok());
  ASSERT_TRUE(file->WriteAt(3, std::span(&part, 1)).ok());
  env.LoseUnsynced();
  EXPECT_EQ(*file->Size(), 3);
  env.SetSpaceLeft(2);
  EXPECT_EQ(file->WriteAt(3, std::span(&part, 1)).code(), StatusCode::kResourceExhausted);
  ASSERT_TRUE(env.FlipBit("/f", 0).ok());
  char first = 0;
  ASSERT_TRUE(file->ReadAt(0, &first, 1).ok());
  EXPECT_NE(first, 'a');
}

}  // namespace
}  // namespace spillway
