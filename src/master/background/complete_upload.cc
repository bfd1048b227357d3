// The end of a multipart upload or copy: its parts become the object, under a condition, and an
// answer that never came is looked up until it is known.
#include <algorithm>

#include "common/checksum.h"
#include "common/log.h"
#include "common/planted_bug.h"
#include "master/master.h"

namespace spillway {
namespace {

constexpr int64_t kLookAgainMs = 500;
constexpr int64_t kLookAgainMsMax = 10'000;

// The bytes that were sent are those that the namespace knows, as far as their checksums tell. What
// it does not know yet is learnt from the parts.
Status CheckParts(PersistTask& task) {
  uint32_t crc = 0;
  for (const UploadedPart& part : task.parts) {
    if (!part.crc32c) return absl::OkStatus();
    crc = Crc32cCombine(crc, *part.crc32c, static_cast<uint64_t>(part.size_bytes));
  }
  if (!task.crc_known) task.crc32c = crc;
  task.crc_known = true;
  if (crc == task.crc32c) return absl::OkStatus();
  return MakeStatus(StatusCode::kDataLoss, "The parts of {} do not add up to the file's checksum.",
                    task.key);
}

// True if object is what the parts make: by the checksum of their checksums.
bool IsMadeOf(const ObjectInfo& object, const std::vector<UploadedPart>& parts) {
  if (object.composite_crc32c.empty()) return false;
  std::string checksums;
  for (const UploadedPart& part : parts) {
    if (!part.crc32c) return false;
    for (int shift = 24; shift >= 0; shift -= 8)
      checksums.push_back(static_cast<char>(*part.crc32c >> shift));
  }
  return object.composite_crc32c ==
         fmt::format("{}-{}", Crc32cBase64(Crc32c(checksums)), parts.size());
}

// What a look at the key has shown decides what the next attempt says. True if it may be made.
bool Learn(PersistTask& task, const LookedAt& looked) {
  PutOptions condition;
  condition.if_absent = looked.standing == Standing::kNothing;
  if (looked.standing == Standing::kOwn) condition.if_match = looked.object.etag;
  task.condition.reset();
  task.foreign_etag = looked.standing == Standing::kForeign ? looked.object.etag : "";
  if (looked.standing == Standing::kForeign) return false;
  task.condition = condition;
  return true;
}

Status ForeignObject(const PersistTask& task, const ObjectInfo& object) {
  return MakeStatus(
      StatusCode::kFailedPrecondition,
      "Somebody else's object stands at {} ({} bytes, etag {}); it is left alone. Remove it, or "
      "overwrite or rename the file.",
      task.key, object.size_bytes, object.etag);
}

}  // namespace

PutOptions Master::ConditionOf(StateTxn& txn, const PersistTask& task, const state::Inode& inode) {
  PutOptions options;
  if (IsPlanted(PlantedBug::kConditionForgotten)) return options;
  if (task.condition) return *task.condition;
  options.if_match = BelievedAt(txn, task, inode).OnlyEtag();
  options.if_absent = options.if_match.empty();
  return options;
}

OwnObjects Master::BelievedAt(StateTxn& txn, const PersistTask& task, const state::Inode& inode) {
  OwnObjects own = OwnObjects::ShadowedBy(inode);
  if (const auto pending = txn.GetPendingDelete(task.mount_id, task.key);
      pending && !pending->is_directory())
    own.Add(OwnObjects::Of(*pending));
  return own;
}

Belief Master::BeliefOf(const PersistTask& task) {
  StateTxn txn(journal_);
  const auto inode = txn.GetInode(task.inode);
  if (!inode) return {};
  Belief belief{UnderStoreOf(task.mount_id), task.key, ContentOf(*inode),
                BelievedAt(txn, task, *inode), ConditionOf(txn, task, *inode)};
  if (!belief.wanted.crc_known() && task.crc_known) {
    belief.wanted.Clear();
    belief.wanted.set_length_bytes(task.length_bytes);
    belief.wanted.set_crc_known(true);
    belief.wanted.set_crc32c(task.crc32c);
  }
  if (!belief.wanted.crc_known() && belief.wanted.etag().empty()) belief.wanted.set_etag("?");
  belief.foreign_etag = task.foreign_etag;
  return belief;
}

void Master::ResolveConflict(uint64_t job_id, const Status& why) {
  Belief belief;
  {
    absl::MutexLock lock(&mutex_);
    PersistTask* task = FindRunning(job_id);
    if (task == nullptr) {
      EndZombie(job_id, why);
      return;
    }
    belief = BeliefOf(*task);
    if (belief.store == nullptr)
      return TaskFailed(*task, Internal("the file is gone"), FailureOrigin::kWorker);
  }
  const auto looked =
      LookAt(*belief.store->once(), belief.key, &belief.wanted, belief.own, belief.foreign_etag);
  StatusOr<LookedAt> source = LookedAt{Standing::kWanted, {}};
  if (looked.ok() && looked->standing != Standing::kWanted) source = LookAtSource(job_id);
  absl::MutexLock lock(&mutex_);
  PersistTask* task = FindRunning(job_id);
  if (task == nullptr) {
    EndZombie(job_id, why);
    return;
  }
  if (!looked.ok()) {
    TaskFailed(*task, looked.status(), FailureOrigin::kStore);
  } else if (looked->standing == Standing::kWanted) {
    task->TakeChecksum(looked->object);
    TaskSucceeded(*task, looked->object.etag, 0);
  } else if (source.ok() && source->standing != Standing::kWanted) {
    SourceGone(*task);
  } else {
    if (source.ok()) TakeSource(*task, source->object.etag);
    const bool again = Learn(*task, *looked);
    TaskFailed(*task, again ? why : ForeignObject(*task, looked->object), FailureOrigin::kStore);
  }
  DispatchPersist();
}

void Master::CompleteUpload(uint64_t job_id) {
  Belief belief;
  PersistTask copy;
  {
    absl::MutexLock lock(&mutex_);
    PersistTask* task = FindRunning(job_id);
    if (task == nullptr) {
      EndZombie(job_id, absl::OkStatus());
      return;
    }
    if (Status status = CheckParts(*task); !status.ok())
      return TaskFailed(*task, status, FailureOrigin::kWorker);
    belief = BeliefOf(*task);
    if (belief.store == nullptr)
      return TaskFailed(*task, Internal("the file is gone"), FailureOrigin::kWorker);
    copy = *task;
  }
  const int64_t begin_ms = clock_->MonotonicMs();
  UnderStore& store = *belief.store->once();
  auto result = store.CompleteMultipart(copy.key, copy.upload_id, copy.parts, belief.condition);
  std::optional<LookedAt> looked;
  if (!result.ok() && (MayHaveHappened(result.status()) ||
                       result.status().code() == StatusCode::kFailedPrecondition ||
                       result.status().code() == StatusCode::kNotFound)) {
    auto look = LookAt(store, copy.key, nullptr, belief.own, belief.foreign_etag);
    if (look.ok() && look->standing != Standing::kNothing) {
      const bool made = IsMadeOf(look->object, copy.parts);
      if (!made) look = LookAt(store, copy.key, &belief.wanted, belief.own, belief.foreign_etag);
      if (look.ok() && made) look->standing = Standing::kWanted;
    }
    if (look.ok()) looked = *look;
  }
  absl::MutexLock lock(&mutex_);
  PersistTask* task = FindRunning(job_id);
  if (task == nullptr) {
    EndZombie(job_id, result.status());
    return;
  }
  CompletionAnswered(*task, result, looked, clock_->MonotonicMs() - begin_ms);
  DispatchPersist();
}

void Master::CompletionAnswered(PersistTask& task, const StatusOr<PutResult>& result,
                                const std::optional<LookedAt>& looked, int64_t duration_ms) {
  if (result.ok()) {
    task.upload_id.clear();
    return TaskSucceeded(task, result->etag, duration_ms);
  }
  if (looked && looked->standing == Standing::kWanted) {
    // By this attempt or by an earlier one.
    task.TakeChecksum(looked->object);
    return TaskSucceeded(task, looked->object.etag, duration_ms);
  }
  const Status& why = result.status();
  const bool conflict = why.code() == StatusCode::kFailedPrecondition;
  // By an earlier attempt, perhaps: the key could not be looked at.
  const bool unclear = !looked && (conflict || why.code() == StatusCode::kNotFound);
  if (conflict && looked && !Learn(task, *looked))
    return TaskFailed(task, ForeignObject(task, looked->object), FailureOrigin::kStore);
  if (why.code() == StatusCode::kResourceExhausted) {
    task.lane->rate.OnSlowDown(clock_->MonotonicMs());
  } else if (!MayHaveHappened(why) && !unclear && !(conflict && looked)) {
    return TaskFailed(task, why, FailureOrigin::kStore);
  } else if (!conflict) {
    // The upload is there still, or the object is soon: the parts are not sent again.
    if (MayHaveHappened(why)) NoteUnknown(task);
    task.lane->OnStoreFailure(why, clock_->MonotonicMs());
    spdlog::warn("completing the upload of {} was not answered, it is looked up: {}", task.key,
                 Message(why));
  }
  task.last_error = why;
  const int64_t delay_ms =
      std::min<int64_t>(kLookAgainMsMax, kLookAgainMs << std::min(task.complete_attempts, 10));
  ++task.complete_attempts;
  executor_->PostAfter(delay_ms, [this, job_id = task.job_id] { CompleteUpload(job_id); });
}

}  // namespace spillway
