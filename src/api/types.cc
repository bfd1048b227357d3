#include "api/types.h"

namespace spillway {

const char* PersistenceStateName(PersistenceState state) {
  switch (state) {
    case PersistenceState::kNotPersisted:
      return "NOT_PERSISTED";
    case PersistenceState::kToBePersisted:
      return "TO_BE_PERSISTED";
    case PersistenceState::kPersisted:
      return "PERSISTED";
    case PersistenceState::kLost:
      return "LOST";
  }
  return "";
}

std::optional<WriteType> ParseWriteType(const std::string& name) {
  if (name == "MUST_CACHE" || name == "TRY_CACHE") return WriteType::kMustCache;
  if (name == "CACHE_THROUGH") return WriteType::kCacheThrough;
  if (name == "THROUGH") return WriteType::kThrough;
  if (name == "ASYNC_THROUGH") return WriteType::kAsyncThrough;
  return std::nullopt;
}

}  // namespace spillway
