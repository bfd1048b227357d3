// Objects that no inode names any more are deleted: ours alone, by etag or after a look, each at
// its own pace. What somebody else has put at the key meanwhile stays.
#include <algorithm>

#include "common/log.h"
#include "common/path.h"
#include "common/planted_bug.h"
#include "master/background/store_retry.h"
#include "master/master.h"

namespace spillway {
namespace {

constexpr size_t kDeletesAtOnce = 1000;
constexpr size_t kLooksPerSweep = 100;  // a request each, one after another
constexpr size_t kDeleteWaitsMax = 100'000;
constexpr int64_t kFenceMs = 60'000;

// It was begun to be sent or copied, and its etag was never heard.
bool IsUnsure(const state::OwnObject& object) {
  return object.etag().empty() || !object.copied_from().empty();
}

bool HasUnsure(const state::PendingDelete& pending) {
  return std::any_of(pending.objects().begin(), pending.objects().end(), IsUnsure);
}

bool HasCopies(const state::PendingDelete& pending) {
  return std::any_of(pending.objects().begin(), pending.objects().end(),
                     [](const auto& object) { return !object.copied_from().empty(); });
}

// The object is, as far as is known, among those to be deleted. An etag that was never heard may be
// this one's, unless the contents differ.
bool MayBeOneOf(const state::PendingDelete& pending, const state::OwnObject& object) {
  if (object.etag().empty() || pending.objects().empty()) return true;
  return std::any_of(pending.objects().begin(), pending.objects().end(),
                     [&](const state::OwnObject& other) {
                       if (other.etag() == object.etag()) return true;
                       const bool both_known = other.crc_known() && object.crc_known();
                       return IsUnsure(other) && other.length_bytes() == object.length_bytes() &&
                              (!both_known || other.crc32c() == object.crc32c());
                     });
}

}  // namespace

void Master::ScheduleObjectDelete(StateTxn& txn, MountId mount, const std::string& key,
                                  const OwnObjects& own, int64_t unknown_until_ms) {
  if (own.empty()) return;
  OwnObjects all = own;
  int64_t requested_at_ms = SteadyMs();
  state::PendingDelete pending;
  if (const auto before = txn.GetPendingDelete(mount, key); before && !before->is_directory()) {
    all.Add(OwnObjects::Of(*before));
    pending.set_unknown_until_ms(before->unknown_until_ms());
    if (before->requested_at_ms() < steady_start_ms_)  // a master of before may be at it still
      requested_at_ms = before->requested_at_ms();
  }
  all.Write(&pending);
  pending.set_mount_id(mount.value());
  pending.set_key(key);
  pending.set_requested_at_ms(requested_at_ms);
  pending.set_unknown_until_ms(std::max(pending.unknown_until_ms(), unknown_until_ms));
  PutPendingDelete(txn, pending);
}

void Master::ScheduleFolderDelete(StateTxn& txn, MountId mount, const std::string& key) {
  // A key has one record. Forgotten, an object of ours would be taken for somebody else's.
  if (const auto before = txn.GetPendingDelete(mount, key); before && !before->is_directory())
    return;
  state::PendingDelete pending;
  pending.set_mount_id(mount.value());
  pending.set_key(key);
  pending.set_is_directory(true);
  pending.set_requested_at_ms(SteadyMs());
  PutPendingDelete(txn, pending);
}

void Master::PutPendingDelete(StateTxn& txn, const state::PendingDelete& pending) {
  txn.Apply(MakeEntry(
      [&](auto& entry) { *entry.mutable_delete_scheduled()->mutable_pending() = pending; }));
  const MountId mount(pending.mount_id());
  delete_waits_.erase({mount, pending.key()});
  deletes_pending_ = true;
  NotePendingDelete(pending);
}

void Master::DropPendingDelete(StateTxn& txn, MountId mount, const std::string& key) {
  const auto pending = txn.GetPendingDelete(mount, key);
  if (!pending) return;
  txn.Apply(MakeEntry([&](auto& entry) {
    entry.mutable_delete_done()->set_mount_id(mount.value());
    entry.mutable_delete_done()->set_key(key);
  }));
  ForgetPendingDelete(*pending);
  delete_waits_.erase({mount, key});
  if (syncs_running_ > 0) gone_during_sync_.insert({mount, key});
}

// An attempt at task's key was never answered: what is ours there is looked for until it cannot
// come any more. A store without conditions would let it replace what is written there meanwhile,
// so the key is fenced.
void Master::NoteUnknown(PersistTask& task) {
  if (IsPlanted(PlantedBug::kTimeoutIsNo)) return;
  task.unknown_until_ms = SteadyMs() + options_.unknown_outcome_ms;
  StateTxn txn(journal_);
  if (auto pending = txn.GetPendingDelete(task.mount_id, task.key);
      pending && !pending->is_directory()) {
    pending->set_unknown_until_ms(std::max(pending->unknown_until_ms(), task.unknown_until_ms));
    PutPendingDelete(txn, *pending);
    txn.Commit();
  }
  const bool copied = task.kind == state::RELOCATE && task.upload_id.empty();
  const auto profile = UnderStoreOf(task.mount_id)->profile();
  if (copied ? profile.Has(StoreFeature::kCopyConditions) : HasConditions(task.mount_id)) return;
  fences_[BusyName(task.mount_id, task.key)] =
      Fence{clock_->MonotonicMs() + unguarded_fence_ms(), task.inode, task.generation};
}

int64_t Master::unguarded_fence_ms() const {
  return std::min<int64_t>(options_.unknown_outcome_ms, kFenceMs);
}

// True if every upload to the mount's store carries a condition that the store checks.
bool Master::HasConditions(MountId mount) {
  const StoreProfile profile = UnderStoreOf(mount)->profile();
  return profile.Has(StoreFeature::kPutIfAbsent) && profile.Has(StoreFeature::kPutIfMatch) &&
         profile.Has(StoreFeature::kCompleteConditions);
}

// Old markers, and the page of the rest that comes next: what cannot be carried out yet holds up
// nothing behind it. Markers each time, since uploads wait for them.
std::vector<state::PendingDelete> Master::NextDeletes(StateTxn& txn, bool* any) {
  std::vector<state::PendingDelete> next;
  for (const auto& [scope, markers] : marker_deletes_) {
    for (const auto& [mount, key] : markers) {
      if (next.size() >= kDeletesAtOnce) break;
      if (auto record = txn.GetPendingDelete(mount, key)) next.push_back(*std::move(record));
    }
  }
  const bool first_page = !swept_to_;
  size_t seen = 0;
  std::optional<std::pair<MountId, std::string>> last;
  txn.ForEachPendingDelete(swept_to_, [&](const state::PendingDelete& record) {
    last = {MountId(record.mount_id()), record.key()};
    if (MarkerDepth("/" + record.key()) == 0) next.push_back(record);
    return ++seen < kDeletesAtOnce;
  });
  swept_to_ = seen < kDeletesAtOnce ? std::nullopt : last;
  *any = !next.empty() || !first_page || swept_to_;
  return next;
}

bool Master::MayDeleteNow(StateTxn& txn, const state::PendingDelete& record) {
  const MountId mount(record.mount_id());
  const std::string busy = BusyName(mount, record.key());
  if (busy_keys_.count(busy) > 0) return false;
  const auto [first, last] = relocation_sources_.equal_range(busy);
  const bool read = std::any_of(first, last, [&](const auto& source) {
    const auto inode = txn.GetInode(source.second);
    if (!inode) return false;
    state::OwnObject object = ContentOf(*inode);
    object.set_etag(inode->object().etag());
    return MayBeOneOf(record, object);
  });
  if (read) return false;
  if (FencedFrom(busy, InodeId(), 0) || HasUndecidedCopies(mount, record.key())) return false;
  if (MayBeSentFromBefore(record)) return false;
  // A folder goes after what is in it.
  if (record.is_directory() && txn.HasPendingDeleteBelow(mount, record.key())) return false;
  if (IsPlanted(PlantedBug::kBadItemStops)) {
    for (const auto& [at, other] : delete_waits_) {
      if (at.second != record.key() && !other.cause.ok() && !MayHaveHappened(other.cause))
        return false;
    }
  }
  const auto wait = delete_waits_.find({mount, record.key()});
  return wait == delete_waits_.end() || wait->second.next_ms <= clock_->MonotonicMs();
}

// Once nothing of ours can come to the copy's key any more, and nothing keeps it from being looked
// at, it is soon decided, unless the store is away; what others have moved between the two keys may
// keep it from being looked at for ever.
bool Master::HasUndecidedCopies(MountId mount, const std::string& key) {
  const auto copies = copies_of_.find(BusyName(mount, key));
  if (copies == copies_of_.end()) return false;
  const int64_t now_ms = clock_->MonotonicMs();
  StateTxn txn(journal_);
  for (auto& [at, until_ms] : copies->second) {
    const auto pending = txn.GetPendingDelete(at.first, at.second);
    if (!pending || at.second == key) continue;
    const std::string busy = BusyName(at.first, at.second);
    if (busy_keys_.count(busy) > 0) return true;
    const auto wait = delete_waits_.find(at);
    const bool away = wait != delete_waits_.end() && MayHaveHappened(wait->second.cause);
    if (away || pending->unknown_until_ms() > SteadyMs() || FencedFrom(busy, InodeId(), 0) ||
        MayBeSentFromBefore(*pending)) {
      until_ms = 0;
      return true;
    }
    if (until_ms == 0) until_ms = now_ms + unguarded_fence_ms();
    if (now_ms < until_ms) return true;
  }
  return false;
}

// Decides what of the pending deletes may be carried out now.
SweepPlan Master::PlanSweep() {
  SweepPlan plan;
  deletes_pending_ = false;  // what is asked for from now on says so again
  size_t looks = 0;
  StateTxn txn(journal_);
  for (const auto& record : NextDeletes(txn, &plan.any)) {
    if (!MayDeleteNow(txn, record)) continue;
    const MountId mount(record.mount_id());
    const auto found = mounts_.find(mount);
    const std::string path =
        found == mounts_.end() ? "" : JoinPath(found->second.path(), record.key());
    const Lookup lookup = Find(txn, path);
    if (lookup.damaged) continue;  // the object may be the only thing that is left of it
    if (lookup.found()) {
      const auto task = tasks_.find(InodeId(lookup.last().id()));
      const bool will_replace =
          task != tasks_.end() && !task->second->parked && task->second->kind == state::UPLOAD;
      // An old marker goes before what is new beside it, even if a new marker follows. A copy is
      // looked for, because what it was made from stays until that is decided, and the new file
      // may be kept from its place for ever.
      if (will_replace && MarkerDepth("/" + record.key()) == 0 && !HasCopies(record)) continue;
      const bool owns = lookup.last().has_object() && lookup.last().object().key() == record.key();
      if (owns || record.is_directory()) {
        DropPendingDelete(txn, mount, record.key());
        continue;
      }
    }
    if (!record.is_directory() && OwnObjects::Of(record).OnlyEtag().empty() &&
        ++looks > kLooksPerSweep)
      continue;
    busy_keys_.insert(BusyName(mount, record.key()));
    if (record.is_directory()) {
      plan.folders[mount].push_back(record.key());
    } else {
      (MarkerDepth("/" + record.key()) > 0 ? plan.markers : plan.objects)[mount].push_back(record);
    }
  }
  plan.durable = txn.Commit();
  return plan;
}

void Master::SweepDeletes() {
  SweepPlan plan;
  {
    absl::MutexLock lock(&mutex_);
    plan = PlanSweep();
  }
  // Carried out only once the operations that asked for it are durable.
  const LogIndex durable = plan.durable;
  journal_->WhenDurable(durable, [this, plan = std::move(plan)] {
    executor_->Post([this, plan] { CarryOutSweep(plan); });
  });
}

namespace {

// What to ask the store for so that record's object goes, if it is there and ours; nothing if the
// outcome is clear already.
std::optional<DeleteRequest> RequestFor(UnderStore& store, const state::PendingDelete& record,
                                        const std::string& foreign_etag, DeleteOutcome* outcome) {
  const OwnObjects own = OwnObjects::Of(record);
  if (IsPlanted(PlantedBug::kConditionForgotten)) return DeleteRequest{record.key(), ""};
  if (const std::string etag = own.OnlyEtag(); !etag.empty())
    return DeleteRequest{record.key(), etag};
  const auto looked = LookAt(store, record.key(), nullptr, own, foreign_etag);
  outcome->status = looked.status();
  if (!looked.ok() || looked->standing == Standing::kNothing) return std::nullopt;
  if (looked->standing == Standing::kOwn) return DeleteRequest{record.key(), looked->object.etag};
  outcome->status =
      MakeStatus(StatusCode::kFailedPrecondition, "Another object stands at {}.", record.key());
  outcome->foreign_etag = looked->object.etag;
  return std::nullopt;
}

}  // namespace

// Returns how many need no further try; fewer than asked for if some failed.
size_t Master::DeleteObjects(MountId mount, const std::vector<state::PendingDelete>& records) {
  std::shared_ptr<UnderStore> store;
  std::vector<std::string> foreign(records.size());  // etags
  {
    absl::MutexLock lock(&mutex_);
    store = UnderStoreOf(mount);
    for (size_t i = 0; i < records.size(); ++i) {
      const auto wait = delete_waits_.find({mount, records[i].key()});
      if (wait != delete_waits_.end()) foreign[i] = wait->second.foreign_etag;
    }
  }
  std::vector<DeleteOutcome> outcomes(records.size());
  std::vector<DeleteRequest> requests;
  std::map<std::string, size_t> asked;  // by key
  for (size_t i = 0; i < records.size(); ++i) {
    auto request = RequestFor(*store->once(), records[i], foreign[i], &outcomes[i]);
    if (!request) continue;
    asked[request->key] = i;
    requests.push_back(*std::move(request));
  }
  const auto failures =
      requests.empty() ? StatusOr<std::vector<DeleteFailure>>() : store->once()->Delete(requests);
  if (!requests.empty() && failures.ok()) {
    for (const DeleteFailure& failure : *failures) {
      const auto it = asked.find(failure.key);
      if (it != asked.end()) outcomes[it->second].status = failure.status;
    }
  } else if (!requests.empty()) {
    spdlog::warn("deleting {} objects failed: {}", requests.size(), Message(failures.status()));
    for (const auto& [key, i] : asked) outcomes[i].status = failures.status();
  }
  return FinishDeletes(mount, records, outcomes);
}

void Master::CarryOutSweep(const SweepPlan& plan) {
  size_t asked = 0;
  size_t done = 0;
  for (const auto* part : {&plan.markers, &plan.objects}) {
    for (const auto& [mount, records] : *part) {
      asked += records.size();
      done += DeleteObjects(mount, records);
    }
  }
  for (auto [mount, keys] : plan.folders) {
    std::shared_ptr<UnderStore> store;
    {
      absl::MutexLock lock(&mutex_);
      store = UnderStoreOf(mount);
    }
    // Deepest first; a folder that is not empty (others wrote there) stays.
    std::sort(keys.begin(), keys.end(),
              [](const auto& a, const auto& b) { return a.size() > b.size(); });
    for (const std::string& key : keys) {
      if (Status status = store->RemoveDirectory(key); !status.ok())
        spdlog::info("folder {} stays in the understore: {}", key, Message(status));
    }
    absl::MutexLock lock(&mutex_);
    StateTxn txn(journal_);
    for (const std::string& key : keys) {
      FreeKey(BusyName(mount, key));
      DropPendingDelete(txn, mount, key);
    }
    txn.Commit();
  }
  absl::MutexLock lock(&mutex_);
  sweeping_deletes_ = false;
  if (plan.any) deletes_pending_ = true;
  // Some may wait for a busy key: look again, soon if there was progress.
  next_sweep_ms_ = clock_->MonotonicMs() + (done > 0    ? 0
                                            : asked > 0 ? kStoreRetryMs
                                                        : kStoreRetryMs / 10);
}

// The object is looked for, or its delete tried, again later; what else is to be deleted does not
// wait for it.
void Master::WaitToDelete(MountId mount, const std::string& key, const DeleteOutcome& outcome) {
  if (delete_waits_.size() >= kDeleteWaitsMax) delete_waits_.clear();
  DeleteWait& wait = delete_waits_[{mount, key}];
  const int64_t delay_ms = StoreRetryDelayMs(wait.attempts);
  ++wait.attempts;
  wait.next_ms = clock_->MonotonicMs() + delay_ms;
  wait.cause = outcome.status;
  wait.foreign_etag = outcome.foreign_etag;
}

// A delete that comes late must not meet another object, also after a crash.
void Master::FenceLateDelete(StateTxn& txn, MountId mount, const std::string& key) {
  fences_[BusyName(mount, key)] = Fence{clock_->MonotonicMs() + unguarded_fence_ms(), InodeId(), 0};
  auto pending = txn.GetPendingDelete(mount, key);
  if (!pending || pending->is_directory()) return;
  pending->set_unknown_until_ms(SteadyMs() + options_.unknown_outcome_ms);
  PutPendingDelete(txn, *pending);
}

size_t Master::FinishDeletes(MountId mount, const std::vector<state::PendingDelete>& records,
                             const std::vector<DeleteOutcome>& outcomes) {
  absl::MutexLock lock(&mutex_);
  StateTxn txn(journal_);
  size_t done = 0;
  const bool conditional = UnderStoreOf(mount)->profile().Has(StoreFeature::kDeleteIfMatch);
  for (size_t i = 0; i < records.size(); ++i) {
    const std::string& key = records[i].key();
    const Status& outcome = outcomes[i].status;
    FreeKey(BusyName(mount, key));
    spdlog::debug("the delete of {} came to: {}", key, Message(outcome));
    const bool foreign = outcome.code() == StatusCode::kFailedPrecondition;
    const bool settled = outcome.ok() || outcome.code() == StatusCode::kNotFound || foreign;
    if (!settled) {
      if (!conditional && MayHaveHappened(outcome)) FenceLateDelete(txn, mount, key);
      WaitToDelete(mount, key, outcomes[i]);
      continue;
    }
    ++done;
    const auto now = txn.GetPendingDelete(mount, key);
    // Asked for anew meanwhile, perhaps for another object.
    if (!now || now->SerializeAsString() != records[i].SerializeAsString()) continue;
    // What was under way when a master of before died is not known to have ended.
    const bool from_before = now->requested_at_ms() < steady_start_ms_ && HasUnsure(*now);
    const int64_t from_before_ms = from_before ? steady_start_ms_ + options_.unknown_outcome_ms : 0;
    if (std::max(now->unknown_until_ms(), from_before_ms) > SteadyMs() &&
        !IsPlanted(PlantedBug::kTimeoutIsNo)) {
      WaitToDelete(mount, key, outcomes[i]);
      continue;
    }
    if (foreign) spdlog::warn("{} is left alone: somebody else has put another object there", key);
    DropPendingDelete(txn, mount, key);
  }
  txn.Commit();
  return done;
}

}  // namespace spillway
