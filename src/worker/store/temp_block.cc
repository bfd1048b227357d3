// A block while it is written.
#include "common/log.h"
#include "worker/store/block_store.h"

namespace spillway {

TempBlock::~TempBlock() {
  if (store_ == nullptr) return;
  file_.reset();
  if (done_) return;
  // What was written is of a block that is none.
  const Status removed = store_->EnvOf(tier_)->Remove(path_);
  {
    absl::MutexLock lock(&store_->mutex_);
    auto& dir = store_->tiers_[tier_][dir_];
    store_->writing_.erase(id_);
    if (dir.generation != generation_) return;  // its folder was given up, or found anew
    dir.used_bytes -= taken_;
    if (!removed.ok()) dir.free.Discard(store_->EnvOf(tier_), path_, taken_);
  }
  store_->SpaceFreed();
}

Status TempBlock::Reserve(int64_t bytes) {
  if (bytes < 0) return InvalidArgument("{} bytes cannot be reserved.", bytes);
  absl::MutexLock lock(&store_->mutex_);
  if (store_->tiers_[tier_][dir_].generation != generation_) return GivenUp();
  if (!store_->Take(tier_, dir_, bytes)) return store_->NoSpace(id_, bytes);
  taken_ += bytes;
  return absl::OkStatus();
}

std::string TempBlock::SharePath() {
  if (in_memory_) return "";
  shared_ = true;
  return path_;
}

Status TempBlock::GivenUp() const {
  return Unavailable("The storage folder of {} failed while block {} was written.", path_,
                     id_.value());
}

Status TempBlock::Failed(const Status& status) {
  store_->ReportFailure(tier_, dir_, status);
  // Nobody is refused: the folder is read-only, and another worker may take the block.
  if (status.code() == StatusCode::kPermissionDenied) return Unavailable("{}", Message(status));
  return status;
}

// Writes the file of a removed block again, if there is one and the block is not a small one.
Status TempBlock::Recycle(int64_t bytes) {
  const bool may = bytes >= store_->options_.recycled_bytes_min && !shared_ && !recycled_;
  if (!may) return absl::OkStatus();
  FileEnv* const env = store_->EnvOf(tier_);
  absl::MutexLock lock(&store_->mutex_);
  auto& dir = store_->tiers_[tier_][dir_];
  if (dir.generation != generation_) return GivenUp();
  if (!store_->MakeRoom(tier_, dir_, bytes)) return absl::OkStatus();  // Append says so
  const int64_t found = dir.free.Take(env, path_, &file_);
  if (found == 0) return absl::OkStatus();
  dir.used_bytes += found;
  taken_ += found;
  recycled_ = true;
  return absl::OkStatus();
}

Status TempBlock::Append(std::span<const iovec> data) {
  int64_t bytes = 0;
  for (const iovec& part : data) bytes += static_cast<int64_t>(part.iov_len);
  if (bytes == 0) return absl::OkStatus();
  const int64_t length = sums_.size_bytes();
  if (length == 0) SPILLWAY_RETURN_IF_ERROR(Recycle(bytes));
  if (length + bytes > taken_) SPILLWAY_RETURN_IF_ERROR(Reserve(length + bytes - taken_));
  Status status = file_->WriteAt(length, data);
  device_full_ = status.code() == StatusCode::kResourceExhausted;
  if (device_full_ && store_->DeviceFull(tier_, dir_, bytes)) {
    status = file_->WriteAt(length, data);
    device_full_ = status.code() == StatusCode::kResourceExhausted;
  }
  if (!status.ok()) return Failed(status);
  for (const iovec& part : data) sums_.Add(part.iov_base, part.iov_len);
  return absl::OkStatus();
}

bool TempBlock::waits_for_disk() const { return store_->WaitsForDisk(tier_); }

int64_t TempBlock::BytesWith(std::span<const iovec> data) const {
  int64_t bytes = sums_.size_bytes();
  for (const iovec& part : data) bytes += static_cast<int64_t>(part.iov_len);
  return bytes;
}

int64_t TempBlock::QuotaBytes(bool configured) const {
  absl::MutexLock lock(&store_->mutex_);
  const BlockStore::Dir& dir = store_->tiers_[tier_][dir_];
  return configured ? dir.configured_bytes : dir.quota_bytes;
}

Status TempBlock::AdoptWritten() {
  SPILLWAY_ASSIGN_OR_RETURN(const int64_t size, file_->Size());
  if (size > taken_) SPILLWAY_RETURN_IF_ERROR(Reserve(size - taken_));
  sums_ = PieceSums();
  return Annotate(sums_.AddFile(*file_, size), path_);
}

StatusOr<StoredBlock> TempBlock::Commit() {
  const int64_t length = sums_.size_bytes();
  StoredBlock block{id_, length, sums_.crc32c(), tier_, pin_};
  const bool durable = store_->options_.tiers[tier_].durability == AckDurability::kFsync;
  FileEnv* const env = store_->EnvOf(tier_);
  Status status = recycled_ ? file_->Truncate(length) : absl::OkStatus();
  if (status.ok() && durable) status = file_->Sync();
  std::string folder;
  if (status.ok()) {
    absl::MutexLock lock(&store_->mutex_);
    auto& dir = store_->tiers_[tier_][dir_];
    if (dir.generation != generation_) return GivenUp();
    folder = dir.path + "/blocks";
    const std::string name = BlockFileName(block);
    status = env->Rename(path_, store_->BlockPath(dir, block));
    if (status.ok()) {
      // The same block's file may have waited there.
      dir.free.Replaced(folder + "/" + name);
      store_->ForgetUnread(dir, name);
    }
  }
  // The name must be as durable as the bytes before anybody hears of it.
  if (status.ok() && durable) status = env->SyncDir(folder);
  if (!status.ok()) return Failed(status);
  {
    absl::MutexLock lock(&store_->mutex_);
    auto& dir = store_->tiers_[tier_][dir_];
    if (dir.generation != generation_) return GivenUp();
    dir.used_bytes -= taken_ - length;
    store_->writing_.erase(id_);
    store_->GiveWay(block, dir_);
    auto sums = std::make_shared<const PieceSums>(std::move(sums_));
    store_->Insert(block, dir_, std::move(sums)).shared = shared_;
    done_ = true;
  }
  if (taken_ > length) store_->SpaceFreed();
  return block;
}

}  // namespace spillway
