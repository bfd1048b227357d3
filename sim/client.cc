// What users do. A file counts as acknowledged from the moment its client is told so.
#include <algorithm>

#include "common/log.h"
#include "sim/simulation.h"

namespace spillway::sim {

std::string Simulation::RandomPath() {
  static constexpr const char* kFolders[] = {"/", "/d/", "/e/", "/d/_temporary/"};
  const std::string folder = kFolders[random_.Below(4)];
  if (random_.Below(7) == 0) return folder + "_SUCCESS";
  const std::string name(1, static_cast<char>('p' + random_.Below(4)));
  return folder + (strange_.odd_names ? OddName(name) : name);
}

std::string Simulation::RandomData(size_t size) {
  std::string data(size, '\0');
  for (char& c : data) c = static_cast<char>('a' + random_.Below(26));
  contents_.insert(data);
  return data;
}

// Runs the journal until index is durable; false if the master is killed before.
bool Simulation::AwaitDurable(LogIndex index) {
  bool durable = false;
  master_->WhenDurable(index, [&] { durable = true; });
  while (!durable) {
    if (!calm_ && !syncing_ && !one_master_ && random_.Below(200) == 0) {
      CrashMaster();
      return false;
    }
    if (!master_executor_.RunOne()) {
      Violation("an operation is never durable");
      return false;
    }
  }
  // The answer arrives, and the master is killed right behind it.
  if (!calm_ && random_.Below(300) == 0) CrashMaster();
  return true;
}

bool Simulation::WriteBlock(const std::string& path, std::string piece) {
  const auto block = master_->NewBlockId(root_, path);
  if (!block.result.ok() || !AwaitDurable(block.wait_for)) return false;
  begun_blocks_.insert(*block.result);
  int copies = 0;
  for (uint64_t i = 0, first = random_.Below(kWorkers); i < kWorkers && copies < kReplicas; ++i) {
    Node& node = *nodes_[(first + i) % kWorkers];
    if (node.worker == nullptr || !node.connected) continue;
    auto target = node.worker->WriteBlock({*block.result, 0, true}, 0);
    if (!target.ok()) continue;
    struct Progress {
      Status written = MakeStatus(StatusCode::kUnknown, "pending");
      std::shared_ptr<bool> ended = std::make_shared<bool>(false);
      Status committed = MakeStatus(StatusCode::kUnknown, "pending");
    };
    auto progress = std::make_shared<Progress>();
    auto data = std::make_shared<std::string>(piece);
    (*target)->Append({iovec{data->data(), data->size()}}, [progress, data](const Status& status) {
      progress->written = status;
      *progress->ended = true;
    });
    if (!progress->written.ok()) {
      // It waits for room: the client goes elsewhere.
      node.targets.push_back({progress->ended, *std::move(target)});
      continue;
    }
    if (!calm_ && random_.Below(60) == 0) {
      // The connection breaks: the client goes elsewhere.
      ++tally_->cut_streams;
      target->reset();
      Shake();
      continue;
    }
    ended_blocks_.insert(*block.result);
    (*target)->Commit([progress](const Status& status) { progress->committed = status; });
    for (int tries = 0; tries < 20 && !progress->committed.ok(); ++tries) {
      if (!node.connected || node.closed) break;
      DeliverUp(node);
      DeliverDown(node);
    }
    if (progress->committed.ok()) ++copies;
    Shake();
  }
  return copies == kReplicas;
}

void Simulation::WriteFile(const std::string& path, bool overwrite) {
  damages_at_write_ = damages_;
  DoWriteFile(path, overwrite);
  damages_at_write_.reset();
}

void Simulation::DoWriteFile(const std::string& path, bool overwrite) {
  const bool marker = path.find("_SUCCESS") != std::string::npos;
  CreateFileOptions options;
  options.block_size_bytes = kBlockBytes;
  options.recursive = true;
  options.overwrite = overwrite;
  options.durable_replicas = kReplicas;
  options.operation_id = OperationId{random_.NextU64(), random_.NextU64()};
  if (random_.Below(8) == 0) {
    // Refused, and then it must have changed nothing.
    CreateFileOptions refused = options;
    refused.replication_min = 2;
    refused.replication_max = 1;
    if (master_->CreateFile(root_, path, refused).result.ok())
      return Violation("created with impossible options");
  }
  // As the service does.
  if (!master_->LoadForCreate(path).ok()) return;
  const Will will = WillOf(path, overwrite);
  auto created = master_->CreateFile(root_, path, options);
  if (!created.result.ok()) return;
  // From here on the old content is gone, whether this write is finished or not.
  if (overwrite) Carried(will);
  Forget(path);
  if (!AwaitDurable(created.wait_for)) {
    // The client asks again, with the same id.
    ++tally_->repeated_operations;
    const Will again = WillOf(path, overwrite);
    created = master_->CreateFile(root_, path, options);
    if (created.result.ok() && overwrite) Carried(again);
    if (!created.result.ok() || !AwaitDurable(created.wait_for)) return;
  }
  Shake();
  const std::string data =
      marker ? RandomData(16 + random_.Below(16)) : RandomData(random_.Below(5 * kBlockBytes));
  for (size_t at = 0; at < data.size(); at += kBlockBytes) {
    // Without all copies the client gives up; the file stays incomplete.
    if (!WriteBlock(path, data.substr(at, kBlockBytes))) return;
  }
  Shake();
  if (marker) marker_sequences_[data] = sequence_;
  CompleteFileOptions complete;
  complete.persist = true;
  complete.operation_id = OperationId{random_.NextU64(), random_.NextU64()};
  auto completed = master_->CompleteFile(root_, path, complete);
  if (!completed.result.ok()) return;
  const int64_t complete_at = ++changes_;
  if (!AwaitDurable(completed.wait_for)) {
    ++tally_->repeated_operations;
    completed = master_->CompleteFile(root_, path, complete);
    if (!completed.result.ok() || !AwaitDurable(completed.wait_for)) return;
  }
  Acknowledge(path, data, complete_at);
}

void Simulation::Rename(const std::string& source, const std::string& target) {
  // Persisted data that a user moves into a temporary tree goes there in the store too.
  const bool into = target.find("_temporary") != std::string::npos;
  if (into && source.find("_temporary") == std::string::npos) return;
  RenameOptions options;
  options.operation_id = OperationId{random_.NextU64(), random_.NextU64()};
  // As the service does.
  if (!master_->LoadForRename(source).ok()) return;
  const Will will = WillOf(source, false);
  const auto renamed = master_->Rename(root_, source, target, options);
  if (!renamed.result.ok() || source == target) return;
  spdlog::debug("{} is renamed to {}", source, target);
  Carried(will);
  ++tally_->renames;
  removed_.erase(target);
  touched_[source] = touched_[target] = ++changes_;
  const auto known = files_.find(source);
  std::optional<Expected> expected;
  if (known != files_.end()) {
    expected = known->second;
    files_.erase(known);
  }
  bool moved = AwaitDurable(renamed.wait_for);
  if (!moved || random_.Below(4) == 0) {
    // Repeated, it must have its effect once.
    ++tally_->repeated_operations;
    const auto again = master_->Rename(root_, source, target, options);
    if (moved && !again.result.ok()) return Violation("a repeated rename failed: " + source);
    if (again.result.ok()) AwaitDurable(again.wait_for);
    moved = master_->Exists(root_, target).result.value_or(false) &&
            !master_->Exists(root_, source).result.value_or(false);
  }
  if (!expected) return;
  // What comes into a folder later was not there when an older marker of it was completed.
  if (moved) expected->sequence = ++sequence_;
  files_[moved ? target : source] = *expected;
}

void Simulation::Remove(const std::string& path) {
  RemoveOptions options;
  options.operation_id = OperationId{random_.NextU64(), random_.NextU64()};
  // As the service does.
  if (const auto folder = master_->DirectoryToLoad(path, true))
    (void)master_->LoadDirectory(*folder);
  const Will will = WillOf(path, false);
  const auto removed = master_->Remove(root_, path, options);
  if (!removed.result.ok()) return;
  Carried(will);
  ++tally_->deletes;
  touched_[path] = ++changes_;
  const auto known = files_.find(path);
  std::optional<Expected> expected;
  if (known != files_.end()) expected = known->second;
  files_.erase(path);
  if (AwaitDurable(removed.wait_for)) {
    if (expected) removed_.insert(path);
    return;
  }
  if (master_->Exists(root_, path).result.value_or(true) && expected) files_[path] = *expected;
}

// The workers copy while everything else goes on; it is acknowledged when the answer comes.
void Simulation::CopyAny() {
  if (files_.empty()) return;
  const auto known = std::next(files_.begin(), static_cast<int64_t>(random_.Below(files_.size())));
  const std::string source = known->first;
  const std::string target = RandomPath();
  const bool marker =
      source.find("_SUCCESS") != std::string::npos || target.find("_SUCCESS") != std::string::npos;
  if (marker || source == target) return;
  const uint64_t ticket = ++copies_begun_;
  copies_under_way_[ticket] = damages_;
  CreateFileOptions options;
  options.recursive = true;
  options.overwrite = random_.Below(2) == 0;
  options.durable_replicas = kReplicas;
  const Will will = WillOf(target, options.overwrite);
  master_->CopyFile(root_, source, target, options,
                    [this, ticket, data = known->second.data](const StatusOr<InodeId>& copied) {
                      copies_under_way_.erase(ticket);
                      if (copied.ok()) Copied(*copied, data);
                    });
  // From here on the old content is gone, whether the copy ends well or not.
  const auto begun = master_->GetStatus(root_, target);
  if (!begun.result.ok() || begun.result->completed) return;
  if (options.overwrite) Carried(will);
  Forget(target);
}

void Simulation::Copied(InodeId file, const std::string& data) {
  ++tally_->copies;
  // It may have been renamed or deleted since it was complete.
  const auto path = master_->GetFilePath(file);
  if (!path.result.ok()) return;
  removed_.erase(*path.result);
  Acknowledge(*path.result, data, ++changes_);
}

void Simulation::Sync() {
  if (syncing_ || calm_) return;
  syncing_ = true;
  ++tally_->syncs;
  understore_->OnListed([this] {
    for (uint64_t i = random_.Below(6); i > 0 && verdict_.ok; --i) {
      const uint64_t what = random_.Below(6);
      if (what == 0) {
        WriteFile(RandomPath(), random_.Below(2) == 0);
      } else if (what == 1) {
        Rename(RandomPath(), RandomPath());
      } else if (what == 2) {
        Remove(RandomPath());
      } else {
        Background();
      }
    }
  });
  SyncCounts counts;
  switch (random_.Below(6)) {
    case 0:
      (void)master_->SyncMetadata(RandomPath(), SyncDepth::kPath, &counts);
      break;
    case 1:
      (void)master_->SyncMetadata("/d", SyncDepth::kChildren, &counts);
      break;
    default:
      (void)master_->SyncMetadata("/", SyncDepth::kAll, &counts);
  }
  understore_->OnListed(nullptr);
  syncing_ = false;
}

}  // namespace spillway::sim
