#include "worker/store/block_store.h"

#include <algorithm>
#include <cstdio>

#include "common/checksum.h"
#include "common/log.h"
#include "common/path.h"

namespace spillway {
namespace {

constexpr const char* kFormat = "spillway-blocks 1";
constexpr const char* kRoot = "spillwayworker";

std::string BlockFileName(const StoredBlock& block) {
  return fmt::format("{:016x}-{}-{:08x}", static_cast<uint64_t>(block.id.value()),
                     block.length_bytes, block.crc32c);
}

bool ParseBlockFileName(const std::string& name, StoredBlock* block) {
  unsigned long long id = 0;
  long long length = 0;
  unsigned int crc = 0;
  int used = 0;
  if (std::sscanf(name.c_str(), "%16llx-%lld-%8x%n", &id, &length, &crc, &used) != 3) return false;
  if (used != static_cast<int>(name.size()) || length < 0) return false;
  block->id = BlockId(static_cast<int64_t>(id));
  block->length_bytes = length;
  block->crc32c = crc;
  return true;
}

}  // namespace

BlockStore::BlockStore(BlockStoreOptions options, FileEnv* env)
    : options_(std::move(options)), env_(env) {}
BlockStore::~BlockStore() = default;

Status BlockStore::Open() {
  absl::MutexLock lock(&mutex_);
  for (size_t tier = 0; tier < options_.tiers.size(); ++tier) {
    tiers_.emplace_back();
    for (const StorageDirOptions& dir : options_.tiers[tier].dirs) {
      tiers_.back().push_back(Dir{JoinPath(dir.path, kRoot), dir.quota_bytes, 0});
      SPILLWAY_RETURN_IF_ERROR(OpenDir(static_cast<int>(tier), tiers_.back().size() - 1));
    }
  }
  return absl::OkStatus();
}

Status BlockStore::OpenDir(int tier, size_t index) {
  Dir& dir = tiers_[tier][index];
  SPILLWAY_RETURN_IF_ERROR(Annotate(env_->CreateDirs(dir.path + "/blocks"), "Storage folder"));
  SPILLWAY_RETURN_IF_ERROR(Annotate(env_->CreateDirs(dir.path + "/temp"), "Storage folder"));
  std::string format;
  const std::string format_path = dir.path + "/format";
  if (env_->Exists(format_path)) {
    SPILLWAY_RETURN_IF_ERROR(ReadFileToString(*env_, format_path, &format));
    if (format != kFormat) {
      return MakeStatus(StatusCode::kFailedPrecondition,
                        "Storage folder {} has format \"{}\", this version reads \"{}\".", dir.path,
                        format, kFormat);
    }
  } else {
    SPILLWAY_RETURN_IF_ERROR(WriteStringToFile(*env_, format_path, kFormat));
  }
  if (env_->Exists(dir.path + "/cluster")) {
    std::string id;
    SPILLWAY_RETURN_IF_ERROR(ReadFileToString(*env_, dir.path + "/cluster", &id));
    if (!cluster_id_.empty() && id != cluster_id_) {
      return MakeStatus(StatusCode::kFailedPrecondition,
                        "Storage folder {} belongs to cluster {}, others to {}.", dir.path, id,
                        cluster_id_);
    }
    cluster_id_ = id;
  }
  SPILLWAY_ASSIGN_OR_RETURN(const auto temps, env_->List(dir.path + "/temp"));
  for (const std::string& name : temps) (void)env_->Remove(dir.path + "/temp/" + name);
  SPILLWAY_ASSIGN_OR_RETURN(auto names, env_->List(dir.path + "/blocks"));
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    StoredBlock block;
    const std::string path = dir.path + "/blocks/" + name;
    auto file = env_->Open(path, false);
    const auto size = file.ok() ? (*file)->Size() : StatusOr<int64_t>(file.status());
    const bool whole = ParseBlockFileName(name, &block) && size.ok() && *size == block.length_bytes;
    if (!whole || blocks_.contains(block.id)) {
      spdlog::warn("removing {}: it is no whole block", path);
      (void)env_->Remove(path);
      continue;
    }
    block.tier = tier;
    block.pinned = true;
    dir.used_bytes += block.length_bytes;
    blocks_[block.id] = Entry{block, index, lru_.insert(lru_.end(), block.id)};
  }
  return absl::OkStatus();
}

Status BlockStore::SetClusterId(const std::string& cluster_id) {
  if (cluster_id_ == cluster_id) return absl::OkStatus();
  absl::MutexLock lock(&mutex_);
  for (const auto& tier : tiers_) {
    for (const Dir& dir : tier)
      SPILLWAY_RETURN_IF_ERROR(WriteStringToFile(*env_, dir.path + "/cluster", cluster_id));
  }
  cluster_id_ = cluster_id;
  return absl::OkStatus();
}

