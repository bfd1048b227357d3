#include "worker/store/block_store.h"

#include <algorithm>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "common/log.h"
#include "common/path.h"

namespace spillway {
namespace {

constexpr const char* kFormat = "spillway-blocks 1";
constexpr const char* kRoot = "spillwayworker";

std::string BlockFileName(const StoredBlock& block) {
  return absl::StrCat(absl::Hex(static_cast<uint64_t>(block.id.value()), absl::kZeroPad16), "-",
                      block.length_bytes, "-", absl::Hex(block.crc32c, absl::kZeroPad8));
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

// Holds something as long as it is open.
class HeldFile : public File {
 public:
  HeldFile(std::unique_ptr<File> inner, std::shared_ptr<const bool> held)
      : held_(std::move(held)), inner_(std::move(inner)) {}
  Status WriteAt(int64_t offset, std::span<const iovec> data) override {
    return inner_->WriteAt(offset, data);
  }
  StatusOr<int64_t> ReadAt(int64_t offset, void* data, int64_t size) override {
    return inner_->ReadAt(offset, data, size);
  }
  StatusOr<SharedBytes> Map(int64_t offset, int64_t size) override {
    SPILLWAY_ASSIGN_OR_RETURN(SharedBytes bytes, inner_->Map(offset, size));
    const auto owner = std::make_shared<const std::pair<SharedBytes, std::shared_ptr<const bool>>>(
        std::move(bytes), held_);
    return SharedBytes(owner, owner->first.view());
  }
  StatusOr<int64_t> Size() override { return inner_->Size(); }
  Status Truncate(int64_t size) override { return inner_->Truncate(size); }
  Status Sync() override { return inner_->Sync(); }

 private:
  const std::shared_ptr<const bool> held_;  // until inner_ is closed
  const std::unique_ptr<File> inner_;
};

}  // namespace

BlockStore::BlockStore(BlockStoreOptions options, FileEnv* env)
    : options_(std::move(options)), env_(env), memory_env_(std::make_unique<MemoryFileEnv>()) {}
BlockStore::~BlockStore() = default;

FileEnv* BlockStore::EnvOf(int tier) const {
  return options_.tiers[tier].durability == AckDurability::kMemory ? memory_env_.get() : env_;
}

BlockStore::Entry& BlockStore::Insert(const StoredBlock& block, size_t dir,
                                      std::shared_ptr<const PieceSums> sums) {
  Entry& entry = blocks_[block.id];
  entry.block = block;
  entry.dir = dir;
  entry.scrub_order =
      scrub_order_.insert(sums != nullptr ? scrub_order_.end() : scrub_order_.begin(), block.id);
  entry.sums = std::move(sums);
  if (block.pinned) return entry;
  Dir& in = DirOf(entry);
  entry.lru = in.lru.insert(in.lru.end(), block.id);
  in.clean_bytes += block.length_bytes;
  return entry;
}

void BlockStore::Pin(Entry& entry, bool pinned) {
  if (entry.block.pinned == pinned) return;
  Dir& dir = DirOf(entry);
  entry.block.pinned = pinned;
  if (pinned) {
    dir.lru.erase(entry.lru);
    dir.clean_bytes -= entry.block.length_bytes;
  } else {
    entry.lru = dir.lru.insert(dir.lru.end(), entry.block.id);
    dir.clean_bytes += entry.block.length_bytes;
  }
}

Status BlockStore::Open() {
  absl::MutexLock lock(&mutex_);
  for (size_t tier = 0; tier < options_.tiers.size(); ++tier) {
    tiers_.emplace_back();
    for (const StorageDirOptions& dir : options_.tiers[tier].dirs) {
      tiers_.back().push_back(Dir{JoinPath(dir.path, kRoot), dir.quota_bytes, dir.quota_bytes});
      SPILLWAY_RETURN_IF_ERROR(OpenDir(static_cast<int>(tier), tiers_.back().size() - 1));
    }
  }
  return absl::OkStatus();
}

Status BlockStore::OpenDir(int tier, size_t index) {
  Dir& dir = tiers_[tier][index];
  FileEnv* const env = EnvOf(tier);
  SPILLWAY_RETURN_IF_ERROR(Annotate(env->CreateDirs(dir.path + "/blocks"), "Storage folder"));
  SPILLWAY_RETURN_IF_ERROR(Annotate(env->CreateDirs(dir.path + "/temp"), "Storage folder"));
  std::string format;
  const std::string format_path = dir.path + "/format";
  if (env->Exists(format_path)) {
    SPILLWAY_RETURN_IF_ERROR(ReadFileToString(*env, format_path, &format));
    if (format != kFormat) {
      return MakeStatus(StatusCode::kFailedPrecondition,
                        "Storage folder {} has format \"{}\", this version reads \"{}\".", dir.path,
                        format, kFormat);
    }
  } else {
    SPILLWAY_RETURN_IF_ERROR(WriteStringToFile(*env, format_path, kFormat));
  }
  if (env->Exists(dir.path + "/cluster")) {
    std::string id;
    SPILLWAY_RETURN_IF_ERROR(ReadFileToString(*env, dir.path + "/cluster", &id));
    if (!cluster_id_.empty() && id != cluster_id_) {
      return MakeStatus(StatusCode::kFailedPrecondition,
                        "Storage folder {} belongs to cluster {}, others to {}.", dir.path, id,
                        cluster_id_);
    }
    cluster_id_ = id;
  }
  SPILLWAY_ASSIGN_OR_RETURN(const auto temps, env->List(dir.path + "/temp"));
  for (const std::string& name : temps) (void)env->Remove(dir.path + "/temp/" + name);
  SPILLWAY_ASSIGN_OR_RETURN(auto names, env->List(dir.path + "/blocks"));
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    StoredBlock block;
    const std::string path = dir.path + "/blocks/" + name;
    auto file = env->Open(path, false);
    const auto size = file.ok() ? (*file)->Size() : StatusOr<int64_t>(file.status());
    const bool whole = ParseBlockFileName(name, &block) && size.ok() && *size == block.length_bytes;
    if (!whole || blocks_.contains(block.id)) {
      spdlog::warn("removing {}: it is no whole block", path);
      (void)env->Remove(path);
      continue;
    }
    block.tier = tier;
    block.pinned = true;
    dir.used_bytes += block.length_bytes;
    Insert(block, index, nullptr);
  }
  return absl::OkStatus();
}

Status BlockStore::SetClusterId(const std::string& cluster_id) {
  if (cluster_id_ == cluster_id) return absl::OkStatus();
  absl::MutexLock lock(&mutex_);
  for (size_t tier = 0; tier < tiers_.size(); ++tier) {
    for (const Dir& dir : tiers_[tier]) {
      SPILLWAY_RETURN_IF_ERROR(
          WriteStringToFile(*EnvOf(static_cast<int>(tier)), dir.path + "/cluster", cluster_id));
    }
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
  // Where nothing has room the write begins all the same, and waits for room with its bytes.
  int chosen_tier = -1;
  size_t chosen_dir = 0;
  int64_t best = 0;
  for (size_t t = std::clamp<size_t>(tier, 0, tiers_.size() - 1); t < tiers_.size(); ++t) {
    if (chosen_tier >= 0 && best > 0) break;
    for (size_t d = 0; d < tiers_[t].size(); ++d) {
      const Dir& dir = tiers_[t][d];
      if (dir.failed) continue;
      const int64_t free = dir.quota_bytes - dir.used_bytes + dir.clean_bytes;
      if (chosen_tier >= 0 && free <= best) continue;
      best = free;
      chosen_tier = static_cast<int>(t);
      chosen_dir = d;
    }
  }
  if (chosen_tier < 0) {
    return Unavailable("All storage folders of worker {} fail.", options_.worker_name);
  }
  auto temp = std::unique_ptr<TempBlock>(new TempBlock());
  temp->store_ = this;
  temp->id_ = id;
  temp->tier_ = chosen_tier;
  temp->dir_ = chosen_dir;
  temp->pin_ = pin;
  temp->in_memory_ = options_.tiers[chosen_tier].durability == AckDurability::kMemory;
  temp->path_ = fmt::format("{}/temp/{:016x}-{}", tiers_[chosen_tier][chosen_dir].path,
                            static_cast<uint64_t>(id.value()), next_temp_++);
  auto file = EnvOf(chosen_tier)->Open(temp->path_, true);
  if (!file.ok()) {
    MarkFailed(chosen_tier, chosen_dir, file.status());
    temp->store_ = nullptr;
    return file.status();
  }
  temp->file_ = *std::move(file);
  writing_[id] = 1;
  return temp;
}

bool BlockStore::MakeRoom(int tier, size_t index, int64_t bytes) {
  Dir& dir = tiers_[tier][index];
  if (bytes > dir.quota_bytes) return false;  // whatever goes; nor is there a sum of such numbers
  const int64_t missing = dir.used_bytes + bytes - dir.quota_bytes;
  if (missing <= 0) return true;
  if (dir.clean_bytes < missing) return false;  // nothing is evicted in vain
  std::vector<BlockId> victims;
  int64_t gained = 0;
  for (auto it = dir.lru.begin(); gained < missing; ++it) {
    victims.push_back(*it);
    gained += blocks_.at(*it).block.length_bytes;
  }
  for (const BlockId id : victims) EvictLocked(id);
  return true;
}

bool BlockStore::Take(int tier, size_t index, int64_t bytes) {
  if (!MakeRoom(tier, index, bytes)) return false;
  Dir& dir = tiers_[tier][index];
  dir.used_bytes += bytes;
  dir.free.ShrinkTo(EnvOf(tier), std::max<int64_t>(0, dir.quota_bytes - dir.used_bytes));
  return true;
}

bool BlockStore::MayRecycle(const Entry& entry) const {
  return options_.tiers[entry.block.tier].durability == AckDurability::kPageCache &&
         entry.block.length_bytes >= options_.recycled_bytes_min && !entry.shared &&
         entry.readers.use_count() == 1;
}

void BlockStore::EvictLocked(BlockId id) {
  const auto it = blocks_.find(id);
  Pin(it->second, true);  // takes it off the list
  Dir& dir = DirOf(it->second);
  const StoredBlock& block = it->second.block;
  FileEnv* const env = EnvOf(block.tier);
  const std::string path = BlockPath(dir, block);
  if (MayRecycle(it->second)) {
    dir.free.Keep(env, path, dir.path + "/temp", block.length_bytes);
  } else {
    (void)env->Remove(path);
  }
  dir.used_bytes -= block.length_bytes;
  scrub_order_.erase(it->second.scrub_order);
  blocks_.erase(it);
  evicted_.push_back(id);
}

StatusOr<OpenBlock> BlockStore::OpenForRead(BlockId id) {
  std::shared_ptr<const PieceSums> sums;
  auto open = OpenRaw(id, &sums);
  if (open.ok() && sums == nullptr) {
    // What a crash may have torn is not handed out unseen.
    SPILLWAY_RETURN_IF_ERROR(Verify(id));
    open = OpenRaw(id, &sums);
  }
  SPILLWAY_RETURN_IF_ERROR(open.status());
  if (sums == nullptr) Panic("a verified block has no sums");
  open->file = VerifyReads(std::move(open->file), std::move(sums),
                           fmt::format("Block {} on worker {}", id.value(), options_.worker_name));
  return open;
}

StatusOr<OpenBlock> BlockStore::OpenByPath(BlockId id) {
  auto open = OpenForRead(id);
  if (!open.ok() || EnvOf(open->info.tier) == memory_env_.get()) return open;
  absl::MutexLock lock(&mutex_);
  const auto it = blocks_.find(id);
  if (it == blocks_.end())
    return NotFound("Block {} is not on worker {}.", id.value(), options_.worker_name);
  it->second.shared = true;
  open->path = BlockPath(DirOf(it->second), it->second.block);
  return open;
}

StatusOr<OpenBlock> BlockStore::OpenRaw(BlockId id, std::shared_ptr<const PieceSums>* sums) {
  absl::MutexLock lock(&mutex_);
  const auto it = blocks_.find(id);
  if (it == blocks_.end())
    return NotFound("Block {} is not on worker {}.", id.value(), options_.worker_name);
  Entry& entry = it->second;
  Dir& dir = DirOf(entry);
  if (!entry.block.pinned) dir.lru.splice(dir.lru.end(), dir.lru, entry.lru);
  *sums = entry.sums;
  OpenBlock open;
  open.info = entry.block;
  const std::string path = BlockPath(dir, open.info);
  auto file = EnvOf(open.info.tier)->Open(path, false);
  if (!file.ok()) {
    if (file.status().code() == StatusCode::kNotFound) {
      spdlog::error("{} has vanished", path);
      EvictLocked(id);
    } else {
      MarkFailed(open.info.tier, entry.dir, file.status());
    }
    return file.status();
  }
  open.file = std::make_unique<HeldFile>(*std::move(file), entry.readers);
  return open;
}

bool BlockStore::Has(BlockId id) {
  absl::MutexLock lock(&mutex_);
  return blocks_.contains(id);
}

Status BlockStore::Remove(BlockId id, bool pinned_too) {
  {
    absl::MutexLock lock(&mutex_);
    const auto block = blocks_.find(id);
    if (block == blocks_.end()) return absl::OkStatus();
    if (block->second.block.pinned && !pinned_too)
      return MakeStatus(StatusCode::kFailedPrecondition,
                        "Block {} is pinned here: it is needed until it is persisted.", id.value());
    EvictLocked(id);
    evicted_.pop_back();  // asked for, so nobody has to be told
  }
  SpaceFreed();
  return absl::OkStatus();
}

void BlockStore::SetPinned(const std::vector<BlockId>& ids, bool pinned) {
  {
    absl::MutexLock lock(&mutex_);
    for (const BlockId id : ids) {
      if (const auto it = blocks_.find(id); it != blocks_.end()) Pin(it->second, pinned);
    }
  }
  if (!pinned) SpaceFreed();
}

std::vector<StoredBlock> BlockStore::All() {
  absl::MutexLock lock(&mutex_);
  std::vector<StoredBlock> all;
  for (const auto& [id, entry] : blocks_) {
    all.push_back(entry.block);
    all.back().at_risk = tiers_[entry.block.tier][entry.dir].failed;
    all.back().unverified = entry.sums == nullptr;
  }
  std::sort(all.begin(), all.end(),
            [](const StoredBlock& a, const StoredBlock& b) { return a.id < b.id; });
  return all;
}

std::vector<TierUsage> BlockStore::Usage() {
  absl::MutexLock lock(&mutex_);
  std::vector<TierUsage> usage;
  for (size_t tier = 0; tier < tiers_.size(); ++tier) {
    TierUsage sum{options_.tiers[tier].alias, 0, 0, 0};
    for (const Dir& dir : tiers_[tier]) {
      if (dir.failed) continue;
      sum.capacity_bytes += dir.quota_bytes;
      sum.used_bytes += dir.used_bytes;
      sum.pinned_bytes += dir.used_bytes - dir.clean_bytes;
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
      for (auto it = dir.lru.begin(); it != dir.lru.end() && used > goal; ++it) {
        victims.push_back(*it);
        used -= blocks_.at(*it).block.length_bytes;
      }
      for (const BlockId id : victims) EvictLocked(id);
    }
  }
}

}  // namespace spillway
