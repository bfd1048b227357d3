// What time and failing devices do to blocks: found, reported, kept away from readers.
#include <algorithm>

#include "common/log.h"
#include "worker/store/block_store.h"

namespace spillway {
namespace {

constexpr int64_t kMakeRoomBytes = 16 << 20;
constexpr int64_t kQuotaSteps = 16;  // in which a quota grows back

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
  if (!read.ok() && !corrupt) {
    MarkFailed(entry.block.tier, entry.dir, read);
    return read;
  }
  if (corrupt) {
    spdlog::error("block {} does not match its checksum and is removed", id.value());
    EvictLocked(id);
    return MakeStatus(StatusCode::kDataLoss, "Block {} on worker {} does not match its checksum.",
                      id.value(), options_.worker_name);
  }
  if (entry.sums == nullptr) {
    entry.sums = std::move(sums);
    risk_changes_.push_back(entry.block);
    risk_changes_.back().at_risk = DirOf(entry).failed;
  }
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

void BlockStore::ReportFailure(int tier, size_t dir, const Status& why) {
  absl::MutexLock lock(&mutex_);
  MarkFailed(tier, dir, why);
}

void BlockStore::MarkFailed(int tier, size_t index, const Status& why) {
  Dir& dir = tiers_[tier][index];
  // A full device is not a failing one.
  if (dir.failed || why.code() == StatusCode::kResourceExhausted) return;
  spdlog::error("storage folder {} fails and gets nothing new: {}", dir.path, Message(why));
  dir.failed = true;
  NoteRisk(tier, index);
}

void BlockStore::NoteRisk(int tier, size_t index) {
  std::vector<BlockId> ids;
  for (const auto& [id, entry] : blocks_) {
    if (entry.block.tier == tier && entry.dir == index) ids.push_back(id);
  }
  std::sort(ids.begin(), ids.end());
  for (const BlockId id : ids) {
    risk_changes_.push_back(blocks_.at(id).block);
    risk_changes_.back().at_risk = tiers_[tier][index].failed;
    risk_changes_.back().unverified = blocks_.at(id).sums == nullptr;
  }
}

std::vector<StoredBlock> BlockStore::TakeRiskChanges() {
  absl::MutexLock lock(&mutex_);
  std::vector<StoredBlock> changes = std::exchange(risk_changes_, {});
  std::erase_if(changes, [&](const StoredBlock& block) { return !blocks_.contains(block.id); });
  return changes;
}

void BlockStore::ProbeFailedDirs() {
  struct Failed {
    int tier;
    size_t index;
    std::string path;
  };
  std::vector<Failed> failed;
  {
    absl::MutexLock lock(&mutex_);
    for (size_t tier = 0; tier < tiers_.size(); ++tier) {
      for (size_t index = 0; index < tiers_[tier].size(); ++index) {
        Dir& dir = tiers_[tier][index];
        // Whether the device has room again shows when it is used.
        dir.quota_bytes =
            std::min(dir.configured_bytes, dir.quota_bytes + dir.configured_bytes / kQuotaSteps);
        if (dir.failed) failed.push_back({static_cast<int>(tier), index, dir.path});
      }
    }
  }
  for (const Failed& dir : failed) {
    const std::string probe = dir.path + "/temp/probe";
    FileEnv* const env = EnvOf(dir.tier);
    const bool works = WriteStringToFile(*env, probe, "spillway").ok() && env->Remove(probe).ok();
    if (!works) continue;
    absl::MutexLock lock(&mutex_);
    spdlog::info("storage folder {} works again", dir.path);
    tiers_[dir.tier][dir.index].failed = false;
    NoteRisk(dir.tier, dir.index);
  }
}

void BlockStore::AgeFreeFiles() {
  absl::MutexLock lock(&mutex_);
  for (size_t tier = 0; tier < tiers_.size(); ++tier) {
    for (Dir& dir : tiers_[tier])
      dir.free.Age(EnvOf(static_cast<int>(tier)), options_.free_file_ticks);
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
  dir.quota_bytes = std::min(dir.quota_bytes, std::max<int64_t>(1, dir.used_bytes));
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
