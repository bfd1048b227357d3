// Where in an understore a block comes from, for workers that do not hold it; and what follows when
// they meet another object there.
#include "common/log.h"
#include "master/master.h"

namespace spillway {
namespace {

constexpr size_t kReportedMax = 10'000;  // files that wait to be compared
constexpr int kComparesAtOnce = 4;
constexpr int64_t kCompareAgainMs = 1000;  // the same file

}  // namespace

// NOT_FOUND if no complete file has the block; UNAVAILABLE, with its length and checksum, if it is
// not in the understore yet.
void Master::GetBlockOrigin(const Session& session, const session::GetBlockOrigin& request,
                            std::function<void(session::BlockOrigin)> done) {
  const BlockId block(static_cast<int64_t>(request.block_id()));
  const int64_t index = BlockIndex(block);
  session::BlockOrigin origin;
  const auto fill = [&](StateTxn& txn) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) -> Status {
    const auto inode = txn.GetInode(FileIdOfBlock(block));
    const auto path = inode ? txn.PathOf(*inode) : std::nullopt;
    const bool known =
        path && !inode->is_directory() && inode->completed() && index < inode->blocks_size();
    if (!inode && txn.Exists(FileIdOfBlock(block)))
      return spillway::MakeStatus(StatusCode::kDataLoss,
                                  "The record of block {}'s file is damaged.", block.value());
    if (!known) {
      return NotFound("Block {} belongs to no complete file: it was deleted or replaced.",
                      block.value());
    }
    const auto& record = inode->blocks(static_cast<int>(index));
    origin.set_length_bytes(MakeBlockInfo(*inode, index).length_bytes);
    origin.set_crc32c(record.crc32c());
    origin.set_crc_known(record.crc_known());
    if (inode->persistence_state() != state::PERSISTED || !inode->has_object())
      return Unavailable("Block {} of {} is not in the understore yet.", block.value(), *path);
    SPILLWAY_ASSIGN_OR_RETURN(const ResolvedKey resolved, Resolve(*path));
    origin.set_mount_id(resolved.mount_id.value());
    // While a rename is still to be carried out the object stands at its old key.
    origin.set_key(inode->object().key().empty() ? resolved.key : inode->object().key());
    origin.set_etag(inode->object().etag());
    origin.set_object_bytes(inode->length_bytes());
    origin.set_offset_in_object(index * inode->block_size_bytes());
    return absl::OkStatus();
  };
  LogIndex depends;
  {
    absl::MutexLock lock(&mutex_);
    if (cluster_.FindCurrent(session.worker, session.epoch) == nullptr) return;
    StateTxn txn(journal_);
    const Status status = fill(txn);
    origin.set_request_id(request.request_id());
    origin.set_code(static_cast<int>(status.code()));
    origin.set_message(Message(status));
    depends = txn.depends();
  }
  journal_->WhenDurable(depends, [origin, done = std::move(done)] { done(origin); });
}

// The path of the block's file is compared with the understore, soon, in the background.
void Master::ObjectChanged(const Session& session, const session::ObjectChanged& changed) {
  const InodeId file = FileIdOfBlock(BlockId(static_cast<int64_t>(changed.block_id())));
  {
    absl::MutexLock lock(&mutex_);
    if (cluster_.FindCurrent(session.worker, session.epoch) == nullptr) return;
    StateTxn txn(journal_);
    const auto inode = txn.GetInode(file);
    if (!inode || inode->persistence_state() != state::PERSISTED) return;
    // Whoever waits or was compared a moment ago is not asked for again.
    const int64_t now_ms = clock_->MonotonicMs();
    if (compared_.size() >= kReportedMax)
      std::erase_if(compared_, [&](const auto& entry) { return entry.second <= now_ms; });
    if (compared_.size() >= kReportedMax) return;
    const auto [compared, added] = compared_.try_emplace(file, INT64_MAX);
    if (!added && compared->second > now_ms) return;
    compared->second = INT64_MAX;
    to_compare_.push_back(file);
    if (comparing_ >= kComparesAtOnce) return;
    ++comparing_;
  }
  // Until none waits any more.
  executor_->Post([this] {
    while (true) {
      InodeId next;
      std::optional<std::string> path;
      {
        absl::MutexLock lock(&mutex_);
        if (to_compare_.empty()) {
          --comparing_;
          return;
        }
        next = to_compare_.front();
        to_compare_.pop_front();
        StateTxn txn(journal_);
        if (const auto inode = txn.GetInode(next)) path = txn.PathOf(*inode);
      }
      SyncCounts counts;
      const Status status =
          path ? SyncMetadata(*path, SyncDepth::kPath, &counts) : absl::OkStatus();
      if (!status.ok()) spdlog::warn("comparing {}: {}", *path, Message(status));
      absl::MutexLock lock(&mutex_);
      compared_[next] = clock_->MonotonicMs() + kCompareAgainMs;
    }
  });
}

}  // namespace spillway
