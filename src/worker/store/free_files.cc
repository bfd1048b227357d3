#include "worker/store/free_files.h"

#include "common/format.h"
#include "common/log.h"

namespace spillway {

void FreeFiles::Keep(FileEnv* env, const std::string& path, const std::string& folder,
                     int64_t bytes) {
  Kept file{fmt::format("{}/free-{}", folder, next_++), bytes, tick_};
  if (!env->Rename(path, file.path).ok()) return Discard(env, path, bytes);
  bytes_ += bytes;
  kept_.push_back(std::move(file));
}

void FreeFiles::Discard(FileEnv* env, const std::string& path, int64_t bytes) {
  const Status removed = env->Remove(path);
  if (removed.ok() || removed.code() == StatusCode::kNotFound) return;
  if (!left_.emplace(path, bytes).second) return;
  left_bytes_ += bytes;
  spdlog::warn("{} is to go and stays for now: {}", path, Message(removed));
}

void FreeFiles::Replaced(const std::string& path) {
  const auto it = left_.find(path);
  if (it == left_.end()) return;
  left_bytes_ -= it->second;
  left_.erase(it);
}

void FreeFiles::RetryLeft(FileEnv* env) {
  for (auto it = left_.begin(); it != left_.end();) {
    const Status removed = env->Remove(it->first);
    if (!removed.ok() && removed.code() != StatusCode::kNotFound) {
      ++it;
      continue;
    }
    left_bytes_ -= it->second;
    it = left_.erase(it);
  }
}

void FreeFiles::Forget() {
  kept_.clear();
  left_.clear();
  bytes_ = 0;
  left_bytes_ = 0;
}

int64_t FreeFiles::Take(FileEnv* env, const std::string& path, std::unique_ptr<File>* file) {
  if (kept_.empty()) return 0;
  const Kept kept = std::move(kept_.back());
  kept_.pop_back();
  bytes_ -= kept.bytes;
  auto open = env->Open(kept.path, false);
  if (open.ok() && env->Rename(kept.path, path).ok()) {
    *file = *std::move(open);
    return kept.bytes;
  }
  Discard(env, kept.path, kept.bytes);
  return 0;
}

void FreeFiles::RemoveOldest(FileEnv* env) {
  const Kept file = std::move(kept_.front());
  kept_.pop_front();
  bytes_ -= file.bytes;
  Discard(env, file.path, file.bytes);
}

void FreeFiles::Age(FileEnv* env, int ticks) {
  ++tick_;
  while (!kept_.empty() && kept_.front().tick + ticks < tick_) RemoveOldest(env);
}

void FreeFiles::ShrinkTo(FileEnv* env, int64_t bytes) {
  while (bytes_ > bytes && !kept_.empty()) RemoveOldest(env);
}

}  // namespace spillway
