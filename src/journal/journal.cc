#include "journal/journal.h"

#include <algorithm>

#include "common/log.h"
#include "common/planted_bug.h"

namespace spillway {

Journal::Journal(StateStore* store, Executor* executor, LogIndex last)
    : store_(store), executor_(executor), last_(last.value()), durable_(last.value()) {}

std::optional<std::string> Journal::Get(std::string_view key, LogIndex* depends) {
  int64_t before = 0;
  {
    absl::MutexLock lock(&mutex_);
    if (const auto it = overlay_.find(key); it != overlay_.end()) {
      *depends = std::max(*depends, LogIndex(it->second.index));
      return it->second.value;
    }
    if (const auto* known = cache_.Find(key)) return *known;
    before = last_;
  }
  auto value = store_->Get(key);
  if (value.status().code() == StatusCode::kDataLoss) {
    damaged_.Note({std::string(key), Message(value.status()), "", -1, ""});
    return std::string(kUnreadable);
  }
  if (!value.ok()) Panic(Message(value.status()));
  absl::MutexLock lock(&mutex_);
  if (last_ == before) cache_.Put(key, *value);  // else it may be older than what was appended
  return *std::move(value);
}

void Journal::Scan(std::string_view begin, std::string_view end, const StateStore::Visitor& visit,
                   LogIndex* depends) {
  std::vector<std::pair<std::string, Pending>> pending;
  {
    absl::MutexLock lock(&mutex_);
    for (auto it = overlay_.lower_bound(begin); it != overlay_.end() && it->first < end; ++it) {
      pending.emplace_back(it->first, it->second);
    }
  }
  size_t at = 0;
  bool stopped = false;
  const auto visit_pending = [&] {
    const auto& [key, entry] = pending[at++];
    *depends = std::max(*depends, LogIndex(entry.index));
    if (entry.value && !visit(key, *entry.value)) stopped = true;
  };
  const Status status = store_->Scan(begin, end, [&](std::string_view key, std::string_view value) {
    while (!stopped && at < pending.size() && pending[at].first < key) visit_pending();
    if (stopped) return false;
    if (at < pending.size() && pending[at].first == key) {
      visit_pending();
    } else if (!visit(key, value)) {
      stopped = true;
    }
    return !stopped;
  });
  if (!status.ok()) Panic(Message(status));
  while (!stopped && at < pending.size()) visit_pending();
}

LogIndex Journal::Append(StateBatch batch) {
  if (observer_) observer_(batch);
  if (damaged_.count() > 0) {
    for (const auto& [key, value] : batch) damaged_.Forget(key);
  }
  absl::MutexLock lock(&mutex_);
  ++last_;
  while (!batch.empty()) {
    auto change = batch.extract(batch.begin());
    overlay_[change.key()] = Pending{std::move(change.mapped()), last_};
    cache_.Erase(change.key());
    dirty_keys_.push_back(std::move(change.key()));
  }
  if (!committing_) {
    committing_ = true;
    executor_->Post([this] { CommitLoop(); });
  }
  return LogIndex(last_);
}

LogIndex Journal::last_index() {
  absl::MutexLock lock(&mutex_);
  return LogIndex(last_);
}

void Journal::WhenDurable(LogIndex index, std::function<void()> done) {
  {
    absl::MutexLock lock(&mutex_);
    if (index.value() > durable_ && !IsPlanted(PlantedBug::kAckBeforeDurable)) {
      waiters_.emplace_back(index.value(), std::move(done));
      return;
    }
  }
  done();
}

void Journal::CommitLoop() {
  while (true) {
    StateBatch batch;
    int64_t index = 0;
    {
      absl::MutexLock lock(&mutex_);
      if (dirty_keys_.empty() && last_ == durable_) {
        committing_ = false;
        return;
      }
      for (const std::string& key : dirty_keys_) batch[key] = overlay_.find(key)->second.value;
      dirty_keys_.clear();
      index = last_;
    }
    if (const Status status = store_->Commit(batch); !status.ok()) Panic(Message(status));
    std::vector<std::function<void()>> ready;
    {
      absl::MutexLock lock(&mutex_);
      durable_ = index;
      for (const auto& [key, value] : batch) {
        const auto it = overlay_.find(key);
        if (it == overlay_.end() || it->second.index > index) continue;
        cache_.Put(key, std::move(it->second.value));
        overlay_.erase(it);
      }
      std::deque<std::pair<int64_t, std::function<void()>>> rest;
      for (auto& waiter : waiters_) {
        if (waiter.first <= index) {
          ready.push_back(std::move(waiter.second));
        } else {
          rest.push_back(std::move(waiter));
        }
      }
      waiters_.swap(rest);
    }
    for (auto& done : ready) done();
  }
}

}  // namespace spillway
