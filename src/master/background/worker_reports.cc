// What is told of workers, and to them.
#include <algorithm>

#include "api/folder_report.h"
#include "master/master.h"

namespace spillway {

void Master::SendMounts(const Session& session) {
  absl::MutexLock lock(&mutex_);
  sender_->Send(session.worker, session.epoch, MountTableMessage());
}

session::MasterMessage Master::MountTableMessage() {
  session::MasterMessage message;
  for (const auto& [id, mount] : mounts_) {
    auto* info = message.mutable_mount_table()->add_mounts();
    info->set_mount_id(id.value());
    info->set_uri(mount.uri());
    *info->mutable_properties() = mount.properties();
    if (!mount.profile().empty()) (*info->mutable_properties())[kProfileProperty] = mount.profile();
  }
  if (mounts_.empty()) message.mutable_mount_table();
  return message;
}

void Master::FoldersAre(const Session& session, const session::Folders& folders) {
  absl::MutexLock lock(&mutex_);
  WorkerEntry* worker = cluster_.FindCurrent(session.worker, session.epoch);
  if (worker == nullptr) return;
  ReadFolders(folders, &worker->folders, &worker->lost_files);
}

Status Master::ChangeLostFile(const std::string& host, int data_port, const LostFile& file,
                              LostFileAction action) {
  absl::MutexLock lock(&mutex_);
  for (const auto& [id, worker] : cluster_.workers()) {
    if (worker.address.host != host || worker.address.data_port != data_port) continue;
    if (worker.lost || !worker.registered)
      return Unavailable("Worker {}:{} is not there now.", host, data_port);
    const bool known = std::any_of(
        worker.lost_files.begin(), worker.lost_files.end(),
        [&](const LostFile& its) { return its.folder == file.folder && its.name == file.name; });
    if (!known) return NotFound("Worker {}:{} has set no such file aside.", host, data_port);
    session::MasterMessage message;
    auto* change = message.mutable_change_lost_file();
    change->set_folder(file.folder);
    change->set_name(file.name);
    change->set_drop(action == LostFileAction::kDrop);
    sender_->Send(id, worker.epoch, std::move(message));
    return absl::OkStatus();
  }
  return NotFound("No worker {}:{} is known.", host, data_port);
}

StatusOr<std::vector<WorkerInfo>> Master::GetWorkers() {
  if (InSafeMode()) return Unavailable("The master is in safe mode: the workers are not back yet.");
  std::vector<WorkerInfo> all = GetWorkerReport();
  all.erase(std::remove_if(all.begin(), all.end(),
                           [](const WorkerInfo& info) { return info.state != WorkerState::kLive; }),
            all.end());
  return all;
}

std::vector<WorkerInfo> Master::GetWorkerReport() {
  absl::MutexLock lock(&mutex_);
  std::vector<WorkerInfo> infos;
  for (const auto& [id, worker] : cluster_.workers()) {
    if (!worker.registered && !worker.lost) continue;
    WorkerInfo info;
    info.id = id;
    info.address = worker.address;
    info.state = worker.lost                               ? WorkerState::kLost
                 : worker.leaving || worker.decommissioned ? WorkerState::kDecommissioned
                                                           : WorkerState::kLive;
    info.tiers = worker.tiers;
    info.start_time_ms = worker.start_time_ms;
    info.last_contact_ms_ago = clock_->MonotonicMs() - worker.last_contact_ms;
    info.block_count = static_cast<int64_t>(worker.blocks.size());
    infos.push_back(std::move(info));
  }
  // Those that have not come back since this master started.
  StateTxn txn(journal_);
  for (const auto& known : txn.KnownWorkers()) {
    const WorkerId id(known.worker_id());
    const WorkerEntry* worker = cluster_.Find(id);
    const bool listed = worker != nullptr && (worker->registered || worker->lost);
    if (listed || known.decommissioned()) continue;
    WorkerInfo info;
    info.id = id;
    info.address.host = known.host();
    info.address.data_port = known.data_port();
    info.state = WorkerState::kLost;
    info.last_contact_ms_ago = clock_->MonotonicMs() - start_monotonic_ms_;
    infos.push_back(std::move(info));
  }
  return infos;
}

}  // namespace spillway
