// Worker sessions: who is there, what they hold, what they are told.
#include <algorithm>

#include "common/checked.h"
#include "common/log.h"
#include "common/names.h"
#include "master/cluster/reports.h"
#include "master/master.h"

namespace spillway {
namespace {

constexpr size_t kBlocksPerMessage = 10'000;

WorkerAddress ToAddress(const session::WorkerAddress& proto) {
  return {proto.host(), proto.data_port(), proto.web_port(), proto.rack(), proto.zone()};
}

Status CheckRegisterNames(const session::Register& request) {
  const auto& address = request.address();
  for (const std::string* name : {&address.host(), &address.rack(), &address.zone()})
    SPILLWAY_RETURN_IF_ERROR(CheckText("The worker's address", *name, kPrincipalBytesMax));
  for (const auto& tier : request.tiers())
    SPILLWAY_RETURN_IF_ERROR(CheckText("The alias of a tier", tier.alias(), kPrincipalBytesMax));
  return absl::OkStatus();
}

BlockId ToBlockId(uint64_t raw) { return BlockId(static_cast<int64_t>(raw)); }

}  // namespace

void Master::RegisterWorker(const session::Register& request,
                            std::function<void(StatusOr<Session>)> done) {
  if (Status status = CheckRegisterNames(request); !status.ok()) return done(status);
  const auto tiers = ToTiers(request.tiers());
  if (!tiers.ok())
    return done(Annotate(tiers.status(), "The worker registers with what cannot be"));
  Session session;
  LogIndex index;
  {
    absl::MutexLock lock(&mutex_);
    StateTxn txn(journal_);
    const auto cluster = txn.Cluster();
    if (!request.cluster_id().empty() && request.cluster_id() != cluster.cluster_id()) {
      done(spillway::MakeStatus(
          StatusCode::kFailedPrecondition,
          "The worker's storage belongs to cluster {}, this master is of cluster {}: give the "
          "worker an "
          "empty alluxio.worker.tieredstore.level0.dirs.path or the right master.",
          request.cluster_id(), cluster.cluster_id()));
      return;
    }
    const WorkerAddress address = ToAddress(request.address());
    WorkerId id;
    bool decommissioned = false;
    for (const auto& known : txn.KnownWorkers()) {
      if (known.host() != address.host || known.data_port() != address.data_port) continue;
      id = WorkerId(known.worker_id());
      decommissioned = known.decommissioned();
    }
    if (id == WorkerId()) {
      id = WorkerId(cluster.next_worker_id());
      txn.Apply(MakeEntry([&](auto& entry) {
        auto* worker = entry.mutable_worker_known()->mutable_worker();
        worker->set_worker_id(id.value());
        worker->set_host(address.host);
        worker->set_data_port(address.data_port);
      }));
    }
    FailHealsWith(id);
    WorkerEntry& worker = cluster_.BeginSession(id, address, clock_->MonotonicMs());
    worker.decommissioned = decommissioned;
    worker.tiers = *tiers;
    worker.start_time_ms = request.start_time_ms();
    SettleUploads(id, &request.running_uploads());
    session = {id, worker.epoch, cluster.cluster_id(), false, {}};
    if (!worker.former.empty() && request.bucket_digests_size() > 0) {
      session.by_buckets = true;
      session.wanted_buckets = cluster_.RestoreFormer(
          id, {request.bucket_digests().begin(), request.bucket_digests().end()});
    }
    index = txn.Commit();
  }
  spdlog::info("worker {} at {}:{} registers", session.worker.value(), request.address().host(),
               request.address().data_port());
  journal_->WhenDurable(index, [session, done] { done(session); });
}

void Master::BlocksHeld(const Session& session, const session::BlocksHeld& held) {
  absl::MutexLock lock(&mutex_);
  WorkerEntry* worker = cluster_.FindCurrent(session.worker, session.epoch);
  if (worker == nullptr) return;
  StateTxn txn(journal_);
  std::vector<BlockId> unknown;
  std::vector<BlockId> clean;
  std::vector<BlockId> dirty;
  Status absurd;
  for (const auto& block : held.blocks()) {
    const BlockId id = ToBlockId(block.block_id());
    if (worker->removing.contains(id)) continue;
    if (const Status status = CheckReport(block); !status.ok()) {
      absurd = status;  // nothing is removed for that: there may be a good copy
      continue;
    }
    const auto inode = txn.GetInode(FileIdOfBlock(id));
    const int64_t index = BlockIndex(id);
    bool wanted = inode && !inode->is_directory();
    if (wanted && !inode->completed()) {
      wanted = MakeWay(*inode, session.worker, block).ok();
    } else if (wanted) {
      wanted = index < inode->blocks_size();
      if (wanted) {
        const auto& record = inode->blocks(static_cast<int>(index));
        const bool corrupt =
            record.crc_known() && block.crc_known() && record.crc32c() != block.crc32c();
        wanted = !corrupt && MakeBlockInfo(*inode, index).length_bytes == block.length_bytes();
      }
    }
    if (!wanted) {
      // A file whose record is damaged may still want it.
      if (inode || !txn.Exists(FileIdOfBlock(id))) unknown.push_back(id);
      continue;
    }
    cluster_.AddReplica(session.worker, id, block.length_bytes(), block.crc32c(), block.crc_known(),
                        static_cast<int>(block.tier()), block.at_risk(), block.unverified());
    const bool keep = inode->pinned() || inode->persistence_state() == state::TO_BE_PERSISTED ||
                      (!inode->completed() && block.pinned());
    cluster_.SetPinned(id, keep);
    if (keep != block.pinned()) (keep ? dirty : clean).push_back(id);
    if (safe_mode_over_ && worker->registered) CheckCopies(*inode, index);
  }
  if (!absurd.ok())
    spdlog::warn("worker {} reports what cannot be: {}", worker->id.value(), Message(absurd));
  if (worker->registered) worker->refused.insert(unknown.begin(), unknown.end());
  SendRemove(session.worker, unknown);
  SendPin(session.worker, clean, false);
  SendPin(session.worker, dirty, true);
  if (!held.last()) return;
  FinishRegistration(txn, *worker);
}

// Everything that the worker holds is known.
void Master::FinishRegistration(StateTxn& txn, WorkerEntry& worker) {
  if (worker.registered) return DispatchPersist();  // a later report of single blocks
  worker.registered = true;
  awaited_workers_.erase(worker.id);
  if (awaited_workers_.empty()) safe_mode_over_ = true;
  spdlog::info("worker {} is live with {} blocks", worker.id.value(), worker.blocks.size());
  if (safe_mode_over_) {
    // What it has lost since it was here, and what others copied meanwhile.
    std::vector<BlockId> changed;
    for (const auto& [block, tier] : worker.former) changed.push_back(block);
    for (const BlockId block : worker.blocks) {
      const auto* record = cluster_.FindBlock(block);
      const bool queued = heal_.Find(block) != nullptr;
      if (queued || (record->pinned && record->holders.size() > 1)) changed.push_back(block);
    }
    std::sort(changed.begin(), changed.end());
    for (const BlockId block : changed) CheckCopies(txn, block);
    Heal();
  }
  worker.former.clear();
  // Uploads that waited for a copy may go on.
  for (auto& [id, task] : tasks_) {
    const bool waits = task->queued && !task->running && !task->parked && task->attempts > 0;
    if (waits) Requeue(*task, std::min(task->due_at_ms, SteadyMs()));
  }
  DispatchPersist();
}

void Master::Heartbeat(const Session& session, const session::Heartbeat& heartbeat) {
  absl::MutexLock lock(&mutex_);
  WorkerEntry* worker = cluster_.FindCurrent(session.worker, session.epoch);
  if (worker == nullptr) return;
  worker->last_contact_ms = clock_->MonotonicMs();
  if (auto tiers = ToTiers(heartbeat.tiers()); tiers.ok()) {
    worker->tiers = *std::move(tiers);
  } else {
    spdlog::warn("worker {}: {}", session.worker.value(), Message(tiers.status()));
  }
  for (const uint64_t raw : heartbeat.writing_block_ids()) {
    const BlockId block = ToBlockId(raw);
    writing_seen_ms_[FileIdOfBlock(block)] = worker->last_contact_ms;
  }
  if (heartbeat.leaving() && !worker->leaving) {
    spdlog::info("worker {} leaves", session.worker.value());
    worker->leaving = true;
    MoveAway(*worker);
  }
  session::MasterMessage message;
  message.mutable_heartbeat_ack()->set_sequence(heartbeat.sequence());
  message.mutable_heartbeat_ack()->set_safe_to_leave(heartbeat.leaving() &&
                                                     BlocksAtStake(*worker) == 0);
  sender_->Send(session.worker, session.epoch, std::move(message));
}

// Whether this copy of an incomplete file's block may stand beside the others. Those that broke off
// before it did are no copies: they go.
Status Master::MakeWay(const state::Inode& inode, WorkerId from,
                       const session::BlockReport& block) {
  const BlockId id = ToBlockId(block.block_id());
  if (block.length_bytes() > inode.block_size_bytes()) {
    return InvalidArgument("Block {} has {} bytes; those of its file have at most {}.", id.value(),
                           block.length_bytes(), inode.block_size_bytes());
  }
  const BlockRecordSoft* known = cluster_.FindBlock(id);
  switch (Compare(known, from, block)) {
    case CopyStanding::kAlone:
    case CopyStanding::kSame:
      return absl::OkStatus();
    case CopyStanding::kStump:
      return spillway::MakeStatus(StatusCode::kDataLoss,
                                  "Block {} broke off here: it has {} bytes, elsewhere {}.",
                                  id.value(), block.length_bytes(), known->length_bytes);
    case CopyStanding::kDiffers:
      return spillway::MakeStatus(StatusCode::kDataLoss, "The copies of block {} differ.",
                                  id.value());
    case CopyStanding::kLonger:
      break;
  }
  DropCopies(id, from);
  return absl::OkStatus();
}

void Master::DropCopies(BlockId block, std::optional<WorkerId> spared) {
  for (const WorkerId holder : cluster_.ForgetBlock(block)) {
    spdlog::warn("the copy of block {} on worker {} is a stump and goes", block.value(),
                 holder.value());
    if (holder != spared) SendRemove(holder, {block});
  }
}

Status Master::CommitBlock(const Session& session, const session::BlockReport& block) {
  absl::MutexLock lock(&mutex_);
  WorkerEntry* worker = cluster_.FindCurrent(session.worker, session.epoch);
  if (worker == nullptr) return Unavailable("The worker's session is over.");
  worker->last_contact_ms = clock_->MonotonicMs();
  const BlockId id = ToBlockId(block.block_id());
  SPILLWAY_RETURN_IF_ERROR(CheckReport(block));
  if (worker->removing.contains(id))
    return Unavailable("Block {} is being removed from this worker.", id.value());
  StateTxn txn(journal_);
  const auto inode = txn.GetInode(FileIdOfBlock(id));
  if (!inode && txn.Exists(FileIdOfBlock(id)))
    return spillway::MakeStatus(StatusCode::kDataLoss, "The record of block {}'s file is damaged.",
                                id.value());
  if (!inode || inode->is_directory()) {
    worker->refused.insert(id);
    return NotFound("Block {} belongs to no file.", id.value());
  }
  const int64_t index = BlockIndex(id);
  if (inode->completed()) {
    const bool fits = index < inode->blocks_size() &&
                      MakeBlockInfo(*inode, index).length_bytes == block.length_bytes();
    if (!fits)
      return InvalidArgument("Block {} has {} bytes, not what its file says.", id.value(),
                             block.length_bytes());
    const auto& record = inode->blocks(static_cast<int>(index));
    if (record.crc_known() && block.crc_known() && record.crc32c() != block.crc32c()) {
      return spillway::MakeStatus(StatusCode::kDataLoss, "Block {} does not match its checksum.",
                                  id.value());
    }
  } else if (index >= inode->next_block_index()) {
    return InvalidArgument("Block {} was never handed out.", id.value());
  } else {
    SPILLWAY_RETURN_IF_ERROR(MakeWay(*inode, session.worker, block));
  }
  cluster_.AddReplica(session.worker, id, block.length_bytes(), block.crc32c(), block.crc_known(),
                      static_cast<int>(block.tier()));
  writing_seen_ms_[FileIdOfBlock(id)] = worker->last_contact_ms;
  if (block.pinned() && !worker->tiers.empty()) {
    // Until the next heartbeat says.
    int64_t& pinned = worker->tiers.front().pinned_bytes;
    pinned = std::min(kBytesMax, SaturatingAdd(pinned, block.length_bytes()));
  }
  // The file may have been persisted, or asked to be, since the block was begun.
  const bool keep = inode->pinned() || inode->persistence_state() == state::TO_BE_PERSISTED;
  cluster_.SetPinned(id, inode->completed() ? keep : block.pinned());
  if (inode->completed() && keep != block.pinned()) SendPin(session.worker, {id}, keep);
  if (inode->completed()) CheckCopies(*inode, index);
  return absl::OkStatus();
}

void Master::BlocksRemoved(const Session& session, const session::BlocksRemoved& removed) {
  absl::MutexLock lock(&mutex_);
  WorkerEntry* worker = cluster_.FindCurrent(session.worker, session.epoch);
  if (worker == nullptr) return;
  StateTxn txn(journal_);
  for (const uint64_t raw : removed.block_ids()) {
    const bool told = worker->removing.erase(ToBlockId(raw)) > 0;
    if (!told && cluster_.FindBlock(ToBlockId(raw)) == nullptr)
      worker->refused.insert(ToBlockId(raw));
    cluster_.RemoveReplica(session.worker, ToBlockId(raw));
    if (safe_mode_over_) CheckCopies(txn, ToBlockId(raw));
  }
  Heal();
}

void Master::SessionClosed(const Session& session) {
  absl::MutexLock lock(&mutex_);
  WorkerEntry* worker = cluster_.FindCurrent(session.worker, session.epoch);
  if (worker == nullptr) return;
  spdlog::warn("the session of worker {} is broken", session.worker.value());
  worker->suspect_since_ms = clock_->MonotonicMs();
}

void Master::CheckWorkers() {
  absl::MutexLock lock(&mutex_);
  const int64_t now = clock_->MonotonicMs();
  std::vector<WorkerId> forgotten;
  for (auto& [id, worker] : cluster_.workers()) {
    const int64_t silent_ms = now - worker.last_contact_ms;
    if (worker.lost) {
      if (silent_ms >= options_.lost_worker_deletion_ms) forgotten.push_back(id);
      continue;
    }
    const bool broken =
        worker.suspect_since_ms >= 0 && now - worker.suspect_since_ms >= options_.worker_suspect_ms;
    if (broken || silent_ms >= options_.worker_timeout_ms) WorkerLost(worker);
  }
  if (forgotten.empty()) return;
  StateTxn txn(journal_);
  for (const WorkerId id : forgotten) {
    spdlog::info("worker {} was lost long ago and is forgotten", id.value());
    cluster_.workers().erase(id);
    txn.Apply(MakeEntry(
        [&](auto& entry) { entry.mutable_worker_forgotten()->set_worker_id(id.value()); }));
  }
  txn.Commit();
}

void Master::WorkerLost(WorkerEntry& worker) {
  worker.lost = true;
  sender_->Close(worker.id, worker.epoch);
  cluster_.DropReplicasOf(worker.id);
  spdlog::warn("worker {} at {}:{} is lost, with {} blocks", worker.id.value(), worker.address.host,
               worker.address.data_port, worker.former.size());
  FenceUploadsOf(worker.id);
  SettleUploads(worker.id, nullptr);
  FailHealsWith(worker.id);
  std::vector<BlockId> dirty;
  for (const auto& [block, tier] : worker.former) {
    const auto* record = cluster_.FindBlock(block);
    if (record != nullptr && record->pinned) dirty.push_back(block);
  }
  std::sort(dirty.begin(), dirty.end());
  StateTxn txn(journal_);
  if (safe_mode_over_) {
    for (const BlockId block : dirty) CheckCopies(txn, block);
  }
}

void Master::SendRemove(WorkerId worker, const std::vector<BlockId>& blocks) {
  WorkerEntry* entry = cluster_.Find(worker);
  if (entry == nullptr || entry->lost || blocks.empty()) return;
  entry->removing.insert(blocks.begin(), blocks.end());
  for (size_t at = 0; at < blocks.size(); at += kBlocksPerMessage) {
    session::MasterMessage message;
    for (size_t i = at; i < std::min(blocks.size(), at + kBlocksPerMessage); ++i) {
      message.mutable_remove_blocks()->add_block_ids(static_cast<uint64_t>(blocks[i].value()));
    }
    sender_->Send(worker, entry->epoch, std::move(message));
  }
}

void Master::SendPin(WorkerId worker, const std::vector<BlockId>& blocks, bool pinned) {
  const WorkerEntry* entry = cluster_.Find(worker);
  if (entry == nullptr || blocks.empty()) return;
  session::MasterMessage message;
  message.mutable_pin_blocks()->set_pinned(pinned);
  for (const BlockId block : blocks) {
    message.mutable_pin_blocks()->add_block_ids(static_cast<uint64_t>(block.value()));
    cluster_.SetPinned(block, pinned);
  }
  sender_->Send(worker, entry->epoch, std::move(message));
}

void Master::UnpinBlocks(const state::Inode& inode) {
  StateTxn txn(journal_);
  const auto now = txn.GetInode(InodeId(inode.id()));
  if (!now || now->pinned() || now->persistence_state() != state::PERSISTED) return;
  for (int i = 0; i < now->blocks_size(); ++i) {
    const BlockId block = BlockIdOf(InodeId(inode.id()), i);
    cluster_.SetPinned(block, false);
    DropHeal(block);
    for (const auto& location : cluster_.Locations(block))
      SendPin(location.worker_id, {block}, false);
  }
}

}  // namespace spillway
