#include "master/cluster/listing_cache.h"

#include "master/state/keys.h"

namespace spillway {

uint64_t ListingCache::Watch(InodeId folder, const std::string& path,
                             std::vector<InodeId> entries) {
  Drop(folder);
  Listing& listing = listings_[folder];
  listing.path = path;
  listing.ticket = next_ticket_++;
  listing.entries = std::move(entries);
  for (const InodeId entry : listing.entries) folder_of_entry_[entry] = folder;
  by_use_.push_front(folder);
  listing.use = by_use_.begin();
  bytes_ += listing.size();
  const uint64_t ticket = listing.ticket;
  Shrink();
  return ticket;
}

void ListingCache::Keep(InodeId folder, uint64_t ticket, SharedBytes bytes) {
  const auto it = listings_.find(folder);
  if (it == listings_.end() || it->second.ticket != ticket) return;
  bytes_ -= it->second.size();
  it->second.bytes = std::move(bytes);
  bytes_ += it->second.size();
  Shrink();
}

std::optional<SharedBytes> ListingCache::Find(InodeId folder, const std::string& path) {
  const auto it = listings_.find(folder);
  if (it == listings_.end() || it->second.bytes.empty() || it->second.path != path)
    return std::nullopt;
  by_use_.splice(by_use_.begin(), by_use_, it->second.use);
  return it->second.bytes;
}

void ListingCache::NoteChanges(const StateBatch& batch) {
  if (listings_.empty()) return;
  for (const auto& [key, value] : batch) {
    switch (key.front()) {
      case 'i': {  // a record, of an entry or of the folder itself
        const InodeId inode(keys::ReadBigEndian(std::string_view(key).substr(1)));
        NoteChange(inode);
        Drop(inode);
        break;
      }
      case 'e':  // an entry of a folder
        Drop(InodeId(keys::ReadBigEndian(std::string_view(key).substr(1))));
        break;
      case 'm':  // a mount: understore paths are others
        while (!by_use_.empty()) Drop(by_use_.front());
        return;
      default:
        break;
    }
  }
}

void ListingCache::NoteChange(InodeId entry) {
  if (const auto it = folder_of_entry_.find(entry); it != folder_of_entry_.end()) Drop(it->second);
}

void ListingCache::Drop(InodeId folder) {
  const auto it = listings_.find(folder);
  if (it == listings_.end()) return;
  bytes_ -= it->second.size();
  for (const InodeId entry : it->second.entries) folder_of_entry_.erase(entry);
  by_use_.erase(it->second.use);
  listings_.erase(it);
}

void ListingCache::Shrink() {
  while (bytes_ > bytes_max_) Drop(by_use_.back());
}

}  // namespace spillway
