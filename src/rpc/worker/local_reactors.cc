// Short circuit: a client on the worker's host writes or reads the block's file itself.
#include <sys/stat.h>

#include "grpc/block_worker.pb.h"
#include "rpc/convert.h"
#include "rpc/request_text.h"
#include "rpc/worker/block_worker_service.h"

namespace spillway {
namespace {

Status NotInMemory() {
  return MakeStatus(StatusCode::kUnimplemented,
                    "This tier's blocks are in the worker's memory, not in files: turn off "
                    "alluxio.user.short.circuit.enabled.");
}

class CreateLocalReactor : public ServerReactor {
 public:
  CreateLocalReactor(ServerStream* call, WorkerServiceContext context)
      : ServerReactor(call), context_(context) {
    StartRead(&incoming_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) return EndOfMessages();
    blockwire::CreateLocalBlockRequest request;
    if (Status status = ReadRequest("CreateLocalBlock", incoming_, &request); !status.ok())
      return Fail(status);
    blockwire::CreateLocalBlockResponse response;
    if (request.only_reserve_space()) {
      if (temp_ == nullptr) return Fail(InvalidArgument("Space is asked for before the block."));
      if (Status status = temp_->Reserve(request.space_to_reserve()); !status.ok())
        return Fail(status);
    } else {
      if (temp_ != nullptr) return Fail(InvalidArgument("A stream writes one block."));
      const BlockId id(request.block_id());
      if (id.value() < 0) return Fail(InvalidArgument("Block id {} is negative.", id.value()));
      auto temp = context_.worker->store()->Create(id, request.tier(), request.pin_on_create());
      if (!temp.ok()) {
        const bool exists = temp.status().code() == StatusCode::kAlreadyExists;
        return Fail(exists ? Internal("{}", Message(temp.status())) : temp.status());
      }
      temp_ = *std::move(temp);
      if (temp_->SharePath().empty()) return Fail(NotInMemory());
      // The client, perhaps another user, opens the file by its path.
      ::chmod(temp_->SharePath().c_str(), 0777);
      response.set_path(temp_->SharePath());
    }
    outgoing_ = ToBuffer(response);
    StartWrite(&outgoing_);
  }
  // The next answer must not meet this one.
  void OnWriteDone(bool) override { StartRead(&incoming_); }

  void OnEndConfirmed(bool ok) override {
    if (!ok) return Fail(MakeStatus(StatusCode::kUnknown, "the write was cancelled"));
    context_.executor->Post([this] {
      context_.worker->CommitLocal(temp_, [this](const Status& status) {
        if (!status.ok()) return Fail(status);
        ended_ = true;
        Finish(grpc::Status::OK);
      });
    });
  }

  void OnDone() override { delete this; }

 private:
  void EndOfMessages() {
    if (ended_) return;
    if (temp_ == nullptr) return Fail(InvalidArgument("The stream ended before any block."));
    blockwire::CreateLocalBlockResponse response;
    response.set_path(temp_->SharePath());
    outgoing_ = ToBuffer(response);
    ConfirmEnd(&outgoing_);
  }

  void Fail(const Status& status) {
    if (ended_.exchange(true)) return;
    temp_.reset();
    Finish(ToGrpc(status));
  }

  const WorkerServiceContext context_;
  std::shared_ptr<TempBlock> temp_;
  grpc::ByteBuffer incoming_;
  grpc::ByteBuffer outgoing_;
  std::atomic<bool> ended_{false};
};

class OpenLocalReactor : public ServerReactor {
 public:
  OpenLocalReactor(ServerStream* call, WorkerServiceContext context)
      : ServerReactor(call), context_(context) {
    StartRead(&incoming_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::OK);
    blockwire::OpenLocalBlockRequest request;
    if (Status status = ReadRequest("OpenLocalBlock", incoming_, &request); !status.ok())
      return Finish(ToGrpc(status));
    // The open file keeps the bytes readable even if the block is evicted meanwhile.
    auto open = context_.worker->OpenBlockByPath(BlockId(request.block_id()));
    if (!open.ok()) return Finish(ToGrpc(open.status()));
    open_ = *std::move(open);
    if (open_.path.empty()) return Finish(ToGrpc(NotInMemory()));
    blockwire::OpenLocalBlockResponse response;
    response.set_path(open_.path);
    outgoing_ = ToBuffer(response);
    StartWrite(&outgoing_);
  }
  void OnWriteDone(bool) override { StartRead(&incoming_); }
  void OnDone() override { delete this; }

 private:
  const WorkerServiceContext context_;
  OpenBlock open_;
  grpc::ByteBuffer incoming_;
  grpc::ByteBuffer outgoing_;
};

}  // namespace

ServerReactor* MakeCreateLocalReactor(ServerStream* call, const WorkerServiceContext& context) {
  return new CreateLocalReactor(call, context);
}
ServerReactor* MakeOpenLocalReactor(ServerStream* call, const WorkerServiceContext& context) {
  return new OpenLocalReactor(call, context);
}

}  // namespace spillway
