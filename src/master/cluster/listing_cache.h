// Listings as they were sent lately. Engines list the same folders again and again while they plan;
// one that has not changed meanwhile costs its lookup. A listing is forgotten as soon as a record
// or a copy that it shows changes.
#pragma once

#include <list>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "common/ids.h"
#include "common/shared_bytes.h"
#include "journal/state_store.h"

namespace spillway {

// Not thread-safe: guarded by the master's lock.
class ListingCache {
 public:
  explicit ListingCache(size_t bytes_max) : bytes_max_(bytes_max) {}

  // From now on changes of the folder at path and of its entries are noticed. Returns a ticket.
  uint64_t Watch(InodeId folder, const std::string& path, std::vector<InodeId> entries);
  // The listing that was read when the ticket was given; dropped if it has changed since.
  void Keep(InodeId folder, uint64_t ticket, SharedBytes listing);
  std::optional<SharedBytes> Find(InodeId folder, const std::string& path);

  void NoteChanges(const StateBatch& batch);
  // The record or the copies of entry are others.
  void NoteChange(InodeId entry);

 private:
  // Of an entry that is watched, its two places included.
  static constexpr size_t kEntryBytes = 48;
  struct Listing {
    std::string path;
    uint64_t ticket = 0;
    std::vector<InodeId> entries;
    SharedBytes bytes;  // empty until it is kept
    std::list<InodeId>::iterator use;
    size_t size() const { return path.size() + bytes.size() + entries.size() * kEntryBytes; }
  };

  void Drop(InodeId folder);
  // Those that nobody has asked for the longest go first.
  void Shrink();

  const size_t bytes_max_;
  size_t bytes_ = 0;
  uint64_t next_ticket_ = 1;
  absl::flat_hash_map<InodeId, Listing> listings_;  // by folder
  absl::flat_hash_map<InodeId, InodeId> folder_of_entry_;
  std::list<InodeId> by_use_;  // folders, the latest first
};

}  // namespace spillway
