// The object follows its renamed file: copied to the new key, whole or in parts, then deleted at
// the old one.
#include <algorithm>

#include "common/log.h"
#include "common/planted_bug.h"
#include "master/master.h"
#include "understore/same_object.h"

namespace spillway {
namespace {

constexpr int kCopiesSideBySide = 4;
constexpr int kPartAttempts = 8;
constexpr int64_t kPartRetryMs = 500;

CopyOptions OptionsOf(const state::Inode& inode, const PutOptions& condition) {
  CopyOptions options;
  options.source_if_match = inode.object().etag();
  options.source_bytes = inode.length_bytes();
  options.if_absent = condition.if_absent;
  options.if_match = condition.if_match;
  if (IsPlanted(PlantedBug::kConditionForgotten)) options.source_if_match.clear();
  return options;
}

// Puts its checksum into object, which has just been copied or found. It is read for that.
Status ReadChecksum(UnderStore& store, const std::string& key, const PutResult& result,
                    int64_t bytes, ObjectInfo* object) {
  object->key = key;
  object->etag = result.etag;
  object->size_bytes = bytes;
  SPILLWAY_ASSIGN_OR_RETURN(object->crc32c, ChecksumOf(store, *object));
  return absl::OkStatus();
}

// Source or target are not what was believed.
bool NeedsLook(const Status& status) {
  return status.code() == StatusCode::kFailedPrecondition || status.code() == StatusCode::kNotFound;
}

}  // namespace

void Master::StartRelocate(PersistTask& task, const state::Inode& inode, LogIndex after) {
  task.crc_known = inode.object().crc_known();
  task.crc32c = inode.object().crc32c();
  task.length_bytes = inode.length_bytes();
  const auto store = UnderStoreOf(task.mount_id);
  if (task.source_key != task.key && inode.length_bytes() > store->copy_bytes_max()) {
    task.part_bytes = std::max<int64_t>(1, store->copy_part_bytes(inode.length_bytes()));
    return StartMultipart(task);
  }
  const bool look_first = task.unknown_until_ms > SteadyMs();
  journal_->WhenDurable(after, [this, job_id = task.job_id, look_first] {
    executor_->Post([this, job_id, look_first] { CopyWhole(job_id, look_first); });
  });
}

// Asks the store, once, for the checksum of the object that a move reads: by that a copy which was
// never answered is told from what others put at its key. If the store has none the two are
// compared when it comes to that. OK also if the object is not there any more.
Status Master::LearnChecksum(uint64_t job_id) {
  std::shared_ptr<UnderStore> store;
  std::string source;
  const auto find = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) -> PersistTask* {
    PersistTask* task = FindRunning(job_id);
    const bool ask = task != nullptr && task->kind == state::RELOCATE && !task->crc_known &&
                     !task->checksum_asked && task->length_bytes > 0 &&
                     task->source_key != task->key;
    return ask ? task : nullptr;
  };
  {
    absl::MutexLock lock(&mutex_);
    const PersistTask* task = find();
    if (task == nullptr) return absl::OkStatus();
    store = UnderStoreOf(task->mount_id);
    source = task->source_key;
  }
  const auto head = store->once()->Head(source);
  if (!head.ok()) return IsGone(head.status()) ? absl::OkStatus() : head.status();
  absl::MutexLock lock(&mutex_);
  StateTxn txn(journal_);
  PersistTask* task = find();
  auto inode = task == nullptr ? std::nullopt : txn.GetInode(task->inode);
  if (!inode) return absl::OkStatus();
  task->checksum_asked = true;
  if (!head->crc32c || head->etag != inode->object().etag()) return absl::OkStatus();
  task->crc_known = true;
  task->crc32c = *head->crc32c;
  inode->mutable_object()->set_crc_known(true);
  inode->mutable_object()->set_crc32c(*head->crc32c);
  txn.Apply(
      MakeEntry([&](auto& entry) { *entry.mutable_inode_updated()->mutable_inode() = *inode; }));
  txn.Commit();
  return absl::OkStatus();
}

