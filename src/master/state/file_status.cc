// FileStatus of an inode: journaled attributes, soft locations.
#include <algorithm>

#include "master/master.h"
#include "master/state/acl.h"

namespace spillway {

// Of a whole that is not 0. Exact up to 92 PB.
static int64_t PercentOf(int64_t part, int64_t whole) {
  return part <= INT64_MAX / 100 ? part * 100 / whole : part / (whole / 100);
}

BlockInfo Master::MakeBlockInfo(const state::Inode& inode, int64_t index) {
  BlockInfo info;
  info.id = BlockIdOf(InodeId(inode.id()), index);
  if (inode.completed()) {
    const int64_t begin = index * inode.block_size_bytes();
    info.length_bytes =
        std::clamp<int64_t>(inode.length_bytes() - begin, 0, inode.block_size_bytes());
  } else if (const auto* block = cluster_.FindBlock(info.id)) {
    info.length_bytes = block->length_bytes;
  }
  info.locations = cluster_.Locations(info.id);
  return info;
}

FileStatus Master::MakeStatus(StateTxn& txn, const state::Inode& inode, const std::string& path,
                              bool blocks) {
  FileStatus status;
  status.id = InodeId(inode.id());
  status.name = inode.name();
  status.path = path;
  status.creation_time_ms = inode.creation_time_ms();
  status.last_modification_time_ms = inode.last_modification_time_ms();
  status.last_access_time_ms = inode.last_access_time_ms();
  status.owner = inode.owner();
  status.group = inode.group();
  status.mode = static_cast<int>(inode.mode());
  status.pinned = inode.pinned();
  status.ttl_ms = inode.ttl_ms();
  status.ttl_action = static_cast<TtlAction>(inode.ttl_action());
  status.persistence_state = static_cast<PersistenceState>(inode.persistence_state());
  status.is_directory = inode.is_directory();
  status.mount_point = inode.mount_point();
  status.xattr.insert(inode.xattr().begin(), inode.xattr().end());
  status.acl = AclOf(inode);
  status.default_acl = DefaultAclOf(inode);
  status.mount_id = kRootMountId;
  if (const auto resolved = Resolve(path); resolved.ok()) {
    status.mount_id = resolved->mount_id;
    ResolvedKey at = *resolved;
    // Renamed but not yet moved in the understore: the bytes stand where they were published.
    if (inode.has_object() && !inode.object().key().empty()) at.key = inode.object().key();
    status.understore_path = at.full();
  }
  if (inode.is_directory()) {
    status.completed = true;
    status.length_bytes = inode.child_count();
    return status;
  }
  status.completed = inode.completed();
  status.cacheable = inode.cacheable();
  status.length_bytes = inode.length_bytes();
  status.block_size_bytes = inode.block_size_bytes();
  status.replication_min = inode.replication_min();
  status.replication_max = inode.replication_max();
  status.durable_replicas = inode.durable_replicas();
  status.generation = inode.generation();
  status.etag = inode.object().etag();
  const int64_t count = inode.completed() ? inode.blocks_size() : inode.next_block_index();
  int64_t held = 0;
  int64_t in_memory = 0;
  bool lost = false;  // a block has no copy and the understore does not have it
  for (int64_t i = 0; i < count; ++i) {
    BlockInfo block = MakeBlockInfo(inode, i);
    lost = lost || block.locations.empty();
    if (!block.locations.empty()) held += block.length_bytes;
    const bool memory =
        std::any_of(block.locations.begin(), block.locations.end(),
                    [](const BlockLocation& location) { return location.tier_alias == "MEM"; });
    if (memory) in_memory += block.length_bytes;
    if (blocks) status.blocks.push_back(std::move(block));
  }
  if (inode.completed() && inode.persistence_state() != state::PERSISTED && safe_mode_over_ &&
      lost) {
    status.persistence_state = PersistenceState::kLost;
  }
  if (inode.completed()) {
    const bool empty = inode.length_bytes() == 0;
    status.in_cluster_percentage =
        empty ? 100 : static_cast<int>(PercentOf(held, inode.length_bytes()));
    status.in_memory_percentage =
        empty ? 100 : static_cast<int>(PercentOf(in_memory, inode.length_bytes()));
  }
  return status;
}

}  // namespace spillway
