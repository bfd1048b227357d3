// States of storage folders, at start as later:
//
//   serving    it can be read and written
//   read-only  it can be read: blocks there are served and count. Removed ones are forgotten, and
//              their files are removed when that is possible again
//   at risk    something failed there that is no lack of room: blocks are served as far as they can
//              be read, and do not count as copies
//   failed     it cannot be listed, its format file is missing (as on a mount that is away), or it
//              can neither be read nor written: nothing there is held
//
// Only a serving folder takes blocks, and only its bytes count as capacity. A failed one that works
// again is scanned as at start.
#include <algorithm>

#include "common/log.h"
#include "worker/store/block_store.h"

namespace spillway {
namespace {

constexpr int64_t kQuotaSteps = 16;  // in which a quota grows back
// Tried again each time.
constexpr size_t kUnreadFilesMax = 10'000;
constexpr int64_t kUnreadBytesMax = 256 << 20;

// What is not in the reach of a block store.
bool IsRefusal(const Status& status) { return status.code() == StatusCode::kFailedPrecondition; }

}  // namespace

std::vector<BlockStore::Place> BlockStore::Places() {
  std::vector<Place> places;
  for (size_t tier = 0; tier < options_.tiers.size(); ++tier) {
    for (size_t dir = 0; dir < options_.tiers[tier].dirs.size(); ++dir)
      places.push_back({static_cast<int>(tier), dir});
  }
  return places;
}

Status BlockStore::OpenDir(Place place, const std::function<void(size_t)>& found) {
  std::string path;
  bool create = false;
  {
    absl::MutexLock lock(&mutex_);
    const Dir& dir = tiers_[place.tier][place.dir];
    path = dir.path;
    create = !dir.opened;
  }
  // Without the lock: a sick disk takes its time. Nobody uses the folder meanwhile.
  auto scan = ScanFolder(*EnvOf(place.tier), path, create, found);
  absl::MutexLock lock(&mutex_);
  Dir& dir = tiers_[place.tier][place.dir];
  const Status taken = scan.ok() ? TakeScan(place, *std::move(scan)) : scan.status();
  if (!taken.ok() && dir.why != Message(taken)) {
    spdlog::error("storage folder {} cannot be used: {}", path, Message(taken));
    dir.why = Message(taken);
  }
  return IsRefusal(taken) ? taken : absl::OkStatus();
}

Status BlockStore::TakeScan(Place place, FolderScan scan) {
  Dir& dir = tiers_[place.tier][place.dir];
  if (!scan.cluster.empty() && !cluster_id_.empty() && scan.cluster != cluster_id_) {
    return MakeStatus(StatusCode::kFailedPrecondition,
                      "Storage folder {} belongs to cluster {}, others to {}.", dir.path,
                      scan.cluster, cluster_id_);
  }
  if (!scan.cluster.empty()) cluster_id_ = scan.cluster;
  dir.has_cluster = !scan.cluster.empty();
  dir.opened = true;
  for (auto& [name, file] : scan.lost) AddLost(dir, std::move(file));
  for (const auto& [path, bytes] : scan.undeleted) dir.free.Discard(EnvOf(place.tier), path, bytes);
  for (auto& [name, file] : scan.unread) AddUnread(dir, name, std::move(file));
  const StatusCode code = scan.writable.code();
  if (scan.writable.ok() || code == StatusCode::kResourceExhausted) {
    SetState(place, FolderState::kServing, "");
  } else {
    SetState(place,
             code == StatusCode::kPermissionDenied ? FolderState::kReadOnly : FolderState::kAtRisk,
             Message(scan.writable));
  }
  // Those of a start are reported with the registration.
  for (const StoredBlock& block : scan.blocks) TakeFound(place, block, nullptr, /*tell=*/started_);
  if (started_ && !dir.has_cluster && !cluster_id_.empty())
    (void)WriteCluster(place, cluster_id_);  // tried again with the next session
  return absl::OkStatus();
}

void BlockStore::TakeFound(Place place, StoredBlock block, std::shared_ptr<const PieceSums> sums,
                           bool tell) {
  Dir& dir = tiers_[place.tier][place.dir];
  FileEnv& env = *EnvOf(place.tier);
  if (const auto held = blocks_.find(block.id); held != blocks_.end()) {
    const StoredBlock& other = held->second.block;
    const std::string name = BlockFileName(block);
    if (&DirOf(held->second) == &dir && BlockFileName(other) == name) return;  // this very file
    if (other.length_bytes != block.length_bytes || other.crc32c != block.crc32c)
      return SetAside(dir, env, name, block.length_bytes, "another folder has other bytes of it");
    // The same bytes, once those were read.
    if (held->second.sums != nullptr)
      return dir.free.Discard(&env, BlockPath(dir, block), block.length_bytes);
    return AddUnread(dir, name, {block.length_bytes, true, "another folder has the same block"});
  }
  block.tier = place.tier;
  block.pinned = true;
  dir.used_bytes += block.length_bytes;
  Insert(block, place.dir, std::move(sums));
  if (!tell) return;
  risk_changes_.push_back(block);
  risk_changes_.back().at_risk = dir.at_risk();
  risk_changes_.back().unverified = blocks_.at(block.id).sums == nullptr;
}

void BlockStore::GiveWay(const StoredBlock& block, size_t dir) {
  const auto held = blocks_.find(block.id);
  if (held == blocks_.end()) return;
  const StoredBlock other = held->second.block;
  Dir& there = DirOf(held->second);
  FileEnv& env = *EnvOf(other.tier);
  const std::string name = BlockFileName(other);
  const bool same = name == BlockFileName(block);
  const bool this_very_file = same && other.tier == block.tier && held->second.dir == dir;
  ForgetLocked(block.id);
  evicted_.pop_back();  // the worker has it still
  if (this_very_file) return;
  if (same) return there.free.Discard(&env, BlockPath(there, other), other.length_bytes);
  SetAside(there, env, name, other.length_bytes, "it was written again with other bytes");
}

void BlockStore::SetState(Place place, FolderState state, const std::string& why) {
  Dir& dir = tiers_[place.tier][place.dir];
  const FolderState before = dir.state;
  if (before == state) return;
  dir.state = state;
  dir.why = why;
  if (state == FolderState::kServing) {
    spdlog::info("storage folder {} is {}", dir.path, NameOf(state));
  } else {
    spdlog::error("storage folder {} is {}, it was {}: {}", dir.path, NameOf(state), NameOf(before),
                  why);
  }
  if (state == FolderState::kFailed) return TakeOut(place);
  if (before == FolderState::kAtRisk || state == FolderState::kAtRisk) NoteRisk(place);
}

void BlockStore::TakeOut(Place place) {
  Dir& dir = tiers_[place.tier][place.dir];
  std::vector<BlockId> ids;
  for (const auto& [id, entry] : blocks_) {
    if (entry.block.tier == place.tier && entry.dir == place.dir) ids.push_back(id);
  }
  std::sort(ids.begin(), ids.end());
  for (const BlockId id : ids) ForgetLocked(id);
  ++dir.generation;
  dir.used_bytes = 0;
  dir.free.Forget();
  dir.unread.clear();
  dir.unread_bytes = 0;
  dir.lost.clear();
  dir.lost_bytes = 0;
  dir.doubtful.clear();
}

void BlockStore::ReportFailure(int tier, size_t dir, const Status& why) {
  absl::MutexLock lock(&mutex_);
  WriteFailed({tier, dir}, why);
}

void BlockStore::WriteFailed(Place place, const Status& why) {
  const Dir& dir = tiers_[place.tier][place.dir];
  // A full device is not a failing one.
  if (dir.state == FolderState::kFailed || why.code() == StatusCode::kResourceExhausted) return;
  if (why.code() != StatusCode::kPermissionDenied) return ReadFailed(place, why);
  if (dir.serves()) SetState(place, FolderState::kReadOnly, Message(why));
}

void BlockStore::ReadFailed(Place place, const Status& why) {
  const Dir& dir = tiers_[place.tier][place.dir];
  if (dir.state == FolderState::kFailed || why.code() == StatusCode::kResourceExhausted) return;
  SetState(place, FolderState::kAtRisk, Message(why));
}

void BlockStore::NoteRisk(Place place) {
  const Dir& dir = tiers_[place.tier][place.dir];
  std::vector<BlockId> ids;
  for (const auto& [id, entry] : blocks_) {
    if (entry.block.tier == place.tier && entry.dir == place.dir) ids.push_back(id);
  }
  std::sort(ids.begin(), ids.end());
  for (const BlockId id : ids) {
    risk_changes_.push_back(blocks_.at(id).block);
    risk_changes_.back().at_risk = dir.at_risk();
    risk_changes_.back().unverified = blocks_.at(id).sums == nullptr;
  }
}

void BlockStore::ProbeFolders() {
  for (const Place place : Places()) Probe(place);
}

void BlockStore::Probe(Place place) {
  FileEnv* const env = EnvOf(place.tier);
  std::string path;
  FolderState state;
  {
    absl::MutexLock lock(&mutex_);
    Dir& dir = tiers_[place.tier][place.dir];
    // Whether the device has room again shows when it is used.
    dir.quota_bytes =
        std::min(dir.configured_bytes, dir.quota_bytes + dir.configured_bytes / kQuotaSteps);
    path = dir.path;
    state = dir.state;
  }
  if (state == FolderState::kFailed) {
    (void)OpenDir(place, [](size_t) {});  // why it stays out is noted there
    return;
  }
  const Status readable = TryToRead(*env, path);
  const Status writable =
      state == FolderState::kServing && readable.ok() ? absl::OkStatus() : TryToWrite(*env, path);
  {
    absl::MutexLock lock(&mutex_);
    // Whatever happened meanwhile is newer than what was found out.
    if (tiers_[place.tier][place.dir].state != state) return;
    const bool away = readable.code() == StatusCode::kNotFound || IsRefusal(readable);
    const bool lacks = readable.code() == StatusCode::kResourceExhausted;
    if (away || (!readable.ok() && !lacks && !writable.ok())) {
      SetState(place, FolderState::kFailed, Message(readable));
    } else if (!readable.ok()) {
      ReadFailed(place, readable);
    } else if (writable.code() == StatusCode::kPermissionDenied) {
      SetState(place, FolderState::kReadOnly, Message(writable));
    } else if (writable.ok() || writable.code() == StatusCode::kResourceExhausted) {
      SetState(place, FolderState::kServing, "");
    }
    Dir& dir = tiers_[place.tier][place.dir];
    if (dir.serves()) dir.free.RetryLeft(env);
    if (dir.state == FolderState::kFailed) return;
  }
  RetryDoubtful(place);
  RetryUnread(place);
}

void BlockStore::RetryDoubtful(Place place) {
  std::vector<BlockId> ids;
  {
    absl::MutexLock lock(&mutex_);
    const auto& doubtful = tiers_[place.tier][place.dir].doubtful;
    ids.assign(doubtful.begin(), doubtful.end());
  }
  std::sort(ids.begin(), ids.end());
  for (const BlockId id : ids) {
    std::shared_ptr<const PieceSums> known;
    const auto open = OpenRaw(id, &known);
    PieceSums sums;
    const Status read =
        open.ok() ? sums.AddFile(*open->file, open->info.length_bytes) : open.status();
    if (read.ok() || read.code() == StatusCode::kDataLoss) {
      (void)Verify(id);  // what is wrong with it is settled there
      continue;
    }
    if (read.code() == StatusCode::kResourceExhausted) continue;
    absl::MutexLock lock(&mutex_);
    const auto it = blocks_.find(id);
    if (it == blocks_.end()) continue;
    const StoredBlock block = it->second.block;
    Dir& dir = DirOf(it->second);
    const std::string name = BlockFileName(block);
    spdlog::error("block {} in {} cannot be read and is not held any more: {}", id.value(),
                  dir.path, Message(read));
    ForgetLocked(id);
    AddUnread(dir, name, {block.length_bytes, true, Message(read)});
  }
}

void BlockStore::RetryUnread(Place place) {
  FileEnv& env = *EnvOf(place.tier);
  std::map<std::string, UnreadFile> unread;
  std::string path;
  uint64_t generation = 0;
  {
    absl::MutexLock lock(&mutex_);
    const Dir& dir = tiers_[place.tier][place.dir];
    unread = dir.unread;
    path = dir.path;
    generation = dir.generation;
  }
  size_t files = 0;
  int64_t bytes = 0;
  for (const auto& [name, file] : unread) {
    if (++files > kUnreadFilesMax || bytes > kUnreadBytesMax) return;
    StoredBlock block;
    const bool named = ParseBlockFileName(name, &block);
    const auto open = env.OpenForRead(path + "/blocks/" + name);
    const auto size = open.ok() ? (*open)->Size() : StatusOr<int64_t>(open.status());
    auto sums = std::make_shared<PieceSums>();
    Status read = size.status();
    if (named && read.ok() && *size == block.length_bytes && file.whole) {
      bytes += block.length_bytes;
      read = sums->AddFile(**open, block.length_bytes);
    }
    const bool wrong = read.code() == StatusCode::kDataLoss ||
                       (read.ok() && (!named || *size != block.length_bytes ||
                                      (file.whole && sums->crc32c() != block.crc32c)));
    absl::MutexLock lock(&mutex_);
    Dir& dir = tiers_[place.tier][place.dir];
    if (dir.generation != generation) return;
    if (!dir.unread.contains(name)) continue;  // written again meanwhile
    if (wrong && !dir.serves()) continue;      // it cannot be moved
    if (read.code() == StatusCode::kNotFound) {
      ForgetUnread(dir, name);
    } else if (wrong) {
      ForgetUnread(dir, name);
      SetAside(dir, env, name, size.value_or(0), "it is no whole block");
    } else if (read.ok()) {
      ForgetUnread(dir, name);
      TakeFound(place, block, file.whole ? std::move(sums) : nullptr, /*tell=*/true);
    }
  }
}

Status BlockStore::WriteCluster(Place place, const std::string& id) {
  Dir& dir = tiers_[place.tier][place.dir];
  const Status written = WriteStringToFile(*EnvOf(place.tier), dir.path + "/cluster", id);
  if (!written.ok()) {
    WriteFailed(place, written);
    return written;
  }
  dir.has_cluster = true;
  return absl::OkStatus();
}

std::string BlockStore::cluster_id() {
  absl::MutexLock lock(&mutex_);
  return cluster_id_;
}

Status BlockStore::SetClusterId(const std::string& cluster_id) {
  absl::MutexLock lock(&mutex_);
  Status first;
  bool known = false;
  for (const Place place : Places()) {
    const Dir& dir = tiers_[place.tier][place.dir];
    if (!dir.serves()) continue;
    if (!dir.has_cluster) first.Update(WriteCluster(place, cluster_id));
    known = known || dir.has_cluster;
  }
  // Before anything knows it, all may still come to belong to another one.
  if (known) cluster_id_ = cluster_id;
  return first;
}

void BlockStore::AddUnread(Dir& dir, const std::string& name, UnreadFile file) {
  ForgetUnread(dir, name);
  dir.unread_bytes += file.bytes;
  dir.unread[name] = std::move(file);
}

void BlockStore::ForgetUnread(Dir& dir, const std::string& name) {
  const auto it = dir.unread.find(name);
  if (it == dir.unread.end()) return;
  dir.unread_bytes -= it->second.bytes;
  dir.unread.erase(it);
}

std::vector<FolderInfo> BlockStore::Folders() {
  absl::MutexLock lock(&mutex_);
  std::vector<FolderInfo> folders;
  for (const Place place : Places()) {
    const Dir& dir = tiers_[place.tier][place.dir];
    FolderInfo info{dir.path, options_.tiers[place.tier].alias, dir.state, dir.why};
    info.unread_files = static_cast<int64_t>(dir.unread.size());
    info.undeleted_files = static_cast<int64_t>(dir.free.left_files());
    info.lost_files = static_cast<int64_t>(dir.lost.size());
    info.lost_bytes = dir.lost_bytes;
    folders.push_back(std::move(info));
  }
  return folders;
}

}  // namespace spillway
