#include "common/checksum.h"
#include "common/planted_bug.h"
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
  ~BlockTarget() override {
    if (IsPlanted(PlantedBug::kCommitOnReset) && !ended_)
      worker_->CommitWritten(*temp_, [](const Status&) {});
  }

  // Without room it waits: unpersisted blocks go when they are in the store.
  void Append(std::vector<iovec> data, Done done) override {
    const Status status = temp_->Append(data);
    if (status.code() != StatusCode::kResourceExhausted) return done(status);
    // Its own code: waiting does not help, another worker may be larger.
    if (!temp_->MayEverFit(data)) {
      return done(MakeStatus(StatusCode::kFailedPrecondition, "{}", std::string(status.message())));
    }
    if (!temp_->MayFit(data)) return done(status);
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
    ended_ = true;
    worker_->CommitWritten(*temp_, std::move(done));
  }

  bool commit_waits_for_disk() const override { return temp_->waits_for_disk(); }
  int64_t length_bytes() const override { return temp_->length_bytes(); }

 private:
  Worker* const worker_;
  const std::unique_ptr<TempBlock> temp_;
  bool ended_ = false;  // by the client
};

// A block that is here already: its writer has not heard so, and sends it again. Nothing is stored;
// if it is the same the master is told once more.
class RepeatedTarget : public WriteTarget {
 public:
  RepeatedTarget(Worker* worker, BlockId id) : worker_(worker), id_(id) {}

  void Append(std::vector<iovec> data, Done done) override {
    for (const iovec& part : data) {
      crc_ = Crc32cExtend(crc_, part.iov_base, part.iov_len);
      length_ += static_cast<int64_t>(part.iov_len);
    }
    done(absl::OkStatus());
  }

  void Commit(Done done) override {
    const auto open = worker_->store()->OpenForRead(id_);
    if (!open.ok())
      return done(Unavailable("Block {} went while it was written again.", id_.value()));
    if (open->info.length_bytes != length_ || open->info.crc32c != crc_) {
      return done(MakeStatus(StatusCode::kAlreadyExists,
                             "Block {} is already committed, with other bytes.", id_.value()));
    }
    worker_->CommitToMaster(open->info, std::move(done));
  }

  int64_t length_bytes() const override { return length_; }

 private:
  Worker* const worker_;
  const BlockId id_;
  int64_t length_ = 0;
  uint32_t crc_ = 0;
};

StatusOr<std::unique_ptr<WriteTarget>> Worker::WriteBlock(const BlockWriteOptions& options,
                                                          int tier) {
  if (options.block_id.value() < 0)
    return InvalidArgument("Block id {} is negative.", options.block_id.value());
  auto temp = store_->Create(options.block_id, tier, options.pin);
  if (temp.status().code() == StatusCode::kAlreadyExists && store_->Has(options.block_id)) {
    return std::unique_ptr<WriteTarget>(std::make_unique<RepeatedTarget>(this, options.block_id));
  }
  SPILLWAY_RETURN_IF_ERROR(temp.status());
  return std::unique_ptr<WriteTarget>(std::make_unique<BlockTarget>(this, *std::move(temp)));
}

void Worker::CommitLocal(std::shared_ptr<TempBlock> temp, Done done) {
  if (Status status = temp->AdoptWritten(); !status.ok()) return done(status);
  CommitWritten(*temp, std::move(done));
}

void Worker::CommitWritten(TempBlock& temp, Done done) {
  auto block = temp.Commit();
  if (!block.ok()) return done(block.status());
  CommitToMaster(*block, [this, id = block->id, done = std::move(done)](Status status) {
    // What the master refuses must not stay: nobody will ever ask for it.
    if (!status.ok() && status.code() != StatusCode::kUnavailable) (void)store_->Remove(id);
    done(status);
  });
}

}  // namespace spillway
