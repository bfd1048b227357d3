// What operators and waiting clients are told of the way to the store.
#include <algorithm>

#include "common/path.h"
#include "master/master.h"
#include "master/state/replication.h"

namespace spillway {
namespace {

constexpr int64_t kDeletesCounted = 1000;

}  // namespace

PersistSummary Master::GetPersistSummary() {
  absl::MutexLock lock(&mutex_);
  StateTxn txn(journal_);
  PersistSummary summary;
  const int64_t now_ms = SteadyMs();
  for (const auto& [id, task] : tasks_) {
    (task->running ? summary.running : task->parked ? summary.parked : summary.waiting)++;
    if (!task->parked)
      summary.oldest_age_ms = std::max(summary.oldest_age_ms, now_ms - task->requested_at_ms);
  }
  summary.dirty_bytes = dirty_bytes_;
  for (const auto& [block, entry] : heal_.entries()) {
    if (IsOnlyAskedFor(txn, block)) continue;
    ++(entry.copies > 0 ? summary.under_replicated_blocks : summary.lost_blocks);
  }
  for (const auto& [name, lane] : lanes_) {
    summary.requests_per_second += lane->rate.limit().value_or(0);
    summary.lanes_in_outage += lane->in_outage() ? 1 : 0;
  }
  return summary;
}

// Files persisted per second of late.
double Master::PersistRate() {
  const int64_t now_ms = clock_->MonotonicMs();
  while (!persisted_at_ms_.empty() && persisted_at_ms_.front() < now_ms - 10'000)
    persisted_at_ms_.pop_front();
  if (persisted_at_ms_.size() < 2) return 0;
  const int64_t span_ms = std::max<int64_t>(1000, now_ms - persisted_at_ms_.front());
  return static_cast<double>(persisted_at_ms_.size()) * 1000.0 / static_cast<double>(span_ms);
}

namespace {

// The other file whose move reads the object of this busy name.
std::optional<InodeId> MoverOf(
    const absl::flat_hash_map<InodeId, std::unique_ptr<PersistTask>>& tasks,
    const std::string& source, InodeId but) {
  for (const auto& [id, task] : tasks) {
    if (task->source == source && id != but) return id;
  }
  return std::nullopt;
}

// The folders above key, each as a key, from the nearest to the mount's root.
std::vector<std::string> FoldersAbove(std::string key) {
  std::vector<std::string> folders;
  while (!key.empty()) {
    const size_t slash = key.rfind('/');
    key = slash == std::string::npos ? "" : key.substr(0, slash);
    folders.push_back(key);
  }
  return folders;
}

}  // namespace

PersistInfo Master::MakePersistInfo(const state::Inode& inode, const std::string& path) {
  PersistInfo info;
  info.path = path;
  info.generation = inode.generation();
  info.length_bytes = inode.length_bytes();
  info.etag = inode.object().etag();
  if (inode.object().crc_known()) info.crc32c = inode.object().crc32c();
  info.persisted_at_ms = inode.object().persisted_at_ms();
  info.copies_wanted = WantedCopies(inode);
  info.copies = inode.blocks_size() == 0 ? info.copies_wanted : 1 << 20;
  for (int i = 0; i < inode.blocks_size(); ++i) {
    info.copies = std::min(info.copies, cluster_.SoundCopies(BlockIdOf(InodeId(inode.id()), i)));
  }
  info.state = !inode.completed()                                  ? "INCOMPLETE"
               : inode.persistence_state() == state::PERSISTED     ? "PERSISTED"
               : inode.persistence_state() == state::NOT_PERSISTED ? "NOT_PERSISTED"
                                                                   : "ON_REQUEST";
  if (inode.completed() && inode.persistence_state() != state::PERSISTED)
    info.dirty_since_ms = inode.last_modification_time_ms();
  const auto it = tasks_.find(InodeId(inode.id()));
  if (it == tasks_.end()) return info;
  const PersistTask& task = *it->second;
  info.dirty_since_ms = task.requested_at_ms;
  info.attempts = task.attempts;
  if (!task.last_error.ok()) info.last_error = Message(task.last_error);
  info.waits_for = task.waits_for;
  const auto resolved = Resolve(path);
  if (info.waits_for.empty() && task.blocked_since_ms >= 0 && !task.running && resolved.ok()) {
    const auto name_mover = [&](MountId mount, const std::string& key) {
      StateTxn txn(journal_);
      const auto mover = MoverOf(tasks_, BusyName(mount, key), task.inode);
      const auto inode = mover ? txn.GetInode(*mover) : std::nullopt;
      if (inode && info.waits_for.empty()) info.waits_for = txn.PathOf(*inode).value_or("");
    };
    name_mover(resolved->mount_id, resolved->key);
    for (const std::string& folder : FoldersAbove(resolved->key)) {
      const auto markers = marker_deletes_.find(BusyName(resolved->mount_id, folder));
      if (markers == marker_deletes_.end() || task.kind != state::UPLOAD) continue;
      for (const auto& [mount, marker] : markers->second) name_mover(mount, marker);
    }
  }
  info.state = task.parked               ? "TEMPORARY"
               : task.running            ? "RUNNING"
               : !info.waits_for.empty() ? "BLOCKED"
               : !task.last_error.ok()   ? "FAILING"
                                         : "WAITING";
  const bool lost = info.copies == 0 && inode.blocks_size() > 0 && safe_mode_over_;
  if (lost && task.kind == state::UPLOAD) info.state = "LOST";
  const double rate = PersistRate();
  if (rate > 0 && !task.parked) {
    info.eta_ms = static_cast<int64_t>(1000.0 * static_cast<double>(task.lane->due.size()) / rate);
  }
  return info;
}

std::vector<PersistInfo> Master::GetPersistInfo(const Caller& caller,
                                                const std::vector<std::string>& paths) {
  absl::MutexLock lock(&mutex_);
  StateTxn txn(journal_);
  std::vector<PersistInfo> infos;
  for (const std::string& path : paths) {
    const Lookup lookup = Find(txn, path);
    if (!lookup.found() || lookup.last().is_directory()) continue;
    if (!CheckTraverse(caller, lookup, path).ok()) continue;
    infos.push_back(MakePersistInfo(lookup.last(), path));
  }
  return infos;
}

StatusOr<PersistProgress> Master::GetPersistProgress(const Caller& caller, const std::string& path,
                                                     int64_t cut) {
  absl::MutexLock lock(&mutex_);
  if (!jobs_loaded_) return Unavailable("The master still takes up the work of before its start.");
  StateTxn txn(journal_);
  SPILLWAY_ASSIGN_OR_RETURN(const Lookup lookup, FindExisting(txn, path));
  SPILLWAY_RETURN_IF_ERROR(CheckTraverse(caller, lookup, path));
  PersistProgress progress;
  progress.cut = cut > 0 ? cut : txn.Cluster().next_generation();
  const InodeId target(lookup.last().id());
  int64_t oldest_ms = 0;
  const auto count = [&](const PersistTask& task) {
    if (task.generation >= progress.cut) return;
    ++progress.files_left;
    progress.bytes_left += task.length_bytes;
    if (oldest_ms != 0 && task.requested_at_ms >= oldest_ms) return;
    oldest_ms = task.requested_at_ms;
    const auto inode = txn.GetInode(task.inode);
    progress.oldest_path = inode ? txn.PathOf(*inode).value_or("") : "";
    progress.oldest_error = task.last_error.ok()
                                ? task.waits_for.empty() ? "" : "waits for " + task.waits_for
                                : Message(task.last_error);
  };
  if (!lookup.last().is_directory()) {
    const auto it = tasks_.find(target);
    if (it != tasks_.end() && !it->second->parked) count(*it->second);
    if (it != tasks_.end() && it->second->parked) progress.never_files = 1;
    return progress;
  }
  for (const auto& [directory, files] : pending_in_) {
    if (files.begin()->first >= progress.cut || !IsBelow(txn, directory, target)) continue;
    for (const auto& [generation, inode] : files) {
      if (generation >= progress.cut) break;
      count(*tasks_.at(inode));
    }
  }
  return progress;
}

PersistReport Master::GetPersistReport(size_t entries_max) {
  const PersistSummary summary = GetPersistSummary();
  absl::MutexLock lock(&mutex_);
  StateTxn txn(journal_);
  PersistReport report;
  report.waiting = summary.waiting;
  report.running = summary.running;
  report.parked = summary.parked;
  report.dirty_bytes = summary.dirty_bytes;
  report.oldest_age_ms = summary.oldest_age_ms;
  report.files_per_second = PersistRate();
  txn.ForEachPendingDelete(std::nullopt, [&](const state::PendingDelete&) {
    return ++report.objects_to_delete < kDeletesCounted;
  });
  for (const auto& [name, lane] : lanes_) {
    PersistLaneInfo info;
    info.name = name;
    info.waiting = static_cast<int64_t>(lane->due.size());
    info.running = lane->running;
    info.requests_per_second = lane->rate.limit().value_or(0);
    info.outage = lane->in_outage();
    if (!lane->last_error.ok()) info.last_error = Message(lane->last_error);
    report.lanes.push_back(std::move(info));
  }
  std::vector<const PersistTask*> tasks;
  for (const auto& [id, task] : tasks_) {
    if (!task->parked) tasks.push_back(task.get());
  }
  const size_t count = std::min(entries_max, tasks.size());
  std::partial_sort(tasks.begin(), tasks.begin() + static_cast<ptrdiff_t>(count), tasks.end(),
                    [](const PersistTask* a, const PersistTask* b) {
                      return std::tie(a->requested_at_ms, a->inode) <
                             std::tie(b->requested_at_ms, b->inode);
                    });
  for (size_t i = 0; i < count; ++i) {
    const auto inode = txn.GetInode(tasks[i]->inode);
    if (inode) report.entries.push_back(MakePersistInfo(*inode, txn.PathOf(*inode).value_or("?")));
  }
  return report;
}

HealthReport Master::GetHealthReport(size_t entries_max) {
  absl::MutexLock lock(&mutex_);
  StateTxn txn(journal_);
  HealthReport report;
  std::vector<std::tuple<int, int64_t, BlockId>> order;
  for (const auto& [block, entry] : heal_.entries()) {
    if (IsOnlyAskedFor(txn, block)) continue;
    ++(entry.copies > 0 ? report.degraded_blocks : report.lost_blocks);
    report.healing_blocks += entry.target ? 1 : 0;
    order.emplace_back(entry.copies, entry.since_ms, block);
  }
  const size_t count = std::min(entries_max, order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<ptrdiff_t>(count), order.end());
  for (size_t i = 0; i < count; ++i) {
    const BlockId block = std::get<2>(order[i]);
    const HealEntry& entry = *heal_.Find(block);
    const auto inode = txn.GetInode(FileIdOfBlock(block));
    if (!inode) continue;
    report.entries.push_back({txn.PathOf(*inode).value_or("?"), block, cluster_.SoundCopies(block),
                              WantedCopies(*inode), clock_->MonotonicMs() - entry.since_ms,
                              entry.target.has_value()});
  }
  for (const WorkerEntry* worker : cluster_.Live())
    report.workers.push_back(
        {worker->address.host, worker->address.data_port, worker->folders, worker->lost_files});
  return report;
}

}  // namespace spillway