void Master::CopyWhole(uint64_t job_id, bool look_first) {
  Belief belief;
  std::string source;
  CopyOptions options;
  const Status learnt = LearnChecksum(job_id);
  {
    absl::MutexLock lock(&mutex_);
    StateTxn txn(journal_);
    PersistTask* task = FindRunning(job_id);
    const auto inode = task == nullptr ? std::nullopt : txn.GetInode(task->inode);
    if (!inode) {
      EndZombie(job_id, absl::OkStatus());
      return;
    }
    if (!learnt.ok()) return TaskFailed(*task, learnt, FailureOrigin::kStore);
    belief = BeliefOf(*task);
    source = task->source_key;
    options = OptionsOf(*inode, belief.condition);
  }
  UnderStore& store = *belief.store->once();
  const int64_t begin_ms = clock_->MonotonicMs();
  StatusOr<PutResult> result = PutResult{options.source_if_match};
  bool there = source == belief.key;
  LookedAt looked;
  if (!there && look_first) {
    // An earlier copy was not answered: a second one of a large object is not begun beside it.
    auto found = LookAt(store, belief.key, &belief.wanted, belief.own, belief.foreign_etag);
    if (found.ok()) looked = *std::move(found);
    there = looked.standing == Standing::kWanted;
    if (there) result = PutResult{looked.object.etag};
  }
  if (there && result->etag.empty()) {
    const auto head = store.Head(belief.key);
    result = head.ok() ? StatusOr<PutResult>(PutResult{head->etag}) : head.status();
  }
  if (!there) result = store.Copy(source, belief.key, options);
  ObjectInfo object = there ? looked.object : ObjectInfo();
  if (result.ok() && look_first && source != belief.key && !belief.wanted.crc_known() &&
      !object.crc32c) {
    // The earlier copy may still come, with another etag: by its bytes it is known.
    const Status read = ReadChecksum(store, belief.key, *result, options.source_bytes, &object);
    if (!read.ok()) result = read;
  }
  {
    absl::MutexLock lock(&mutex_);
    PersistTask* task = FindRunning(job_id);
    if (task == nullptr) {
      EndZombie(job_id, result.status());
      return;
    }
    if (looked.standing == Standing::kForeign) task->foreign_etag = looked.object.etag;
    if (result.ok()) {
      task->TakeChecksum(object);
      TaskSucceeded(*task, result->etag, clock_->MonotonicMs() - begin_ms);
      return DispatchPersist();
    }
    if (!NeedsLook(result.status())) {
      if (MayHaveHappened(result.status())) NoteUnknown(*task);
      return TaskFailed(*task, result.status(), FailureOrigin::kStore);
    }
  }
  ResolveConflict(job_id, result.status());
}

// As many parts as may be under way are begun.
void Master::CopyParts(PersistTask& task) {
  while (task.copies_in_flight < kCopiesSideBySide &&
         task.parts_begun < static_cast<int>(task.parts_expected)) {
    ++task.copies_in_flight;
    executor_->Post([this, job_id = task.job_id, number = ++task.parts_begun] {
      CopyOnePart(job_id, number, 0);
    });
  }
}

void Master::CopyOnePart(uint64_t job_id, int number, int attempt) {
  std::shared_ptr<UnderStore> store;
  PersistTask copy;
  CopyOptions options;
  const auto ended = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const auto zombie = zombies_.find(job_id);
    if (zombie != zombies_.end() && --zombie->second->copies_in_flight == 0)
      EndZombie(job_id, absl::OkStatus());
  };
  {
    absl::MutexLock lock(&mutex_);
    StateTxn txn(journal_);
    PersistTask* task = FindRunning(job_id);
    const auto inode = task == nullptr ? std::nullopt : txn.GetInode(task->inode);
    if (!inode) return ended();
    store = UnderStoreOf(task->mount_id);
    copy = *task;
    options = OptionsOf(*inode, PutOptions());
  }
  const int64_t offset = (number - 1) * copy.part_bytes;
  const int64_t length = std::min(copy.part_bytes, copy.length_bytes - offset);
  auto part = store->once()->CopyPart(copy.source_key, offset, length, copy.key, copy.upload_id,
                                      number, options);
  {
    absl::MutexLock lock(&mutex_);
    PersistTask* task = FindRunning(job_id);
    if (task == nullptr) return ended();
    const Status& status = part.status();
    if (part.ok()) {
      --task->copies_in_flight;
      part->size_bytes = length;
      task->lane->rate.OnSuccess(clock_->MonotonicMs());
      PartDone(*task, *std::move(part));
      return CopyParts(*task);
    }
    const bool again = MayHaveHappened(status) || status.code() == StatusCode::kResourceExhausted;
    if (again && attempt + 1 < kPartAttempts) {
      // A part that was copied twice counts once: the newest of a number is taken.
      task->last_error = status;
      executor_->PostAfter(kPartRetryMs << attempt, [this, job_id, number, attempt] {
        CopyOnePart(job_id, number, attempt + 1);
      });
      return;
    }
    task->parts_begun = static_cast<int>(task->parts_expected);  // no more of them
    if (task->copy_failure.ok()) task->copy_failure = status;
    if (--task->copies_in_flight > 0) return;
    if (!NeedsLook(task->copy_failure))
      return TaskFailed(*task, task->copy_failure, FailureOrigin::kStore);
  }
  ResolveConflict(job_id, part.status());
}

