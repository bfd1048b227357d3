// Keys of the state store. Numbers are big-endian so that order is meaning. docs/formats/state.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/ids.h"

namespace spillway::keys {

inline void AppendBigEndian(uint64_t value, std::string* out) {
  for (int shift = 56; shift >= 0; shift -= 8) out->push_back(static_cast<char>(value >> shift));
}
inline int64_t ReadBigEndian(std::string_view bytes) {
  uint64_t value = 0;
  for (const char c : bytes.substr(0, 8)) value = (value << 8) | static_cast<unsigned char>(c);
  return static_cast<int64_t>(value);
}
inline std::string Numbered(char table, int64_t number) {
  std::string key(1, table);
  AppendBigEndian(static_cast<uint64_t>(number), &key);
  return key;
}

// Directories have small numbers, which no file's id has.
inline bool IsFileId(InodeId id) { return (id.value() & kSequenceMask) == kSequenceMask; }

inline const std::string kCluster = "C";
inline std::string InodeKey(InodeId id) { return Numbered('i', id.value()); }
inline std::string ChildKey(InodeId parent, std::string_view name) {
  return Numbered('e', parent.value()).append(name);
}
inline std::string PersistKey(InodeId id) { return Numbered('p', id.value()); }
inline std::string MountKey(MountId id) { return Numbered('m', id.value()); }
inline std::string WorkerKey(WorkerId id) { return Numbered('w', id.value()); }
inline std::string DeleteKey(MountId mount, std::string_view key) {
  return Numbered('d', mount.value()).append(key);
}
// Without an id every upload at key is meant.
inline std::string OrphanKey(std::string_view upload_id, MountId mount, std::string_view key) {
  if (!upload_id.empty()) return std::string("u").append(upload_id);
  std::string all = "u";
  all.push_back('\0');
  AppendBigEndian(static_cast<uint64_t>(mount.value()), &all);
  return all.append(key);
}
// Files whose copies are looked after; files that are not complete.
inline std::string ReplicatedKey(InodeId id) { return Numbered('r', id.value()); }
inline std::string IncompleteKey(InodeId id) { return Numbered('n', id.value()); }
inline std::string OperationKey(int64_t slot) { return Numbered('q', slot); }
inline std::string PathPropertiesKey(std::string_view path) {
  return std::string("c").append(path);
}

// The end of all keys that begin with prefix.
inline std::string PrefixEnd(std::string prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xFF) prefix.pop_back();
  if (!prefix.empty()) ++prefix.back();
  return prefix;
}

}  // namespace spillway::keys
