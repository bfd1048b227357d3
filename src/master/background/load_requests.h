// Copies of blocks that somebody asked for ahead of reading: which are still to come, and which
// never will. Decides nothing about workers. Not thread-safe: guarded by the master's lock.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "common/ids.h"
#include "common/status.h"

namespace spillway {

// Blocks that will not be loaded, and why.
using FailedLoads = std::vector<std::pair<BlockId, Status>>;

class LoadRequests {
 public:
  // So often a copy is tried, and so long (monotonic) a worker with room for it is waited for.
  static constexpr int kAttemptsMax = 8;
  static constexpr int64_t kPatienceMs = 60'000;

  // An earlier failure is forgotten.
  void Ask(BlockId block, int copies, int64_t now_ms);
  // How many copies were asked for. None if nobody waits for it any more.
  std::optional<int> Copies(BlockId block) const;
  bool IsOutOfPatience(BlockId block, int64_t now_ms) const;
  // It is there, or nobody wants it any more. False if it was not asked for.
  bool Erase(BlockId block);
  // It ends with why. Nothing happens if nobody waits for it.
  void Fail(BlockId block, const Status& why);
  static Status Deleted() { return NotFound("The file was deleted while it was loaded."); }
  // The failures among blocks, each once.
  FailedLoads TakeFailed(const std::vector<BlockId>& blocks);

 private:
  struct Request {
    int copies = 0;
    int64_t since_ms = 0;
  };
  absl::flat_hash_map<BlockId, Request> waiting_;
  absl::flat_hash_map<BlockId, Status> failed_;  // until whoever asked has heard of it
};

}  // namespace spillway
