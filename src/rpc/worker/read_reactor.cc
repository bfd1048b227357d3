// ReadBlock: a block's range in chunks, from the store or from the understore. Half-close ends it.
#include <algorithm>
#include <deque>
#include <memory>

#include "absl/synchronization/mutex.h"
#include "common/checked.h"
#include "grpc/block_worker.pb.h"
#include "rpc/convert.h"
#include "rpc/request_text.h"
#include "rpc/worker/block_worker_service.h"

namespace spillway {
namespace {

constexpr int kSentChunkField = 1;
constexpr int64_t kChunkBytesMax = 2 << 20;
constexpr int64_t kChunkBytesDefault = 1 << 20;
constexpr size_t kQueuedChunksMax = 4;
constexpr int64_t kMappedBytesMin = 256 << 10;

// Shared by the call and, for reads from the understore, the thread that feeds it.
class ReadReactor : public ServerReactor, public std::enable_shared_from_this<ReadReactor> {
 public:
  ReadReactor(ServerStream* call, WorkerServiceContext context)
      : ServerReactor(call), context_(context) {}

  void BeginCall() {
    self_ = shared_from_this();
    StartRead(&incoming_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) return End(absl::OkStatus());  // half-close: the client wants no more
    blockwire::ReadRequest request;
    if (Status status = ReadRequest("ReadBlock", incoming_, &request); !status.ok())
      return End(status);
    // Later requests acknowledge what was received; flow control is the transport's.
    if (!begun_) {
      begun_ = true;
      Begin(request);
    }
    absl::MutexLock lock(&mutex_);
    if (!ended_) StartRead(&incoming_);
  }

  void OnWriteDone(bool ok) override {
    if (!ok) return End(MakeStatus(StatusCode::kUnknown, "the client is gone"));
    absl::MutexLock lock(&mutex_);
    writing_ = false;
    if (!queue_.empty()) queue_.pop_front();
    if (open_.file != nullptr) return ReadOn();
    WriteQueued();
  }

  void OnCancel() override { End(absl::OkStatus()); }
  void OnDone() override { self_.reset(); }

 private:
  void Begin(const blockwire::ReadRequest& request) {
    if (request.block_id() < 0 || request.length() <= 0 ||
        !IsRangeWithin(request.offset(), request.length(), INT64_MAX)) {
      return End(InvalidArgument("Invalid read request: block {}, offset {}, length {}.",
                                 request.block_id(), request.offset(), request.length()));
    }
    chunk_bytes_ = request.chunk_size() > 0
                       ? std::min<int64_t>(request.chunk_size(), kChunkBytesMax)
                       : kChunkBytesDefault;
    offset_ = request.offset();
    end_ = request.offset() + request.length();
    auto open = context_.worker->OpenBlockFile(BlockId(request.block_id()));
    if (open.ok()) {
      if (end_ > open->info.length_bytes) {
        return End(InvalidArgument("Block {} has {} bytes: {} from {} cannot be read.",
                                   request.block_id(), open->info.length_bytes, request.length(),
                                   request.offset()));
      }
      absl::MutexLock lock(&mutex_);
      open_ = *std::move(open);
      return ReadOn();
    }
    BlockReadOptions options;
    options.block_id = BlockId(request.block_id());
    options.offset = request.offset();
    options.length_bytes = request.length();
    options.understore = ToRange(request.open_ufs_block_options());
    if (!options.understore) return End(open.status());
    context_.worker->ReadFromUnderStore(
        options, [self = shared_from_this()](std::string_view data) { return self->Feed(data); },
        [self = shared_from_this()](const Status& status) { self->EndFeed(status); });
  }

  // Others wait for this thread: it waits for no disk.
  void ReadOn() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!context_.worker->store()->WaitsForDisk(open_.info.tier)) return NextFromFile();
    context_.executor->Post([self = shared_from_this()] {
      absl::MutexLock lock(&self->mutex_);
      self->NextFromFile();
    });
  }

