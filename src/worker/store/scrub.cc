// What time and failing devices do to blocks: found, reported, kept away from readers.
#include <algorithm>

#include "common/log.h"
#include "worker/store/block_store.h"

namespace spillway {
namespace {

constexpr int64_t kMakeRoomBytes = 16 << 20;

}  // namespace

Status BlockStore::Verify(BlockId id) {
  std::shared_ptr<const PieceSums> known;
  auto open = OpenRaw(id, &known);
  if (open.status().code() == StatusCode::kNotFound) return absl::OkStatus();
  SPILLWAY_RETURN_IF_ERROR(open.status());
  auto sums = std::make_shared<PieceSums>();
  const Status read = sums->AddFile(*open->file, open->info.length_bytes);
  const bool corrupt =
      read.ok() ? sums->crc32c() != open->info.crc32c : read.code() == StatusCode::kDataLoss;
  absl::MutexLock lock(&mutex_);
  const auto it = blocks_.find(id);
  const bool same = it != blocks_.end() && it->second.block.crc32c == open->info.crc32c &&
                    it->second.block.length_bytes == open->info.length_bytes;
  if (!same) return absl::OkStatus();  // removed meanwhile
  Entry& entry = it->second;
  Dir& dir = DirOf(entry);
  if (!read.ok() && !corrupt) {
    const Place place{entry.block.tier, entry.dir};
    // It must not keep the others from being verified.
    scrub_order_.splice(scrub_order_.end(), scrub_order_, entry.scrub_order);
    if (read.code() != StatusCode::kResourceExhausted) dir.doubtful.insert(id);
    ReadFailed(place, read);
    return read;
  }
  if (corrupt) {
    FileEnv& env = *EnvOf(entry.block.tier);
    ForgetLocked(id);
    SetAside(dir, env, BlockFileName(open->info), open->info.length_bytes,
             "it does not match its checksum");
    return MakeStatus(StatusCode::kDataLoss, "Block {} on worker {} does not match its checksum.",
                      id.value(), options_.worker_name);
  }
  if (entry.sums == nullptr) {
    entry.sums = std::move(sums);
    risk_changes_.push_back(entry.block);
    risk_changes_.back().at_risk = dir.at_risk();
  }
  dir.doubtful.erase(id);
  scrub_order_.splice(scrub_order_.end(), scrub_order_, entry.scrub_order);
  return absl::OkStatus();
}

std::vector<BlockId> BlockStore::NextToVerify(int64_t bytes) {
  absl::MutexLock lock(&mutex_);
  std::vector<BlockId> next;
  for (const BlockId id : scrub_order_) {
    if (bytes <= 0) break;
    next.push_back(id);
    bytes -= std::max<int64_t>(1, blocks_.at(id).block.length_bytes);
  }
  return next;
}

std::vector<BlockId> BlockStore::Writing() {
  absl::MutexLock lock(&mutex_);
  std::vector<BlockId> ids;
  for (const auto& [id, count] : writing_) ids.push_back(id);
  std::sort(ids.begin(), ids.end());
  return ids;
}

std::vector<StoredBlock> BlockStore::TakeRiskChanges() {
  absl::MutexLock lock(&mutex_);
  std::vector<StoredBlock> changes = std::exchange(risk_changes_, {});
  std::erase_if(changes, [&](const StoredBlock& block) { return !blocks_.contains(block.id); });
  return changes;
}

void BlockStore::AgeFreeFiles() {
  absl::MutexLock lock(&mutex_);
  for (size_t tier = 0; tier < tiers_.size(); ++tier) {
    for (Dir& dir : tiers_[tier]) {
      if (dir.serves()) dir.free.Age(EnvOf(static_cast<int>(tier)), options_.free_file_ticks);
    }
  }
}

bool BlockStore::DeviceFull(int tier, size_t index, int64_t bytes) {
  absl::MutexLock lock(&mutex_);
  Dir& dir = tiers_[tier][index];
  const int64_t kept = dir.free.bytes();
  dir.free.ShrinkTo(EnvOf(tier), 0);
  if (kept >= bytes) return true;
  if (dir.quota_bytes == dir.configured_bytes)
    spdlog::warn("the device of {} is full below its quota", dir.path);
  int64_t gained = 0;
  while (!dir.lru.empty() && gained < std::max(bytes, kMakeRoomBytes)) {
    const BlockId victim = dir.lru.front();
    gained += blocks_.at(victim).block.length_bytes;
    EvictLocked(victim);
  }
  dir.quota_bytes = std::min(dir.quota_bytes, std::max<int64_t>(1, dir.taken_bytes()));
  return gained > 0;
}

void BlockStore::OnSpaceFreed(std::function<void()> callback) {
  absl::MutexLock lock(&mutex_);
  space_freed_ = std::move(callback);
}

void BlockStore::SpaceFreed() {
  std::function<void()> callback;
  {
    absl::MutexLock lock(&mutex_);
    callback = space_freed_;
  }
  if (callback) callback();
}

}  // namespace spillway
