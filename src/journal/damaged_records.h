// Records of the state store that were met and could not be read. Each is one damaged entry: it is
// logged once, listed for an operator, and left alone until he drops it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/synchronization/mutex.h"

namespace spillway {

struct DamagedRecord {
  std::string key;  // in the state store
  std::string why;
  std::string path;  // of what it stands for; empty: not known
  // The directory entry that leads to it, if it was met through one.
  int64_t parent_id = -1;
  std::string entry;

  // What operators call it: its table and the rest of its key, printable.
  std::string Name() const;
};

// Thread-safe.
class DamagedRecords {
 public:
  static constexpr size_t kMost = 10'000;  // further ones are logged and not listed

  // Notes and logs record; known already, it takes what was not known of it before.
  void Note(DamagedRecord record);
  // Its record was written anew, or is gone.
  void Forget(std::string_view key);
  std::optional<DamagedRecord> Find(std::string_view name) const;
  std::vector<DamagedRecord> All() const;
  size_t count() const;

 private:
  mutable absl::Mutex mutex_;
  std::map<std::string, DamagedRecord, std::less<>> by_key_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace spillway
