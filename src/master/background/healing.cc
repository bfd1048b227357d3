// Copies that were lost are made again, surplus ones removed. What is looked at is what an event
// touched: the blocks of a lost worker, of a file that was completed or persisted. An audit of all
// replicated files, a page at a time, finds what events missed and what a restart forgot.
#include <algorithm>
#include <set>

#include "common/log.h"
#include "common/planted_bug.h"
#include "master/master.h"
#include "master/state/replication.h"

namespace spillway {
namespace {

constexpr size_t kReadyMax = 256;
constexpr int kBlockedMax = 16;
constexpr size_t kAuditPage = 500;
constexpr int64_t kNoTargetRetryMs = 500;
constexpr int64_t kFirstHealRetryMs = 100;
constexpr int64_t kHealRetryMsMax = 5000;
constexpr int64_t kHealGraceMs = 30'000;
constexpr int64_t kHealBytesPerMs = 10'000;
constexpr int kAfterHealing = 1000;  // in the queue, as so many copies: nothing is missing
constexpr int kCopyAttemptsMax = 8;

}  // namespace

void Master::CheckCopies(StateTxn& txn, BlockId block) {
  const auto inode = txn.GetInode(FileIdOfBlock(block));
  if (!inode || inode->is_directory()) {
    loads_.Fail(block, LoadRequests::Deleted());
    return DropHeal(block);
  }
  CheckCopies(*inode, BlockIndex(block));
}

void Master::CheckCopiesOf(const state::Inode& inode) {
  const int64_t count = inode.completed() ? inode.blocks_size() : inode.next_block_index();
  for (int64_t i = 0; i < count; ++i) CheckCopies(inode, i);
}

void Master::CheckCopies(const state::Inode& inode, int64_t index) {
  const BlockId block = BlockIdOf(InodeId(inode.id()), index);
  FileCopy* copy = inode.completed() ? nullptr : FindCopyOf(block);
  // The last block of a file that is not complete is still being written.
  const bool settled = inode.completed() ? index < inode.blocks_size()
                                         : copy || index + 1 < inode.next_block_index();
  int wanted = settled ? WantedCopies(inode) : 0;
  const int sound = cluster_.SoundCopies(block);
  if (copy != nullptr) {
    wanted = std::max(1, wanted);
    if (sound < wanted) {
      copy->missing.insert(index);
      return heal_.Put(block, kAfterHealing, clock_->MonotonicMs());
    }
    copy->missing.erase(index);
    if (copy->missing.empty()) copies_to_settle_.insert(InodeId(inode.id()));
    if (const HealEntry* entry = heal_.Find(block); entry && !entry->target) heal_.Erase(block);
    return;
  }
  const int needed = wanted;
  const bool readable =
      !cluster_.Locations(block).empty() || inode.persistence_state() == state::PERSISTED;
  if (const auto asked = loads_.Copies(block)) {
    if (!settled || sound >= *asked) {
      loads_.Erase(block);
    } else if (!readable) {
      loads_.Fail(block, Unavailable("No worker that answers holds it, and it is not in the "
                                     "understore."));
    } else {
      wanted = std::max(wanted, *asked);
    }
  }
  if (sound < wanted) {
    const int rank = sound >= needed ? kAfterHealing : std::max(sound, 1);
    return heal_.Put(block, readable ? rank : 0, clock_->MonotonicMs());
  }
  if (const HealEntry* entry = heal_.Find(block); entry != nullptr && !entry->target) {
    if (metrics_ != nullptr) {
      metrics_
          ->Seconds("spillway_master_heal_seconds",
                    "From the loss of a copy to the number of copies wanted.")
          .Observe(static_cast<double>(clock_->MonotonicMs() - entry->since_ms) / 1000.0);
    }
    heal_.Erase(block);
  }
  const int most = settled ? CopiesMax(inode) : -1;
  if (most >= 0 && sound > most) TrimSurplus(block, most);
}

// Copies go from where their going costs least: hosts and racks that hold another, then the
// fullest. What remains are copies that have been verified, on workers whose sessions are not
// broken.
void Master::TrimSurplus(BlockId block, int most) {
  if (const HealEntry* entry = heal_.Find(block); entry != nullptr && entry->target) return;
  struct Candidate {
    const WorkerEntry* worker;
    bool firm;
  };
  std::vector<Candidate> holders;
  for (const auto& holder : cluster_.FindBlock(block)->holders) {
    const WorkerEntry* worker = cluster_.Find(holder.worker);
    const bool reachable =
        worker != nullptr && worker->stays() && worker->suspect_since_ms < 0 && !holder.at_risk;
    if (reachable) holders.push_back({worker, !holder.unverified});
  }
  const auto shared = [&](const WorkerEntry* worker) {
    int same = 0;
    for (const Candidate& other : holders) {
      if (other.worker == worker) continue;
      if (other.worker->address.host == worker->address.host) same += 4;
      if (other.worker->address.rack == worker->address.rack) same += 1;
      if (other.worker->address.zone == worker->address.zone) same += 1;
    }
    return same;
  };
  const auto rank = [&](const Candidate& candidate) {
    return std::make_tuple(!candidate.firm, shared(candidate.worker),
                           -candidate.worker->free_bytes(), candidate.worker->id);
  };
  while (static_cast<int>(holders.size()) > most) {
    const auto victim =
        std::max_element(holders.begin(), holders.end(),
                         [&](const Candidate& a, const Candidate& b) { return rank(a) < rank(b); });
    const auto firm = std::count_if(holders.begin(), holders.end(),
                                    [](const Candidate& holder) { return holder.firm; });
    if (firm - (victim->firm ? 1 : 0) < std::max(1, most)) return;
    const WorkerId id = victim->worker->id;
    holders.erase(victim);
    cluster_.RemoveReplica(id, block);
    SendRemove(id, {block});
  }
}

WorkerEntry* Master::ChooseHealTarget(BlockId block, int64_t length_bytes, const HealEntry& entry,
                                      bool* busy) {
  std::set<std::string> hosts;
  std::set<std::string> racks;
  std::set<std::string> zones;
  for (const BlockLocation& location : cluster_.Locations(block)) {
    hosts.insert(location.address.host);
    if (!location.address.rack.empty()) racks.insert(location.address.rack);
    if (!location.address.zone.empty()) zones.insert(location.address.zone);
  }
  WorkerEntry* best = nullptr;
  std::tuple<bool, bool, bool, int64_t, int, int64_t> best_cost;
  for (auto& [id, worker] : cluster_.workers()) {
    if (!worker.stays() || hosts.count(worker.address.host) > 0) continue;
    if (worker.free_bytes() - worker.heal_bytes < length_bytes) continue;
    const bool slot = worker.heal_bytes == 0 ||
                      worker.heal_bytes + length_bytes <= options_.heal_bytes_in_flight_max;
    if (!slot || worker.heals_in_flight >= options_.heals_per_worker_max) {
      *busy = true;
      continue;
    }
    const std::tuple cost{entry.attempts > 0 && id == entry.avoid,
                          zones.count(worker.address.zone) > 0,
                          racks.count(worker.address.rack) > 0,
                          worker.heal_bytes,
                          worker.heals_in_flight,
                          -worker.free_bytes()};
    if (best != nullptr && best_cost <= cost) continue;
    best = &worker;
    best_cost = cost;
  }
  return best;
}

void Master::Heal() {
  if (!safe_mode_over_ || IsPlanted(PlantedBug::kNoHealing)) return;
  const int64_t now_ms = clock_->MonotonicMs();
  for (const BlockId block : heal_.Overdue(now_ms)) {
    EndHeal(block, spillway::MakeStatus(StatusCode::kDeadlineExceeded, "Healing took too long."));
  }
  StateTxn txn(journal_);
  int blocked = 0;
  for (const BlockId block : heal_.Ready(now_ms, kReadyMax)) {
    if (!StartHeal(txn, block) && ++blocked > kBlockedMax) return;
  }
}

// What a worker has to know to make a copy of a block, which sources hold.
session::ReplicateBlock Master::ReplicateCommand(StateTxn& txn, const state::Inode& inode,
                                                 int64_t index,
                                                 const std::vector<WorkerEntry*>& sources) {
  session::ReplicateBlock command;
  auto* source = command.mutable_block();
  const BlockInfo info = MakeBlockInfo(inode, index);
  source->set_block_id(static_cast<uint64_t>(info.id.value()));
  source->set_length_bytes(info.length_bytes);
  if (const auto* record = cluster_.FindBlock(info.id)) {
    source->set_crc32c(record->crc32c);
    source->set_crc_known(record->crc_known);
  }
  if (inode.completed() && inode.blocks(static_cast<int>(index)).crc_known()) {
    source->set_crc32c(inode.blocks(static_cast<int>(index)).crc32c());
    source->set_crc_known(true);
  }
  for (const WorkerEntry* worker : sources) {
    auto* holder = source->add_holders();
    holder->set_host(worker->address.host);
    holder->set_data_port(worker->address.data_port);
  }
  const auto path = txn.PathOf(inode);
  if (inode.persistence_state() == state::PERSISTED && path) {
    const FileStatus status = MakeStatus(txn, inode, *path, false);
    command.set_mount_id(status.mount_id.value());
    command.set_uri(status.understore_path);
    command.set_offset_in_file(index * inode.block_size_bytes());
  }
  return command;
}

// False if no worker can take it now.
bool Master::StartHeal(StateTxn& txn, BlockId block) {
  CheckCopies(txn, block);
  const HealEntry* entry = heal_.Find(block);
  if (entry == nullptr || entry->target || entry->copies == 0) return true;
  const auto inode = txn.GetInode(FileIdOfBlock(block));
  const int64_t index = BlockIndex(block);
  // Where there is none, a block of a file that is made as a copy comes from the other file's.
  FileCopy* copy = cluster_.Locations(block).empty() ? FindCopyOf(block) : nullptr;
  const auto origin = copy ? txn.GetInode(copy->source) : inode;
  if (!origin) {
    copy->status = NotFound("The file was deleted while it was copied.");
    copies_to_settle_.insert(InodeId(inode->id()));
    heal_.Erase(block);
    return true;
  }
  const BlockInfo info = MakeBlockInfo(*origin, index);
  bool busy = false;
  WorkerEntry* target = ChooseHealTarget(block, info.length_bytes, *entry, &busy);
  if (target == nullptr) {
    if (loads_.IsOutOfPatience(block, clock_->MonotonicMs())) {
      loads_.Fail(block, Unavailable("No worker had room for it."));
      CheckCopies(txn, block);
      if (heal_.Find(block) == nullptr) return true;
    }
    // The end of a copy under way makes place for the next; room needs other events.
    if (!busy) heal_.Defer(block, clock_->MonotonicMs() + kNoTargetRetryMs);
    return false;
  }
  std::vector<WorkerEntry*> sources;
  for (const BlockLocation& location : info.locations) {
    sources.push_back(cluster_.Find(location.worker_id));
  }
  std::sort(sources.begin(), sources.end(), [](const WorkerEntry* a, const WorkerEntry* b) {
    return std::make_pair(a->heals_in_flight, a->id) < std::make_pair(b->heals_in_flight, b->id);
  });
  session::MasterMessage message;
  auto* command = message.mutable_replicate_block();
  *command = ReplicateCommand(txn, *origin, index, sources);
  command->set_pinned(WantedCopies(*inode) > 0);
  if (copy != nullptr) command->set_store_as(static_cast<uint64_t>(block.value()));
  // A copy under another id may come from the worker that makes it.
  const WorkerId from = sources.empty() ? target->id : sources.front()->id;
  if (from != target->id) ++sources.front()->heals_in_flight;
  ++target->heals_in_flight;
  target->heal_bytes += info.length_bytes;
  heal_.Begin(block, from, target->id, info.length_bytes,
              clock_->MonotonicMs() + kHealGraceMs + info.length_bytes / kHealBytesPerMs);
  sender_->Send(target->id, target->epoch, std::move(message));
  return true;
}

// The workers of a copy under way may make others.
void Master::ReleaseHeal(const HealEntry& entry) {
  if (!entry.target) return;
  if (WorkerEntry* target = cluster_.Find(*entry.target)) {
    target->heals_in_flight = std::max(0, target->heals_in_flight - 1);
    target->heal_bytes = std::max<int64_t>(0, target->heal_bytes - entry.bytes);
  }
  if (*entry.source == *entry.target) return;
  if (WorkerEntry* source = cluster_.Find(*entry.source))
    source->heals_in_flight = std::max(0, source->heals_in_flight - 1);
}

void Master::DropHeal(BlockId block) {
  const HealEntry* entry = heal_.Find(block);
  if (entry == nullptr) return;
  ReleaseHeal(*entry);
  heal_.Erase(block);
}

void Master::EndHeal(BlockId block, const Status& status) {
  HealEntry* entry = heal_.Find(block);
  if (entry == nullptr || !entry->target) return;
  const WorkerId target_id = *entry->target;
  ReleaseHeal(*entry);
  heal_.End(block);
  if (!status.ok()) {
    spdlog::warn("healing block {} on worker {} failed: {}", block.value(), target_id.value(),
                 Message(status));
    entry->avoid = target_id;
    ++entry->attempts;
    if (FileCopy* copy = FindCopyOf(block); copy && entry->attempts >= kCopyAttemptsMax) {
      copy->status = status;
      copies_to_settle_.insert(FileIdOfBlock(block));
    }
    const bool gone = status.code() == StatusCode::kNotFound;
    if (gone || entry->attempts >= LoadRequests::kAttemptsMax) loads_.Fail(block, status);
    const int64_t delay =
        std::min<int64_t>(kHealRetryMsMax, kFirstHealRetryMs << std::min(entry->attempts, 10));
    heal_.Defer(block, clock_->MonotonicMs() + delay);
  }
  StateTxn txn(journal_);
  CheckCopies(txn, block);
}

void Master::FailHealsWith(WorkerId worker) {
  for (const BlockId block : heal_.RunningWith(worker)) {
    EndHeal(block, Unavailable("Worker {} was lost or restarted.", worker.value()));
  }
}

void Master::ReplicateDone(const Session& session, const session::ReplicateResult& result) {
  {
    absl::MutexLock lock(&mutex_);
    if (cluster_.FindCurrent(session.worker, session.epoch) == nullptr) return;
    const BlockId block(static_cast<int64_t>(result.block_id()));
    const uint64_t held = result.copied_from() != 0 ? result.copied_from() : result.block_id();
    for (const auto& bad : result.bad_holders()) {
      for (const auto& [id, worker] : cluster_.workers()) {
        const bool same =
            worker.address.host == bad.host() && worker.address.data_port == bad.data_port();
        if (same && !worker.lost) SendVerify(id, BlockId(static_cast<int64_t>(held)));
      }
    }
    const HealEntry* entry = heal_.Find(block);
    if (entry == nullptr || entry->target != session.worker) return;
    EndHeal(block, Status(static_cast<StatusCode>(result.code()), result.message()));
    Heal();
    if (copies_to_settle_.empty()) return;
  }
  SettleCopies();
}

void Master::SendVerify(WorkerId worker, BlockId block) {
  const WorkerEntry* entry = cluster_.Find(worker);
  session::MasterMessage message;
  message.mutable_verify_blocks()->add_block_ids(static_cast<uint64_t>(block.value()));
  sender_->Send(worker, entry->epoch, std::move(message));
}

void Master::Audit() {
  if (!safe_mode_over_) return;
  const int64_t now_ms = clock_->MonotonicMs();
  if (!audit_after_) {
    if (now_ms < next_audit_ms_) return;
    next_audit_ms_ = now_ms + options_.audit_interval_ms;
    audit_after_ = InodeId();
  }
  StateTxn txn(journal_);
  const auto files = txn.ReplicatedFiles(*audit_after_, kAuditPage);
  for (const InodeId id : files) {
    if (const auto inode = txn.GetInode(id)) CheckCopiesOf(*inode);
  }
  if (files.size() < kAuditPage) {
    audit_after_.reset();
  } else {
    audit_after_ = files.back();
  }
}

}  // namespace spillway
