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

const char* NameOf(WriteType type) {
  switch (type) {
    case WriteType::kMustCache:
      return "MUST_CACHE";
    case WriteType::kCacheThrough:
      return "CACHE_THROUGH";
    case WriteType::kThrough:
      return "THROUGH";
    case WriteType::kAsyncThrough:
      return "ASYNC_THROUGH";
  }
  return "";
}

const char* NameOf(JobState state) {
  switch (state) {
    case JobState::kRunning:
      return "RUNNING";
    case JobState::kCompleted:
      return "COMPLETED";
    case JobState::kFailed:
      return "FAILED";
    case JobState::kCanceled:
      return "CANCELED";
  }
  return "";
}

const char* NameOf(FolderState state) {
  switch (state) {
    case FolderState::kServing:
      return "SERVING";
    case FolderState::kReadOnly:
      return "READ_ONLY";
    case FolderState::kAtRisk:
      return "AT_RISK";
    case FolderState::kFailed:
      return "FAILED";
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
