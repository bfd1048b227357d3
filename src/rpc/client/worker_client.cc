#include "rpc/client/worker_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "absl/time/time.h"
#include "grpc/block_worker.pb.h"
#include "rpc/buffers.h"
#include "rpc/client/client_reactor.h"
#include "rpc/convert.h"
#include "rpc/service_names.h"
#include "rpc/status_map.h"
#include "small_files.pb.h"

namespace spillway {
namespace {

const std::string kWorkerCalls = CallsOf(kBlockWorkerService);
const std::string kSmallFiles = CallsOf(kSmallFileService);
constexpr int64_t kPutTimeoutMs = 15'000;
constexpr int64_t kStoreTimeoutMs = 5'000;  // less: whoever waits for a peer can still answer
constexpr int kWriteChunkField = 2;
constexpr int kReadChunkField = 1;

// Shared by the caller's handle and the running call.
class WriteCall : public ClientReactor, public std::enable_shared_from_this<WriteCall> {
 public:
  WriteCall(std::shared_ptr<AuthenticatedChannel> channel, int64_t timeout_ms)
      : channel_(std::move(channel)), timeout_(absl::Milliseconds(timeout_ms)) {}

  Status Begin(const blockwire::WriteRequest& command) {
    SPILLWAY_RETURN_IF_ERROR(channel_->Prepare(&context_));
    self_ = shared_from_this();
    Prepare(channel_->stub(), &context_, kWorkerCalls + "WriteBlock");
    AddHold();  // given back by EndWrites or Cancel: writes may be started until then
    outgoing_ = ToBuffer(command);
    writing_ = true;
    StartWrite(&outgoing_);
    StartRead(&incoming_);
    StartCall();
    return absl::OkStatus();
  }

  Status Write(grpc::ByteBuffer buffer) {
    absl::MutexLock lock(&mutex_);
    SPILLWAY_RETURN_IF_ERROR(AwaitIdle());
    outgoing_ = std::move(buffer);
    writing_ = true;
    StartWrite(&outgoing_);
    return absl::OkStatus();
  }

  void EndWrites() {
    absl::MutexLock lock(&mutex_);
    if (ended_) return;
    ended_ = true;
    if (AwaitIdle().ok()) {
      StartWritesDone();
    } else {
      context_.TryCancel();
    }
    RemoveHold();
  }

  Status AwaitDone() {
    absl::MutexLock lock(&mutex_);
    if (!mutex_.AwaitWithTimeout(absl::Condition(&done_), timeout_)) {
      context_.TryCancel();
      return MakeStatus(StatusCode::kDeadlineExceeded, "{} did not answer in time.",
                        channel_->target());
    }
    return Annotate(FromGrpc(status_), channel_->target());
  }

  void Cancel() {
    context_.TryCancel();
    absl::MutexLock lock(&mutex_);
    if (ended_) return;
    ended_ = true;
    RemoveHold();
  }

  std::string content_hash() {
    absl::MutexLock lock(&mutex_);
    return content_hash_;
  }

  void OnWriteDone(bool ok) override {
    absl::MutexLock lock(&mutex_);
    writing_ = false;
    if (!ok) broken_ = true;
  }
  void OnReadDone(bool ok) override {
    absl::MutexLock lock(&mutex_);
    if (!ok) {
      broken_ = true;  // the server has ended the call: nothing more can be written
      return;
    }
    blockwire::WriteResponse response;
    if (FromBuffer(incoming_, &response)) content_hash_ = response.contenthash();
    StartRead(&incoming_);
  }
  void OnDone(const grpc::Status& status) override {
    auto self = std::move(self_);
    absl::MutexLock lock(&mutex_);
    status_ = status;
    done_ = true;
  }

 private:
  // Until the write before is done. The server's own error if the call is broken.
  Status AwaitIdle() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const bool in_time =
        mutex_.AwaitWithTimeout(absl::Condition(
                                    +[](WriteCall* c) { return !c->writing_ || c->broken_; }, this),
                                timeout_);
    if (!in_time) {
      context_.TryCancel();
      return MakeStatus(StatusCode::kDeadlineExceeded, "{} takes no data.", channel_->target());
    }
    if (!broken_) return absl::OkStatus();
    if (!ended_) {
      ended_ = true;
      RemoveHold();
    }
    mutex_.AwaitWithTimeout(absl::Condition(&done_), timeout_);
    if (done_ && !status_.ok()) return Annotate(FromGrpc(status_), channel_->target());
    return Unavailable("{} broke off the write.", channel_->target());
  }

