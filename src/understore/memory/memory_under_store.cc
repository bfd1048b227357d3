#include "understore/memory/memory_under_store.h"

#include <fmt/format.h>

#include <set>

#include "common/checksum.h"

namespace spillway {
namespace {

StatusOr<std::string> ReadAll(BodySource& body, std::optional<uint32_t> crc32c) {
  std::string data(body.size_bytes(), '\0');
  SPILLWAY_RETURN_IF_ERROR(body.Read(0, data.data(), body.size_bytes()));
  if (crc32c && Crc32c(data) != *crc32c) {
    return MakeStatus(StatusCode::kDataLoss, "the body does not match its checksum");
  }
  return data;
}

}  // namespace

void MemoryUnderStore::OnChange(
    std::function<void(const std::string& key, const std::string* data)> callback) {
  absl::MutexLock lock(&mutex_);
  on_change_ = std::move(callback);
}

void MemoryUnderStore::OnListed(std::function<void()> callback) {
  absl::MutexLock lock(&mutex_);
  on_listed_ = std::move(callback);
}

Status MemoryUnderStore::Enter(const std::string& kind) {
  ++requests_[kind];
  if (failures_ > 0 && !after_effect_) {
    --failures_;
    return failure_;
  }
  return absl::OkStatus();
}

Status MemoryUnderStore::Leave() {
  if (failures_ > 0 && after_effect_) {
    --failures_;
    return failure_;
  }
  return absl::OkStatus();
}

Status MemoryUnderStore::CheckConditions(const std::string& key, const PutOptions& options) {
  const auto it = objects_.find(key);
  const bool conflict =
      (options.if_absent && it != objects_.end()) ||
      (!options.if_match.empty() && (it == objects_.end() || it->second.etag != options.if_match));
  if (conflict) return MakeStatus(StatusCode::kFailedPrecondition, "{}: precondition failed", key);
  return absl::OkStatus();
}

std::string MemoryUnderStore::Store(const std::string& key, std::string data) {
  const std::string etag = fmt::format("{:08x}-{}", Crc32c(data), next_++);
  objects_[key] = Object{std::move(data), etag};
  if (on_change_) on_change_(key, &objects_[key].data);
  return etag;
}

StatusOr<ObjectInfo> MemoryUnderStore::Head(const std::string& key) {
  absl::MutexLock lock(&mutex_);
  SPILLWAY_RETURN_IF_ERROR(Enter("head"));
  const auto it = objects_.find(key);
  if (it == objects_.end()) return NotFound("no object {}", key);
  return ObjectInfo{key, static_cast<int64_t>(it->second.data.size()), it->second.etag, 0,
                    Crc32c(it->second.data)};
}

StatusOr<ListPage> MemoryUnderStore::List(const std::string& directory, const std::string&) {
  std::function<void()> listed;
  auto page = TakeListing(directory, &listed);
  if (listed) listed();
  return page;
}

StatusOr<ListPage> MemoryUnderStore::TakeListing(const std::string& directory,
                                                 std::function<void()>* listed) {
  absl::MutexLock lock(&mutex_);
  SPILLWAY_RETURN_IF_ERROR(Enter("list"));
  *listed = on_listed_;
  const std::string prefix = directory.empty() ? "" : directory + "/";
  ListPage page;
  std::set<std::string> directories;
  for (const auto& [key, object] : objects_) {
    if (key.rfind(prefix, 0) != 0 || key.size() == prefix.size()) continue;
    const size_t slash = key.find('/', prefix.size());
    if (slash == std::string::npos) {
      page.objects.push_back(ObjectInfo{key, static_cast<int64_t>(object.data.size()), object.etag,
                                        0, Crc32c(object.data)});
    } else {
      directories.insert(key.substr(0, slash));
    }
  }
  page.directories.assign(directories.begin(), directories.end());
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

StatusOr<PutResult> MemoryUnderStore::Put(const std::string& key, BodySource& body,
                                          const PutOptions& options) {
  SPILLWAY_ASSIGN_OR_RETURN(std::string data, ReadAll(body, options.crc32c));
  absl::MutexLock lock(&mutex_);
  SPILLWAY_RETURN_IF_ERROR(Enter("put"));
  SPILLWAY_RETURN_IF_ERROR(CheckConditions(key, options));
  PutResult result{Store(key, std::move(data))};
  SPILLWAY_RETURN_IF_ERROR(Leave());
  return result;
}

StatusOr<std::string> MemoryUnderStore::CreateMultipart(const std::string& key, const PutOptions&) {
  absl::MutexLock lock(&mutex_);
  SPILLWAY_RETURN_IF_ERROR(Enter("create_multipart"));
  const std::string id = fmt::format("upload-{}", next_++);
  uploads_[id].key = key;
  SPILLWAY_RETURN_IF_ERROR(Leave());
  return id;
}

StatusOr<UploadedPart> MemoryUnderStore::UploadPart(const std::string& key,
                                                    const std::string& upload_id, int number,
                                                    BodySource& body,
                                                    std::optional<uint32_t> crc32c) {
  SPILLWAY_ASSIGN_OR_RETURN(std::string data, ReadAll(body, crc32c));
  absl::MutexLock lock(&mutex_);
  SPILLWAY_RETURN_IF_ERROR(Enter("upload_part"));
  const auto it = uploads_.find(upload_id);
  if (it == uploads_.end() || it->second.key != key) return NotFound("no upload {}", upload_id);
  UploadedPart part{number, fmt::format("part-{}", number), Crc32c(data), body.size_bytes()};
  it->second.parts[number] = std::move(data);
  SPILLWAY_RETURN_IF_ERROR(Leave());
  return part;
}

StatusOr<PutResult> MemoryUnderStore::CompleteMultipart(const std::string& key,
                                                        const std::string& upload_id,
                                                        const std::vector<UploadedPart>& parts,
                                                        const PutOptions& options) {
  absl::MutexLock lock(&mutex_);
  SPILLWAY_RETURN_IF_ERROR(Enter("complete_multipart"));
  const auto it = uploads_.find(upload_id);
  if (it == uploads_.end()) return NotFound("no upload {}", upload_id);
  SPILLWAY_RETURN_IF_ERROR(CheckConditions(key, options));
  std::string data;
  for (const UploadedPart& part : parts) {
    const auto found = it->second.parts.find(part.number);
    if (found == it->second.parts.end()) return InvalidArgument("no part {}", part.number);
    data += found->second;
  }
  uploads_.erase(it);
  PutResult result{Store(key, std::move(data))};
  SPILLWAY_RETURN_IF_ERROR(Leave());
  return result;
}

Status MemoryUnderStore::AbortMultipart(const std::string&, const std::string& upload_id) {
  absl::MutexLock lock(&mutex_);
  SPILLWAY_RETURN_IF_ERROR(Enter("abort_multipart"));
  uploads_.erase(upload_id);
  return absl::OkStatus();
}

StatusOr<std::vector<OpenUpload>> MemoryUnderStore::ListUploads(const std::string& prefix) {
  absl::MutexLock lock(&mutex_);
  SPILLWAY_RETURN_IF_ERROR(Enter("list_uploads"));
  std::vector<OpenUpload> found;
  for (const auto& [id, upload] : uploads_) {
    if (upload.key.rfind(prefix, 0) == 0) found.push_back({upload.key, id, 0});
  }
  return found;
}

StatusOr<std::vector<DeleteFailure>> MemoryUnderStore::Delete(
    const std::vector<DeleteRequest>& requests) {
  absl::MutexLock lock(&mutex_);
  SPILLWAY_RETURN_IF_ERROR(Enter("delete"));
  std::vector<DeleteFailure> failures;
  for (const auto& [key, if_match] : requests) {
    const auto it = objects_.find(key);
    if (it == objects_.end()) continue;
    if (!if_match.empty() && it->second.etag != if_match) {
      failures.push_back(
          {key, MakeStatus(StatusCode::kFailedPrecondition, "{} is another object", key)});
      continue;
    }
    objects_.erase(it);
    if (on_change_) on_change_(key, nullptr);
  }
  SPILLWAY_RETURN_IF_ERROR(Leave());
  return failures;
}

StatusOr<std::string> MemoryUnderStore::CopySource(const std::string& source,
                                                   const CopyOptions& options) {
  const auto it = objects_.find(source);
  if (it == objects_.end()) return NotFound("no object {}", source);
  if (!options.source_if_match.empty() && it->second.etag != options.source_if_match)
    return MakeStatus(StatusCode::kFailedPrecondition, "{} is another object", source);
  return it->second.data;
}

StatusOr<PutResult> MemoryUnderStore::Copy(const std::string& source, const std::string& target,
                                           const CopyOptions& options) {
  absl::MutexLock lock(&mutex_);
  SPILLWAY_RETURN_IF_ERROR(Enter("copy"));
  SPILLWAY_ASSIGN_OR_RETURN(std::string data, CopySource(source, options));
  if (static_cast<int64_t>(data.size()) > copy_bytes_max_)
    return InvalidArgument("{} is too long to be copied at once", source);
  PutOptions condition;
  condition.if_absent = options.if_absent;
  condition.if_match = options.if_match;
  SPILLWAY_RETURN_IF_ERROR(CheckConditions(target, condition));
  PutResult result{Store(target, std::move(data))};
  SPILLWAY_RETURN_IF_ERROR(Leave());
  return result;
}

StatusOr<UploadedPart> MemoryUnderStore::CopyPart(const std::string& source, int64_t offset,
                                                  int64_t length, const std::string& target,
                                                  const std::string& upload_id, int number,
                                                  const CopyOptions& options) {
  absl::MutexLock lock(&mutex_);
  SPILLWAY_RETURN_IF_ERROR(Enter("copy_part"));
  SPILLWAY_ASSIGN_OR_RETURN(const std::string data, CopySource(source, options));
  const auto it = uploads_.find(upload_id);
  if (it == uploads_.end() || it->second.key != target) return NotFound("no upload {}", upload_id);
  std::string part = data.substr(offset, length);
  UploadedPart result{number, fmt::format("part-{}", number), Crc32c(part), length};
  it->second.parts[number] = std::move(part);
  SPILLWAY_RETURN_IF_ERROR(Leave());
  return result;
}

std::map<std::string, std::string> MemoryUnderStore::Objects() {
  absl::MutexLock lock(&mutex_);
  std::map<std::string, std::string> all;
  for (const auto& [key, object] : objects_) all[key] = object.data;
  return all;
}

size_t MemoryUnderStore::open_uploads() {
  absl::MutexLock lock(&mutex_);
  return uploads_.size();
}

int64_t MemoryUnderStore::requests(const std::string& kind) {
  absl::MutexLock lock(&mutex_);
  return requests_[kind];
}

void MemoryUnderStore::FailNext(int count, Status status, bool after_effect) {
  absl::MutexLock lock(&mutex_);
  failures_ = count;
  failure_ = std::move(status);
  after_effect_ = after_effect;
}

}  // namespace spillway
