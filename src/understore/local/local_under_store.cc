#include "understore/local/local_under_store.h"

#include <algorithm>

namespace spillway {

std::string EtagOf(const FileFacts& facts) {
  return fmt::format("{:x}-{:x}-{:x}", facts.size_bytes, facts.modified_ns, facts.id.inode);
}

ObjectInfo InfoOf(const std::string& key, const FileFacts& facts) {
  return ObjectInfo{key, facts.size_bytes, EtagOf(facts), facts.modified_ns / 1'000'000,
                    std::nullopt};
}

LocalUnderStore::LocalUnderStore(std::string root, FileCalls* calls, Random* random)
    : calls_(calls != nullptr ? calls : &machine_calls_),
      random_(random != nullptr ? random : &machine_random_),
      folder_(std::move(root), calls_) {}

std::string LocalUnderStore::NewName() {
  return fmt::format("{:016x}{:016x}", random_->NextU64(), random_->NextU64());
}

int64_t LocalUnderStore::NewModifiedNs() {
  const int64_t now_ns = calls_->NowNs();
  int64_t last_ns = last_modified_ns_.load();
  int64_t next_ns = 0;
  do {
    next_ns = std::max(now_ns, last_ns + 1);
  } while (!last_modified_ns_.compare_exchange_weak(last_ns, next_ns));
  return next_ns;
}

Status LocalUnderStore::CheckMatch(const std::string& key, const std::string& etag) {
  const auto facts = folder_.Look(key);
  if (!facts.ok() && facts.status().code() != StatusCode::kNotFound) return facts.status();
  if (facts.ok() && facts->is_file() && EtagOf(*facts) == etag) return absl::OkStatus();
  return MakeStatus(StatusCode::kFailedPrecondition, "{} was changed by others",
                    folder_.Shown(key));
}

}  // namespace spillway
