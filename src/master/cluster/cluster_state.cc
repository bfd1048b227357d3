#include "master/cluster/cluster_state.h"

#include <algorithm>

#include "api/block_digest.h"

namespace spillway {

WorkerEntry& ClusterState::BeginSession(WorkerId id, const WorkerAddress& address, int64_t now_ms) {
  DropReplicasOf(id);
  WorkerEntry& worker = workers_[id];
  WorkerEntry before = std::exchange(worker, WorkerEntry());
  worker.former = std::move(before.former);
  worker.uploads_in_flight = before.uploads_in_flight;  // each is settled for itself
  worker.id = id;
  worker.epoch = Epoch(next_epoch_++);
  worker.address = address;
  worker.last_contact_ms = now_ms;
  return worker;
}

WorkerEntry* ClusterState::Find(WorkerId id) {
  const auto it = workers_.find(id);
  return it == workers_.end() ? nullptr : &it->second;
}

WorkerEntry* ClusterState::FindCurrent(WorkerId id, Epoch epoch) {
  WorkerEntry* worker = Find(id);
  return worker != nullptr && worker->epoch == epoch && !worker->lost ? worker : nullptr;
}

std::vector<const WorkerEntry*> ClusterState::Live() const {
  std::vector<const WorkerEntry*> live;
  for (const auto& [id, worker] : workers_) {
    if (worker.registered && !worker.lost) live.push_back(&worker);
  }
  return live;
}

void ClusterState::AddReplica(WorkerId worker, BlockId block, int64_t length_bytes, uint32_t crc32c,
                              bool crc_known, int tier, bool at_risk, bool unverified) {
  WorkerEntry* entry = Find(worker);
  if (entry == nullptr) return;
  Changed(block);
  entry->blocks.insert(block);
  entry->former.erase(block);
  BlockRecordSoft& record = blocks_[block];
  record.length_bytes = length_bytes;
  if (crc_known) {
    record.crc32c = crc32c;
    record.crc_known = true;
  }
  for (auto& holder : record.holders) {
    if (holder.worker == worker) {
      holder.tier = static_cast<uint8_t>(tier);
      holder.at_risk = at_risk;
      holder.unverified = unverified;
      return;
    }
  }
  record.holders.push_back({worker, static_cast<uint8_t>(tier), at_risk, unverified});
}

void ClusterState::RemoveReplica(WorkerId worker, BlockId block) {
  if (WorkerEntry* entry = Find(worker)) entry->blocks.erase(block);
  const auto it = blocks_.find(block);
  if (it == blocks_.end()) return;
  Changed(block);
  auto& holders = it->second.holders;
  holders.erase(std::remove_if(holders.begin(), holders.end(),
                               [&](const auto& holder) { return holder.worker == worker; }),
                holders.end());
}

std::vector<WorkerId> ClusterState::ForgetBlock(BlockId block) {
  std::vector<WorkerId> workers;
  const auto it = blocks_.find(block);
  if (it == blocks_.end()) return workers;
  Changed(block);
  for (const auto& holder : it->second.holders) {
    workers.push_back(holder.worker);
    if (WorkerEntry* entry = Find(holder.worker)) entry->blocks.erase(block);
  }
  blocks_.erase(it);
  return workers;
}

void ClusterState::DropReplicasOf(WorkerId worker) {
  WorkerEntry* entry = Find(worker);
  if (entry == nullptr) return;
  std::vector<BlockId> blocks(entry->blocks.begin(), entry->blocks.end());
  std::sort(blocks.begin(), blocks.end());
  for (const BlockId block : blocks) {
    for (const auto& holder : blocks_.at(block).holders) {
      if (holder.worker == worker && !holder.at_risk && !holder.unverified)
        entry->former[block] = holder.tier;
    }
    RemoveReplica(worker, block);
  }
}

std::vector<uint32_t> ClusterState::RestoreFormer(WorkerId worker,
                                                  const std::vector<uint64_t>& digests) {
  WorkerEntry* entry = Find(worker);
  BlockDigests ours;
  for (const auto& [block, tier] : entry->former) {
    const BlockRecordSoft* record = FindBlock(block);
    if (record == nullptr || !record->crc_known) {
      ours.Add(block, -1, 0, false);  // forgotten: never equal
    } else {
      ours.Add(block, record->length_bytes, record->crc32c, record->pinned);
    }
  }
  std::vector<uint32_t> differ;
  std::vector<bool> same(kDigestBuckets, false);
  for (size_t i = 0; i < kDigestBuckets; ++i) {
    same[i] = i < digests.size() && digests[i] == ours.buckets()[i];
    if (!same[i]) differ.push_back(static_cast<uint32_t>(i));
  }
  std::vector<std::pair<BlockId, uint8_t>> restored;
  for (const auto& [block, tier] : entry->former) {
    if (same[DigestBucket(block)]) restored.emplace_back(block, tier);
  }
  std::sort(restored.begin(), restored.end());
  for (const auto& [block, tier] : restored) {
    const BlockRecordSoft record = *FindBlock(block);
    AddReplica(worker, block, record.length_bytes, record.crc32c, record.crc_known, tier);
  }
  return differ;
}

void ClusterState::SetPinned(BlockId block, bool pinned) {
  if (const auto it = blocks_.find(block); it != blocks_.end()) it->second.pinned = pinned;
}

int ClusterState::SoundCopies(BlockId block) const {
  const BlockRecordSoft* record = FindBlock(block);
  if (record == nullptr) return 0;
  int copies = 0;
  for (const auto& holder : record->holders) {
    const auto it = workers_.find(holder.worker);
    if (it == workers_.end() || holder.at_risk) continue;
    const WorkerEntry& worker = it->second;
    if (!worker.lost && !worker.leaving && !worker.decommissioned) ++copies;
  }
  return copies;
}

bool ClusterState::HasSureHolder(BlockId block) const {
  const BlockRecordSoft* record = FindBlock(block);
  if (record == nullptr) return false;
  return std::any_of(record->holders.begin(), record->holders.end(), [&](const auto& holder) {
    const auto it = workers_.find(holder.worker);
    return it != workers_.end() && !it->second.lost && it->second.suspect_since_ms < 0;
  });
}

const BlockRecordSoft* ClusterState::FindBlock(BlockId block) const {
  const auto it = blocks_.find(block);
  return it == blocks_.end() ? nullptr : &it->second;
}

std::vector<BlockLocation> ClusterState::Locations(BlockId block) const {
  std::vector<BlockLocation> locations;
  const BlockRecordSoft* record = FindBlock(block);
  if (record == nullptr) return locations;
  for (const auto& holder : record->holders) {
    const auto it = workers_.find(holder.worker);
    if (it == workers_.end() || it->second.lost) continue;
    const WorkerEntry& worker = it->second;
    const std::string alias =
        holder.tier < worker.tiers.size() ? worker.tiers[holder.tier].alias : "MEM";
    locations.push_back({worker.id, worker.address, alias});
  }
  return locations;
}

}  // namespace spillway
