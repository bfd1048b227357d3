#include <algorithm>

#include "client/file_system.h"

namespace spillway {
namespace {

// The N replicas of one block, written side by side from the same buffers.
class ReplicatedBlock {
 public:
  static StatusOr<ReplicatedBlock> Open(WorkerConnector* connector,
                                        const std::vector<WorkerInfo>& workers,
                                        const BlockWriteOptions& options) {
    ReplicatedBlock block;
    for (const WorkerInfo& worker : workers) {
      SPILLWAY_ASSIGN_OR_RETURN(auto stream,
                                connector->Connect(worker.address)->WriteBlock(options));
      block.streams_.push_back(std::move(stream));
    }
    return block;
  }

  Status Append(const std::shared_ptr<const std::string>& data) {
    for (auto& stream : streams_) SPILLWAY_RETURN_IF_ERROR(stream->Append(data));
    return absl::OkStatus();
  }

  Status Commit() {
    for (auto& stream : streams_) stream->BeginCommit();
    Status status;
    for (auto& stream : streams_) {
      const Status committed = stream->WaitCommitted();
      if (status.ok()) status = committed;
    }
    return status;
  }

 private:
  std::vector<std::unique_ptr<BlockWriteStream>> streams_;
};

int InitialReplicas(const CreateFileOptions& options) {
  const int replicas = options.write_type == WriteType::kAsyncThrough
                           ? std::max(options.durable_replicas, options.replication_min)
                           : options.replication_min;
  return std::max(1, replicas);
}

}  // namespace

Status FileSystem::WriteFile(const std::string& path, const WriteOptions& options,
                             const ByteSource& source) {
  SPILLWAY_ASSIGN_OR_RETURN(const FileStatus file, master_->CreateFile(path, options.create));
  const WriteType type = options.create.write_type;
  const bool through = type == WriteType::kThrough || type == WriteType::kCacheThrough;
  int64_t length = 0;
  Status status = through ? WriteThroughFile(path, file, options, type == WriteType::kCacheThrough,
                                             source, &length)
                          : WriteBlocks(path, file, options, source, &length);
  if (status.ok()) {
    CompleteFileOptions complete;
    if (through) complete.understore_length = length;
    complete.persist = type == WriteType::kAsyncThrough && options.persist &&
                       options.create.persistence_wait_time_ms >= 0;
    complete.persistence_wait_time_ms =
        std::max<int64_t>(0, options.create.persistence_wait_time_ms);
    status = master_->CompleteFile(path, complete);
  }
  if (!status.ok()) {
    // Nobody was told that the file exists: take it away again.
    RemoveOptions remove;
    remove.alluxio_only = true;
    (void)master_->Remove(path, remove);
  }
  return status;
}

Status FileSystem::WriteBlocks(const std::string& path, const FileStatus& file,
                               const WriteOptions& options, const ByteSource& source,
                               int64_t* length) {
  const int64_t block_size = file.block_size_bytes;
  std::string rest;  // read already, belongs to the next block
  while (true) {
    if (rest.empty()) {
      SPILLWAY_ASSIGN_OR_RETURN(rest, source());
      if (rest.empty()) return absl::OkStatus();
    }
    SPILLWAY_ASSIGN_OR_RETURN(const auto workers, ChooseWorkers(InitialReplicas(options.create)));
    BlockWriteOptions write;
    SPILLWAY_ASSIGN_OR_RETURN(write.block_id, master_->NewBlockId(path));
    write.reserve_bytes = std::min<int64_t>(block_size, static_cast<int64_t>(rest.size()));
    write.pin = options.create.write_type == WriteType::kAsyncThrough;
    SPILLWAY_ASSIGN_OR_RETURN(ReplicatedBlock block,
                              ReplicatedBlock::Open(workers_, workers, write));
    int64_t written = 0;
    while (written < block_size) {
      if (rest.empty()) {
        SPILLWAY_ASSIGN_OR_RETURN(rest, source());
        if (rest.empty()) break;
      }
      std::string piece = std::move(rest);
      rest.clear();
      const int64_t room = block_size - written;
      if (static_cast<int64_t>(piece.size()) > room) {
        rest = piece.substr(static_cast<size_t>(room));
        piece.resize(static_cast<size_t>(room));
      }
      written += static_cast<int64_t>(piece.size());
      SPILLWAY_RETURN_IF_ERROR(block.Append(std::make_shared<const std::string>(std::move(piece))));
    }
    SPILLWAY_RETURN_IF_ERROR(block.Commit());
    *length += written;
  }
}

Status FileSystem::WriteThroughFile(const std::string& path, const FileStatus& file,
                                    const WriteOptions& options, bool cache,
                                    const ByteSource& source, int64_t* length) {
  SPILLWAY_ASSIGN_OR_RETURN(const auto workers, ChooseWorkers(1));
  FileWriteThroughOptions through;
  through.mount_id = file.mount_id;
  through.uri = file.understore_path;
  through.owner = file.owner;
  through.group = file.group;
  through.mode = file.mode;
  SPILLWAY_ASSIGN_OR_RETURN(auto stream,
                            workers_->Connect(workers[0].address)->WriteThrough(through));
  const ByteSource copying = [&]() -> StatusOr<std::string> {
    SPILLWAY_ASSIGN_OR_RETURN(std::string data, source());
    if (!data.empty()) {
      SPILLWAY_RETURN_IF_ERROR(stream->Append(std::make_shared<const std::string>(data)));
    }
    return data;
  };
  if (cache) {
    SPILLWAY_RETURN_IF_ERROR(WriteBlocks(path, file, options, copying, length));
  } else {
    for (bool end = false; !end;) {
      SPILLWAY_ASSIGN_OR_RETURN(const std::string data, copying());
      *length += static_cast<int64_t>(data.size());
      end = data.empty();
    }
  }
  stream->BeginCommit();
  return stream->WaitCommitted();
}

}  // namespace spillway
