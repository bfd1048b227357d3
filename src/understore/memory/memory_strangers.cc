// What tests can do to the twin: faults, late effects, other writers.
#include "common/checksum.h"
#include "understore/memory/memory_under_store.h"
#include "understore/memory/read_body.h"

namespace spillway {

StatusOr<std::string> ReadBody(BodySource& body, std::optional<uint32_t> crc32c) {
  std::string data(body.size_bytes(), '\0');
  SPILLWAY_RETURN_IF_ERROR(body.Read(0, data.data(), body.size_bytes()));
  if (crc32c && Crc32c(data) != *crc32c) {
    return MakeStatus(StatusCode::kDataLoss, "the body does not match its checksum");
  }
  return data;
}

void MemoryUnderStore::set_profile(const StoreProfile& profile) {
  absl::MutexLock lock(&mutex_);
  profile_ = profile;
}

void MemoryUnderStore::set_entries_per_page(int entries) {
  absl::MutexLock lock(&mutex_);
  entries_per_page_ = static_cast<size_t>(entries);
}

void MemoryUnderStore::set_etags_by_content(bool by_content) {
  absl::MutexLock lock(&mutex_);
  etags_by_content_ = by_content;
}

void MemoryUnderStore::set_composite_checksums(bool composite) {
  absl::MutexLock lock(&mutex_);
  composite_checksums_ = composite;
}

std::map<std::string, std::string> MemoryUnderStore::Objects() {
  absl::MutexLock lock(&mutex_);
  std::map<std::string, std::string> all;
  for (const auto& [key, object] : objects_) all[key] = object.data;
  return all;
}

std::set<std::string> MemoryUnderStore::ForeignKeys() {
  absl::MutexLock lock(&mutex_);
  std::set<std::string> keys;
  for (const auto& [key, object] : objects_) {
    if (object.foreign) keys.insert(key);
  }
  return keys;
}

std::optional<std::string> MemoryUnderStore::EtagOf(const std::string& key) {
  absl::MutexLock lock(&mutex_);
  const auto it = objects_.find(key);
  return it == objects_.end() ? std::nullopt : std::optional(it->second.etag);
}

size_t MemoryUnderStore::open_uploads() {
  absl::MutexLock lock(&mutex_);
  return uploads_.size();
}

int64_t MemoryUnderStore::requests(const std::string& kind) {
  absl::MutexLock lock(&mutex_);
  return requests_[kind];
}

void MemoryUnderStore::FailNext(int count, Status status, bool after_effect,
                                const std::string& kind) {
  absl::MutexLock lock(&mutex_);
  fault_ = Fault{count, std::move(status),
                 after_effect ? Fault::When::kAfter : Fault::When::kBefore, kind};
}

void MemoryUnderStore::DelayNext(int count, Status status, int64_t delay_ms,
                                 const std::string& kind) {
  absl::MutexLock lock(&mutex_);
  fault_ = Fault{count, std::move(status), Fault::When::kLater, kind, delay_ms};
}

void MemoryUnderStore::set_clock(Clock* clock) {
  absl::MutexLock lock(&mutex_);
  clock_ = clock;
}

void MemoryUnderStore::CarryOutDue() {
  for (size_t i = 0; i < late_.size();) {
    if (clock_->MonotonicMs() < late_[i].due_ms) {
      ++i;
    } else {
      CarryOutLate(i);
    }
  }
}

void MemoryUnderStore::CarryOutLate(size_t index) {
  const auto effect = std::move(late_[index].effect);
  late_.erase(late_.begin() + static_cast<std::ptrdiff_t>(index));
  effect();
}

void MemoryUnderStore::RunDue() {
  absl::MutexLock lock(&mutex_);
  CarryOutDue();
}

void MemoryUnderStore::RunLate(size_t index) {
  absl::MutexLock lock(&mutex_);
  if (index < late_.size()) CarryOutLate(index);
}

size_t MemoryUnderStore::late_effects() {
  absl::MutexLock lock(&mutex_);
  return late_.size();
}

void MemoryUnderStore::Refuse(const std::string& kind, const std::string& key,
                              const Status& status) {
  absl::MutexLock lock(&mutex_);
  refused_.erase({kind, key});
  if (!status.ok()) refused_[{kind, key}] = status;
}

void MemoryUnderStore::PutAsOther(const std::string& key, std::string data) {
  absl::MutexLock lock(&mutex_);
  Object object;
  object.etag = NewEtag(data, 0);
  object.data = std::move(data);
  object.foreign = true;
  Store(key, std::move(object), /*unguarded=*/false);
}

void MemoryUnderStore::DeleteAsOther(const std::string& key) {
  absl::MutexLock lock(&mutex_);
  Erase(key, /*foreign=*/true, /*unguarded=*/false);
}

void MemoryUnderStore::OnListed(std::function<void()> callback) {
  absl::MutexLock lock(&mutex_);
  on_listed_ = std::move(callback);
}

void MemoryUnderStore::OnUploadsListed(std::function<void()> callback) {
  absl::MutexLock lock(&mutex_);
  on_uploads_listed_ = std::move(callback);
}

void MemoryUnderStore::OnChange(std::function<void(const StoreChange&)> callback) {
  absl::MutexLock lock(&mutex_);
  on_change_ = std::move(callback);
}

void MemoryUnderStore::OnWindow(std::function<void(const std::string&)> callback) {
  absl::MutexLock lock(&mutex_);
  on_window_ = std::move(callback);
}

}  // namespace spillway
