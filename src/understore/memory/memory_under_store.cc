#include "understore/memory/memory_under_store.h"

#include <fmt/format.h>

#include "common/checksum.h"

namespace spillway {

bool MemoryUnderStore::Meets(Fault::When when, const std::string& kind) {
  if (fault_.left == 0 || fault_.when != when) return false;
  if (!fault_.kind.empty() && fault_.kind != kind) return false;
  --fault_.left;
  return true;
}

Status MemoryUnderStore::Enter(const std::string& kind) {
  ++requests_[kind];
  CarryOutDue();
  return Meets(Fault::When::kBefore, kind) ? fault_.status : absl::OkStatus();
}

Status MemoryUnderStore::Leave(const std::string& kind) {
  return Meets(Fault::When::kAfter, kind) ? fault_.status : absl::OkStatus();
}

bool MemoryUnderStore::Has(StoreFeature feature) { return profile_.Has(feature); }

bool MemoryUnderStore::Guards(const Belief& belief, StoreFeature if_absent, StoreFeature if_match) {
  return (!belief.if_absent || Has(if_absent)) && (belief.if_match.empty() || Has(if_match));
}

Status MemoryUnderStore::RefusalOf(const std::string& kind, const std::string& key) {
  const auto it = refused_.find({kind, key});
  return it == refused_.end() ? absl::OkStatus() : it->second;
}

Status MemoryUnderStore::LookAt(const std::string& key, const Belief& belief) {
  const auto it = objects_.find(key);
  const bool there = it != objects_.end();
  const bool other = (belief.if_absent && there) ||
                     (!belief.if_match.empty() && (!there || it->second.etag != belief.if_match));
  if (other) return MakeStatus(StatusCode::kFailedPrecondition, "{}: precondition failed", key);
  return absl::OkStatus();
}

Status MemoryUnderStore::Act(const Change& change) {
  SPILLWAY_RETURN_IF_ERROR(change.look());
  if (change.guarded || on_window_ == nullptr) {
    change.act(false);
    return absl::OkStatus();
  }
  const auto window = on_window_;
  mutex_.Unlock();
  window(change.key);
  mutex_.Lock();
  change.act(true);
  return absl::OkStatus();
}

StatusOr<std::vector<Status>> MemoryUnderStore::CarryOut(const std::string& kind,
                                                         const std::vector<Change>& changes) {
  SPILLWAY_RETURN_IF_ERROR(Enter(kind));
  if (changes.size() == 1 && !changes.front().guarded) {
    // Looking is a request of its own: if it says no, there is no other.
    if (Status status = changes.front().look(); !status.ok()) return std::vector<Status>{status};
  }
  const bool later = Meets(Fault::When::kLater, kind);
  std::vector<Status> results;
  for (const Change& change : changes) {
    Status& result = results.emplace_back(RefusalOf(kind, change.key));
    if (!result.ok()) continue;
    if (!later) {
      result = Act(change);
      continue;
    }
    if (!change.guarded) result = change.look();
    if (!result.ok()) continue;
    late_.push_back({clock_->MonotonicMs() + fault_.delay_ms, [change] {
                       if (change.guarded && !change.look().ok()) return;
                       change.act(!change.guarded);
                     }});
    result = fault_.status;
  }
  if (later && changes.size() > 1) return fault_.status;
  SPILLWAY_RETURN_IF_ERROR(Leave(kind));
  return results;
}

Status MemoryUnderStore::CarryOut(const Change& change) {
  SPILLWAY_ASSIGN_OR_RETURN(const auto results, CarryOut(change.kind, {change}));
  return results.front();
}

std::string MemoryUnderStore::NewEtag(const std::string& data, size_t parts) {
  if (!etags_by_content_) return fmt::format("{:08x}-{}", Crc32c(data), next_++);
  return parts == 0 ? fmt::format("{:08x}", Crc32c(data))
                    : fmt::format("{:08x}-{}", Crc32c(data), parts);
}

std::string MemoryUnderStore::Store(const std::string& key, Object object, bool unguarded) {
  StoreChange change;
  const auto old = objects_.find(key);
  Object replaced;
  if (old != objects_.end()) {
    replaced = std::move(old->second);
    change.replaced = &replaced.data;
    change.replaced_etag = replaced.etag;
    change.replaced_foreign = replaced.foreign;
    change.replaced_heard = replaced.heard;
  }
  // The same once more, as by a request whose effect comes late: whoever has heard of the first one
  // relies on this object, too.
  const bool again = old != objects_.end() && !replaced.foreign && replaced.data == object.data;
  object.heard = object.heard || (again && replaced.heard);
  const Object& now = objects_[key] = std::move(object);
  change.key = key;
  change.data = &now.data;
  change.etag = now.etag;
  change.foreign = now.foreign;
  change.unguarded = unguarded;
  if (on_change_) on_change_(change);
  return now.etag;
}

void MemoryUnderStore::Erase(const std::string& key, bool foreign, bool unguarded) {
  const auto it = objects_.find(key);
  if (it == objects_.end()) return;
  const Object replaced = std::move(it->second);
  objects_.erase(it);
  StoreChange change;
  change.key = key;
  change.replaced = &replaced.data;
  change.replaced_etag = replaced.etag;
  change.replaced_foreign = replaced.foreign;
  change.replaced_heard = replaced.heard;
  change.foreign = foreign;
  change.unguarded = unguarded;
  if (on_change_) on_change_(change);
}

PutResult MemoryUnderStore::Heard(const std::string& key, const std::string& etag) {
  const auto it = objects_.find(key);
  if (it != objects_.end() && it->second.etag == etag) it->second.heard = true;
  return PutResult{etag};
}

StoreProfile MemoryUnderStore::profile() {
  absl::MutexLock lock(&mutex_);
  return profile_;
}

ObjectInfo MemoryUnderStore::InfoOf(const std::string& key, Object& object) {
  object.heard = true;
  ObjectInfo info{key, static_cast<int64_t>(object.data.size()), object.etag, 0, std::nullopt};
  if (!Has(StoreFeature::kChecksums)) return info;
  if (object.composite_crc32c.empty()) info.crc32c = Crc32c(object.data);
  info.composite_crc32c = object.composite_crc32c;
  return info;
}

StatusOr<ObjectInfo> MemoryUnderStore::Head(const std::string& key) {
  absl::MutexLock lock(&mutex_);
  SPILLWAY_RETURN_IF_ERROR(Enter("head"));
  const auto it = objects_.find(key);
  if (it == objects_.end()) return NotFound("no object {}", key);
  return InfoOf(key, it->second);
}

StatusOr<ListPage> MemoryUnderStore::List(const std::string& directory, const std::string& token) {
  std::function<void()> listed;
  auto page = TakeListing(directory, token, &listed);
  if (listed) listed();
  return page;
}

// The marker that others may have left.
Status MemoryUnderStore::RemoveDirectory(const std::string& key) {
  absl::MutexLock lock(&mutex_);
  objects_.erase(key + "/");
  return absl::OkStatus();
}

// A token is the last entry of the page before: what comes to be before it is not listed any more.
StatusOr<ListPage> MemoryUnderStore::TakeListing(const std::string& directory,
                                                 const std::string& token,
                                                 std::function<void()>* listed) {
  absl::MutexLock lock(&mutex_);
  SPILLWAY_RETURN_IF_ERROR(Enter("list"));
  *listed = on_listed_;
  const std::string prefix = directory.empty() ? "" : directory + "/";
  ListPage page;
  std::string last;  // entry, directories with their slash
  size_t entries = 0;
  for (auto it = objects_.lower_bound(prefix); it != objects_.end(); ++it) {
    const std::string& key = it->first;
    if (key.rfind(prefix, 0) != 0) break;
    if (key.size() == prefix.size()) continue;
    const size_t slash = key.find('/', prefix.size());
    const std::string entry = slash == std::string::npos ? key : key.substr(0, slash + 1);
    if (entry <= token || entry == last) continue;
    if (entries == entries_per_page_) {
      page.next_token = last;
      break;
    }
    ++entries;
    last = entry;
    if (slash == std::string::npos) {
      page.objects.push_back(InfoOf(key, it->second));
    } else {
      page.directories.push_back(key.substr(0, slash));
    }
  }
  return page;
}

Status MemoryUnderStore::Get(const std::string& key, int64_t offset, int64_t length,
                             const GetOptions& options, const Sink& sink) {
  std::string data;
  {
    absl::MutexLock lock(&mutex_);
    SPILLWAY_RETURN_IF_ERROR(Enter("get"));
    const auto it = objects_.find(key);
    if (it == objects_.end()) return NotFound("no object {}", key);
    const auto size = static_cast<int64_t>(it->second.data.size());
    const bool other = (!options.if_match.empty() && it->second.etag != options.if_match) ||
                       (options.object_bytes >= 0 && size != options.object_bytes);
    if (other) return MakeStatus(StatusCode::kFailedPrecondition, "{} is another object", key);
    if (offset < size) data = it->second.data.substr(offset, length);
  }
  return data.empty() ? absl::OkStatus() : sink(data);
}

}  // namespace spillway
