// Objects put in parts.
#include <fmt/format.h>

#include "common/checksum.h"
#include "understore/memory/memory_under_store.h"
#include "understore/memory/read_body.h"

namespace spillway {

StatusOr<std::string> MemoryUnderStore::CreateMultipart(const std::string& key, const PutOptions&) {
  absl::MutexLock lock(&mutex_);
  const std::string id = fmt::format("upload-{}", next_++);
  SPILLWAY_RETURN_IF_ERROR(RefusalOf("put", key));
  Change change{"create_multipart", key};
  change.look = [] { return absl::OkStatus(); };
  change.act = [this, key, id](bool) {
    mutex_.AssertHeld();
    uploads_[id].key = key;
    uploads_[id].initiated_at_ms = clock_ == nullptr ? 0 : clock_->NowMs();
  };
  SPILLWAY_RETURN_IF_ERROR(CarryOut(change));
  return id;
}

StatusOr<UploadedPart> MemoryUnderStore::UploadPart(const std::string& key,
                                                    const std::string& upload_id, int number,
                                                    BodySource& body,
                                                    std::optional<uint32_t> crc32c) {
  SPILLWAY_ASSIGN_OR_RETURN(std::string data, ReadBody(body, crc32c));
  absl::MutexLock lock(&mutex_);
  SPILLWAY_RETURN_IF_ERROR(Enter("upload_part"));
  const auto it = uploads_.find(upload_id);
  if (it == uploads_.end() || it->second.key != key) return NotFound("no upload {}", upload_id);
  UploadedPart part{number, fmt::format("part-{}", number), Crc32c(data), body.size_bytes()};
  it->second.parts[number] = std::move(data);
  SPILLWAY_RETURN_IF_ERROR(Leave("upload_part"));
  return part;
}

StatusOr<UploadedPart> MemoryUnderStore::CopyPart(const std::string& source, int64_t offset,
                                                  int64_t length, const std::string& target,
                                                  const std::string& upload_id, int number,
                                                  const CopyOptions& options) {
  absl::MutexLock lock(&mutex_);
  SPILLWAY_RETURN_IF_ERROR(Enter("copy_part"));
  SPILLWAY_ASSIGN_OR_RETURN(const Object* object, CopySource(source, options));
  const auto it = uploads_.find(upload_id);
  if (it == uploads_.end() || it->second.key != target) return NotFound("no upload {}", upload_id);
  const auto size = static_cast<int64_t>(object->data.size());
  if (offset < 0 || length < 0 || offset + length > size)
    return InvalidArgument("{} has no bytes [{}, {})", source, offset, offset + length);
  std::string part = object->data.substr(offset, length);
  UploadedPart result{number, fmt::format("part-{}", number), Crc32c(part), length};
  it->second.parts[number] = std::move(part);
  SPILLWAY_RETURN_IF_ERROR(Leave("copy_part"));
  return result;
}

StatusOr<MemoryUnderStore::Object> MemoryUnderStore::Assemble(
    const std::string& key, const std::string& upload_id, const std::vector<UploadedPart>& parts) {
  const auto it = uploads_.find(upload_id);
  if (it == uploads_.end() || it->second.key != key) return NotFound("no upload {}", upload_id);
  Object object;
  std::string checksums;
  for (const UploadedPart& part : parts) {
    const auto found = it->second.parts.find(part.number);
    if (found == it->second.parts.end()) return InvalidArgument("no part {}", part.number);
    object.data += found->second;
    const uint32_t crc = Crc32c(found->second);
    for (int shift = 24; shift >= 0; shift -= 8)
      checksums.push_back(static_cast<char>(crc >> shift));
  }
  if (composite_checksums_)
    object.composite_crc32c = fmt::format("{}-{}", Crc32cBase64(Crc32c(checksums)), parts.size());
  return object;
}

StatusOr<PutResult> MemoryUnderStore::CompleteMultipart(const std::string& key,
                                                        const std::string& upload_id,
                                                        const std::vector<UploadedPart>& parts,
                                                        const PutOptions& options) {
  absl::MutexLock lock(&mutex_);
  const Belief belief{options.if_absent, options.if_match};
  const auto etag = std::make_shared<std::string>();
  Change change{"complete_multipart", key};
  change.guarded =
      Guards(belief, StoreFeature::kCompleteConditions, StoreFeature::kCompleteConditions);
  SPILLWAY_RETURN_IF_ERROR(RefusalOf("put", key));
  change.look = [this, key, upload_id, parts, belief]() -> Status {
    mutex_.AssertHeld();
    SPILLWAY_RETURN_IF_ERROR(Assemble(key, upload_id, parts).status());
    return LookAt(key, belief);
  };
  change.act = [this, key, upload_id, parts, etag](bool unguarded) {
    mutex_.AssertHeld();
    auto object = Assemble(key, upload_id, parts);
    if (!object.ok()) return;
    uploads_.erase(upload_id);
    object->etag = NewEtag(object->data, parts.size());
    *etag = Store(key, *std::move(object), unguarded);
  };
  SPILLWAY_RETURN_IF_ERROR(CarryOut(change));
  if (etag->empty()) return NotFound("no upload {}", upload_id);
  return Heard(key, *etag);
}

Status MemoryUnderStore::AbortMultipart(const std::string& key, const std::string& upload_id) {
  absl::MutexLock lock(&mutex_);
  Change change{"abort_multipart", key};
  change.look = [] { return absl::OkStatus(); };
  change.act = [this, upload_id](bool) {
    mutex_.AssertHeld();
    uploads_.erase(upload_id);
  };
  return CarryOut(change);
}

StatusOr<std::vector<OpenUpload>> MemoryUnderStore::ListUploads(const std::string& prefix) {
  std::vector<OpenUpload> found;
  std::function<void()> listed;
  {
    absl::MutexLock lock(&mutex_);
    SPILLWAY_RETURN_IF_ERROR(Enter("list_uploads"));
    for (const auto& [id, upload] : uploads_) {
      if (upload.key.rfind(prefix, 0) == 0)
        found.push_back({upload.key, id, upload.initiated_at_ms});
    }
    listed = on_uploads_listed_;
  }
  if (listed) listed();
  return found;
}

}  // namespace spillway
