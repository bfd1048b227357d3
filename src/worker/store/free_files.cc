#include "worker/store/free_files.h"

#include "common/format.h"

namespace spillway {

void FreeFiles::Keep(FileEnv* env, const std::string& path, const std::string& folder,
                     int64_t bytes) {
  Kept file{fmt::format("{}/free-{}", folder, next_++), bytes, tick_};
  if (!env->Rename(path, file.path).ok()) {
    (void)env->Remove(path);
    return;
  }
  bytes_ += bytes;
  kept_.push_back(std::move(file));
}

int64_t FreeFiles::Take(FileEnv* env, const std::string& path) {
  if (kept_.empty()) return 0;
  const Kept file = std::move(kept_.back());
  kept_.pop_back();
  bytes_ -= file.bytes;
  if (env->Rename(file.path, path).ok()) return file.bytes;
  (void)env->Remove(file.path);
  return 0;
}

void FreeFiles::RemoveOldest(FileEnv* env) {
  (void)env->Remove(kept_.front().path);
  bytes_ -= kept_.front().bytes;
  kept_.pop_front();
}

void FreeFiles::Age(FileEnv* env, int ticks) {
  ++tick_;
  while (!kept_.empty() && kept_.front().tick + ticks < tick_) RemoveOldest(env);
}

void FreeFiles::ShrinkTo(FileEnv* env, int64_t bytes) {
  while (bytes_ > bytes && !kept_.empty()) RemoveOldest(env);
}

}  // namespace spillway
