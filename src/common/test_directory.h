// A folder of its own for each test process: tests of one binary run beside each other.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

namespace spillway {

// Empty and new; removed when the object goes.
class TestDirectory {
 public:
  // within: "/dev/shm" for one in memory.
  explicit TestDirectory(const std::string& within = testing::TempDir())
      : path_(within + "/spillway-" + std::to_string(::getpid()) + "-" + std::to_string(next_++)) {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~TestDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  static inline int next_ = 0;
  const std::string path_;
};

}  // namespace spillway