  const std::shared_ptr<AuthenticatedChannel> channel_;
  const absl::Duration timeout_;
  std::shared_ptr<WriteCall> self_;
  grpc::ClientContext context_;
  grpc::ByteBuffer outgoing_;
  grpc::ByteBuffer incoming_;
  absl::Mutex mutex_;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool broken_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::Status status_ ABSL_GUARDED_BY(mutex_);
  std::string content_hash_ ABSL_GUARDED_BY(mutex_);
};

class RpcWriteStream : public BlockWriteStream {
 public:
  explicit RpcWriteStream(std::shared_ptr<WriteCall> call) : call_(std::move(call)) {}
  ~RpcWriteStream() override {
    if (!committed_) call_->Cancel();
  }
  Status Append(const SharedBytes& data) override {
    if (data.empty()) return absl::OkStatus();
    return call_->Write(ChunkBuffer(kWriteChunkField, SharedSlice(data)));
  }
  void BeginCommit() override {
    committed_ = true;
    call_->EndWrites();
  }
  Status WaitCommitted() override { return call_->AwaitDone(); }
  std::string content_hash() const override { return call_->content_hash(); }

 private:
  const std::shared_ptr<WriteCall> call_;
  bool committed_ = false;
};

class ReadCall : public ClientReactor, public std::enable_shared_from_this<ReadCall> {
 public:
  ReadCall(std::shared_ptr<AuthenticatedChannel> channel, int64_t timeout_ms)
      : channel_(std::move(channel)), timeout_(absl::Milliseconds(timeout_ms)) {}

  Status Begin(const blockwire::ReadRequest& request) {
    SPILLWAY_RETURN_IF_ERROR(channel_->Prepare(&context_));
    self_ = shared_from_this();
    Prepare(channel_->stub(), &context_, kWorkerCalls + "ReadBlock");
    AddHold();  // the caller starts reads; given back at the end or by Cancel
    outgoing_ = ToBuffer(request);
    StartWrite(&outgoing_);
    StartRead(&incoming_);
    StartCall();
    return absl::OkStatus();
  }

  // Empty at the end.
  StatusOr<std::string> Next() {
    absl::MutexLock lock(&mutex_);
    const bool in_time =
        mutex_.AwaitWithTimeout(absl::Condition(
                                    +[](ReadCall* c) { return c->arrived_ || c->ended_; }, this),
                                timeout_);
    if (!in_time) {
      context_.TryCancel();
      return MakeStatus(StatusCode::kDeadlineExceeded, "{} sends no data.", channel_->target());
    }
    if (!arrived_) {
      Release();
      mutex_.Await(absl::Condition(&done_));
      if (!status_.ok()) return Annotate(FromGrpc(status_), channel_->target());
      return std::string();
    }
    arrived_ = false;
    std::vector<grpc::Slice> slices;
    std::vector<iovec> parts;
    if (!ParseChunk(incoming_, kReadChunkField, &slices, &parts))
      return Internal("Unreadable data from {}.", channel_->target());
    std::string data;
    for (const iovec& part : parts)
      data.append(static_cast<const char*>(part.iov_base), part.iov_len);
    StartRead(&incoming_);
    return data;
  }

  void Cancel() {
    context_.TryCancel();
    absl::MutexLock lock(&mutex_);
    Release();
  }

  void OnReadDone(bool ok) override {
    absl::MutexLock lock(&mutex_);
    (ok ? arrived_ : ended_) = true;
  }
  void OnDone(const grpc::Status& status) override {
    auto self = std::move(self_);
    absl::MutexLock lock(&mutex_);
    status_ = status;
    done_ = true;
  }

 private:
  void Release() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!std::exchange(released_, true)) RemoveHold();
  }

  const std::shared_ptr<AuthenticatedChannel> channel_;
  const absl::Duration timeout_;
  std::shared_ptr<ReadCall> self_;
  grpc::ClientContext context_;
  grpc::ByteBuffer outgoing_;
  grpc::ByteBuffer incoming_;
  absl::Mutex mutex_;
  bool arrived_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  bool released_ ABSL_GUARDED_BY(mutex_) = false;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::Status status_ ABSL_GUARDED_BY(mutex_);
};

class RpcReadStream : public BlockReadStream {
 public:
  explicit RpcReadStream(std::shared_ptr<ReadCall> call) : call_(std::move(call)) {}
  ~RpcReadStream() override { call_->Cancel(); }
  StatusOr<std::string_view> Next() override {
    SPILLWAY_ASSIGN_OR_RETURN(piece_, call_->Next());
    return std::string_view(piece_);
  }

 private:
  const std::shared_ptr<ReadCall> call_;
  std::string piece_;
};

class RpcWorker : public WorkerApi {
 public:
  RpcWorker(std::shared_ptr<AuthenticatedChannel> channel, int64_t timeout_ms, Executor* executor)
      : channel_(std::move(channel)), timeout_ms_(timeout_ms), executor_(executor) {}

  StatusOr<std::unique_ptr<BlockWriteStream>> WriteBlock(
      const BlockWriteOptions& options) override {
    blockwire::WriteRequest request;
    auto* command = request.mutable_command();
    command->set_type(blockwire::ALLUXIO_BLOCK);
    command->set_id(options.block_id.value());
    command->set_tier(0);
    command->set_pin_on_create(options.pin);
    command->set_space_to_reserve(options.reserve_bytes);
    return Write(request);
  }