std::string BlockStore::BlockPath(const Dir& dir, const StoredBlock& block) const {
  return dir.path + "/blocks/" + BlockFileName(block);
}

Status BlockStore::NoSpace(BlockId id, int64_t bytes) const {
  return MakeStatus(StatusCode::kResourceExhausted,
                    "Not enough space left on worker {} to store blockId {}: {} bytes are needed.",
                    options_.worker_name, id.value(), bytes);
}

StatusOr<std::unique_ptr<TempBlock>> BlockStore::Create(BlockId id, int tier, bool pin) {
  absl::MutexLock lock(&mutex_);
  if (blocks_.contains(id)) {
    return MakeStatus(StatusCode::kAlreadyExists,
                      "Temp blockId {} is not available, because it is already committed",
                      id.value());
  }
  if (writing_.contains(id)) {
    return MakeStatus(StatusCode::kAlreadyExists,
                      "Temp blockId {} is not available, because it already exists", id.value());
  }
  // The asked tier first, then the ones below; in a tier the directory with most room.
  int chosen_tier = -1;
  size_t chosen_dir = 0;
  for (size_t t = std::clamp<size_t>(tier, 0, tiers_.size() - 1);
       t < tiers_.size() && chosen_tier < 0; ++t) {
    int64_t best = 0;
    for (size_t d = 0; d < tiers_[t].size(); ++d) {
      int64_t free = tiers_[t][d].quota_bytes - tiers_[t][d].used_bytes;
      for (const auto& [block_id, entry] : blocks_) {
        if (free > 0) break;
        if (entry.block.tier == static_cast<int>(t) && entry.dir == d && !entry.block.pinned)
          free = 1;
      }
      if (free <= best) continue;
      best = free;
      chosen_tier = static_cast<int>(t);
      chosen_dir = d;
    }
  }
  if (chosen_tier < 0) return NoSpace(id, 1);
  auto temp = std::unique_ptr<TempBlock>(new TempBlock());
  temp->store_ = this;
  temp->id_ = id;
  temp->tier_ = chosen_tier;
  temp->dir_ = chosen_dir;
  temp->pin_ = pin;
  temp->path_ = fmt::format("{}/temp/{:016x}-{}", tiers_[chosen_tier][chosen_dir].path,
                            static_cast<uint64_t>(id.value()), next_temp_++);
  SPILLWAY_ASSIGN_OR_RETURN(temp->file_, env_->Open(temp->path_, true));
  writing_[id] = 1;
  return temp;
}

bool BlockStore::Take(int tier, size_t index, int64_t bytes) {
  Dir& dir = tiers_[tier][index];
  const int64_t missing = dir.used_bytes + bytes - dir.quota_bytes;
  if (missing > 0) {
    std::vector<BlockId> victims;
    int64_t gained = 0;
    for (const BlockId id : lru_) {
      if (gained >= missing) break;
      const Entry& entry = blocks_.at(id);
      if (entry.block.pinned || entry.block.tier != tier || entry.dir != index) continue;
      victims.push_back(id);
      gained += entry.block.length_bytes;
    }
    if (gained < missing) return false;  // nothing is evicted in vain
    for (const BlockId id : victims) EvictLocked(id);
  }
  dir.used_bytes += bytes;
  return true;
}

void BlockStore::EvictLocked(BlockId id) {
  const auto it = blocks_.find(id);
  Dir& dir = tiers_[it->second.block.tier][it->second.dir];
  (void)env_->Remove(BlockPath(dir, it->second.block));
  dir.used_bytes -= it->second.block.length_bytes;
  lru_.erase(it->second.lru);
  blocks_.erase(it);
  evicted_.push_back(id);
}

StatusOr<OpenBlock> BlockStore::OpenForRead(BlockId id) {
  absl::MutexLock lock(&mutex_);
  const auto it = blocks_.find(id);
  if (it == blocks_.end())
    return NotFound("Block {} is not on worker {}.", id.value(), options_.worker_name);
  lru_.splice(lru_.end(), lru_, it->second.lru);
  OpenBlock open;
  open.info = it->second.block;
  open.path = BlockPath(tiers_[open.info.tier][it->second.dir], open.info);
  SPILLWAY_ASSIGN_OR_RETURN(open.file, env_->Open(open.path, false));
  return open;
}

bool BlockStore::Has(BlockId id) {
  absl::MutexLock lock(&mutex_);
  return blocks_.contains(id);
}

Status BlockStore::Remove(BlockId id) {
  absl::MutexLock lock(&mutex_);
  if (!blocks_.contains(id)) return absl::OkStatus();
  EvictLocked(id);
  evicted_.pop_back();  // asked for, so nobody has to be told
  return absl::OkStatus();
}

void BlockStore::SetPinned(const std::vector<BlockId>& ids, bool pinned) {
  absl::MutexLock lock(&mutex_);
  for (const BlockId id : ids) {
    if (const auto it = blocks_.find(id); it != blocks_.end()) it->second.block.pinned = pinned;
  }
}

