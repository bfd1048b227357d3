// Worker sessions: who is there, what they hold, what they are told.
#include <algorithm>

#include "common/log.h"
#include "master/master.h"

namespace spillway {
namespace {

constexpr size_t kBlocksPerMessage = 10'000;

WorkerAddress ToAddress(const session::WorkerAddress& proto) {
  return {proto.host(), proto.data_port(), proto.web_port(), proto.rack(), proto.zone()};
}

std::vector<TierUsage> ToTiers(
    const google::protobuf::RepeatedPtrField<session::TierUsage>& tiers) {
  std::vector<TierUsage> usage;
  for (const auto& tier : tiers)
    usage.push_back({tier.alias(), tier.capacity_bytes(), tier.used_bytes()});
  return usage;
}

BlockId ToBlockId(uint64_t raw) { return BlockId(static_cast<int64_t>(raw)); }

}  // namespace

void Master::RegisterWorker(const session::Register& request,
                            std::function<void(StatusOr<Session>)> done) {
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
    for (const auto& known : txn.KnownWorkers()) {
      if (known.host() == address.host && known.data_port() == address.data_port)
        id = WorkerId(known.worker_id());
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
    WorkerEntry& worker = cluster_.BeginSession(id, address, clock_->MonotonicMs());
    worker.tiers = ToTiers(request.tiers());
    worker.start_time_ms = request.start_time_ms();
    SettleUploads(id, &request.running_uploads());
    session = {id, worker.epoch, cluster.cluster_id()};
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
  for (const auto& block : held.blocks()) {
    const BlockId id = ToBlockId(block.block_id());
    const auto inode = txn.GetInode(FileIdOfBlock(id));
    const int64_t index = BlockIndex(id);
    bool wanted = inode && !inode->is_directory();
    if (wanted && inode->completed()) {
      wanted = index < inode->blocks_size();
      if (wanted) {
        const auto& record = inode->blocks(static_cast<int>(index));
        const bool corrupt =
            record.crc_known() && block.crc_known() && record.crc32c() != block.crc32c();
        wanted = !corrupt && MakeBlockInfo(*inode, index).length_bytes == block.length_bytes();
      }
    }
    if (!wanted) {
      unknown.push_back(id);
      continue;
    }
    cluster_.AddReplica(session.worker, id, block.length_bytes(), block.crc32c(), block.crc_known(),
                        static_cast<int>(block.tier()));
    const bool keep = inode->pinned() || inode->persistence_state() == state::TO_BE_PERSISTED ||
                      (!inode->completed() && block.pinned());
    if (!keep) clean.push_back(id);
  }
  SendRemove(session.worker, unknown);
  SendPin(session.worker, clean, false);
  if (!held.last()) return;
  worker->registered = true;
  awaited_workers_.erase(session.worker);
  if (awaited_workers_.empty()) safe_mode_over_ = true;
  spdlog::info("worker {} is live with {} blocks", session.worker.value(), worker->blocks.size());
  // Uploads that waited for a copy may go on.
  for (auto& [id, task] : tasks_) {
    if (!task->running && !task->parked && task->attempts > 0) Requeue(*task, clock_->NowMs());
  }
  DispatchPersist();
}

void Master::Heartbeat(const Session& session, const session::Heartbeat& heartbeat) {
  absl::MutexLock lock(&mutex_);
  WorkerEntry* worker = cluster_.FindCurrent(session.worker, session.epoch);
  if (worker == nullptr) return;
  worker->last_contact_ms = clock_->MonotonicMs();
  worker->tiers = ToTiers(heartbeat.tiers());
}

Status Master::CommitBlock(const Session& session, const session::BlockReport& block) {
  absl::MutexLock lock(&mutex_);
  WorkerEntry* worker = cluster_.FindCurrent(session.worker, session.epoch);
  if (worker == nullptr) return Unavailable("The worker's session is over.");
  worker->last_contact_ms = clock_->MonotonicMs();
  const BlockId id = ToBlockId(block.block_id());
  StateTxn txn(journal_);
  const auto inode = txn.GetInode(FileIdOfBlock(id));
  if (!inode || inode->is_directory()) return NotFound("Block {} belongs to no file.", id.value());
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
  } else if (const auto* other = cluster_.FindBlock(id);
             other != nullptr && !other->holders.empty()) {
    const bool same = other->length_bytes == block.length_bytes() &&
                      (!other->crc_known || !block.crc_known() || other->crc32c == block.crc32c());
    if (!same)
      return spillway::MakeStatus(StatusCode::kDataLoss, "The copies of block {} differ.",
                                  id.value());
  }
  cluster_.AddReplica(session.worker, id, block.length_bytes(), block.crc32c(), block.crc_known(),
                      static_cast<int>(block.tier()));
  // The file may have been persisted, or asked to be, since the block was begun.
  const bool keep = inode->pinned() || inode->persistence_state() == state::TO_BE_PERSISTED;
  if (inode->completed() && keep != block.pinned()) SendPin(session.worker, {id}, keep);
  return absl::OkStatus();
}

void Master::BlocksRemoved(const Session& session, const session::BlocksRemoved& removed) {
  absl::MutexLock lock(&mutex_);
  if (cluster_.FindCurrent(session.worker, session.epoch) == nullptr) return;
  for (const uint64_t raw : removed.block_ids())
    cluster_.RemoveReplica(session.worker, ToBlockId(raw));
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
  const auto blocks = cluster_.DropReplicasOf(worker.id);
  spdlog::warn("worker {} at {}:{} is lost, with {} blocks", worker.id.value(), worker.address.host,
               worker.address.data_port, blocks.size());
  SettleUploads(worker.id, nullptr);
}

void Master::SettleUploads(
    WorkerId worker, const google::protobuf::RepeatedPtrField<session::RunningUpload>* running) {
  std::map<uint64_t, int64_t> still;  // job -> parts that the worker works on
  if (running != nullptr) {
    for (const auto& upload : *running) ++still[upload.job_id()];
  }
  const auto unsettled = [&](uint64_t job_id, const PersistTask& task) {
    const auto told = std::count(task.workers.begin(), task.workers.end(), worker);
    const auto it = still.find(job_id);
    return told > 0 && (it == still.end() || it->second < told);
  };
  std::vector<uint64_t> failed;
  for (const auto& [job_id, inode] : running_) {
    if (unsettled(job_id, *tasks_.at(inode))) failed.push_back(job_id);
  }
  std::vector<uint64_t> ended;
  for (const auto& [job_id, task] : zombies_) {
    if (unsettled(job_id, *task)) ended.push_back(job_id);
  }
  std::sort(failed.begin(), failed.end());
  std::sort(ended.begin(), ended.end());
  for (const uint64_t job_id : failed) {
    if (PersistTask* task = FindRunning(job_id)) {
      TaskFailed(*task, Unavailable("The uploading worker was lost or restarted."));
    }
  }
  for (const uint64_t job_id : ended) EndZombie(job_id);
  if (running == nullptr) return;
  for (const auto& upload : *running) {
    // Begun for a master of before: its key stays busy until it has ended.
    const bool known = running_.contains(upload.job_id()) || zombies_.contains(upload.job_id());
    const MountId mount(upload.mount_id());
    if (known || upload.part_number() > 0 || upload.key().empty()) continue;
    auto zombie = std::make_unique<PersistTask>();
    zombie->job_id = upload.job_id();
    zombie->mount_id = mount;
    zombie->key = upload.key();
    zombie->workers.push_back(worker);
    if (WorkerEntry* entry = cluster_.Find(worker)) ++entry->uploads_in_flight;
    busy_keys_.insert(BusyName(mount, upload.key()));
    zombies_[upload.job_id()] = std::move(zombie);
  }
}

void Master::SendRemove(WorkerId worker, const std::vector<BlockId>& blocks) {
  const WorkerEntry* entry = cluster_.Find(worker);
  if (entry == nullptr || blocks.empty()) return;
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
  }
  sender_->Send(worker, entry->epoch, std::move(message));
}

