// Unpersisted data must fit into the cluster. As it comes near, new blocks are slowed down to the
// rate at which the store takes data; where nothing fits they wait.
#include <algorithm>

#include "common/log.h"
#include "common/path.h"
#include "master/master.h"

namespace spillway {
namespace {

constexpr int64_t kRateWindowMs = 5000;
constexpr double kUseRestSeconds =
    10;  // without drain: the room between soft and hard lasts so long

}  // namespace

// Unpersisted bytes against what the cluster can hold: 0 at the soft mark, 1 at the hard one.
double Master::BacklogPressure(const std::string& path) {
  int64_t capacity = 0;
  int64_t pinned = 0;
  for (const WorkerEntry* worker : cluster_.Live()) {
    if (!worker->stays()) continue;
    for (const TierUsage& tier : worker->tiers) {
      capacity += tier.capacity_bytes;
      pinned += tier.pinned_bytes;
    }
  }
  const double soft = options_.backlog_soft_percent / 100.0;
  const double hard = options_.backlog_hard_percent / 100.0;
  const auto pressure = [&](double used, double most) {
    return most <= 0 ? 0.0 : (used / most - soft) / std::max(0.01, hard - soft);
  };
  double worst = pressure(static_cast<double>(pinned), static_cast<double>(capacity));
  if (options_.dirty_bytes_max > 0) {
    worst = std::max(worst, pressure(static_cast<double>(dirty_bytes_),
                                     static_cast<double>(options_.dirty_bytes_max)));
  }
  for (const auto& [limited, most] : options_.dirty_bytes_max_below) {
    if (!IsWithin(path, limited)) continue;
    const auto it = dirty_below_.find(limited);
    const int64_t dirty = it == dirty_below_.end() ? 0 : it->second;
    worst = std::max(worst, pressure(static_cast<double>(dirty), static_cast<double>(most)));
  }
  return worst;
}

void Master::NoteDirty(PersistTask& task, const std::string& path) {
  dirty_bytes_ += task.length_bytes;
  for (const auto& [limited, most] : options_.dirty_bytes_max_below) {
    if (!IsWithin(path, limited)) continue;
    dirty_below_[limited] += task.length_bytes;
    task.limited_below.push_back(limited);
  }
}

void Master::ForgetDirty(const PersistTask& task) {
  dirty_bytes_ -= task.length_bytes;
  for (const std::string& limited : task.limited_below) dirty_below_[limited] -= task.length_bytes;
}

// Bytes per second that left for the store of late.
double Master::DrainRate() {
  const int64_t now_ms = clock_->MonotonicMs();
  if (now_ms - drain_window_ms_ >= kRateWindowMs) {
    drain_rate_ = static_cast<double>(drained_bytes_) * 1000.0 /
                  static_cast<double>(now_ms - drain_window_ms_);
    drain_window_ms_ = now_ms;
    drained_bytes_ = 0;
  }
  const double current = static_cast<double>(drained_bytes_) * 1000.0 / kRateWindowMs;
  return std::max(drain_rate_, current);
}

void Master::AdmitBlock(const std::string& path, bool may_write_through,
                        std::function<void(Status)> done) {
  Status status;
  {
    absl::MutexLock lock(&mutex_);
    const double pressure = BacklogPressure(path);
    const bool first = pressure > 0 && FirstBlock(path);
    if (stopped_) {
      status = Unavailable("The master stops: {} was not written.", path);
    } else if (may_write_through && pressure >= 1 && first && MayWriteThrough(path)) {
      status = Status(StatusCode::kAborted, "Write the file through to the store.");
    } else if (pressure > 0 && !AdmitNow(pressure, first)) {
      admissions_.push_back(
          {path, first, clock_->MonotonicMs() + options_.backlog_wait_ms_max, std::move(done)});
      return;
    }
  }
  done(status);
}

void Master::NoteBlockBytes(double bytes) {
  typical_block_bytes_ = 0.9 * typical_block_bytes_ + 0.1 * bytes;
}

bool Master::FirstBlock(const std::string& path) {
  StateTxn txn(journal_);
  const Lookup lookup = Find(txn, path);
  return lookup.found() && lookup.last().next_block_index() == 0;
}

// Nothing of ours waits for the key, and no order has to be kept.
bool Master::MayWriteThrough(const std::string& path) {
  StateTxn txn(journal_);
  const auto resolved = Resolve(path);
  if (!resolved.ok() || IsBlacklisted(path) || MarkerDepth(path) > 0) return false;
  const std::string busy = BusyName(resolved->mount_id, resolved->key);
  return busy_keys_.count(busy) == 0 && relocation_sources_.count(busy) == 0 &&
         fences_.count(busy) == 0 &&
         !OldMarkerAbove(resolved->mount_id, resolved->key, state::UPLOAD) &&
         !txn.GetPendingDelete(resolved->mount_id, resolved->key);
}

// A block that continues a file is let in longer: what is begun must be able to end.
bool Master::AdmitNow(double pressure, bool first) {
  const double most = first ? 1.0 : 1.4;
  if (pressure >= most) return false;
  if (!first) return true;
  const int64_t now_ms = clock_->MonotonicMs();
  int64_t rest = 0;
  for (const WorkerEntry* worker : cluster_.Live()) rest += worker->free_bytes();
  const double drain = DrainRate();
  const double floor = static_cast<double>(rest) * 0.2 / kUseRestSeconds;
  const double rate = std::max(drain, floor) / std::max(0.05, pressure);
  admission_tokens_ =
      std::min(rate * 0.2 + 1,
               admission_tokens_ + rate * static_cast<double>(now_ms - admitted_at_ms_) / 1000.0);
  admitted_at_ms_ = now_ms;
  if (admission_tokens_ <= 0) return false;
  admission_tokens_ -= typical_block_bytes_;
  return true;
}

void Master::PumpAdmissions() {
  std::vector<std::pair<std::function<void(Status)>, Status>> ready;
  {
    absl::MutexLock lock(&mutex_);
    const int64_t now_ms = clock_->MonotonicMs();
    std::deque<Admission> held;
    for (Admission& admission : admissions_) {
      const double pressure = BacklogPressure(admission.path);
      if (pressure <= 0 || AdmitNow(pressure, admission.first)) {
        ready.emplace_back(std::move(admission.done), absl::OkStatus());
      } else if (now_ms >= admission.deadline_ms) {
        ready.emplace_back(
            std::move(admission.done),
            spillway::MakeStatus(
                StatusCode::kResourceExhausted,
                "The cluster is full of unpersisted data and the store takes none: {} was not "
                "written. See fsadmin report persist.",
                admission.path));
      } else {
        held.push_back(std::move(admission));
      }
    }
    admissions_.swap(held);
  }
  for (auto& [done, status] : ready) done(status);
}

void Master::Stop() {
  std::deque<Admission> waiting;
  {
    absl::MutexLock lock(&mutex_);
    stopped_ = true;
    waiting.swap(admissions_);
  }
  for (const Admission& admission : waiting)
    admission.done(Unavailable("The master stops: {} was not written.", admission.path));
}

// Files whose writer is gone. A worker that takes bytes for one keeps it alive.
void Master::ReapIncomplete() {
  if (options_.incomplete_file_lease_ms <= 0) return;
  std::vector<std::pair<InodeId, std::string>> abandoned;
  {
    absl::MutexLock lock(&mutex_);
    const int64_t now_ms = clock_->MonotonicMs();
    if (!safe_mode_over_ || now_ms < next_reap_ms_) return;
    next_reap_ms_ = now_ms + std::min<int64_t>(60'000, options_.incomplete_file_lease_ms / 2 + 1);
    StateTxn txn(journal_);
    InodeId after;
    while (true) {
      const auto files = txn.IncompleteFiles(after, 1000);
      for (const InodeId id : files) {
        const auto inode = txn.GetInode(id);
        const auto seen = writing_seen_ms_.find(id);
        const int64_t alive_ms =
            std::max(start_monotonic_ms_, seen == writing_seen_ms_.end() ? 0 : seen->second);
        if (!inode || now_ms - alive_ms < options_.incomplete_file_lease_ms) continue;
        if (clock_->NowMs() - inode->last_modification_time_ms() <
            options_.incomplete_file_lease_ms)
          continue;
        if (const auto path = txn.PathOf(*inode)) abandoned.emplace_back(id, *path);
      }
      if (files.size() < 1000) break;
      after = files.back();
    }
    absl::erase_if(writing_seen_ms_, [&](const auto& entry) {
      return now_ms - entry.second > options_.incomplete_file_lease_ms;
    });
  }
  const Caller superuser{options_.superuser, {options_.supergroup}};
  for (const auto& [file, path] : abandoned) {
    spdlog::warn("{} was never completed and is written by nobody: it is deleted", path);
    (void)AbandonFile(superuser, file, false);
  }
}

}  // namespace spillway