std::vector<StoredBlock> BlockStore::All() {
  absl::MutexLock lock(&mutex_);
  std::vector<StoredBlock> all;
  for (const BlockId id : lru_) all.push_back(blocks_.at(id).block);
  return all;
}

std::vector<TierUsage> BlockStore::Usage() {
  absl::MutexLock lock(&mutex_);
  std::vector<TierUsage> usage;
  for (size_t tier = 0; tier < tiers_.size(); ++tier) {
    TierUsage sum{options_.tiers[tier].alias, 0, 0};
    for (const Dir& dir : tiers_[tier]) {
      sum.capacity_bytes += dir.quota_bytes;
      sum.used_bytes += dir.used_bytes;
    }
    usage.push_back(std::move(sum));
  }
  return usage;
}

std::vector<BlockId> BlockStore::TakeEvicted() {
  absl::MutexLock lock(&mutex_);
  return std::exchange(evicted_, {});
}

void BlockStore::EvictToWatermark() {
  absl::MutexLock lock(&mutex_);
  for (size_t tier = 0; tier < tiers_.size(); ++tier) {
    for (size_t d = 0; d < tiers_[tier].size(); ++d) {
      const Dir& dir = tiers_[tier][d];
      if (dir.used_bytes < dir.quota_bytes / 100 * options_.high_watermark_percent) continue;
      const int64_t goal = dir.quota_bytes / 100 * options_.low_watermark_percent;
      std::vector<BlockId> victims;
      int64_t used = dir.used_bytes;
      for (const BlockId id : lru_) {
        if (used <= goal) break;
        const Entry& entry = blocks_.at(id);
        if (entry.block.pinned || entry.block.tier != static_cast<int>(tier) || entry.dir != d)
          continue;
        victims.push_back(id);
        used -= entry.block.length_bytes;
      }
      for (const BlockId id : victims) EvictLocked(id);
    }
  }
}

TempBlock::~TempBlock() {
  if (store_ == nullptr) return;
  file_.reset();
  if (!done_) (void)store_->env_->Remove(path_);
  absl::MutexLock lock(&store_->mutex_);
  if (!done_) store_->tiers_[tier_][dir_].used_bytes -= taken_;
  if (!done_) store_->writing_.erase(id_);
}

Status TempBlock::Reserve(int64_t bytes) {
  absl::MutexLock lock(&store_->mutex_);
  if (!store_->Take(tier_, dir_, bytes)) return store_->NoSpace(id_, bytes);
  taken_ += bytes;
  return absl::OkStatus();
}

Status TempBlock::Append(std::span<const iovec> data) {
  int64_t bytes = 0;
  for (const iovec& part : data) bytes += static_cast<int64_t>(part.iov_len);
  if (bytes == 0) return absl::OkStatus();
  if (length_ + bytes > taken_) SPILLWAY_RETURN_IF_ERROR(Reserve(length_ + bytes - taken_));
  SPILLWAY_RETURN_IF_ERROR(file_->WriteAt(length_, data));
  for (const iovec& part : data) crc_ = Crc32cExtend(crc_, part.iov_base, part.iov_len);
  length_ += bytes;
  return absl::OkStatus();
}

Status TempBlock::AdoptWritten() {
  SPILLWAY_ASSIGN_OR_RETURN(const int64_t size, file_->Size());
  if (size > taken_) SPILLWAY_RETURN_IF_ERROR(Reserve(size - taken_));
  std::string buffer(std::min<int64_t>(size, 1 << 20), '\0');
  length_ = 0;
  crc_ = 0;
  while (length_ < size) {
    SPILLWAY_ASSIGN_OR_RETURN(const int64_t n, file_->ReadAt(length_, buffer.data(),
                                                             static_cast<int64_t>(buffer.size())));
    if (n == 0)
      return MakeStatus(StatusCode::kDataLoss, "Block file {} shrank while it was read.", path_);
    crc_ = Crc32cExtend(crc_, buffer.data(), n);
    length_ += n;
  }
  return absl::OkStatus();
}

StatusOr<StoredBlock> TempBlock::Commit() {
  StoredBlock block{id_, length_, crc_, tier_, pin_};
  if (store_->options_.fsync) SPILLWAY_RETURN_IF_ERROR(file_->Sync());
  absl::MutexLock lock(&store_->mutex_);
  auto& dir = store_->tiers_[tier_][dir_];
  SPILLWAY_RETURN_IF_ERROR(store_->env_->Rename(path_, store_->BlockPath(dir, block)));
  dir.used_bytes -= taken_ - length_;
  store_->writing_.erase(id_);
  store_->blocks_[id_] =
      BlockStore::Entry{block, dir_, store_->lru_.insert(store_->lru_.end(), id_)};
  done_ = true;
  return block;
}

}  // namespace spillway
