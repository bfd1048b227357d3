#include <algorithm>

#include "client/file_system.h"
#include "common/checked.h"

namespace spillway {
namespace {

// FAILED_PRECONDITION and, on the wire, OUT_OF_RANGE: the file is another one by now.
bool HasChanged(const Status& status) {
  return status.code() == StatusCode::kFailedPrecondition ||
         status.code() == StatusCode::kOutOfRange;
}

bool MayPass(const Status& status) {
  return status.code() != StatusCode::kInvalidArgument &&
         status.code() != StatusCode::kPermissionDenied && !HasChanged(status);
}

}  // namespace

Status FileSystem::ReadFile(const FileStatus& file, int64_t offset, int64_t length,
                            const ByteSink& sink, bool cache) {
  if (file.is_directory) return InvalidArgument("Path \"{}\" must be a file.", file.path);
  if (!file.completed)
    return MakeStatus(StatusCode::kFailedPrecondition,
                      "{} is not complete: it is still being written.", file.path);
  SPILLWAY_RETURN_IF_ERROR(InRange(offset, 0, INT64_MAX, "the first byte to read").status());
  const int64_t end =
      length < 0 ? file.length_bytes : std::min(file.length_bytes, SaturatingAdd(offset, length));
  int64_t begin = 0;
  for (const BlockInfo& block : file.blocks) {
    const int64_t from = std::max(offset, begin);
    const int64_t to = std::min(end, begin + block.length_bytes);
    if (from < to)
      SPILLWAY_RETURN_IF_ERROR(ReadBlock(file, block, begin, from - begin, to - from, cache, sink));
    begin += block.length_bytes;
  }
  return absl::OkStatus();
}

// Tries the replicas, this host's first, then the understore through any worker. What the sink has
// taken is not read again.
Status FileSystem::TryReadBlock(const FileStatus& file, const BlockInfo& block,
                                int64_t block_offset, int64_t offset, int64_t length, bool cache,
                                const ByteSink& sink, int64_t* taken) {
  struct Candidate {
    WorkerAddress address;
    bool understore;
  };
  std::vector<Candidate> candidates;
  for (const BlockLocation& location : block.locations)
    candidates.push_back({location.address, false});
  for (size_t i = candidates.size(); i > 1; --i)
    std::swap(candidates[i - 1], candidates[random_->Below(i)]);
  std::stable_partition(candidates.begin(), candidates.end(), [&](const Candidate& candidate) {
    return candidate.address.host == local_host_;
  });
  if (file.persistence_state == PersistenceState::kPersisted) {
    const auto workers = ChooseWorkers(1);
    if (workers.ok()) candidates.push_back({workers->front().address, true});
  }
  Status last =
      Unavailable("Block {} of {} has no copy on a live worker.", block.id.value(), file.path);
  for (const Candidate& candidate : candidates) {
    BlockReadOptions read{block.id, offset + *taken, length - *taken, std::nullopt};
    if (candidate.understore) {
      read.understore = UnderStoreRange{file.mount_id, file.understore_path, block_offset,
                                        block.length_bytes, !cache};
    }
    auto stream = workers_->Connect(candidate.address)->ReadBlock(read);
    last = stream.status();
    while (last.ok() && *taken < length) {
      const auto piece = (*stream)->Next();
      last = piece.status();
      if (!piece.ok()) break;
      if (piece->empty()) last = Unavailable("Block {} ended early.", block.id.value());
      if (static_cast<int64_t>(piece->size()) > length - *taken)
        last = Internal("Block {} is longer than what was asked for.", block.id.value());
      if (!last.ok()) break;
      *taken += static_cast<int64_t>(piece->size());
      SPILLWAY_RETURN_IF_ERROR(sink(*piece));
    }
    if (*taken == length) return absl::OkStatus();
    if (HasChanged(last)) return Status(StatusCode::kFailedPrecondition, last.message());
  }
  return last;
}

// Copies move while workers come and go: between rounds the master is asked where they are now.
Status FileSystem::ReadBlock(const FileStatus& file, const BlockInfo& block, int64_t block_offset,
                             int64_t offset, int64_t length, bool cache, const ByteSink& sink) {
  const int64_t end_ms = clock_->MonotonicMs() + kRideOverMs;
  int64_t pause_ms = kFirstPauseMs;
  FileStatus now = file;
  BlockInfo at = block;
  int64_t taken = 0;
  bool refused = false;
  const ByteSink watched = [&](std::string_view data) {
    const Status status = sink(data);
    refused = !status.ok();
    return status;
  };
  while (true) {
    const Status status =
        TryReadBlock(now, at, block_offset, offset, length, cache, watched, &taken);
    if (status.ok() || refused || !MayPass(status)) return status;
    if (clock_->MonotonicMs() + pause_ms >= end_ms) return status;
    if (!clock_->SleepMs(pause_ms)) return status;
    pause_ms = std::min(pause_ms * 2, kPauseMsMax);
    SPILLWAY_ASSIGN_OR_RETURN(now, master_->GetStatus(file.path));
    // Another file took its place, or nothing will bring it back.
    if (now.id != file.id || now.generation != file.generation) return status;
    if (now.persistence_state == PersistenceState::kLost) return status;
    for (const BlockInfo& info : now.blocks) {
      if (info.id == block.id) at = info;
    }
  }
}

}  // namespace spillway
