// A file that is to be published: whole, with its attributes, and without a name that anybody
// knows.
#pragma once

#include <string>
#include <utility>

#include "understore/local/file_bodies.h"
#include "understore/local/rooted_folder.h"

namespace spillway {

// A name in the internal folder, taken away again with it.
class TemporaryName {
 public:
  TemporaryName() = default;
  TemporaryName(FileCalls* calls, FolderHandle folder, std::string name)
      : calls_(calls), folder_(std::move(folder)), name_(std::move(name)) {}
  TemporaryName(TemporaryName&& other) noexcept { Swap(other); }
  TemporaryName& operator=(TemporaryName&& other) noexcept {
    Swap(other);
    return *this;
  }
  // One that cannot be taken away is in nobody's way.
  ~TemporaryName() {
    if (!name_.empty()) (void)calls_->Unlink(folder_->fd(), name_);
  }
  // The name stays, or is gone already.
  void Release() { name_.clear(); }
  bool empty() const { return name_.empty(); }
  const std::string& name() const { return name_; }
  int folder_fd() const { return folder_->fd(); }

 private:
  void Swap(TemporaryName& other) {
    std::swap(calls_, other.calls_);
    std::swap(folder_, other.folder_);
    std::swap(name_, other.name_);
  }
  FileCalls* calls_ = nullptr;
  FolderHandle folder_;
  std::string name_;
};

struct StagedFile {
  std::string key;
  Place place;  // where it is to be
  OpenFile file;
  bool direct = false;
  TemporaryName temporary;  // empty: the file has no name at all
};

}  // namespace spillway
