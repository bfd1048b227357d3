#include <algorithm>

#include "client/file_system.h"
#include "common/checked.h"

namespace spillway {
// The N replicas of one block, written side by side from the same buffers. What was sent is kept
// until the block is committed: a worker that fails is replaced, and gets all of it again.
class ReplicatedBlock {
 public:
  ReplicatedBlock(FileSystem* fs, BlockWriteOptions options) : fs_(fs), options_(options) {}

  Status Open(const std::vector<WorkerInfo>& workers) {
    for (const WorkerInfo& worker : workers) {
      replicas_.push_back({worker, nullptr});
      SPILLWAY_RETURN_IF_ERROR(Ensure(replicas_.back(), Begin(replicas_.back())));
    }
    return absl::OkStatus();
  }

  Status Append(const SharedBytes& data) {
    pieces_.push_back(data);
    for (Replica& replica : replicas_)
      SPILLWAY_RETURN_IF_ERROR(Ensure(replica, replica.stream->Append(data)));
    return absl::OkStatus();
  }

  // Nothing may be appended after it.
  void BeginCommit() {
    for (Replica& replica : replicas_) replica.stream->BeginCommit();
  }

  Status WaitCommitted() {
    for (Replica& replica : replicas_) {
      Status status = replica.stream->WaitCommitted();
      while (!status.ok()) {
        SPILLWAY_RETURN_IF_ERROR(Ensure(replica, status));
        replica.stream->BeginCommit();
        status = replica.stream->WaitCommitted();
      }
    }
    return absl::OkStatus();
  }

 private:
  struct Replica {
    WorkerInfo worker;
    std::unique_ptr<BlockWriteStream> stream;
    int64_t began_ms = 0;
    int64_t give_up_ms = -1;  // not failing
  };

  // What another worker would answer too.
  static bool IsFinal(const Status& status) {
    return status.code() == StatusCode::kInvalidArgument ||
           status.code() == StatusCode::kNotFound || status.code() == StatusCode::kDataLoss ||
           status.code() == StatusCode::kPermissionDenied;
  }

  Status Begin(Replica& replica) {
    replica.began_ms = fs_->clock_->MonotonicMs();
    auto stream = fs_->workers_->Connect(replica.worker.address)->WriteBlock(options_);
    SPILLWAY_RETURN_IF_ERROR(stream.status());
    replica.stream = *std::move(stream);
    for (const SharedBytes& piece : pieces_)
      SPILLWAY_RETURN_IF_ERROR(replica.stream->Append(piece));
    return absl::OkStatus();
  }

  // OK if status is; else puts others in the worker's place until one has all that was sent.
  Status Ensure(Replica& replica, Status status) {
    if (status.ok()) return status;
    fs_->ForgetWorkers();
    // Its own time: what the other replicas took is not its fault. One that has served for long
    // enough to be no part of the old trouble begins a new one.
    const int64_t now_ms = fs_->clock_->MonotonicMs();
    if (replica.give_up_ms < 0 || now_ms - replica.began_ms >= kSettledMs)
      replica.give_up_ms = now_ms + FileSystem::kRideOverMs;
    while (!status.ok()) {
      const bool give_up = fs_->clock_->MonotonicMs() >= replica.give_up_ms;
      if (IsFinal(status) || give_up || ++replaced_ > kReplacedMax) return status;
      replica.stream.reset();
      const std::string& failed = replica.worker.address.host;
      (status.code() == StatusCode::kFailedPrecondition ? small_hosts_ : failed_hosts_)
          .insert(failed);
      SPILLWAY_RETURN_IF_ERROR(Replace(replica, status));
      status = Begin(replica);
    }
    return absl::OkStatus();
  }

  // Another worker in the place of one that answered `why`.
  Status Replace(Replica& replica, const Status& why) {
    std::set<std::string> taken = small_hosts_;
    for (const Replica& other : replicas_) {
      if (&other != &replica) taken.insert(other.worker.address.host);
    }
    std::set<std::string> avoid = taken;
    avoid.insert(failed_hosts_.begin(), failed_hosts_.end());
    auto workers = fs_->ChooseWorkers(1, avoid);
    if (!workers.ok()) {
      // Nobody else: one that failed may have come back, one too small for the block never will.
      const bool retry = !failed_hosts_.empty();
      failed_hosts_.clear();
      if (!retry) return why;
      if (!fs_->clock_->SleepMs(FileSystem::kFirstPauseMs)) return why;
      workers = fs_->AwaitWorkers(1, taken);
      if (!workers.ok()) return workers.status();
    }
    replica.worker = workers->front();
    return absl::OkStatus();
  }

