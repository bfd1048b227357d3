// What goes wrong, and the schedule.
#include <algorithm>

#include "common/log.h"
#include "sim/simulation.h"

namespace spillway::sim {

void Simulation::Shake() {
  if (shaking_) return;
  shaking_ = true;
  for (uint64_t i = random_.Below(4); i > 0 && verdict_.ok; --i) Background();
  shaking_ = false;
}

void Simulation::Step() {
  const uint64_t what = random_.Below(72);
  if (what < 9) return WriteFile(RandomPath(), random_.Below(2) == 0);
  if (what < 12) return Rename(RandomPath(), RandomPath());
  if (what < 15) return Remove(RandomPath());
  // These take hundreds of steps each.
  if (what == 15) return NativeWrite();
  if (what == 16) return NativeRead();
  if (what == 17) return Sync();
  if (what == 18 || (one_master_ && what > 18 && what < 26)) return CopyAny();
  Background();
}

void Simulation::Background() {
  if (calm_) return Settle(1);
  Node& node = *nodes_[random_.Below(kWorkers)];
  if (outage_until_ms_ > 0 && clock_.MonotonicMs() >= outage_until_ms_) {
    outage_until_ms_ = 0;
    understore_->FailNext(0, absl::OkStatus(), false);
  }
  StrangeEvent();
  switch (random_.Below(20)) {
    case 0:
      if (random_.Below(16) == 0) CrashMaster();
      return;
    case 1:
      return DiskFault(node);
    case 2:
      if (node.worker == nullptr) StartWorker(node, true);
      return;
    case 3:
      if (node.worker != nullptr && !node.connected && node.up.empty()) Connect(node);
      return;
    case 4:
      return StoreFault();
    case 5:
      return NetworkFault(node);
    case 6:
    case 7:
    case 8:
      return AdvanceMs(static_cast<int64_t>(random_.Below(250)));
    case 9:
    case 10:
      if (node.worker != nullptr) TickWorker(node);
      return;
    case 11:
      return master_->Tick();
    case 12:
    case 13:
      return DeliverUp(node);
    case 14:
    case 15:
      return DeliverDown(node);
    case 16:
    case 17:
      node.executor.RunOne();
      return;
    default:
      master_executor_.RunOne();
      return;
  }
}

void Simulation::NetworkFault(Node& node) {
  if (!node.stale.empty()) {
    // The master must not listen to a session that is over.
    ++tally_->stale_messages;
    const auto [session, message] = std::move(node.stale.front());
    node.stale.pop_front();
    return Deliver(node, session, message);
  }
  if (node.worker == nullptr || !node.connected) return;
  if (node.partitioned) {
    if (random_.Below(6) == 0) Disconnect(node);
    return;
  }
  const uint64_t what = random_.Below(24);
  if (what == 2) return CutThrough(node);
  if (what == 0) {
    ++tally_->partitions;
    node.partitioned = true;
  } else if (what == 1) {
    ++tally_->broken_sessions;
    Disconnect(node);
  }
}

void Simulation::CutThrough(Node& node) {
  FileWriteThroughOptions options;
  options.mount_id = kRootMountId;
  options.uri = options_.root_uri + "/cut";
  auto target = node.worker->WriteThrough(options);
  if (!target.ok()) return;
  ++tally_->cut_streams;
  std::string data = "the beginning of something";
  (*target)->Append({iovec{data.data(), data.size()}}, [](const Status&) {});
}

void Simulation::DiskFault(Node& node) {
  const auto away = std::count_if(nodes_.begin(), nodes_.end(),
                                  [](const auto& n) { return n->worker == nullptr; });
  if (node.fault.armed && random_.Below(6) == 0) node.fault.armed = false;
  if (node.full || node.failing) {
    if (random_.Below(4) != 0) return;
    node.env.SetSpaceLeft(-1);
    node.env.FailBelow("/", absl::OkStatus());
    node.full = node.failing = false;
    return;
  }
  if (node.worker == nullptr) return;
  switch (random_.Below(48)) {
    case 0:
    case 1:
    case 2:
      if (away < 2) {
        spdlog::debug("{} crashes", node.host);
        CrashWorker(node);
      }
      return;
    case 3: {
      if (!Healthy()) return;
      ++damages_;
      ++tally_->disks_lost;
      spdlog::debug("{} loses its disk", node.host);
      CrashWorker(node);
      for (const std::string& path : node.env.FilesBelow("/")) (void)node.env.Remove(path);
      return;
    }
    case 4:
      if (!Healthy()) return;
      ++damages_;
      ++tally_->power_losses;
      spdlog::debug("{} loses power", node.host);
      CrashWorker(node);
      return node.env.LoseUnsynced(random_.Below(2) == 0);
    case 5: {
      if (!Healthy()) return;
      const auto blocks = node.env.FilesBelow("/mem/spillwayworker/blocks/");
      if (blocks.empty()) return;
      const std::string& path = blocks[random_.Below(blocks.size())];
      auto file = node.env.Open(path, false);
      const int64_t size = file.ok() ? (*file)->Size().value_or(0) : 0;
      if (size == 0) return;
      ++damages_;
      ++tally_->flipped_bits;
      spdlog::debug("{} has a flipped bit in {}", node.host, path);
      (void)node.env.FlipBit(path, static_cast<int64_t>(random_.Below(size)));
      return;
    }
    case 6:
      ++tally_->full_disks;
      node.full = true;
      return node.env.SetSpaceLeft(static_cast<int64_t>(random_.Below(100)));
    case 7:
      ++tally_->failing_folders;
      node.failing = true;
      return node.env.FailBelow("/mem", Unavailable("input/output error"));
    case 8:
      return ArmFileFault(node);
    default:
      return;
  }
}

void Simulation::ArmFileFault(Node& node) {
  static const FileOp kOps[] = {FileOp::kOpen, FileOp::kStat, FileOp::kRead,
                                FileOp::kList, FileOp::kSync, FileOp::kRemove};
  static const Status kReasons[] = {
      MakeStatus(StatusCode::kUnknown, "Input/output error"),
      MakeStatus(StatusCode::kPermissionDenied, "Permission denied"),
      MakeStatus(StatusCode::kResourceExhausted, "Too many open files")};
  ++tally_->file_faults;
  spdlog::debug("{} has files that fail", node.host);
  node.fault.armed = true;
  node.fault.op = kOps[random_.Below(6)];
  node.fault.status = kReasons[random_.Below(3)];
  node.fault.salt = random_.NextU64();
  node.fault.one_in = 1 + random_.Below(4);
}

void Simulation::TendLostFiles(Node& node) {
  for (const LostFile& file : node.store->LostFiles(1000)) {
    const Status status = node.store->RestoreLost(file.folder, file.name);
    if (status.ok()) ++tally_->restored_files;
    // What cannot be read now may be whole.
    if (status.code() != StatusCode::kDataLoss) continue;
    if (node.store->DropLost(file.folder, file.name).ok()) ++tally_->dropped_files;
  }
}

void Simulation::StoreFault() {
  if (outage_until_ms_ > 0 || random_.Below(4) != 0) return;
  if (strange_.late_effects && random_.Below(4) == 0) return DelayEffects();
  static const Status kFaults[] = {Unavailable("500"),
                                   MakeStatus(StatusCode::kResourceExhausted, "503"),
                                   MakeStatus(StatusCode::kDeadlineExceeded, "timeout")};
  const Status& fault = kFaults[random_.Below(3)];
  if (random_.Below(30) == 0) {
    ++tally_->store_outages;
    outage_until_ms_ = clock_.MonotonicMs() + 500 + static_cast<int64_t>(random_.Below(5000));
    return understore_->FailNext(1 << 30, fault, false);
  }
  ++tally_->store_faults;
  // A store that asks to slow down has not done what it was asked for.
  const bool after_effect = fault.code() != StatusCode::kResourceExhausted && random_.Below(2) == 0;
  static const char* kKinds[] = {"put",  "create_multipart", "upload_part", "complete_multipart",
                                 "copy", "copy_part",        "delete",      "abort_multipart",
                                 "list", "list_uploads",     "head",        "get"};
  const bool any = random_.Below(2) == 0;
  understore_->FailNext(1 + static_cast<int>(random_.Below(3)), fault, after_effect,
                        any ? "" : kKinds[random_.Below(12)]);
}

}  // namespace spillway::sim
