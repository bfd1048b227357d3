#include "master/background/heal_queue.h"

namespace spillway {

void HealQueue::Queue(BlockId block, const HealEntry& entry) {
  if (entry.target) {
    running_.insert(block);
  } else if (entry.copies > 0 && entry.not_before_ms > 0) {
    waiting_.insert({entry.not_before_ms, block});
  } else if (entry.copies > 0) {
    ready_.insert({entry.copies, block});
  }
}

void HealQueue::Unqueue(BlockId block, const HealEntry& entry) {
  running_.erase(block);
  waiting_.erase({entry.not_before_ms, block});
  ready_.erase({entry.copies, block});
}

void HealQueue::Put(BlockId block, int copies, int64_t now_ms) {
  const auto [it, added] = entries_.try_emplace(block);
  HealEntry& entry = it->second;
  if (added) {
    entry.since_ms = now_ms;
  } else {
    Unqueue(block, entry);
  }
  if (entry.copies != copies) entry.not_before_ms = 0;
  entry.copies = copies;
  Queue(block, entry);
}

void HealQueue::Erase(BlockId block) {
  const auto it = entries_.find(block);
  if (it == entries_.end()) return;
  Unqueue(block, it->second);
  entries_.erase(it);
}

HealEntry* HealQueue::Find(BlockId block) {
  const auto it = entries_.find(block);
  return it == entries_.end() ? nullptr : &it->second;
}

std::vector<BlockId> HealQueue::Ready(int64_t now_ms, size_t count) {
  while (!waiting_.empty() && waiting_.begin()->first <= now_ms) {
    const BlockId block = waiting_.begin()->second;
    HealEntry& entry = entries_.at(block);
    Unqueue(block, entry);
    entry.not_before_ms = 0;
    Queue(block, entry);
  }
  std::vector<BlockId> blocks;
  for (auto it = ready_.begin(); it != ready_.end() && blocks.size() < count; ++it) {
    blocks.push_back(it->second);
  }
  return blocks;
}

void HealQueue::Begin(BlockId block, WorkerId source, WorkerId target, int64_t bytes,
                      int64_t deadline_ms) {
  HealEntry& entry = entries_.at(block);
  Unqueue(block, entry);
  entry.source = source;
  entry.target = target;
  entry.bytes = bytes;
  entry.deadline_ms = deadline_ms;
  Queue(block, entry);
}

void HealQueue::End(BlockId block) {
  HealEntry& entry = entries_.at(block);
  Unqueue(block, entry);
  entry.source.reset();
  entry.target.reset();
  Queue(block, entry);
}

void HealQueue::Defer(BlockId block, int64_t not_before_ms) {
  HealEntry& entry = entries_.at(block);
  Unqueue(block, entry);
  entry.not_before_ms = not_before_ms;
  Queue(block, entry);
}

std::vector<BlockId> HealQueue::RunningWith(WorkerId worker) const {
  std::vector<BlockId> blocks;
  for (const BlockId block : running_) {
    const HealEntry& entry = entries_.at(block);
    if (entry.target == worker || entry.source == worker) blocks.push_back(block);
  }
  return blocks;
}

std::vector<BlockId> HealQueue::Overdue(int64_t now_ms) const {
  std::vector<BlockId> blocks;
  for (const BlockId block : running_) {
    if (entries_.at(block).deadline_ms <= now_ms) blocks.push_back(block);
  }
  return blocks;
}

}  // namespace spillway
