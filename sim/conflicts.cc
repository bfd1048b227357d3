// What must hold where others have been.
#include <fmt/format.h>

#include "common/log.h"
#include "sim/simulation.h"

namespace spillway::sim {
namespace {

// The key at which the namespace believes the object of a file.
std::string KeyOf(const FileStatus& status) {
  static const std::string kRoot = "s3://bucket/";
  return status.understore_path.rfind(kRoot, 0) == 0 ? status.understore_path.substr(kRoot.size())
                                                     : "";
}

}  // namespace

void Simulation::OnDestroyed(const StoreChange& change) {
  const char* what = change.data == nullptr ? "deleted" : "replaced";
  if (!change.foreign && change.replaced_foreign) {
    if (given_up_.count(change.replaced_etag) > 0 || given_up_keys_.count(change.key) > 0) return;
    if (change.unguarded) {
      ++tally_->unguarded_losses;
      return;
    }
    return Violation(fmt::format("what others have put at {} was {}", change.key, what));
  }
  if (change.foreign && IsForeign(*change.replaced)) sources_gone_.insert(*change.replaced);
  if (!change.foreign || change.replaced_foreign) return;
  // Who never heard that it is there still has the copies.
  if (!change.replaced_heard) return;
  tampered_.insert({"/" + change.key, *change.replaced});
  for (auto it = files_.begin(); it != files_.end();) {
    const bool same = it->second.data == *change.replaced;
    const auto info = master_->GetPersistInfo(root_, {it->first});
    const bool hit = same && (it->first == "/" + change.key ||
                              (!info.empty() && info[0].etag == change.replaced_etag));
    if (hit) {
      ++tally_->tampered;
      it = files_.erase(it);
    } else {
      ++it;
    }
  }
}

std::vector<FileStatus> Simulation::AllFiles() {
  std::vector<FileStatus> files;
  ListOptions options;
  options.recursive = true;
  ListCursor cursor;
  while (!cursor.done) {
    const auto page = master_->ListStatus(root_, "/", options, 1000, &cursor);
    if (!page.result.ok()) {
      Violation("the namespace cannot be listed: " + Message(page.result.status()));
      break;
    }
    for (const FileStatus& status : *page.result) {
      if (!status.is_directory) files.push_back(status);
    }
    if (cursor.load) (void)master_->LoadDirectory(*std::exchange(cursor.load, std::nullopt));
  }
  return files;
}

std::string Simulation::ContentOf(const FileStatus& status) {
  const auto acknowledged = files_.find(status.path);
  if (acknowledged != files_.end()) return acknowledged->second.data;
  const auto version = versions_.find(status.etag);
  return version == versions_.end() ? "" : version->second;
}

void Simulation::FindStuck() {
  stuck_.clear();
  stuck_contents_.clear();
  stuck_keys_.clear();
  const auto foreign = understore_->ForeignKeys();
  const auto files = AllFiles();
  const auto objects = understore_->Objects();
  for (const FileStatus& status : files) {
    for (const auto& info : master_->GetPersistInfo(root_, {status.path}))
      spdlog::debug("{} is {} at {} of etag {}, waits for {}: {}", status.path, info.state,
                    status.understore_path, info.etag, info.waits_for, info.last_error);
  }
  const auto reason = [&](const FileStatus& status) -> std::string {
    const std::string key = status.path.substr(1);
    const bool in_place = status.persistence_state == PersistenceState::kPersisted &&
                          understore_->EtagOf(key) == status.etag;
    if (in_place || !status.completed) return "";
    if (foreign.count(key) > 0) return "others";
    if (const auto it = published_.find(key);
        it != published_.end() && sources_gone_.count(it->second) > 0)
      return "others";
    // What cannot be deleted can be replaced.
    if (refused_ && refused_->key == key && refused_->kind != "delete") return "refused";
    const auto there = objects.find(key);
    if (there != objects.end() &&
        (stuck_contents_.count(there->second) > 0 || stuck_keys_.count(key) > 0))
      return "a stuck move";
    const auto info = master_->GetPersistInfo(root_, {status.path});
    if (!info.empty() && stuck_.count(info[0].waits_for) > 0) return info[0].waits_for;
    return "";
  };
  for (bool more = true; more;) {
    more = false;
    for (const FileStatus& status : files) {
      if (IsStuck(status.path)) continue;
      const std::string why = reason(status);
      if (why.empty()) continue;
      stuck_[status.path] = why;
      spdlog::debug("{} is stuck: {}", status.path, why);
      if (const std::string content = ContentOf(status); !content.empty())
        stuck_contents_.insert(content);
      // An empty content does not tell objects apart.
      if (!status.etag.empty() && understore_->EtagOf(KeyOf(status)) == status.etag)
        stuck_keys_.insert(KeyOf(status));
      more = true;
    }
  }
}

void Simulation::CheckStuckFile(const std::string& path, const Expected& expected,
                                const FileStatus& status) {
  if (path.find("_temporary/") != std::string::npos) return;
  if (status.persistence_state == PersistenceState::kPersisted) {
    if (!InStore(expected.data)) Violation(path + " could not be moved, and is gone");
    return;
  }
  if (stuck_.at(path) != "others" && stuck_.at(path) != "refused") return;
  // What others have put there may be moved away, and cannot be: then it is waited for.
  const auto there = published_.find(path.substr(1));
  if (there != published_.end() && stuck_contents_.count(there->second) > 0) return;
  const auto info = master_->GetPersistInfo(root_, {path});
  const bool shown =
      !info.empty() && ((!info[0].last_error.empty() &&
                         (info[0].state == "FAILING" || info[0].state == "RUNNING")) ||
                        info[0].state == "BLOCKED");
  if (!shown)
    Violation(fmt::format("{} is kept from its place by {}, and nobody is told: {} {}", path,
                          stuck_.at(path), info.empty() ? "" : info[0].state,
                          info.empty() ? "" : info[0].last_error));
}

void Simulation::CheckForeign() {
  SyncCounts counts;
  if (const Status status = master_->SyncMetadata("/", SyncDepth::kAll, &counts); !status.ok())
    return Violation("the sync in the end failed: " + Message(status));
  master_executor_.RunAll();
  const auto files = AllFiles();
  std::map<std::string, const FileStatus*> by_path;
  for (const FileStatus& status : files) by_path[status.path] = &status;
  for (const std::string& key : understore_->ForeignKeys()) {
    if (key.back() == '/' || !CanBeNamed(key)) continue;
    const auto shown = by_path.find("/" + key);
    if (shown != by_path.end()) {
      const FileStatus& status = *shown->second;
      if (status.persistence_state != PersistenceState::kPersisted) continue;  // a conflict
      if (status.etag != understore_->EtagOf(key) && !IsStuck(status.path))
        return Violation(status.path + " does not show what others have put there");
      continue;
    }
    // What cannot be moved to its path is shown there already.
    if (stuck_contents_.count(published_.at(key)) > 0) continue;
    // A file may stand where others have a folder, or the other way round.
    bool hidden = master_->Exists(root_, "/" + key).result.value_or(false);
    for (size_t at = key.find('/'); at != std::string::npos; at = key.find('/', at + 1))
      hidden = hidden || by_path.count("/" + key.substr(0, at)) > 0;
    if (!hidden) return Violation("/" + key + " is not shown, and others have put it there");
  }
  for (const FileStatus& status : files) {
    if (verdict_.ok) CheckForeignFile(status);
  }
  Settle(4);
  if (verdict_.ok) CheckSettled();
}

void Simulation::CheckForeignFile(const FileStatus& status) {
  if (status.persistence_state != PersistenceState::kPersisted || IsStuck(status.path)) return;
  const auto etag = understore_->EtagOf(status.path.substr(1));
  if (!etag) {
    const auto info = master_->GetPersistInfo(root_, {status.path});
    return Violation(fmt::format("{} counts as persisted, and nothing is there: {} {} {} {}",
                                 status.path, status.understore_path, status.etag,
                                 info.empty() ? "" : info[0].state,
                                 info.empty() ? "" : info[0].last_error));
  }
  if (etag != status.etag) return Violation(status.path + " counts as another object");
  if (!IsForeign(ContentOf(status))) return;
  std::string data;
  const Status read = ReadWhole(status, &data);
  if (!read.ok()) return Violation(status.path + " cannot be read: " + Message(read));
  if (data != ContentOf(status)) Violation(status.path + " was read as something else");
}

}  // namespace spillway::sim
