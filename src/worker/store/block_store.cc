#include "worker/store/block_store.h"

#include <algorithm>

#include "common/log.h"
#include "common/path.h"

namespace spillway {
namespace {

constexpr const char* kRoot = "spillwayworker";

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
  {
    absl::MutexLock lock(&mutex_);
    for (const StorageTierOptions& tier : options_.tiers) {
      tiers_.emplace_back();
      for (const StorageDirOptions& dir : tier.dirs)
        tiers_.back().push_back(Dir{JoinPath(dir.path, kRoot), dir.quota_bytes, dir.quota_bytes});
    }
  }
  const std::vector<Place> places = Places();
  for (size_t i = 0; i < places.size(); ++i) {
    const std::string& path = options_.tiers[places[i].tier].dirs[places[i].dir].path;
    SPILLWAY_RETURN_IF_ERROR(OpenDir(places[i], [&](size_t files) {
      if (options_.on_progress)
        options_.on_progress(fmt::format("scanning folder {} of {} ({}): {} files", i + 1,
                                         places.size(), path, files));
    }));
  }
  absl::MutexLock lock(&mutex_);
  started_ = true;
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
  auto temp = std::unique_ptr<TempBlock>(new TempBlock());
  temp->id_ = id;
  temp->pin_ = pin;
  while (const auto place = Choose(tier)) {
    const Dir& dir = tiers_[place->tier][place->dir];
    temp->path_ = fmt::format("{}/temp/{:016x}-{}", dir.path, static_cast<uint64_t>(id.value()),
                              next_temp_++);
    auto file = EnvOf(place->tier)->Open(temp->path_, true);
    if (!file.ok()) {
      WriteFailed(*place, file.status());
      if (dir.serves()) return file.status();
      continue;  // another one may take it
    }
    temp->store_ = this;
    temp->tier_ = place->tier;
    temp->dir_ = place->dir;
    temp->generation_ = dir.generation;
    temp->in_memory_ = options_.tiers[place->tier].durability == AckDurability::kMemory;
    temp->file_ = *std::move(file);
    writing_[id] = 1;
    return temp;
  }
  return Unavailable("No storage folder of worker {} takes blocks now.", options_.worker_name);
}

std::optional<BlockStore::Place> BlockStore::Choose(int tier) {
  // The asked tier first, then the ones below; in a tier the directory with most room.
  // Where nothing has room the write begins all the same, and waits for room with its bytes.
  std::optional<Place> chosen;
  int64_t best = 0;
  for (size_t t = std::clamp<size_t>(tier, 0, tiers_.size() - 1); t < tiers_.size(); ++t) {
    if (chosen && best > 0) break;
    for (size_t d = 0; d < tiers_[t].size(); ++d) {
      const Dir& dir = tiers_[t][d];
      if (!dir.serves()) continue;
      const int64_t free = dir.quota_bytes - dir.taken_bytes() + dir.clean_bytes;
      if (chosen && free <= best) continue;
      best = free;
      chosen = Place{static_cast<int>(t), d};
    }
  }
  return chosen;
}

bool BlockStore::MakeRoom(int tier, size_t index, int64_t bytes) {
  Dir& dir = tiers_[tier][index];
  if (bytes > dir.quota_bytes) return false;  // whatever goes; nor is there a sum of such numbers
  const int64_t missing = dir.taken_bytes() + bytes - dir.quota_bytes;
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
  dir.free.ShrinkTo(EnvOf(tier), std::max<int64_t>(0, dir.quota_bytes - dir.taken_bytes()));
  return true;
}

bool BlockStore::MayRecycle(const Entry& entry) const {
  return options_.tiers[entry.block.tier].durability == AckDurability::kPageCache &&
         entry.block.length_bytes >= options_.recycled_bytes_min && !entry.shared &&
         entry.readers.use_count() == 1;
}

void BlockStore::EvictLocked(BlockId id) {
  const Entry& entry = blocks_.at(id);
  Dir& dir = DirOf(entry);
  const StoredBlock block = entry.block;
  FileEnv* const env = EnvOf(block.tier);
  const std::string path = BlockPath(dir, block);
  const bool recycle = dir.serves() && MayRecycle(entry);
  ForgetLocked(id);
  if (recycle) {
    dir.free.Keep(env, path, dir.path + "/temp", block.length_bytes);
  } else {
    dir.free.Discard(env, path, block.length_bytes);
  }
}

void BlockStore::ForgetLocked(BlockId id) {
  const auto it = blocks_.find(id);
  Pin(it->second, true);  // takes it off the list
  Dir& dir = DirOf(it->second);
  dir.used_bytes -= it->second.block.length_bytes;
  dir.doubtful.erase(id);
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
  auto file = EnvOf(open.info.tier)->OpenForRead(path);
  if (!file.ok()) {
    const Place place{open.info.tier, entry.dir};
    if (file.status().code() != StatusCode::kNotFound) {
      if (file.status().code() != StatusCode::kResourceExhausted) dir.doubtful.insert(id);
      ReadFailed(place, file.status());
    } else if (const Status there = TryToRead(*EnvOf(open.info.tier), dir.path); !there.ok()) {
      SetState(place, FolderState::kFailed, Message(there));
    } else {
      spdlog::error("{} has vanished", path);
      ForgetLocked(id);
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
    all.back().at_risk = tiers_[entry.block.tier][entry.dir].at_risk();
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
      if (!dir.serves()) continue;
      sum.capacity_bytes += dir.quota_bytes;
      sum.used_bytes += dir.taken_bytes();
      sum.pinned_bytes += dir.taken_bytes() - dir.clean_bytes;
    }
    usage.push_back(std::move(sum));
  }
  return usage;
}

std::vector<BlockId> BlockStore::TakeEvicted() {
  absl::MutexLock lock(&mutex_);
  std::vector<BlockId> evicted = std::exchange(evicted_, {});
  // What came back meanwhile is held.
  std::erase_if(evicted, [&](BlockId id) { return blocks_.contains(id); });
  return evicted;
}

void BlockStore::EvictToWatermark() {
  absl::MutexLock lock(&mutex_);
  for (size_t tier = 0; tier < tiers_.size(); ++tier) {
    for (size_t d = 0; d < tiers_[tier].size(); ++d) {
      const Dir& dir = tiers_[tier][d];
      if (!dir.serves()) continue;
      if (dir.taken_bytes() < dir.quota_bytes / 100 * options_.high_watermark_percent) continue;
      const int64_t goal = dir.quota_bytes / 100 * options_.low_watermark_percent;
      std::vector<BlockId> victims;
      int64_t used = dir.taken_bytes();
      for (auto it = dir.lru.begin(); it != dir.lru.end() && used > goal; ++it) {
        victims.push_back(*it);
        used -= blocks_.at(*it).block.length_bytes;
      }
      for (const BlockId id : victims) EvictLocked(id);
    }
  }
}

}  // namespace spillway
