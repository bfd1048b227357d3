#include "absl/container/btree_map.h"
#include "absl/synchronization/mutex.h"
#include "journal/state_store.h"

namespace spillway {

struct MemoryStateStore::Impl {
  absl::Mutex mutex;
  absl::btree_map<std::string, std::string> map ABSL_GUARDED_BY(mutex);
};

MemoryStateStore::MemoryStateStore() : impl_(std::make_unique<Impl>()) {}
MemoryStateStore::~MemoryStateStore() = default;

StatusOr<std::optional<std::string>> MemoryStateStore::Get(std::string_view key) {
  absl::MutexLock lock(&impl_->mutex);
  const auto it = impl_->map.find(std::string(key));
  if (it == impl_->map.end()) return std::optional<std::string>();
  return std::optional<std::string>(it->second);
}

Status MemoryStateStore::Scan(std::string_view begin, std::string_view end, const Visitor& visit) {
  absl::MutexLock lock(&impl_->mutex);
  for (auto it = impl_->map.lower_bound(std::string(begin));
       it != impl_->map.end() && it->first < end; ++it) {
    if (!visit(it->first, it->second)) break;
  }
  return absl::OkStatus();
}

Status MemoryStateStore::Commit(const StateBatch& batch) {
  absl::MutexLock lock(&impl_->mutex);
  for (const auto& [key, value] : batch) {
    if (value) {
      impl_->map[key] = *value;
    } else {
      impl_->map.erase(key);
    }
  }
  return absl::OkStatus();
}

Status MemoryStateStore::Checkpoint(const std::string&) {
  return MakeStatus(StatusCode::kUnimplemented, "A state in memory is not backed up.");
}

}  // namespace spillway
