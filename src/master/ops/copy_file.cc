// A file made from another one's blocks. The workers copy them, as they copy what healing asks for;
// a file of which something cannot be copied is given up whole.
#include "common/log.h"
#include "common/planted_bug.h"
#include "master/master.h"

namespace spillway {

std::optional<InodeId> Master::CopyFile(const Caller& caller, const std::string& source,
                                        const std::string& target, const CreateFileOptions& options,
                                        FileCopy::Done done) {
  Removed removed;
  FileCopy copy;
  copy.caller = caller;
  copy.options = options;
  copy.done = std::move(done);
  StatusOr<state::Inode> inode = Internal("not carried out");
  LogIndex index;
  {
    absl::MutexLock lock(&mutex_);
    StateTxn txn(journal_);
    inode = BeginCopy(txn, &copy, source, target, &removed);
    index = inode.ok() ? txn.Commit() : txn.depends();
  }
  if (inode.ok()) AfterRemoved(removed);
  const auto id = inode.ok() ? std::optional(InodeId(inode->id())) : std::nullopt;
  // Nothing is copied before: a master that forgot the ids would hand them out again.
  const auto held = std::make_shared<FileCopy>(std::move(copy));
  WhenDurable(IsPlanted(PlantedBug::kCopyEarly) ? LogIndex() : index,
              [this, inode = std::move(inode), held] {
                if (!inode.ok()) return held->done(inode.status());
                const InodeId id(inode->id());
                {
                  absl::MutexLock lock(&mutex_);
                  file_copies_[id] = std::move(*held);
                  copies_to_settle_.insert(id);
                  StateTxn txn(journal_);
                  if (const auto now = txn.GetInode(id)) CheckCopiesOf(*now);
                  Heal();
                }
                SettleCopies();
              });
  return id;
}

StatusOr<state::Inode> Master::BeginCopy(StateTxn& txn, FileCopy* copy, const std::string& source,
                                         const std::string& target, Removed* removed) {
  SPILLWAY_ASSIGN_OR_RETURN(const Lookup lookup, FindReachable(txn, copy->caller, source));
  const state::Inode from = lookup.last();
  SPILLWAY_RETURN_IF_ERROR(CheckBits(copy->caller, from, kRead, source));
  if (from.is_directory()) return InvalidArgument("{} is a directory.", source);
  if (!from.completed()) {
    return spillway::MakeStatus(StatusCode::kFailedPrecondition,
                                "{} is still being written and cannot be copied.", source);
  }
  const Lookup old = Find(txn, target);
  if (old.found() && old.last().id() == from.id())
    return InvalidArgument("{} cannot be copied onto itself.", source);
  copy->source = InodeId(from.id());
  copy->options.block_size_bytes = from.block_size_bytes();
  SPILLWAY_ASSIGN_OR_RETURN(const state::Inode inode,
                            CreateOrReplace(txn, copy->caller, target, copy->options,
                                            from.length_bytes(), nullptr, removed));
  if (from.blocks_size() > 0) {
    txn.Apply(MakeEntry([&](auto& entry) {
      entry.mutable_block_allocated()->set_inode_id(inode.id());
      entry.mutable_block_allocated()->set_block_index(from.blocks_size() - 1);
    }));
  }
  return inode;
}

FileCopy* Master::FindCopyOf(BlockId block) {
  const auto it = file_copies_.find(FileIdOfBlock(block));
  return it == file_copies_.end() ? nullptr : &it->second;
}

void Master::SettleCopies() {
  std::set<InodeId> targets;
  {
    absl::MutexLock lock(&mutex_);
    targets.swap(copies_to_settle_);
  }
  for (const InodeId target : targets) SettleCopy(target);
}

void Master::SettleCopy(InodeId target) {
  FileCopy copy;
  std::string path;
  {
    absl::MutexLock lock(&mutex_);
    const auto it = file_copies_.find(target);
    if (it == file_copies_.end()) return;
    StateTxn txn(journal_);
    const auto inode = txn.GetInode(target);
    const auto at = inode ? txn.PathOf(*inode) : std::nullopt;
    if (!at || inode->completed()) {
      it->second.status = spillway::MakeStatus(
          StatusCode::kCancelled, "The copy was cancelled, or another took its place.");
    } else if (it->second.status.ok() && !it->second.missing.empty()) {
      return;
    }
    path = at.value_or("");
    copy = std::move(it->second);
    file_copies_.erase(it);
    for (const int64_t index : copy.missing) DropHeal(BlockIdOf(target, index));
  }
  if (copy.status.ok()) {
    CompleteFileOptions options;
    options.file = target;
    options.persist = copy.options.persistence_wait_time_ms >= 0;
    options.persistence_wait_time_ms = copy.options.persistence_wait_time_ms;
    const auto completed = CompleteFile(copy.caller, path, options);
    if (completed.result.ok()) {
      return WhenDurable(completed.wait_for,
                         [target, done = std::move(copy.done)] { done(target); });
    }
    copy.status = completed.result.status();
  }
  absl::ReleasableMutexLock lock(&mutex_);
  StateTxn txn(journal_);
  const auto inode = txn.GetInode(target);
  const auto now = inode ? txn.PathOf(*inode) : std::nullopt;
  const bool renamed = now && *now != path;
  const bool again = copy.status.code() == StatusCode::kUnavailable || renamed;
  if (again && copy.missing.empty() && inode) {
    // A copy went, or its holder fell silent, a moment ago; or the file moved just now.
    file_copies_[target] = std::move(copy);
    file_copies_[target].status = absl::OkStatus();
    return CheckCopiesOf(*inode);
  }
  lock.Release();
  const Caller superuser{options_.superuser, {options_.supergroup}};
  (void)AbandonFile(superuser, target, false);
  copy.done(copy.status);
}

}  // namespace spillway
