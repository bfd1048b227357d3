#include "master/background/load_requests.h"

namespace spillway {

void LoadRequests::Ask(BlockId block, int copies, int64_t now_ms) {
  failed_.erase(block);
  waiting_[block] = {copies, now_ms};
}

std::optional<int> LoadRequests::Copies(BlockId block) const {
  const auto it = waiting_.find(block);
  if (it == waiting_.end()) return std::nullopt;
  return it->second.copies;
}

bool LoadRequests::IsOutOfPatience(BlockId block, int64_t now_ms) const {
  const auto it = waiting_.find(block);
  return it != waiting_.end() && now_ms - it->second.since_ms > kPatienceMs;
}

bool LoadRequests::Erase(BlockId block) {
  failed_.erase(block);
  return waiting_.erase(block) > 0;
}

void LoadRequests::Fail(BlockId block, const Status& why) {
  if (waiting_.erase(block) > 0) failed_.emplace(block, why);
}

FailedLoads LoadRequests::TakeFailed(const std::vector<BlockId>& blocks) {
  FailedLoads failed;
  if (failed_.empty()) return failed;
  for (const BlockId block : blocks) {
    if (auto found = failed_.extract(block)) failed.emplace_back(block, found.mapped());
  }
  return failed;
}

}  // namespace spillway
