// How many copies a file's blocks must have in the cluster, by what the journal says of it.
#pragma once

#include <algorithm>

#include "common/checked.h"
#include "state.pb.h"

namespace spillway {

// Of what is asked for: -1 is no limit.
inline Status CheckReplication(int least, int most) {
  SPILLWAY_RETURN_IF_ERROR(InRange(least, 0, kCopiesMax, "replicationMin").status());
  return InRange(most, -1, INT32_MAX, "replicationMax").status();
}

// Copies to keep of each block: what the client was promised until the file is persisted, then
// replication.min.
inline int WantedCopies(const state::Inode& inode) {
  if (inode.is_directory()) return 0;
  if (inode.persistence_state() == state::TO_BE_PERSISTED) {
    return std::max({1, inode.durable_replicas(), inode.replication_min()});
  }
  return inode.replication_min();
}

// Copies allowed at most; -1: no limit. Copies of persisted data may be evicted and are no burden.
inline int CopiesMax(const state::Inode& inode) {
  const int wanted = WantedCopies(inode);
  if (inode.persistence_state() == state::TO_BE_PERSISTED) return wanted;
  return inode.replication_max() < 0 ? -1 : std::max(wanted, inode.replication_max());
}

// Files whose copies are looked after have an entry in an index of their own.
inline bool IsReplicated(const state::Inode& inode) {
  return inode.completed() && inode.blocks_size() > 0 && WantedCopies(inode) > 0;
}

}  // namespace spillway
