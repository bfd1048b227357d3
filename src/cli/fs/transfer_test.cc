#include "cli/fs/transfer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/test_directory.h"

namespace spillway::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Planned {
  std::vector<std::string> files;  // targets
  std::vector<std::string> folders;
  std::vector<std::string> failures;
};

Planned Plan(const std::string& source, const std::string& no_folder = "none") {
  Planned planned;
  std::vector<Transfer> transfers;
  PlanUpload(
      source, "/t",
      [&](const std::string& path) -> Status {
        if (path == no_folder) return NotFound("no folder {}", path);
        planned.folders.push_back(path);
        return absl::OkStatus();
      },
      [&](const Status& status) { planned.failures.push_back(Message(status)); }, &transfers);
  for (const Transfer& transfer : transfers) planned.files.push_back(transfer.target);
  return planned;
}

TEST(PlanUploadTest, whatCannotBeCopied_isNamedAndTheRestIsPlanned) {
  const TestDirectory directory;
  const std::string& at = directory.path();
  std::filesystem::create_directories(at + "/d/e");
  std::ofstream(at + "/a") << "1";
  std::ofstream(at + "/d/e/z") << "22";
  std::filesystem::create_symlink("a", at + "/c");
  std::filesystem::create_symlink("nowhere", at + "/broken");
  std::filesystem::create_symlink("..", at + "/d/up");
  std::filesystem::create_symlink("itself", at + "/itself");
  ASSERT_EQ(::mkfifo((at + "/fifo").c_str(), 0600), 0);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un name{AF_UNIX, ""};
  std::snprintf(name.sun_path, sizeof(name.sun_path), "%s/socket", at.c_str());
  ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&name), sizeof(name)), 0);
  ::close(fd);

  const Planned planned = Plan(at);
  EXPECT_THAT(planned.files, ElementsAre("/t/a", "/t/c", "/t/d/e/z"));
  EXPECT_THAT(planned.folders, ElementsAre("/t", "/t/d", "/t/d/e"));
  EXPECT_THAT(planned.failures, ElementsAre(at + "/broken (No such file or directory)",
                                            at + "/d/up is a link to a folder that it is in",
                                            at + "/fifo is neither a file nor a folder",
                                            HasSubstr("/itself: Too many levels of symbolic links"),
                                            at + "/socket is neither a file nor a folder"));
  EXPECT_THAT(Plan(at, "/t/d").files, ElementsAre("/t/a", "/t/c"));
  EXPECT_THAT(Plan(at, "/t/d").failures, testing::Contains(at + "/d: no folder /t/d"));
}

TEST(PlanUploadTest, oneSource_mayBeACharacterDevice) {
  EXPECT_THAT(Plan("/dev/null").files, ElementsAre("/t"));
  EXPECT_THAT(Plan("/none").failures, ElementsAre("/none (No such file or directory)"));
  EXPECT_THAT(Plan("/none").files, IsEmpty());
}

TEST(OpenLocalSourceTest, fifo_isRefusedAndNotWaitedFor) {
  const TestDirectory directory;
  const std::string fifo = directory.path() + "/fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_EQ(OpenLocalSource(fifo).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(OpenLocalSource(directory.path()).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(OpenLocalSource(directory.path() + "/none").status().code(), StatusCode::kNotFound);
}

TEST(OpenLocalSourceTest, tellsOfTheBytesThatPass) {
  const TestDirectory directory;
  const std::string path = directory.path() + "/f";
  std::ofstream(path) << std::string(3 << 19, 'x');
  std::vector<int64_t> told;
  const auto source = OpenLocalSource(path, [&](int64_t bytes) { told.push_back(bytes); });
  ASSERT_TRUE(source.ok());
  while (!(*source)()->empty()) continue;
  EXPECT_THAT(told, ElementsAre(1 << 20, 1 << 19));
}

TEST(RunTransfersTest, oneFails_theOthersAreCopied) {
  Configuration config;
  std::ostringstream out;
  Context context;
  context.config = &config;
  context.out = &out;
  const std::vector<Transfer> transfers{{"/a", "/x"}, {"/b", "/y"}, {"/c", "/z"}};
  std::atomic<int> copied{0};
  const int code =
      RunTransfers(context, "copying", transfers, [&](const Transfer& one, const Moved&) {
        if (one.source == "/b") return NotFound("gone");
        ++copied;
        return absl::OkStatus();
      });
  EXPECT_EQ(code, kFailed);
  EXPECT_EQ(copied, 2);
  EXPECT_EQ(out.str(), "/b: gone\n");
}

}  // namespace
}  // namespace spillway::cli
