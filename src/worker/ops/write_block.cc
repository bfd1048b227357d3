#include "worker/worker.h"

namespace spillway {
namespace {

constexpr int64_t kDeviceWaitMs = 1000;

}  // namespace

// A block on its way into the store.
class BlockTarget : public WriteTarget {
 public:
  BlockTarget(Worker* worker, std::unique_ptr<TempBlock> temp)
      : worker_(worker), temp_(std::move(temp)) {}

  // Without room it waits: unpersisted blocks go when they are in the store.
  void Append(std::vector<iovec> data, Done done) override {
    const Status status = temp_->Append(data);
    if (status.code() != StatusCode::kResourceExhausted) return done(status);
    // Its own code: waiting does not help, another worker may be larger.
    if (!temp_->MayFit(data))
      return done(MakeStatus(StatusCode::kFailedPrecondition, "{}", std::string(status.message())));
    Worker::WaitingWrite write;
    // A device that others have filled is not waited for: another worker may have room.
    write.deadline_ms =
        worker_->clock_->MonotonicMs() +
        (temp_->device_full() ? kDeviceWaitMs : worker_->options_.write_wait_ms_max);
    write.attempt = [this, data = std::move(data), done = std::move(done)](bool last) {
      const Status again = temp_->Append(data);
      if (again.code() == StatusCode::kResourceExhausted && !last) return false;
      done(again);
      return true;
    };
    worker_->WaitForRoom(std::move(write));
  }

  void Commit(Done done) override {
    auto block = temp_->Commit();
    if (!block.ok()) return done(block.status());
    worker_->CommitToMaster(
        *block, [worker = worker_, id = block->id, done = std::move(done)](Status status) {
          // What the master refuses must not stay: nobody will ever ask for it.
          if (!status.ok() && status.code() != StatusCode::kUnavailable)
            (void)worker->store()->Remove(id);
          done(status);
        });
  }

  int64_t length_bytes() const override { return temp_->length_bytes(); }

 private:
  Worker* const worker_;
  const std::unique_ptr<TempBlock> temp_;
};

StatusOr<std::unique_ptr<WriteTarget>> Worker::WriteBlock(const BlockWriteOptions& options,
                                                          int tier) {
  if (options.block_id.value() < 0)
    return InvalidArgument("Block id {} is negative.", options.block_id.value());
  SPILLWAY_ASSIGN_OR_RETURN(auto temp, store_->Create(options.block_id, tier, options.pin));
  return std::unique_ptr<WriteTarget>(std::make_unique<BlockTarget>(this, std::move(temp)));
}

void Worker::CommitLocal(std::shared_ptr<TempBlock> temp, Done done) {
  if (Status status = temp->AdoptWritten(); !status.ok()) return done(status);
  auto block = temp->Commit();
  if (!block.ok()) return done(block.status());
  CommitToMaster(*block, std::move(done));
}

}  // namespace spillway
