// How attempts to persist end, and what is known of those that have not.
#include <algorithm>

#include "common/log.h"
#include "common/path.h"
#include "master/master.h"

namespace spillway {
namespace {

constexpr int64_t kFirstRetryMs = 100;
constexpr size_t kRecentMax = 10'000;

// Others at the same store would fare no better; otherwise the cause lies in this object alone.
bool ConcernsTheStore(const Status& why) {
  switch (why.code()) {
    case StatusCode::kFailedPrecondition:
    case StatusCode::kDataLoss:
    case StatusCode::kInvalidArgument:
    case StatusCode::kUnknown:
      return false;
    default:
      return true;
  }
}

void ObserveLag(Metrics* metrics, int64_t lag_ms) {
  if (metrics == nullptr) return;
  metrics
      ->Seconds("spillway_master_persist_lag_seconds",
                "From the request to persist to the object in the store.")
      .Observe(static_cast<double>(lag_ms) / 1000.0);
}

}  // namespace

void Master::TaskFailed(PersistTask& task, const Status& why, FailureOrigin origin) {
  StopRunning(task);
  const int64_t now_ms = SteadyMs();
  const int64_t monotonic_ms = clock_->MonotonicMs();
  // No attempt went unanswered: nothing of them stands at the key or will ever appear there.
  if (task.unknown_until_ms == 0) task.maybe_published = false;
  {
    StateTxn txn(journal_);
    if (auto job = txn.GetPersistJob(task.inode); job && OrphanUploadOf(txn, *job)) {
      txn.Apply(MakeEntry(
          [&](auto& entry) { *entry.mutable_persist_scheduled()->mutable_job() = *job; }));
    }
    txn.Commit();
    task.upload_id.clear();
  }
  task.last_error = why;
  if (origin == FailureOrigin::kStore && why.code() == StatusCode::kResourceExhausted) {
    // Asked to slow down: that is nobody's failure, the lane sends less.
    task.lane->rate.OnSlowDown(monotonic_ms);
    spdlog::debug("the store asks to slow down at {}", task.key);
    return Requeue(task, std::min(task.due_at_ms, now_ms));
  }
  ++task.attempts;
  const int64_t cap = options_.persist_retry_ms_max;
  const int64_t delay = std::min<int64_t>(cap, kFirstRetryMs << std::min(task.attempts - 1, 20));
  const int64_t jittered = delay / 2 + static_cast<int64_t>(random_->Below(delay / 2 + 1));
  if (origin == FailureOrigin::kStore && ConcernsTheStore(why)) {
    task.lane->OnStoreFailure(why, monotonic_ms);
    task.lane->backed_off.push_back(task.inode);
  }
  spdlog::warn("persist of inode {} at {} failed (attempt {}, again in {} ms): {}",
               task.inode.value(), task.key, task.attempts, jittered, Message(why));
  Requeue(task, now_ms + jittered);
}

void Master::TaskSucceeded(PersistTask& task, const std::string& etag, int64_t duration_ms) {
  if (etag.empty())
    return TaskFailed(task, Unavailable("The store gave no etag for {}.", task.key),
                      FailureOrigin::kStore);
  StateTxn txn(journal_);
  const auto inode = txn.GetInode(task.inode);
  const int64_t now_ms = SteadyMs();
  StopRunning(task);
  // The object was found done, by an earlier attempt: this one's upload is still open.
  if (!task.upload_id.empty()) OrphanUpload(txn, task.mount_id, task.key, task.upload_id, 0);
  txn.Apply(MakeEntry([&](auto& entry) {
    auto* persisted = entry.mutable_persisted();
    persisted->set_inode_id(task.inode.value());
    persisted->set_generation(task.generation);
    auto* object = persisted->mutable_object();
    object->set_key(task.key);
    object->set_etag(etag);
    object->set_persisted_at_ms(now_ms);
    object->set_crc_known(task.crc_known);
    object->set_crc32c(task.crc32c);
  }));
  // An earlier attempt may still put the same content there, by another etag.
  const bool guarded = HasConditions(task.mount_id) &&
                       UnderStoreOf(task.mount_id)->profile().Has(StoreFeature::kCopyConditions);
  if (task.crc_known && task.unknown_until_ms > now_ms && !guarded) {
    state::Inode again = *txn.GetInode(task.inode);
    OwnObjects::ContentOf(again).Write(&again);
    txn.Apply(
        MakeEntry([&](auto& entry) { *entry.mutable_inode_updated()->mutable_inode() = again; }));
  }
  // Whatever waited to be deleted at this key has been replaced.
  DropPendingDelete(txn, task.mount_id, task.key);
  if (task.kind == state::RELOCATE && task.source_key != task.key) {
    ScheduleObjectDelete(txn, task.mount_id, task.source_key, OwnObjects::ObjectOf(*inode));
  }
  // Moved aside only: on to its own key.
  std::optional<state::PersistJob> on;
  if (task.key == AsideKey(task.inode)) {
    on = NewPersistJob(*inode, state::RELOCATE, 0);
    txn.Apply(
        MakeEntry([&](auto& entry) { *entry.mutable_persist_scheduled()->mutable_job() = *on; }));
  }
  const LogIndex index = txn.Commit();
  // An earlier attempt that comes late must not meet another content.
  if (guarded || task.unknown_until_ms <= now_ms) fences_.erase(BusyName(task.mount_id, task.key));
  ObserveLag(metrics_, now_ms - task.requested_at_ms);
  drained_bytes_ += task.kind == state::UPLOAD ? task.length_bytes : 0;
  persisted_at_ms_.push_back(clock_->MonotonicMs());
  if (persisted_at_ms_.size() > kRecentMax) persisted_at_ms_.pop_front();
  PersistLane* lane = task.lane;
  std::vector<InodeId> waited = std::exchange(lane->backed_off, {});
  if (!lane->OnSuccess(duration_ms, clock_->MonotonicMs())) waited.clear();
  RemoveTask(task.inode);
  if (on) {
    AddTask(*on, index);
    executor_->Post([this, on, index] { QueueWhenDurable({*on}, index); });
  }
  for (const InodeId id : waited) {
    const auto it = tasks_.find(id);
    if (it == tasks_.end() || it->second->running || !it->second->queued) continue;
    it->second->attempts = 0;
    if (!it->second->parked) Requeue(*it->second, std::min(it->second->due_at_ms, now_ms));
  }
  to_unpin_.emplace_back(index, *inode);
  if (to_unpin_.size() == 1) executor_->Post([this] { UnpinPersisted(); });
}

// What was persisted is not needed here any more once that is durable: of many files at once.
void Master::UnpinPersisted() {
  LogIndex index;
  {
    absl::MutexLock lock(&mutex_);
    if (to_unpin_.empty()) return;
    index = to_unpin_.back().first;
  }
  journal_->WhenDurable(index, [this, index] {
    absl::MutexLock lock(&mutex_);
    const auto end = std::find_if(to_unpin_.begin(), to_unpin_.end(),
                                  [&](const auto& unpin) { return index < unpin.first; });
    for (auto it = to_unpin_.begin(); it != end; ++it) UnpinBlocks(it->second);
    to_unpin_.erase(to_unpin_.begin(), end);
    if (!to_unpin_.empty()) executor_->Post([this] { UnpinPersisted(); });
  });
}

}  // namespace spillway