  StatusOr<std::unique_ptr<BlockWriteStream>> WriteThrough(
      const FileWriteThroughOptions& options) override {
    blockwire::WriteRequest request;
    auto* command = request.mutable_command();
    command->set_type(blockwire::UFS_FILE);
    command->set_id(-1);
    auto* ufs = command->mutable_create_ufs_file_options();
    ufs->set_ufs_path(options.uri);
    ufs->set_owner(options.owner);
    ufs->set_group(options.group);
    ufs->set_mode(options.mode);
    ufs->set_mount_id(options.mount_id.value());
    return Write(request);
  }

  StatusOr<std::unique_ptr<BlockReadStream>> ReadBlock(const BlockReadOptions& options) override {
    blockwire::ReadRequest request;
    request.set_block_id(options.block_id.value());
    request.set_offset(options.offset);
    request.set_length(options.length_bytes);
    request.set_chunk_size(1 << 20);
    if (options.understore) {
      auto* range = request.mutable_open_ufs_block_options();
      range->set_ufs_path(options.understore->uri);
      range->set_offset_in_file(options.understore->offset_in_file);
      range->set_block_size(options.understore->block_length_bytes);
      range->set_mountid(options.understore->mount_id.value());
      range->set_no_cache(options.understore->no_cache);
    }
    auto call = std::make_shared<ReadCall>(channel_, timeout_ms_);
    SPILLWAY_RETURN_IF_ERROR(call->Begin(request));
    return std::unique_ptr<BlockReadStream>(std::make_unique<RpcReadStream>(std::move(call)));
  }

  void PutFiles(const smallfiles::PutFilesRequest& request,
                std::function<void(StatusOr<smallfiles::PutFilesResponse>)> done) override {
    Unary(kSmallFiles + "PutFiles", request, kPutTimeoutMs, std::move(done));
  }
  void StoreBlocks(const smallfiles::StoreBlocksRequest& request,
                   std::function<void(StatusOr<smallfiles::StoreBlocksResponse>)> done) override {
    Unary(kSmallFiles + "StoreBlocks", request, kStoreTimeoutMs, std::move(done));
  }
  Status FreeAll() override {
    blockwire::FreeWorkerResponse response;
    const Status status = channel_->Unary("/alluxio.grpc.block.BlockWorker/FreeWorker",
                                          blockwire::FreeWorkerRequest(), &response, timeout_ms_);
    return Annotate(status, channel_->target());
  }

 private:
  template <typename Request, typename Response>
  void Unary(const std::string& method, const Request& request, int64_t timeout_most_ms,
             std::function<void(StatusOr<Response>)> done) {
    auto call = [channel = channel_, timeout_ms = std::min(timeout_ms_, timeout_most_ms), method,
                 done = std::move(done)](const Request& request) {
      channel->UnaryAsync(
          method, request, timeout_ms, [channel, done](const StatusOr<grpc::ByteBuffer>& answer) {
            if (!answer.ok()) return done(Annotate(answer.status(), channel->target()));
            Response response;
            if (!FromBuffer(*answer, &response))
              return done(Internal("Unreadable answer from {}.", channel->target()));
            done(std::move(response));
          });
    };
    if (executor_ == nullptr || channel_->authenticated()) return call(request);
    executor_->Post([call = std::move(call), request] { call(request); });
  }

  StatusOr<std::unique_ptr<BlockWriteStream>> Write(const blockwire::WriteRequest& request) {
    auto call = std::make_shared<WriteCall>(channel_, timeout_ms_);
    SPILLWAY_RETURN_IF_ERROR(call->Begin(request));
    return std::unique_ptr<BlockWriteStream>(std::make_unique<RpcWriteStream>(std::move(call)));
  }

  const std::shared_ptr<AuthenticatedChannel> channel_;
  const int64_t timeout_ms_;
  Executor* const executor_;
};

class RpcConnector : public WorkerConnector {
 public:
  RpcConnector(ChannelOptions options, int64_t timeout_ms, Random* random, Executor* executor)
      : options_(std::move(options)),
        timeout_ms_(timeout_ms),
        random_(random),
        executor_(executor) {}

  std::shared_ptr<WorkerApi> Connect(const WorkerAddress& address) override {
    const std::string target = fmt::format("{}:{}", address.host, address.data_port);
    absl::MutexLock lock(&mutex_);
    auto& worker = workers_[target];
    if (worker == nullptr) {
      worker = std::make_shared<RpcWorker>(
          std::make_shared<AuthenticatedChannel>(target, options_, random_), timeout_ms_,
          executor_);
    }
    return worker;
  }

 private:
  const ChannelOptions options_;
  const int64_t timeout_ms_;
  Random* const random_;
  Executor* const executor_;
  absl::Mutex mutex_;
  std::map<std::string, std::shared_ptr<WorkerApi>> workers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<WorkerConnector> MakeWorkerConnector(const ChannelOptions& options,
                                                     int64_t data_timeout_ms, Random* random,
                                                     Executor* executor) {
  return std::make_unique<RpcConnector>(options, data_timeout_ms, random, executor);
}

}  // namespace spillway
