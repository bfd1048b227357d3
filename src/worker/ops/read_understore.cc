#include <algorithm>

#include "common/log.h"
#include "worker/worker.h"

namespace spillway {

Status Worker::ReadFromUnderStore(const BlockReadOptions& options, const UnderStore::Sink& sink) {
  const UnderStoreRange& range = *options.understore;
  SPILLWAY_ASSIGN_OR_RETURN(auto store, UnderStoreOf(range.mount_id));
  SPILLWAY_ASSIGN_OR_RETURN(const std::string key, KeyOf(range.mount_id, range.uri));
  std::unique_ptr<TempBlock> temp;
  const bool whole = options.offset == 0 && options.length_bytes == range.block_length_bytes;
  if (whole && !range.no_cache) {
    auto created = store_->Create(options.block_id, 0, /*pin=*/false);
    if (created.ok()) temp = *std::move(created);  // else: read on without keeping it
  }
  int64_t read = 0;
  const Status status = store->Get(key, range.offset_in_file + options.offset, options.length_bytes,
                                   [&](std::string_view data) {
                                     read += static_cast<int64_t>(data.size());
                                     const iovec part{const_cast<char*>(data.data()), data.size()};
                                     if (temp && !temp->Append(std::span(&part, 1)).ok())
                                       temp.reset();
                                     return sink(data);
                                   });
  SPILLWAY_RETURN_IF_ERROR(status);
  if (read < options.length_bytes) {
    return Unavailable("{} is shorter than its metadata says: {} bytes of {} at {} were read.",
                       range.uri, read, options.length_bytes,
                       range.offset_in_file + options.offset);
  }
  if (temp == nullptr) return absl::OkStatus();
  if (const auto block = temp->Commit(); block.ok()) {
    CommitToMaster(*block, [this, id = block->id](Status committed) {
      if (!committed.ok()) (void)store_->Remove(id);
    });
  }
  return absl::OkStatus();
}

}  // namespace spillway
