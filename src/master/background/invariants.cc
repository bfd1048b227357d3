#include "master/background/invariants.h"

#include <algorithm>

namespace spillway {
namespace {

template <typename... Args>
Status Broken(fmt::format_string<Args...> format, Args&&... args) {
  return Internal("broken: {}", fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace

Status MasterInvariants::Check() {
  absl::MutexLock lock(&m_.mutex_);
  SPILLWAY_RETURN_IF_ERROR(CheckTasks());
  SPILLWAY_RETURN_IF_ERROR(CheckUploads());
  return CheckWorkers();
}

Status MasterInvariants::CheckTasks() {
  int64_t dirty = 0;
  std::map<std::string, int64_t> dirty_below;
  size_t sources = 0;
  size_t pending = 0;
  for (const auto& [id, task] : m_.tasks_) {
    if (task->kind == state::UPLOAD) dirty += task->length_bytes;
    for (const std::string& limited : task->limited_below)
      dirty_below[limited] += task->length_bytes;
    if (!task->source.empty()) {
      ++sources;
      const auto [first, last] = m_.relocation_sources_.equal_range(task->source);
      if (std::none_of(first, last,
                       [inode = task->inode](const auto& at) { return at.second == inode; }))
        return Broken("{} is not kept for its move", task->source);
    }
    if (!task->parked) {
      ++pending;
      const auto in = m_.pending_in_.find(task->directory);
      if (in == m_.pending_in_.end() || !in->second.contains({task->generation, id}))
        return Broken("markers do not wait for inode {}", id.value());
    }
    const PersistLane::Key key{task->due_at_ms, task->requested_at_ms, task->inode};
    const bool due = task->lane->due.count(key) > 0;
    if (due != (task->queued && !task->parked && !task->running))
      return Broken("inode {} is {}due: queued {}, parked {}, running {}", id.value(),
                    due ? "" : "not ", task->queued, task->parked, task->running);
  }
  for (const auto& [folder, files] : m_.pending_in_) pending -= files.size();
  if (pending != 0) return Broken("markers wait for what is no task");
  if (sources != m_.relocation_sources_.size()) return Broken("a source is kept for no move");
  if (dirty != m_.dirty_bytes_)
    return Broken("{} dirty bytes, and tasks of {}", m_.dirty_bytes_, dirty);
  for (const auto& [limited, bytes] : m_.dirty_below_) {
    if (bytes != dirty_below[limited])
      return Broken("{} dirty bytes below {}, and tasks of {}", bytes, limited,
                    dirty_below[limited]);
  }
  return absl::OkStatus();
}

Status MasterInvariants::CheckUploads() {
  std::multiset<std::string> busy;
  std::map<const PersistLane*, int> of_lane;
  const auto add = [&](const PersistTask& task) {
    busy.insert(m_.BusyName(task.mount_id, task.key));
    if (task.lane != nullptr) ++of_lane[task.lane];
  };
  const auto running = std::count_if(m_.tasks_.begin(), m_.tasks_.end(),
                                     [](const auto& task) { return task.second->running; });
  if (running != static_cast<int64_t>(m_.running_.size())) return Broken("a task runs unknown");
  for (const auto& [job, inode] : m_.running_) {
    const auto task = m_.tasks_.find(inode);
    if (task == m_.tasks_.end() || !task->second->running || task->second->job_id != job)
      return Broken("job {} is of no task that runs", job);
    add(*task->second);
  }
  for (const auto& [job, task] : m_.zombies_) add(*task);
  if (!std::includes(m_.busy_keys_.begin(), m_.busy_keys_.end(), busy.begin(), busy.end()))
    return Broken("somebody works on a key that is not busy");
  if (!m_.sweeping_deletes_ && m_.busy_keys_ != busy)
    return Broken("a key is busy, and nobody works on it");
  for (const auto& [name, lane] : m_.lanes_) {
    if (lane->running != of_lane[lane.get()])
      return Broken("lane {} counts {} of {} under way", name, lane->running, of_lane[lane.get()]);
  }
  return absl::OkStatus();
}

Status MasterInvariants::CheckWorkers() {
  struct Load {
    int uploads = 0;
    int heals = 0;
    int64_t heal_bytes = 0;
  };
  std::map<WorkerId, Load> loads;
  for (const auto& [job, inode] : m_.running_) {
    for (const WorkerId worker : m_.tasks_.at(inode)->workers) ++loads[worker].uploads;
  }
  for (const auto& [job, task] : m_.zombies_) {
    for (const WorkerId worker : task->workers) ++loads[worker].uploads;
  }
  for (const auto& [block, entry] : m_.heal_.entries()) {
    if (!entry.target) continue;
    ++loads[*entry.target].heals;
    loads[*entry.target].heal_bytes += entry.bytes;
    if (*entry.source != *entry.target) ++loads[*entry.source].heals;
  }
  for (const auto& [id, worker] : m_.cluster_.workers()) {
    const Load& load = loads[id];
    if (worker.uploads_in_flight != load.uploads)
      return Broken("worker {} counts {} uploads of {}", id.value(), worker.uploads_in_flight,
                    load.uploads);
    if (worker.heals_in_flight != load.heals || worker.heal_bytes != load.heal_bytes)
      return Broken("worker {} counts {} copies of {}, {} bytes of {}", id.value(),
                    worker.heals_in_flight, load.heals, worker.heal_bytes, load.heal_bytes);
  }
  return absl::OkStatus();
}

}  // namespace spillway