void Master::UnpinBlocks(const state::Inode& inode) {
  StateTxn txn(journal_);
  const auto now = txn.GetInode(InodeId(inode.id()));
  if (!now || now->pinned() || now->persistence_state() != state::PERSISTED) return;
  for (int i = 0; i < now->blocks_size(); ++i) {
    const BlockId block = BlockIdOf(InodeId(inode.id()), i);
    for (const auto& location : cluster_.Locations(block))
      SendPin(location.worker_id, {block}, false);
  }
}

session::MasterMessage Master::MountTableMessage() {
  absl::MutexLock lock(&mutex_);
  session::MasterMessage message;
  for (const auto& [id, mount] : mounts_) {
    auto* info = message.mutable_mount_table()->add_mounts();
    info->set_mount_id(id.value());
    info->set_uri(mount.uri());
    *info->mutable_properties() = mount.properties();
  }
  if (mounts_.empty()) message.mutable_mount_table();
  return message;
}

StatusOr<std::vector<WorkerInfo>> Master::GetWorkers() {
  if (InSafeMode()) return Unavailable("The master is in safe mode: the workers are not back yet.");
  std::vector<WorkerInfo> all = GetWorkerReport();
  all.erase(std::remove_if(all.begin(), all.end(),
                           [](const WorkerInfo& info) { return info.state != WorkerState::kLive; }),
            all.end());
  return all;
}

std::vector<WorkerInfo> Master::GetWorkerReport() {
  absl::MutexLock lock(&mutex_);
  std::vector<WorkerInfo> infos;
  for (const auto& [id, worker] : cluster_.workers()) {
    if (!worker.registered && !worker.lost) continue;
    WorkerInfo info;
    info.id = id;
    info.address = worker.address;
    info.state = worker.lost ? WorkerState::kLost : WorkerState::kLive;
    info.tiers = worker.tiers;
    info.start_time_ms = worker.start_time_ms;
    info.last_contact_ms_ago = clock_->MonotonicMs() - worker.last_contact_ms;
    info.block_count = static_cast<int64_t>(worker.blocks.size());
    infos.push_back(std::move(info));
  }
  return infos;
}

}  // namespace spillway