  void NextFromFile() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (ended_) return;
    const int64_t n = std::min(chunk_bytes_, end_ - offset_);
    auto slice = Chunk(n);
    if (slice.status().code() == StatusCode::kDataLoss)
      context_.worker->SuspectBlock(open_.info.id);
    if (!slice.ok()) return EndLocked(ToGrpc(slice.status()));
    offset_ += n;
    outgoing_ = ChunkBuffer(kSentChunkField, *std::move(slice));
    if (offset_ < end_) return StartWrite(&outgoing_);
    ended_ = true;
    StartWriteAndFinish(&outgoing_, grpc::Status::OK);
  }

  // The next n bytes of the block, where they lie if they are worth it.
  StatusOr<grpc::Slice> Chunk(int64_t n) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (n >= kMappedBytesMin && offset_ % File::kMapBytes == 0) {
      auto mapped = open_.file->Map(offset_, n);
      if (mapped.ok()) return SharedSlice(*std::move(mapped));
      if (mapped.status().code() != StatusCode::kUnimplemented) return mapped.status();
    }
    grpc::Slice slice(static_cast<size_t>(n));
    SPILLWAY_ASSIGN_OR_RETURN(const int64_t read,
                              open_.file->ReadAt(offset_, const_cast<uint8_t*>(slice.begin()), n));
    if (read != n)
      return MakeStatus(StatusCode::kDataLoss, "Block {} is shorter than it was.",
                        open_.info.id.value());
    return slice;
  }

  // On an executor thread: queues chunks, waiting while the queue is full.
  Status Feed(std::string_view data) {
    while (!data.empty()) {
      const std::string_view piece = data.substr(0, static_cast<size_t>(chunk_bytes_));
      data.remove_prefix(piece.size());
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(
          +[](ReadReactor* r) { return r->ended_ || r->queue_.size() < kQueuedChunksMax; }, this));
      if (ended_) return Status(StatusCode::kCancelled, "the client wants no more");
      queue_.push_back(ChunkBuffer(kSentChunkField, grpc::Slice(piece.data(), piece.size())));
      WriteQueued();
    }
    return absl::OkStatus();
  }

  // Only an OK stream is a whole range.
  void EndFeed(const Status& status) {
    // The file is gone, or its object was changed by others: no other worker has its bytes.
    const bool changed =
        status.code() == StatusCode::kNotFound || status.code() == StatusCode::kFailedPrecondition;
    absl::MutexLock lock(&mutex_);
    fed_ = true;
    feed_status_ = changed ? ChangedToGrpc(status) : ToGrpc(status);
    WriteQueued();
  }

  void WriteQueued() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (ended_ || writing_) return;
    if (!queue_.empty()) {
      writing_ = true;
      return StartWrite(&queue_.front());
    }
    if (fed_) EndLocked(feed_status_);
  }

  void End(const Status& status) {
    absl::MutexLock lock(&mutex_);
    EndLocked(ToGrpc(status));
  }
  void EndLocked(const grpc::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (ended_) return;
    ended_ = true;
    Finish(status);
  }

  const WorkerServiceContext context_;
  std::shared_ptr<ReadReactor> self_;
  grpc::ByteBuffer incoming_;
  grpc::ByteBuffer outgoing_;
  bool begun_ = false;
  int64_t end_ = 0;
  int64_t chunk_bytes_ = 0;
  absl::Mutex mutex_;
  OpenBlock open_ ABSL_GUARDED_BY(mutex_);
  int64_t offset_ = 0;
  std::deque<grpc::ByteBuffer> queue_ ABSL_GUARDED_BY(mutex_);
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  bool fed_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::Status feed_status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

ServerReactor* MakeReadReactor(ServerStream* call, const WorkerServiceContext& context) {
  auto reactor = std::make_shared<ReadReactor>(call, context);
  reactor->BeginCall();
  return reactor.get();
}

}  // namespace spillway