// Looks at the object that a move reads: kWanted if it is there as the namespace knows it, or if
// the very bytes stand there under another etag, as when the store carried out twice what had put
// them there.
StatusOr<LookedAt> Master::LookAtSource(uint64_t job_id) {
  LookedAt stands;
  stands.standing = Standing::kWanted;
  std::shared_ptr<UnderStore> store;
  std::string key;
  state::OwnObject wanted;
  {
    absl::MutexLock lock(&mutex_);
    StateTxn txn(journal_);
    PersistTask* task = FindRunning(job_id);
    if (task == nullptr || task->kind != state::RELOCATE) return stands;
    const auto inode = txn.GetInode(task->inode);
    if (!inode) return stands;
    stands.object.etag = inode->object().etag();
    store = UnderStoreOf(task->mount_id);
    key = task->source_key;
    wanted = BeliefOf(*task).wanted;
  }
  const auto head = store->once()->Head(key);
  if (head.ok() && (stands.object.etag.empty() || head->etag == stands.object.etag)) return stands;
  return LookAt(*store->once(), key, &wanted, OwnObjects());
}

// What a move reads has this etag now.
void Master::TakeSource(const PersistTask& task, const std::string& etag) {
  StateTxn txn(journal_);
  state::Inode inode = *txn.GetInode(task.inode);
  if (etag.empty() || inode.object().etag() == etag) return;
  spdlog::info("the object of inode {} at {} has etag {} instead of {} now, and the same bytes",
               task.inode.value(), task.source_key, etag, inode.object().etag());
  inode.mutable_object()->set_etag(etag);
  txn.Apply(
      MakeEntry([&](auto& entry) { *entry.mutable_inode_updated()->mutable_inode() = inode; }));
  txn.Commit();
}

// Somebody has deleted or replaced the object of a renamed file before it was moved. If the cluster
// still has its bytes they are uploaded again; else the file is lost, which everybody is told.
void Master::SourceGone(PersistTask& task) {
  const InodeId id = task.inode;
  spdlog::warn("the object of inode {} at {} was changed by somebody else before it was moved",
               id.value(), task.source_key);
  StopRunning(task);
  StateTxn txn(journal_);
  state::Inode inode = *txn.GetInode(id);
  bool here = true;
  for (int i = 0; i < inode.blocks_size(); ++i)
    here = here && cluster_.SoundCopies(BlockIdOf(id, i)) > 0;
  if (auto job = txn.GetPersistJob(id)) OrphanUploadOf(txn, *job);
  inode.clear_object();
  inode.set_persistence_state(here ? state::TO_BE_PERSISTED : state::LOST);
  txn.Apply(
      MakeEntry([&](auto& entry) { *entry.mutable_inode_updated()->mutable_inode() = inode; }));
  if (!here) {
    txn.Apply(
        MakeEntry([&](auto& entry) { entry.mutable_persist_dropped()->set_inode_id(id.value()); }));
    txn.Commit();
    return RemoveTask(id);
  }
  const state::PersistJob job = NewPersistJob(inode, state::UPLOAD, 0);
  txn.Apply(
      MakeEntry([&](auto& entry) { *entry.mutable_persist_scheduled()->mutable_job() = job; }));
  const LogIndex index = txn.Commit();
  AddTask(job, index);
  CheckCopiesOf(inode);
  for (int i = 0; i < inode.blocks_size(); ++i) {
    for (const auto& location : cluster_.Locations(BlockIdOf(id, i)))
      SendPin(location.worker_id, {BlockIdOf(id, i)}, true);
  }
  executor_->Post([this, job, index] { QueueWhenDurable({job}, index); });
}

}  // namespace spillway
