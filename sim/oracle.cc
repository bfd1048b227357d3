// What must hold, whatever went wrong.
#include <fmt/format.h>

#include <algorithm>

#include "common/checksum.h"
#include "common/log.h"
#include "common/path.h"
#include "master/background/invariants.h"
#include "sim/simulation.h"

namespace spillway::sim {
namespace {

bool IsTemporary(const std::string& path) { return path.find("/_temporary/") != std::string::npos; }

}  // namespace

void Simulation::Violation(const std::string& what) {
  if (verdict_.ok) verdict_.what = what;
  verdict_.ok = false;
}

bool Simulation::InStore(const std::string& data) const {
  return std::any_of(published_.begin(), published_.end(),
                     [&](const auto& object) { return object.second == data; });
}

// The truth of the disk, whatever fails on the way to it.
bool Simulation::IsGoodCopy(const std::string& host, BlockId block, const std::string& data) {
  const std::string name =
      fmt::format("/mem/spillwayworker/blocks/{:016x}-{}-{:08x}",
                  static_cast<uint64_t>(block.value()), data.size(), Crc32c(data));
  for (auto& node : nodes_) {
    if (node->host == host) return node->env.Contents(name) == data;
  }
  return false;
}

int Simulation::GoodCopies(BlockId block, const std::string& data, bool live_only) {
  int copies = 0;
  for (auto& node : nodes_) {
    const bool live = node->worker != nullptr && node->connected && !node->partitioned &&
                      !node->closed && !node->failing;
    if (live_only && (!live || !node->store->Has(block))) continue;
    if (IsGoodCopy(node->host, block, data)) ++copies;
  }
  return copies;
}

bool Simulation::Healthy() {
  if (master_->InSafeMode()) return false;
  // What is being written is promised to survive one loss, too.
  if (damages_at_write_ && *damages_at_write_ != damages_) return false;
  for (const auto& [copy, damages] : copies_under_way_) {
    if (damages != damages_) return false;
  }
  for (const auto& [path, expected] : files_) {
    const auto status = master_->GetStatus(root_, path);
    if (!status.result.ok()) return false;
    // An object of which the master does not know yet may still be deleted.
    if (status.result->persistence_state == PersistenceState::kPersisted) continue;
    size_t at = 0;
    for (const BlockInfo& block : status.result->blocks) {
      const std::string data = expected.data.substr(at, kBlockBytes);
      at += kBlockBytes;
      const int good = GoodCopies(block.id, data, true);
      if (good < kReplicas || static_cast<int>(block.locations.size()) != good) return false;
      // The same ones: one that is told to go may still be there, one that is counted may be bad.
      for (const BlockLocation& location : block.locations) {
        if (!IsGoodCopy(location.address.host, block.id, data)) return false;
      }
    }
  }
  return true;
}

void Simulation::CheckInvariants() {
  if (const Status status = MasterInvariants(master_.get()).Check(); !status.ok())
    Violation("master: " + Message(status));
  for (const auto& node : nodes_) {
    if (node->store == nullptr) continue;
    if (const Status status = node->store->CheckInvariants(); !status.ok())
      Violation(node->host + ": " + Message(status));
  }
}

void Simulation::CheckNow() {
  for (const auto& [path, expected] : files_) {
    const auto status = master_->GetStatus(root_, path);
    if (status.result.status().code() == StatusCode::kUnavailable) continue;
    if (!status.result.ok())
      return Violation(path + " is lost: " + Message(status.result.status()));
    if (status.result->length_bytes != static_cast<int64_t>(expected.data.size())) {
      return Violation(fmt::format("{} has {} bytes instead of {}", path,
                                   status.result->length_bytes, expected.data.size()));
    }
    if (InStore(expected.data)) continue;
    size_t at = 0;
    for (const BlockInfo& block : status.result->blocks) {
      if (GoodCopies(block.id, expected.data.substr(at, kBlockBytes), false) == 0)
        return Violation(path + " has a block of which no good copy is left anywhere");
      at += kBlockBytes;
    }
  }
}

void Simulation::OnChange(const StoreChange& change) {
  const std::string& key = change.key;
  spdlog::debug("{} at {} ms: {} {} instead of {}{}{}{}", key, clock_.MonotonicMs() % 1'000'000'000,
                change.foreign ? "others put" : "put", change.data == nullptr ? "-" : change.etag,
                change.replaced == nullptr ? "-" : change.replaced_etag,
                change.replaced_foreign ? " of others" : "",
                change.replaced != nullptr && !change.replaced_heard ? ", unheard" : "",
                change.unguarded ? ", unguarded" : "");
  if (change.data != nullptr && !change.foreign && IsForeign(*change.data))
    spdlog::debug("{} has others' content", key);
  if (change.replaced != nullptr) OnDestroyed(change);
  if (change.data == nullptr) {
    published_.erase(key);
    return;
  }
  published_[key] = *change.data;
  versions_[change.etag] = *change.data;
  if (change.foreign) {
    foreign_etags_.insert(change.etag);
    removed_.erase("/" + key);
    return;
  }
  // What others have put there may be moved there.
  if (key.find("_temporary") != std::string::npos && !IsForeign(*change.data))
    return Violation("a temporary key: " + key);
  if (!IsForeign(*change.data) && !change.data->empty() && contents_.count(*change.data) == 0)
    return Violation("what no client wrote to its end is published: " + key);
  CheckMarker(key, *change.data);
}

void Simulation::CheckMarker(const std::string& key, const std::string& data) {
  const auto marker = marker_sequences_.find(data);
  if (marker == marker_sequences_.end()) return;
  ++tally_->markers;
  const std::string path = "/" + key;
  const std::string scope = ParentPath(path);
  for (const auto& [other, expected] : files_) {
    const bool before = expected.sequence <= marker->second && other != path;
    if (!before || IsTemporary(other) || !IsWithin(other, scope)) continue;
    // A marker that was renamed away from its name vouches for nothing.
    if (BaseName(path) != "_SUCCESS") continue;
    const auto there = published_.find(other.substr(1));
    if (there == published_.end() || there->second != expected.data)
      return Violation(fmt::format("{} is in the store before {}", path, other));
  }
}

// A marker behind a file that was lost before anybody was told that it is there: it rightly waits.
bool Simulation::WaitsForLost(const std::string& path) {
  const auto info = master_->GetPersistInfo(root_, {path});
  if (info.empty() || info[0].waits_for.empty() || files_.count(info[0].waits_for) > 0)
    return false;
  const auto other = master_->GetPersistInfo(root_, {info[0].waits_for});
  return !other.empty() && other[0].state == "LOST";
}

bool Simulation::AllArePersisted() {
  for (const auto& [path, expected] : files_) {
    const auto status = master_->GetStatus(root_, path);
    if (status.result.ok() && !IsTemporary(path) &&
        status.result->persistence_state != PersistenceState::kPersisted)
      return false;
  }
  return true;
}

void Simulation::CheckFinalFile(const std::string& path, const Expected& expected,
                                const FileStatus& status) {
  if (IsStuck(path)) {
    CheckStuckFile(path, expected, status);
  } else if (!IsTemporary(path) && status.persistence_state != PersistenceState::kPersisted &&
             !WaitsForLost(path)) {
    const auto info = master_->GetPersistInfo(root_, {path});
    return Violation(fmt::format(
        "{} is not persisted in the end: {} {} {}", path, info.empty() ? "" : info[0].state,
        info.empty() ? "" : info[0].waits_for, info.empty() ? "" : info[0].last_error));
  }
  size_t at = 0;
  for (const BlockInfo& block : status.blocks) {
    const std::string piece = expected.data.substr(at, kBlockBytes);
    at += kBlockBytes;
    for (auto& node : nodes_) {
      auto open = node->store->OpenForRead(block.id);
      if (!open.ok()) continue;
      std::string data(open->info.length_bytes, '\0');
      (void)open->file->ReadAt(0, data.data(), open->info.length_bytes);
      if (data != piece) return Violation(path + " has wrong bytes on " + node->host);
    }
    const bool here_only = IsTemporary(path) || (IsStuck(path) && status.persistence_state !=
                                                                      PersistenceState::kPersisted);
    if (here_only && GoodCopies(block.id, piece, true) < kReplicas)
      return Violation(fmt::format("{} has too few copies in the end: {} good, the master knows {}",
                                   path, GoodCopies(block.id, piece, true),
                                   block.locations.size()));
  }
}

void Simulation::CheckFinal() {
  CheckNow();
  FindStuck();
  tally_->conflicts += static_cast<int64_t>(stuck_.size());
  CheckSettled();
  if (!copies_under_way_.empty()) return Violation("a copy that never ends");
  const auto uploads = understore_->ListUploads("");
  if (!uploads.ok()) return Violation("uploads cannot be listed: " + Message(uploads.status()));
  for (const OpenUpload& upload : *uploads) {
    // What is stuck is tried again and again.
    if (!IsStuck("/" + upload.key))
      return Violation("an upload that nobody ends: " + upload.upload_id + " of " + upload.key);
  }
  for (const HealthEntry& entry : master_->GetHealthReport(1000).entries) {
    if (entry.copies == 0 && files_.count(entry.path) > 0)
      return Violation(entry.path + " counts as lost");
  }
}

void Simulation::CheckSettled() {
  FindStuck();
  std::map<std::string, std::string> wanted;
  for (const auto& [path, expected] : files_) {
    const auto status = master_->GetStatus(root_, path);
    if (!status.result.ok()) return Violation(path + " cannot be looked at");
    CheckFinalFile(path, expected, *status.result);
    if (!IsTemporary(path) && !WaitsForLost(path) && !IsStuck(path))
      wanted[path.substr(1)] = expected.data;
  }
  const auto objects = understore_->Objects();
  for (const auto& [key, data] : wanted) {
    const auto it = objects.find(key);
    if (it == objects.end()) return Violation("no object " + key);
    if (it->second != data) return Violation("object " + key + " has wrong bytes");
  }
  const auto foreign = understore_->ForeignKeys();
  for (const auto& [key, data] : objects) {
    const auto status = master_->GetStatus(root_, "/" + key);
    const bool excused = foreign.count(key) > 0 || stuck_contents_.count(data) > 0 ||
                         stuck_keys_.count(key) > 0 || sources_gone_.count(data) > 0 ||
                         (refused_ && refused_->key == key && refused_->kind == "delete");
    // An overwrite that was never finished keeps its old object, under its inode.
    if (wanted.count(key) == 0 && !status.result.ok() && !excused)
      return Violation("an object of no file: " + key);
  }
  for (const std::string& path : removed_) {
    const auto status = master_->GetStatus(root_, path);
    if (status.result.ok() && !status.result->is_directory &&
        foreign_etags_.count(status.result->etag) == 0 &&
        sources_gone_.count(ContentOf(*status.result)) == 0)
      return Violation(path + " was deleted and is there again");
  }
}

}  // namespace spillway::sim
