#include "journal/damaged_records.h"

#include "absl/strings/escaping.h"
#include "common/log.h"
#include "common/names.h"

namespace spillway {
namespace {

const char* TableName(char table) {
  switch (table) {
    case 'C':
      return "cluster";
    case 'i':
      return "inode";
    case 'e':
      return "entry";
    case 'p':
      return "persist-job";
    case 'm':
      return "mount";
    case 'w':
      return "worker";
    case 'd':
      return "pending-delete";
    case 'u':
      return "upload";
    case 'q':
      return "operation";
    case 'c':
      return "path-properties";
    default:
      return "record";
  }
}

}  // namespace

std::string DamagedRecord::Name() const {
  if (key.empty()) return "record";
  return fmt::format("{}-{}", TableName(key[0]), absl::BytesToHexString(key.substr(1)));
}

void DamagedRecords::Note(DamagedRecord record) {
  absl::MutexLock lock(&mutex_);
  const auto it = by_key_.find(record.key);
  if (it != by_key_.end()) {
    if (it->second.path.empty()) it->second.path = std::move(record.path);
    if (it->second.parent_id < 0 && record.parent_id >= 0) {
      it->second.parent_id = record.parent_id;
      it->second.entry = std::move(record.entry);
    }
    return;
  }
  spdlog::error("record {} of the state store is damaged and left out: {}", record.Name(),
                record.why);
  if (by_key_.size() < kMost) by_key_.emplace(record.key, std::move(record));
}

void DamagedRecords::Forget(std::string_view key) {
  absl::MutexLock lock(&mutex_);
  if (const auto it = by_key_.find(key); it != by_key_.end()) by_key_.erase(it);
}

std::optional<DamagedRecord> DamagedRecords::Find(std::string_view name) const {
  absl::MutexLock lock(&mutex_);
  for (const auto& [key, record] : by_key_) {
    if (record.Name() == name) return record;
  }
  return std::nullopt;
}

std::vector<DamagedRecord> DamagedRecords::All() const {
  absl::MutexLock lock(&mutex_);
  std::vector<DamagedRecord> all;
  for (const auto& [key, record] : by_key_) all.push_back(record);
  return all;
}

size_t DamagedRecords::count() const {
  absl::MutexLock lock(&mutex_);
  return by_key_.size();
}

}  // namespace spillway
