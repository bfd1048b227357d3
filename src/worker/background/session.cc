// The worker's side of its session with the master.
#include <algorithm>
#include <set>

#include "api/block_digest.h"
#include "common/checked.h"
#include "common/log.h"
#include "worker/worker.h"

namespace spillway {
namespace {

constexpr size_t kBlocksPerMessage = 10'000;
constexpr uint32_t kProtocolVersion = 1;

std::vector<BlockId> ToIds(const google::protobuf::RepeatedField<uint64_t>& raw) {
  std::vector<BlockId> ids;
  for (const uint64_t id : raw) ids.emplace_back(static_cast<int64_t>(id));
  return ids;
}

void FillReport(const StoredBlock& block, session::BlockReport* report) {
  report->set_block_id(static_cast<uint64_t>(block.id.value()));
  report->set_length_bytes(block.length_bytes);
  report->set_crc32c(block.crc32c);
  report->set_crc_known(true);
  report->set_tier(static_cast<uint32_t>(block.tier));
  report->set_pinned(block.pinned);
  report->set_at_risk(block.at_risk);
  report->set_unverified(block.unverified);
}

template <typename Message>
void FillTiers(BlockStore* store, Message* message) {
  for (const TierUsage& tier : store->Usage()) {
    auto* out = message->add_tiers();
    out->set_alias(tier.alias);
    out->set_capacity_bytes(tier.capacity_bytes);
    out->set_used_bytes(tier.used_bytes);
    out->set_pinned_bytes(tier.pinned_bytes);
  }
}

}  // namespace

void Worker::SessionUp(Sender sender, int64_t start_time_ms) {
  session::WorkerMessage message;
  auto* request = message.mutable_register_();
  request->set_version(kProtocolVersion);
  auto* address = request->mutable_address();
  address->set_host(options_.address.host);
  address->set_data_port(options_.address.data_port);
  address->set_web_port(options_.address.web_port);
  address->set_rack(options_.address.rack);
  address->set_zone(options_.address.zone);
  FillTiers(store_, request);
  request->set_start_time_ms(start_time_ms);
  request->set_cluster_id(store_->cluster_id());
  (void)store_->TakeEvicted();  // what goes from now on is told after the registration
  BlockDigests digests;
  for (const StoredBlock& block : store_->All()) {
    if (!block.at_risk && !block.unverified)
      digests.Add(block.id, block.length_bytes, block.crc32c, block.pinned);
  }
  for (const uint64_t digest : digests.buckets()) request->add_bucket_digests(digest);
  absl::MutexLock lock(&mutex_);
  sender_ = std::move(sender);
  ++session_number_;
  session_began_ms_ = clock_->MonotonicMs();
  lease_ms_ = 0;
  told_folders_.clear();
  heartbeats_.clear();
  for (const auto& [id, upload] : uploads_) *request->add_running_uploads() = upload;
  for (const auto& result : unsent_results_) {
    // Done, but not told: the result follows the registration.
    auto* upload = request->add_running_uploads();
    upload->set_job_id(result.job_id());
    upload->set_part_number(result.part_number());
  }
  Send(std::move(message));
}

void Worker::SessionDown() {
  {
    absl::MutexLock lock(&mutex_);
    sender_ = nullptr;
    registered_ = false;
  }
  small_files_.End();
  origins_.FailAll(
      Unavailable("The session with the master ended: it could not say where the "
                  "block comes from."));
}

void Worker::Stop() {
  SessionDown();
  std::map<uint64_t, PendingCommit> commits;
  std::vector<WaitingWrite> waiting;
  {
    absl::MutexLock lock(&mutex_);
    stopped_ = true;
    commits.swap(commits_);
    waiting.swap(waiting_);
  }
  for (WaitingWrite& write : waiting) write.attempt(/*last=*/true);
  for (auto& [id, commit] : commits) commit.done(Unavailable("The worker stops."));
}

bool Worker::registered() {
  absl::MutexLock lock(&mutex_);
  return registered_;
}

void Worker::Send(session::WorkerMessage message) {
  if (sender_) sender_(std::move(message));
}

bool Worker::SendIn(uint64_t session_number, session::WorkerMessage message) {
  absl::MutexLock lock(&mutex_);
  if (!registered_ || session_number_ != session_number) return false;
  Send(std::move(message));
  return true;
}

void Worker::SendHeld(const std::vector<StoredBlock>& blocks) {
  size_t at = 0;
  do {
    session::WorkerMessage message;
    auto* held = message.mutable_blocks_held();
    for (; at < blocks.size() && held->blocks_size() < static_cast<int>(kBlocksPerMessage); ++at) {
      FillReport(blocks[at], held->add_blocks());
    }
    held->set_last(at == blocks.size());
    Send(std::move(message));
  } while (at < blocks.size());
}

// A commit that waited for a session while its block was removed must not be told any more.
void Worker::FailStaleCommits() {
  std::vector<Done> stale;
  {
    absl::MutexLock lock(&mutex_);
    for (auto it = commits_.begin(); it != commits_.end();) {
      const BlockId id(static_cast<int64_t>(it->second.message.block().block_id()));
      if (store_->Has(id)) {
        ++it;
        continue;
      }
      stale.push_back(std::move(it->second.done));
      it = commits_.erase(it);
    }
  }
  for (const Done& done : stale) done(Unavailable("The block was removed before its commit."));
}

// The master knows this worker: what it holds and what waited for a session follows.
void Worker::Registered(const session::Registered& registered) {
  if (Status status = store_->SetClusterId(registered.cluster_id()); !status.ok()) {
    spdlog::error("cannot remember the cluster: {}", Message(status));
  }
  // What was verified since the digests were made is in none of them.
  std::set<BlockId> changed;
  for (const StoredBlock& block : store_->TakeRiskChanges()) changed.insert(block.id);
  auto blocks = store_->All();
  if (registered.by_buckets()) {
    // The rest is as the master remembers it.
    const std::set<uint32_t> wanted(registered.wanted_buckets().begin(),
                                    registered.wanted_buckets().end());
    blocks.erase(std::remove_if(
                     blocks.begin(), blocks.end(),
                     [&](const StoredBlock& block) {
                       return !block.at_risk && !block.unverified && !changed.contains(block.id) &&
                              wanted.count(static_cast<uint32_t>(DigestBucket(block.id))) == 0;
                     }),
                 blocks.end());
  }
  FailStaleCommits();
  absl::MutexLock lock(&mutex_);
  lease_ms_ = std::clamp(registered.lease_ms(), -kWaitMsMax, kWaitMsMax);
  lease_until_ms_ = session_began_ms_ + lease_ms_;
  SendHeld(blocks);
  registered_ = true;
  const bool reserve = small_files_.Begin(session_number_, WorkerId(registered.worker_id()),
                                          Epoch(registered.epoch()));
  if (reserve) {
    session::WorkerMessage message;
    message.mutable_reserve_ids();
    Send(std::move(message));
  }
  TellRemoved();
  TellFolders();
  for (auto& result : unsent_results_) {
    session::WorkerMessage late;
    *late.mutable_persist_result() = std::move(result);
    Send(std::move(late));
  }
  unsent_results_.clear();
  for (const auto& [id, commit] : commits_) {
    session::WorkerMessage again;
    *again.mutable_commit_block() = commit.message;
    Send(std::move(again));
  }
}

void Worker::OnMessage(const session::MasterMessage& message) {
  using Case = session::MasterMessage::MessageCase;
  switch (message.message_case()) {
    case Case::kRegistered:
      return Registered(message.registered());
    case Case::kCommitAck: {
      Done done;
      {
        absl::MutexLock lock(&mutex_);
        const auto it = commits_.find(message.commit_ack().request_id());
        if (it == commits_.end()) return;
        done = std::move(it->second.done);
        commits_.erase(it);
      }
      const auto& ack = message.commit_ack();
      return done(Status(static_cast<StatusCode>(ack.code()), ack.message()));
    }
    case Case::kMountTable: {
      absl::MutexLock lock(&mutex_);
      std::map<MountId, OpenMount> mounts;
      for (const auto& info : message.mount_table().mounts()) {
        OpenMount mount{info.uri(), {info.properties().begin(), info.properties().end()}, nullptr};
        const auto old = mounts_.find(MountId(info.mount_id()));
        const bool same = old != mounts_.end() && old->second.uri == mount.uri &&
                          old->second.properties == mount.properties;
        if (same) mount.store = old->second.store;
        mounts[MountId(info.mount_id())] = std::move(mount);
      }
      mounts_.swap(mounts);
      return;
    }
    case Case::kPersist:
      return Persist(message.persist());
    case Case::kCancelPersist: {
      absl::MutexLock lock(&mutex_);
      cancelled_.insert(message.cancel_persist().job_id());
      return;
    }
    case Case::kRemoveBlocks:
      return RemoveBlocks(message.remove_blocks());
    case Case::kPinBlocks:
      return store_->SetPinned(ToIds(message.pin_blocks().block_ids()),
                               message.pin_blocks().pinned());
    case Case::kReplicateBlock:
      return Replicate(message.replicate_block());
    case Case::kHeartbeatAck: {
      absl::MutexLock lock(&mutex_);
      const auto it = heartbeats_.find(message.heartbeat_ack().sequence());
      if (it == heartbeats_.end()) return;
      lease_until_ms_ = std::max(lease_until_ms_, it->second + lease_ms_);
      heartbeats_.erase(heartbeats_.begin(), std::next(it));
      safe_to_leave_ = message.heartbeat_ack().safe_to_leave();
      return;
    }
    case Case::kReservedIds:
      return small_files_.OnReserved(message.reserved_ids());
    case Case::kPutFilesAck:
      return small_files_.OnAck(message.put_files_ack());
    case Case::kBlockOrigin:
      return origins_.OnAnswer(message.block_origin());
    case Case::kChangeLostFile:
      return ChangeLostFile(message.change_lost_file());
    case Case::kVerifyBlocks:
      return VerifyBlocks(ToIds(message.verify_blocks().block_ids()));
    case Case::MESSAGE_NOT_SET:
      return;
  }
}

// Answered, so that the master knows which reports of them were sent before.
void Worker::RemoveBlocks(const session::RemoveBlocks& command) {
  session::WorkerMessage message;
  for (const BlockId id : ToIds(command.block_ids())) {
    if (Status status = store_->Remove(id); !status.ok())
      spdlog::warn("removing block: {}", Message(status));
    message.mutable_blocks_removed()->add_block_ids(static_cast<uint64_t>(id.value()));
  }
  absl::MutexLock lock(&mutex_);
  Send(std::move(message));
}

void Worker::CommitToMaster(const StoredBlock& block, Done done) {
  absl::ReleasableMutexLock lock(&mutex_);
  if (stopped_) {
    lock.Release();
    return done(Unavailable("The worker stops."));
  }
  const uint64_t request_id = next_request_++;
  PendingCommit commit;
  commit.message.set_request_id(request_id);
  FillReport(block, commit.message.mutable_block());
  commit.done = std::move(done);
  session::WorkerMessage message;
  *message.mutable_commit_block() = commit.message;
  commits_[request_id] = std::move(commit);
  // Without a session it is sent when the worker has registered again.
  if (registered_) Send(std::move(message));
}

void Worker::TellRemoved() {
  if (!registered_) return;
  const auto evicted = store_->TakeEvicted();
  if (metrics_ != nullptr && !evicted.empty()) {
    metrics_
        ->Counter("spillway_worker_blocks_evicted_total",
                  "Blocks that gave way to others, or did not match their checksum.")
        .Increment(static_cast<double>(evicted.size()));
  }
  for (size_t at = 0; at < evicted.size();) {
    session::WorkerMessage message;
    auto* removed = message.mutable_blocks_removed();
    for (size_t n = 0; n < kBlocksPerMessage && at < evicted.size(); ++n)
      removed->add_block_ids(static_cast<uint64_t>(evicted[at++].value()));
    Send(std::move(message));
  }
}

void Worker::Tick() {
  store_->EvictToWatermark();
  const auto writing = store_->Writing();
  {
    absl::MutexLock lock(&mutex_);
    TellRemoved();
    // Taken under this lock, so that nothing is reported behind the news that it is gone.
    const auto risk_changes = registered_ ? store_->TakeRiskChanges() : std::vector<StoredBlock>();
    for (size_t at = 0; at < risk_changes.size();) {
      session::WorkerMessage message;
      auto* held = message.mutable_blocks_held();
      for (size_t n = 0; n < kBlocksPerMessage && at < risk_changes.size(); ++n)
        FillReport(risk_changes[at++], held->add_blocks());
      Send(std::move(message));
    }
    TellFolders();
    if (registered_) {
      session::WorkerMessage message;
      auto* heartbeat = message.mutable_heartbeat();
      FillTiers(store_, heartbeat);
      heartbeat->set_sequence(++heartbeat_sequence_);
      heartbeat->set_leaving(leaving_);
      for (const BlockId id : writing)
        heartbeat->add_writing_block_ids(static_cast<uint64_t>(id.value()));
      heartbeats_[heartbeat_sequence_] = clock_->MonotonicMs();
      Send(std::move(message));
    }
  }
  small_files_.Tick();
  origins_.Expire(clock_->MonotonicMs());
  RetryWaiting();
  Scrub();
}

}  // namespace spillway
