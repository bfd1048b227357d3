// Files that were set aside: no whole blocks, or not certainly the ones that they should be. They
// are in lost/ beside blocks/, count as taken, and nothing but an operator's word removes them.
#include "common/log.h"
#include "worker/store/block_store.h"

namespace spillway {
namespace {

// The name that the file had: what was set aside twice has a number behind it.
std::string OwnName(const std::string& name) { return name.substr(0, name.find('.')); }

}  // namespace

void BlockStore::AddLost(Dir& dir, LostFile file) {
  dir.lost_bytes += file.bytes;
  dir.lost[file.name] = std::move(file);
}

void BlockStore::SetAside(Dir& dir, FileEnv& env, const std::string& name, int64_t bytes,
                          const std::string& why) {
  const std::string path = dir.path + "/blocks/" + name;
  const auto moved = MoveToLost(env, dir.path, path, name);
  if (moved.ok()) {
    spdlog::error("{} is set aside as lost/{}: {}", path, *moved, why);
    return AddLost(dir, {dir.path, *moved, bytes, why});
  }
  if (moved.status().code() == StatusCode::kNotFound) return;  // vanished
  spdlog::error("{}: {}; it cannot be set aside: {}", path, why, Message(moved.status()));
  AddUnread(dir, name, {bytes, true, why});
}

std::vector<LostFile> BlockStore::LostFiles(size_t files_max) {
  absl::MutexLock lock(&mutex_);
  std::vector<LostFile> files;
  for (const Place place : Places()) {
    size_t count = 0;
    for (const auto& [name, file] : tiers_[place.tier][place.dir].lost) {
      if (++count > files_max) break;
      files.push_back(file);
    }
  }
  return files;
}

StatusOr<std::pair<BlockStore::Place, LostFile>> BlockStore::FindLost(const std::string& folder,
                                                                      const std::string& name) {
  absl::MutexLock lock(&mutex_);
  for (const Place place : Places()) {
    const Dir& dir = tiers_[place.tier][place.dir];
    if (dir.path != folder) continue;
    const auto file = dir.lost.find(name);
    if (file != dir.lost.end()) return std::pair(place, file->second);
  }
  return NotFound("Worker {} has no {}/lost/{}.", options_.worker_name, folder, name);
}

Status BlockStore::RestoreLost(const std::string& folder, const std::string& name) {
  SPILLWAY_ASSIGN_OR_RETURN(const auto found, FindLost(folder, name));
  const auto& [place, lost] = found;
  StoredBlock block;
  if (!ParseBlockFileName(OwnName(name), &block))
    return InvalidArgument("{} is no name of a block.", name);
  SPILLWAY_ASSIGN_OR_RETURN(auto file, EnvOf(place.tier)->OpenForRead(folder + "/lost/" + name));
  SPILLWAY_ASSIGN_OR_RETURN(const int64_t size, file->Size());
  PieceSums sums;
  if (size == block.length_bytes) SPILLWAY_RETURN_IF_ERROR(sums.AddFile(*file, size));
  const bool whole = size == block.length_bytes && sums.crc32c() == block.crc32c;
  Status status = absl::OkStatus();
  if (!whole) {
    status = MakeStatus(StatusCode::kDataLoss, "{} has {} bytes with CRC32C {:08x}: not the block.",
                        name, size, sums.crc32c());
  } else {
    status = TakeLost(place, lost, block, std::move(sums)).status();
  }
  if (status.ok()) {
    spdlog::warn("{}/lost/{} was restored", folder, name);
    return status;
  }
  absl::MutexLock lock(&mutex_);
  auto& files = tiers_[place.tier][place.dir].lost;
  if (const auto it = files.find(name); it != files.end()) {
    it->second.why = "not restored: " + Message(status);
  }
  return status;
}

StatusOr<StoredBlock> BlockStore::TakeLost(Place place, const LostFile& file, StoredBlock block,
                                           PieceSums sums) {
  absl::MutexLock lock(&mutex_);
  Dir& dir = tiers_[place.tier][place.dir];
  if (!dir.lost.contains(file.name)) return NotFound("{} is not there any more.", file.name);
  if (blocks_.contains(block.id) || writing_.contains(block.id)) {
    return MakeStatus(StatusCode::kAlreadyExists, "Block {} is on worker {} already.",
                      block.id.value(), options_.worker_name);
  }
  const std::string to = BlockPath(dir, block);
  SPILLWAY_RETURN_IF_ERROR(EnvOf(place.tier)->RenameNew(dir.path + "/lost/" + file.name, to));
  dir.lost_bytes -= file.bytes;
  dir.lost.erase(file.name);
  TakeFound(place, block, std::make_shared<const PieceSums>(std::move(sums)), /*tell=*/true);
  return block;
}

Status BlockStore::DropLost(const std::string& folder, const std::string& name) {
  SPILLWAY_ASSIGN_OR_RETURN(const auto found, FindLost(folder, name));
  const auto& [place, lost] = found;
  const Status removed = EnvOf(place.tier)->Remove(folder + "/lost/" + name);
  if (!removed.ok() && removed.code() != StatusCode::kNotFound) return removed;
  spdlog::warn("{}/lost/{} was dropped", folder, name);
  {
    absl::MutexLock lock(&mutex_);
    Dir& dir = tiers_[place.tier][place.dir];
    if (dir.lost.erase(name) > 0) dir.lost_bytes -= lost.bytes;
  }
  SpaceFreed();
  return absl::OkStatus();
}

}  // namespace spillway