  FileSystem* const fs_;
  const BlockWriteOptions options_;
  static constexpr int kReplacedMax = 100;
  static constexpr int64_t kSettledMs = 10'000;
  int replaced_ = 0;
  std::vector<Replica> replicas_;
  std::vector<SharedBytes> pieces_;
  std::set<std::string> failed_hosts_;
  std::set<std::string> small_hosts_;  // the block does not fit into them
};

namespace {

constexpr int64_t kMessageBytesMax = 1 << 20;

int InitialReplicas(const CreateFileOptions& options) {
  const int replicas = options.write_type == WriteType::kAsyncThrough
                           ? std::max(options.durable_replicas, options.replication_min)
                           : options.replication_min;
  return std::max(1, replicas);
}

// So many bytes, in one step.
bool MayGoWhole(const WriteOptions& options, size_t bytes) {
  if (options.create.write_type == WriteType::kMustCache) return bytes == 0;
  return options.create.write_type == WriteType::kAsyncThrough && options.persist &&
         options.create.persistence_wait_time_ms >= 0 &&
         static_cast<int64_t>(bytes) <=
             std::min(options.create.block_size_bytes, SmallFileWriter::kFileBytesMax);
}

// Going the long way would not change it.
bool IsAboutTheFile(const Status& status) {
  return status.code() == StatusCode::kAlreadyExists || status.code() == StatusCode::kNotFound ||
         status.code() == StatusCode::kInvalidArgument ||
         status.code() == StatusCode::kPermissionDenied;
}

SmallFileWriter::File AsSmall(const std::string& path, const CreateFileOptions& options,
                              std::string_view data) {
  SmallFileWriter::File file;
  file.path = path;
  file.options = options;
  file.copies = data.empty() ? 0 : InitialReplicas(options);
  file.data = data;
  return file;
}

SharedBytes Joined(const SharedBytes& a, const SharedBytes& b) {
  std::string both(a.view());
  both += b.view();
  return both;
}

// head, and what source has after it unless that was its end.
ByteSource Following(SharedBytes head, bool end, const ByteSource& source) {
  return [head = std::move(head), first = true, end, &source]() mutable -> StatusOr<SharedBytes> {
    if (std::exchange(first, false)) return std::exchange(head, {});
    return end ? SharedBytes() : source();
  };
}

}  // namespace

Status FileSystem::WriteFile(const std::string& path, const WriteOptions& asked,
                             const ByteSource& bytes) {
  // Who interrupts the clock wants the file given up.
  const ByteSource source = [&]() -> StatusOr<SharedBytes> {
    if (!clock_->SleepMs(0)) return MakeStatus(StatusCode::kCancelled, "{} is given up.", path);
    return bytes();
  };
  WriteOptions options = asked;
  if (!options.create.operation_id)
    options.create.operation_id = OperationId{random_->NextU64(), random_->NextU64()};
  if (!MayGoWhole(options, 0)) return WriteLong(path, options, source);
  SharedBytes head;
  bool end = false;
  while (!end && MayGoWhole(options, head.size())) {
    SPILLWAY_ASSIGN_OR_RETURN(SharedBytes piece, source());
    end = piece.empty();
    head = head.empty() ? std::move(piece) : Joined(head, piece);
  }
  if (end && MayGoWhole(options, head.size())) {
    SmallFileWriter::File file = AsSmall(path, options.create, head.view());
    small_files_.Write({&file});
    if (file.status.ok() || IsAboutTheFile(file.status)) return file.status;
  }
  return WriteLong(path, options, Following(std::move(head), end, source));
}

std::vector<Status> FileSystem::WriteFiles(const std::vector<FileContent>& contents,
                                           const WriteOptions& options) {
  std::vector<SmallFileWriter::File> files(contents.size());
  std::vector<SmallFileWriter::File*> small;
  for (size_t i = 0; i < contents.size(); ++i) {
    const auto& [path, data] = contents[i];
    files[i] = AsSmall(path, options.create, data.view());
    files[i].options.operation_id = OperationId{random_->NextU64(), random_->NextU64()};
    if (MayGoWhole(options, data.size())) small.push_back(&files[i]);
  }
  small_files_.Write(small);
  const ByteSource nothing = [] { return SharedBytes(); };
  std::vector<Status> statuses;
  for (size_t i = 0; i < files.size(); ++i) {
    if (!files[i].done || !(files[i].status.ok() || IsAboutTheFile(files[i].status))) {
      WriteOptions longer = options;
      longer.create.operation_id = files[i].options.operation_id;
      files[i].status = WriteLong(contents[i].path, longer,
                                  Following(contents[i].data, contents[i].data.empty(), nothing));
    }
    statuses.push_back(files[i].status);
  }
  return statuses;
}

Status FileSystem::WriteLong(const std::string& path, const WriteOptions& options,
                             const ByteSource& source) {
  SPILLWAY_ASSIGN_OR_RETURN(const FileStatus file, master_->CreateFile(path, options.create));
  // Made whole after all, though nobody could say so.
  if (file.completed) return absl::OkStatus();
  const WriteType type = options.create.write_type;
  bool through = type == WriteType::kThrough || type == WriteType::kCacheThrough;
  int64_t length = 0;
  std::optional<SharedBytes> diverted;
  Status status = through ? WriteThroughFile(path, file, options, type == WriteType::kCacheThrough,
                                             source, &length)
                          : WriteBlocks(path, file, options, source, &length, &diverted);
  if (status.ok() && diverted) {
    // The cluster is full of unpersisted data: this file goes straight to the store.
    through = true;
    bool first = true;
    const ByteSource all = [&]() -> StatusOr<SharedBytes> {
      if (!std::exchange(first, false)) return source();
      return std::move(*diverted);
    };
    status = WriteThroughFile(path, file, options, false, all, &length);
  }
  if (status.ok()) {
    CompleteFileOptions complete;
    complete.file = file.id;
    complete.length_bytes = length;
    if (through) complete.understore_length = length;
    complete.persist = type == WriteType::kAsyncThrough && options.persist &&
                       options.create.persistence_wait_time_ms >= 0;
    complete.persistence_wait_time_ms =
        std::max<int64_t>(0, options.create.persistence_wait_time_ms);
    status = master_->CompleteFile(path, complete);
  }
  if (!status.ok()) {
    // Nobody was told that the file exists: take it away again. If that fails its lease runs out.
    (void)master_->AbandonFile(file.id, through);
  }
  return status;
}

Status FileSystem::WriteBlocks(const std::string& path, const FileStatus& file,
                               const WriteOptions& options, const ByteSource& source,
                               int64_t* length, std::optional<SharedBytes>* diverted) {
  SPILLWAY_ASSIGN_OR_RETURN(const int64_t block_size,
                            InRange(file.block_size_bytes, 1, kBytesMax, "the block size"));
  SharedBytes rest;  // read already, belongs to the next block
  // Its commit is under way while the next block is written.
  std::unique_ptr<ReplicatedBlock> before;
  while (true) {
    if (rest.empty()) {
      SPILLWAY_ASSIGN_OR_RETURN(rest, source());
      if (rest.empty()) return before == nullptr ? absl::OkStatus() : before->WaitCommitted();
    }
    BlockWriteOptions write;
    const bool may_write_through =
        *length == 0 && options.create.write_type == WriteType::kAsyncThrough && options.persist;
    const auto block_id =
        master_->NewBlockId(path, file.id, *length / block_size, may_write_through);
    if (block_id.status().code() == StatusCode::kAborted) {
      *diverted = std::move(rest);
      return absl::OkStatus();
    }
    SPILLWAY_RETURN_IF_ERROR(block_id.status());
    write.block_id = *block_id;
    SPILLWAY_ASSIGN_OR_RETURN(const auto workers,
                              AwaitWorkers(InitialReplicas(options.create), {}));
    write.reserve_bytes = std::min<int64_t>(block_size, static_cast<int64_t>(rest.size()));
    write.pin = options.create.write_type == WriteType::kAsyncThrough;
    auto block = std::make_unique<ReplicatedBlock>(this, write);
    SPILLWAY_RETURN_IF_ERROR(block->Open(workers));
    int64_t written = 0;
    while (written < block_size) {
      if (rest.empty()) {
        SPILLWAY_ASSIGN_OR_RETURN(rest, source());
        if (rest.empty()) break;
      }
      const auto room = static_cast<size_t>(std::min(block_size - written, kMessageBytesMax));
      const SharedBytes piece = rest.Part(0, room);
      rest = rest.Part(piece.size());
      written += static_cast<int64_t>(piece.size());
      SPILLWAY_RETURN_IF_ERROR(block->Append(piece));
    }
    if (before != nullptr) SPILLWAY_RETURN_IF_ERROR(before->WaitCommitted());
    block->BeginCommit();
    before = std::move(block);
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
  const ByteSource copying = [&]() -> StatusOr<SharedBytes> {
    SPILLWAY_ASSIGN_OR_RETURN(SharedBytes data, source());
    for (size_t at = 0; at < data.size(); at += static_cast<size_t>(kMessageBytesMax)) {
      SPILLWAY_RETURN_IF_ERROR(
          stream->Append(data.Part(at, static_cast<size_t>(kMessageBytesMax))));
    }
    return data;
  };
  if (cache) {
    std::optional<SharedBytes> never;
    SPILLWAY_RETURN_IF_ERROR(WriteBlocks(path, file, options, copying, length, &never));
  } else {
    for (bool end = false; !end;) {
      SPILLWAY_ASSIGN_OR_RETURN(const SharedBytes data, copying());
      *length += static_cast<int64_t>(data.size());
      end = data.empty();
    }
  }
  stream->BeginCommit();
  return stream->WaitCommitted();
}

}  // namespace spillway
