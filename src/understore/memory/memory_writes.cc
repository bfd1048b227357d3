// Objects put, copied and deleted.
#include "common/checksum.h"
#include "understore/memory/memory_under_store.h"
#include "understore/memory/read_body.h"

namespace spillway {

StatusOr<PutResult> MemoryUnderStore::Put(const std::string& key, BodySource& body,
                                          const PutOptions& options) {
  SPILLWAY_ASSIGN_OR_RETURN(std::string data, ReadBody(body, options.crc32c));
  absl::MutexLock lock(&mutex_);
  const Belief belief{options.if_absent, options.if_match};
  const auto etag = std::make_shared<std::string>();
  Change change{"put", key};
  change.guarded = Guards(belief, StoreFeature::kPutIfAbsent, StoreFeature::kPutIfMatch);
  change.look = [this, key, belief] {
    mutex_.AssertHeld();
    return LookAt(key, belief);
  };
  change.act = [this, key, etag, data = std::move(data)](bool unguarded) {
    mutex_.AssertHeld();
    *etag = Store(key, Object{data, NewEtag(data, 0)}, unguarded);
  };
  SPILLWAY_RETURN_IF_ERROR(CarryOut(change));
  return Heard(key, *etag);
}

MemoryUnderStore::Change MemoryUnderStore::DeleteOf(const DeleteRequest& request,
                                                    StoreFeature condition) {
  Change change{"delete", request.key};
  change.guarded = request.if_match.empty() || Has(condition);
  change.look = [this, request]() -> Status {
    mutex_.AssertHeld();
    const auto it = objects_.find(request.key);
    if (it == objects_.end() || request.if_match.empty()) return absl::OkStatus();
    if (it->second.etag == request.if_match) return absl::OkStatus();
    return MakeStatus(StatusCode::kFailedPrecondition, "{} is another object", request.key);
  };
  change.act = [this, key = request.key](bool unguarded) {
    mutex_.AssertHeld();
    Erase(key, /*foreign=*/false, unguarded);
  };
  return change;
}

StatusOr<std::vector<DeleteFailure>> MemoryUnderStore::Delete(
    const std::vector<DeleteRequest>& requests) {
  absl::MutexLock lock(&mutex_);
  std::vector<Change> together;
  std::vector<DeleteFailure> failures;
  for (const DeleteRequest& request : requests) {
    const bool alone = !Has(StoreFeature::kMultiDelete) ||
                       (!request.if_match.empty() && !Has(StoreFeature::kMultiDeleteIfMatch));
    if (!alone) {
      together.push_back(DeleteOf(request, StoreFeature::kMultiDeleteIfMatch));
      continue;
    }
    const Status status = CarryOut(DeleteOf(request, StoreFeature::kDeleteIfMatch));
    if (!status.ok()) failures.push_back({request.key, status});
  }
  if (together.empty()) return failures;
  SPILLWAY_ASSIGN_OR_RETURN(const auto results, CarryOut("delete", together));
  for (size_t i = 0; i < together.size(); ++i) {
    if (!results[i].ok()) failures.push_back({together[i].key, results[i]});
  }
  return failures;
}

StatusOr<MemoryUnderStore::Object*> MemoryUnderStore::CopySource(const std::string& source,
                                                                 const CopyOptions& options) {
  const auto it = objects_.find(source);
  if (it == objects_.end()) return NotFound("no object {}", source);
  if (!options.source_if_match.empty() && it->second.etag != options.source_if_match)
    return MakeStatus(StatusCode::kFailedPrecondition, "{} is another object", source);
  return &it->second;
}

StatusOr<PutResult> MemoryUnderStore::Copy(const std::string& source, const std::string& target,
                                           const CopyOptions& options) {
  absl::MutexLock lock(&mutex_);
  const Belief belief{options.if_absent, options.if_match};
  const auto etag = std::make_shared<std::string>();
  Change change{"copy", target};
  change.guarded = Guards(belief, StoreFeature::kCopyConditions, StoreFeature::kCopyConditions);
  change.look = [this, source, target, options, belief]() -> Status {
    mutex_.AssertHeld();
    SPILLWAY_ASSIGN_OR_RETURN(const Object* object, CopySource(source, options));
    if (static_cast<int64_t>(object->data.size()) > copy_bytes_max_)
      return InvalidArgument("{} is too long to be copied at once", source);
    return LookAt(target, belief);
  };
  change.act = [this, source, target, options, etag](bool unguarded) {
    mutex_.AssertHeld();
    // The store looks at the source's condition itself, always.
    const auto object = CopySource(source, options);
    if (!object.ok()) return;
    const std::string data = (*object)->data;
    *etag = Store(target, Object{data, NewEtag(data, 0)}, unguarded);
  };
  SPILLWAY_RETURN_IF_ERROR(CarryOut(change));
  if (etag->empty())
    return MakeStatus(StatusCode::kFailedPrecondition, "{} is another object", source);
  return Heard(target, *etag);
}

}  // namespace spillway
