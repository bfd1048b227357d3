// What the store counts must be the sum of what it holds.
#include <algorithm>

#include "common/format.h"
#include "worker/store/block_store.h"

namespace spillway {

Status BlockStore::CheckInvariants() {
  absl::MutexLock lock(&mutex_);
  struct Sum {
    int64_t blocks = 0;
    int64_t clean = 0;
    size_t clean_blocks = 0;
  };
  std::map<const Dir*, Sum> sums;
  for (const auto& [id, entry] : blocks_) {
    Sum& sum = sums[&DirOf(entry)];
    sum.blocks += entry.block.length_bytes;
    if (entry.block.pinned) continue;
    sum.clean += entry.block.length_bytes;
    ++sum.clean_blocks;
  }
  if (scrub_order_.size() != blocks_.size()) return Internal("broken: blocks are not scrubbed");
  for (const auto& tier : tiers_) {
    for (const Dir& dir : tier) {
      const Sum& sum = sums[&dir];
      int64_t unread = 0;
      int64_t lost = 0;
      for (const auto& [name, file] : dir.unread) unread += file.bytes;
      for (const auto& [name, file] : dir.lost) lost += file.bytes;
      const int64_t writing = dir.used_bytes - sum.blocks;  // what is being written has taken it
      const bool sound = writing >= 0 && (writing == 0 || !writing_.empty()) &&
                         dir.clean_bytes == sum.clean && dir.lru.size() == sum.clean_blocks &&
                         dir.unread_bytes == unread && dir.lost_bytes == lost &&
                         dir.free.bytes() >= 0 && dir.free.left_bytes() >= 0;
      if (sound) continue;
      return Internal(
          "broken: {} counts {} bytes used, {} clean, {} unread, {} lost, {} free, {} left, and "
          "has "
          "blocks of {}, clean ones of {}, unread files of {}, lost ones of {}",
          dir.path, dir.used_bytes, dir.clean_bytes, dir.unread_bytes, dir.lost_bytes,
          dir.free.bytes(), dir.free.left_bytes(), sum.blocks, sum.clean, unread, lost);
    }
  }
  return absl::OkStatus();
}

}  // namespace spillway
