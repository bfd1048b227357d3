#include "common/memory_file_env.h"

#include <cstring>

#include "common/path.h"

namespace spillway {

class MemoryFile : public File {
 public:
  MemoryFile(MemoryFileEnv* env, std::string path, std::shared_ptr<MemoryFileEnv::Content> content)
      : env_(env), path_(std::move(path)), content_(std::move(content)) {}

  Status WriteAt(int64_t offset, std::span<const iovec> data) override {
    absl::MutexLock lock(&env_->mutex_);
    SPILLWAY_RETURN_IF_ERROR(env_->Broken(path_));
    for (const iovec& part : data) {
      const int64_t size = static_cast<int64_t>(part.iov_len);
      const int64_t more = offset + size - static_cast<int64_t>(content_->data.size());
      if (env_->space_left_ >= 0 && more > env_->space_left_)
        return MakeStatus(StatusCode::kResourceExhausted, "Cannot write: no space left on device");
      if (more > 0) {
        env_->GiveBack(-more);
        content_->data.resize(offset + size);
      }
      std::memcpy(content_->data.data() + offset, part.iov_base, part.iov_len);
      offset += size;
    }
    return absl::OkStatus();
  }

  StatusOr<int64_t> ReadAt(int64_t offset, void* data, int64_t size) override {
    absl::MutexLock lock(&env_->mutex_);
    SPILLWAY_RETURN_IF_ERROR(env_->Broken(path_));
    const int64_t have = static_cast<int64_t>(content_->data.size()) - offset;
    const int64_t n = std::max<int64_t>(0, std::min(have, size));
    std::memcpy(data, content_->data.data() + offset, n);
    return n;
  }

  StatusOr<int64_t> Size() override {
    absl::MutexLock lock(&env_->mutex_);
    return static_cast<int64_t>(content_->data.size());
  }

  Status Truncate(int64_t size) override {
    absl::MutexLock lock(&env_->mutex_);
    env_->GiveBack(static_cast<int64_t>(content_->data.size()) - size);
    content_->data.resize(size);
    return absl::OkStatus();
  }

  Status Sync() override {
    absl::MutexLock lock(&env_->mutex_);
    content_->synced = content_->data;
    return absl::OkStatus();
  }

 private:
  MemoryFileEnv* const env_;
  const std::string path_;
  const std::shared_ptr<MemoryFileEnv::Content> content_;
};

Status MemoryFileEnv::CreateDirs(const std::string& path) {
  absl::MutexLock lock(&mutex_);
  for (std::string at = path; at != "/" && !at.empty(); at = ParentPath(at)) dirs_[at] = true;
  return absl::OkStatus();
}

StatusOr<std::unique_ptr<File>> MemoryFileEnv::Open(const std::string& path, bool create) {
  absl::MutexLock lock(&mutex_);
  SPILLWAY_RETURN_IF_ERROR(Broken(path));
  auto it = files_.find(path);
  if (create) {
    if (it != files_.end()) GiveBack(static_cast<int64_t>(it->second->data.size()));
    it = files_.insert_or_assign(path, std::make_shared<Content>()).first;
  } else if (it == files_.end()) {
    return NotFound("Cannot open {}: No such file or directory", path);
  }
  return std::make_unique<MemoryFile>(this, path, it->second);
}

Status MemoryFileEnv::Rename(const std::string& from, const std::string& to) {
  absl::MutexLock lock(&mutex_);
  SPILLWAY_RETURN_IF_ERROR(Broken(from));
  const auto it = files_.find(from);
  if (it == files_.end()) return NotFound("Cannot rename {}: No such file or directory", from);
  auto& target = files_[to];
  if (target != nullptr) GiveBack(static_cast<int64_t>(target->data.size()));
  target = it->second;
  files_.erase(from);
  return absl::OkStatus();
}

void MemoryFileEnv::GiveBack(int64_t bytes) {
  if (space_left_ >= 0) space_left_ += bytes;
}

Status MemoryFileEnv::Remove(const std::string& path) {
  absl::MutexLock lock(&mutex_);
  const auto it = files_.find(path);
  if (it == files_.end()) return NotFound("Cannot remove {}: No such file or directory", path);
  GiveBack(static_cast<int64_t>(it->second->data.size()));
  files_.erase(it);
  return absl::OkStatus();
}

StatusOr<std::vector<std::string>> MemoryFileEnv::List(const std::string& path) {
  absl::MutexLock lock(&mutex_);
  if (dirs_.count(path) == 0) return NotFound("Cannot list {}: No such file or directory", path);
  std::vector<std::string> names;
  for (const auto& [name, content] : files_) {
    if (ParentPath(name) == path) names.push_back(BaseName(name));
  }
  for (const auto& [name, unused] : dirs_) {
    if (name != path && ParentPath(name) == path) names.push_back(BaseName(name));
  }
  return names;
}

bool MemoryFileEnv::Exists(const std::string& path) {
  absl::MutexLock lock(&mutex_);
  return files_.count(path) > 0 || dirs_.count(path) > 0;
}

void MemoryFileEnv::SetSpaceLeft(int64_t bytes) {
  absl::MutexLock lock(&mutex_);
  space_left_ = bytes;
}

void MemoryFileEnv::LoseUnsynced(bool keep_size) {
  absl::MutexLock lock(&mutex_);
  for (auto& [name, content] : files_) {
    const size_t size = content->data.size();
    content->data = content->synced;
    if (keep_size) content->data.resize(size, '\0');
  }
}

Status MemoryFileEnv::SyncDir(const std::string& path) {
  absl::MutexLock lock(&mutex_);
  return Broken(path);
}

void MemoryFileEnv::FailBelow(const std::string& prefix, Status status) {
  absl::MutexLock lock(&mutex_);
  broken_ = prefix;
  failure_ = std::move(status);
}

Status MemoryFileEnv::Broken(const std::string& path) {
  return path.rfind(broken_, 0) == 0 ? failure_ : absl::OkStatus();
}

std::optional<std::string> MemoryFileEnv::Contents(const std::string& path) {
  absl::MutexLock lock(&mutex_);
  const auto it = files_.find(path);
  return it == files_.end() ? std::nullopt : std::optional<std::string>(it->second->data);
}

std::vector<std::string> MemoryFileEnv::FilesBelow(const std::string& prefix) {
  absl::MutexLock lock(&mutex_);
  std::vector<std::string> paths;
  for (const auto& [path, content] : files_) {
    if (path.rfind(prefix, 0) == 0) paths.push_back(path);
  }
  return paths;
}

Status MemoryFileEnv::FlipBit(const std::string& path, int64_t offset) {
  absl::MutexLock lock(&mutex_);
  const auto it = files_.find(path);
  if (it == files_.end()) return NotFound("Cannot flip a bit of {}: no such file", path);
  it->second->data[offset] ^= 1;
  return absl::OkStatus();
}

}  // namespace spillway
