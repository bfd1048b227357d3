// WriteBlock: command, chunks, flushes; half-close commits, any other end drops what came.
#include "common/checked.h"
#include "grpc/block_worker.pb.h"
#include "rpc/convert.h"
#include "rpc/request_text.h"
#include "rpc/worker/block_worker_service.h"

namespace spillway {
namespace {

constexpr int kWrittenChunkField = 2;

// Handles one message at a time: the next is read when the one before has been applied, which is
// the back-pressure. The stream may stay silent for as long as the client keeps the file open.
class WriteReactor : public ServerReactor {
 public:
  WriteReactor(ServerStream* call, WorkerServiceContext context)
      : ServerReactor(call), context_(context) {
    StartRead(&incoming_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) return EndOfMessages();
    std::vector<iovec> data;
    if (ParseChunk(incoming_, kWrittenChunkField, &slices_, &data)) {
      if (target_ == nullptr)
        return Fail(InvalidArgument("Data came before the command that names its block."));
      return target_->Append(std::move(data), [this](const Status& status) {
        if (!status.ok()) return Fail(status);
        slices_.clear();
        incoming_.Clear();  // the next message may have the same memory
        StartRead(&incoming_);
      });
    }
    blockwire::WriteRequest request;
    if (Status status = ReadRequest("WriteBlock", incoming_, &request); !status.ok())
      return Fail(status);
    if (!request.has_command())
      return Fail(InvalidArgument("WriteBlock: a message has neither a command nor data."));
    Command(request.command());
  }

  void OnWriteDone(bool ok) override {
    if (ok)
      StartRead(&incoming_);
    else
      Fail(MakeStatus(StatusCode::kUnknown, "the client is gone"));
  }

  void OnEndConfirmed(bool ok) override {
    if (!ok) return Fail(MakeStatus(StatusCode::kUnknown, "the write was cancelled"));
    if (!target_->commit_waits_for_disk()) return Commit();
    context_.executor->Post([this] { Commit(); });
  }

  void OnDone() override { delete this; }

 private:
  void Command(const blockwire::WriteRequestCommand& command) {
    if (target_ == nullptr) {
      auto target = Open(command);
      if (!target.ok()) return Fail(AsWireError(target.status()));
      target_ = *std::move(target);
    }
    if (command.has_offset() && command.offset() != target_->length_bytes()) {
      return Fail(InvalidArgument("Offsets do not match [received: {}, expected: {}].",
                                  command.offset(), target_->length_bytes()));
    }
    if (!command.flush()) return StartRead(&incoming_);
    outgoing_ = ToBuffer(WrittenSoFar());
    StartWrite(&outgoing_);
  }

  StatusOr<std::unique_ptr<WriteTarget>> Open(const blockwire::WriteRequestCommand& command) {
    if (command.type() == blockwire::UFS_FILE) {
      through_ = true;
      const auto& ufs = command.create_ufs_file_options();
      FileWriteThroughOptions options;
      options.mount_id = MountId(ufs.mount_id());
      options.uri = ufs.ufs_path();
      options.owner = ufs.owner();
      options.group = ufs.group();
      if (ufs.has_mode()) {
        SPILLWAY_ASSIGN_OR_RETURN(const int64_t mode, InRange(ufs.mode(), 0, 07777, "a mode"));
        options.mode = static_cast<int>(mode);
      }
      return context_.worker->WriteThrough(options);
    }
    if (command.type() != blockwire::ALLUXIO_BLOCK) {
      return InvalidArgument(
          "Writes of type {} are not offered: turn off alluxio.user.file.ufs.tier.enabled.",
          blockwire::RequestType_Name(command.type()));
    }
    BlockWriteOptions options;
    options.block_id = BlockId(command.id());
    options.pin = command.pin_on_create();
    options.reserve_bytes = command.space_to_reserve();
    return context_.worker->WriteBlock(options, command.tier());
  }

  // The reference answers a second write of a block with INTERNAL.
  static Status AsWireError(const Status& status) {
    return status.code() == StatusCode::kAlreadyExists ? Internal("{}", Message(status)) : status;
  }

  void EndOfMessages() {
    if (failed_) return;
    if (target_ == nullptr) return Fail(InvalidArgument("The stream ended before any command."));
    outgoing_ = ToBuffer(WrittenSoFar());
    ConfirmEnd(&outgoing_);
  }

  blockwire::WriteResponse WrittenSoFar() const {
    blockwire::WriteResponse response;
    response.set_offset(target_->length_bytes());
    return response;
  }

  void Commit() {
    target_->Commit([this](const Status& status) {
      if (!status.ok()) return Fail(status);
      failed_ = true;  // nothing more is to be sent
      if (!through_) return Finish(grpc::Status::OK);
      blockwire::WriteResponse response = WrittenSoFar();
      if (!target_->content_hash().empty()) response.set_contenthash(target_->content_hash());
      outgoing_ = ToBuffer(response);
      StartWriteAndFinish(&outgoing_, grpc::Status::OK);
    });
  }

  void Fail(const Status& status) {
    if (failed_.exchange(true)) return;
    target_.reset();  // space is given back at once
    Finish(ToGrpc(status));
  }

  const WorkerServiceContext context_;
  std::unique_ptr<WriteTarget> target_;
  std::vector<grpc::Slice> slices_;
  grpc::ByteBuffer incoming_;
  grpc::ByteBuffer outgoing_;
  std::atomic<bool> failed_{false};
  bool through_ = false;
};

}  // namespace

ServerReactor* MakeWriteReactor(ServerStream* call, const WorkerServiceContext& context) {
  return new WriteReactor(call, context);
}

}  // namespace spillway
