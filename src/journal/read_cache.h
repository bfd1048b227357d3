// Values read from a store lately, and keys that it was found not to have.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_map.h"

namespace spillway {

// Two halves: what is used goes into the young one; when that is full it becomes the old one, and
// what nobody has used since is forgotten. Not thread-safe.
class ReadCache {
 public:
  explicit ReadCache(size_t bytes_max) : half_bytes_max_(bytes_max / 2) {}

  // Null if it is not known; else the value, or nothing for a key that the store does not have.
  const std::optional<std::string>* Find(std::string_view key) {
    if (const auto it = young_.find(key); it != young_.end()) return &it->second;
    const auto it = old_.find(key);
    if (it == old_.end()) return nullptr;
    auto value = std::move(it->second);
    old_.erase(it);
    return Put(key, std::move(value));
  }

  const std::optional<std::string>* Put(std::string_view key, std::optional<std::string> value) {
    const size_t bytes = kOverheadBytes + key.size() + (value ? value->size() : 0);
    if (young_bytes_ + bytes > half_bytes_max_) {
      old_.swap(young_);
      young_.clear();
      young_bytes_ = 0;
    }
    young_bytes_ += bytes;
    return &young_.insert_or_assign(std::string(key), std::move(value)).first->second;
  }

  void Erase(std::string_view key) {
    young_.erase(key);
    old_.erase(key);
  }

 private:
  static constexpr size_t kOverheadBytes = 128;
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view key) const { return std::hash<std::string_view>()(key); }
  };
  using Map = absl::flat_hash_map<std::string, std::optional<std::string>, Hash, std::equal_to<>>;

  const size_t half_bytes_max_;
  Map young_;
  Map old_;
  size_t young_bytes_ = 0;  // an upper bound: what was erased counts until it is old
};

}  // namespace spillway
