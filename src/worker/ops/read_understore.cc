// Reads of blocks that are not here, from the object that the master names.
#include "worker/ops/read_understore.h"

#include <algorithm>

#include "common/checksum.h"
#include "common/log.h"
#include "common/planted_bug.h"

namespace spillway {
namespace {

constexpr size_t kHeldBackBytes = 64 << 10;

// Passes on a range of known length but for its end, which waits until all is found right.
class Passage {
 public:
  Passage(int64_t length, const UnderStore::Sink* sink) : left_(length), sink_(sink) {}

  // Also takes what goes by into temp, and its checksum.
  void Keep(std::unique_ptr<TempBlock> temp) { temp_ = std::move(temp); }
  std::unique_ptr<TempBlock> TakeKept() { return std::move(temp_); }

  Status Take(std::string_view data) {
    if (!refusal_.ok()) return refusal_;  // also if the store tries again
    if (static_cast<int64_t>(data.size()) > left_)
      return Internal("The understore gave more bytes than it was asked for.");
    left_ -= static_cast<int64_t>(data.size());
    crc_ = Crc32cExtend(crc_, data.data(), data.size());
    const iovec part{const_cast<char*>(data.data()), data.size()};
    if (temp_ && !temp_->Append(std::span(&part, 1)).ok()) temp_.reset();
    if (left_ > 0) return Hand(data);
    const size_t held = std::min(data.size(), kHeldBackBytes);
    held_.assign(data.substr(data.size() - held));
    return Hand(data.substr(0, data.size() - held));
  }
  Status HandRest() { return Hand(held_); }

  int64_t left() const { return left_; }
  uint32_t crc32c() const { return crc_; }
  bool handed_out() const { return handed_out_; }
  // Why the sink takes no more.
  const Status& refusal() const { return refusal_; }

 private:
  Status Hand(std::string_view data) {
    if (data.empty()) return absl::OkStatus();
    handed_out_ = true;
    refusal_ = (*sink_)(data);
    return refusal_;
  }

  int64_t left_;
  const UnderStore::Sink* const sink_;
  std::unique_ptr<TempBlock> temp_;
  uint32_t crc_ = 0;
  bool handed_out_ = false;
  Status refusal_;
  std::string held_;
};

}  // namespace

void Worker::GetOrigin(BlockId id, BlockOrigins::Answer answer) {
  absl::ReleasableMutexLock lock(&mutex_);
  if (!registered_) {
    lock.Release();
    return answer(Unavailable(
        "Block {} is not here, and the master cannot be asked where it comes from.", id.value()));
  }
  session::WorkerMessage message;
  *message.mutable_get_block_origin() = origins_.Ask(id, clock_->MonotonicMs(), std::move(answer));
  Send(std::move(message));
}

void Worker::ReadFromUnderStore(const BlockReadOptions& options, UnderStore::Sink sink, Done done) {
  auto read = std::make_shared<ColdRead>();
  read->options = options;
  read->keep = !options.understore || !options.understore->no_cache;
  read->sink = std::move(sink);
  read->done = std::move(done);
  GetOrigin(options.block_id, [this, read](StatusOr<session::BlockOrigin> origin) {
    executor_->Post([this, read, origin = std::move(origin)] {
      if (!origin.ok()) return read->done(origin.status());
      ReadKnown(read, *origin);
    });
  });
}

void Worker::ReadKnown(std::shared_ptr<ColdRead> read, const session::BlockOrigin& origin) {
  read->other_object = false;
  const Status status = ReadObject(*read, origin);
  if (!read->other_object) return read->done(status);
  if (std::exchange(read->asked_again, true)) {
    return read->done(ObjectHasChanged(read->options.block_id, origin));
  }
  // A file that was renamed is moved in the background: its object may just have gone elsewhere.
  GetOrigin(read->options.block_id, [this, read, origin](StatusOr<session::BlockOrigin> now) {
    executor_->Post([this, read, origin, now = std::move(now)] {
      if (!now.ok()) return read->done(now.status());
      if (Status named = CheckOrigin(*now); !named.ok()) return read->done(named);
      if (IsSameObject(origin, *now))
        return read->done(ObjectHasChanged(read->options.block_id, origin));
      if (!read->handed_out) return ReadKnown(read, *now);
      read->done(Unavailable("Block {} was moved in the understore while it was read.",
                             read->options.block_id.value()));
    });
  });
}

Status Worker::ObjectHasChanged(BlockId id, const session::BlockOrigin& origin) {
  {
    absl::MutexLock lock(&mutex_);
    if (registered_) {
      session::WorkerMessage message;
      message.mutable_object_changed()->set_block_id(static_cast<uint64_t>(id.value()));
      Send(std::move(message));
    }
  }
  spdlog::warn("object {} is not the one of block {}", origin.key(), id.value());
  return MakeStatus(StatusCode::kFailedPrecondition,
                    "{} was replaced or deleted in the understore by others: its file is another "
                    "one now, open it again (block {}).",
                    origin.key(), id.value());
}

Status Worker::ReadObject(ColdRead& read, const session::BlockOrigin& origin) {
  SPILLWAY_RETURN_IF_ERROR(CheckOrigin(origin));
  const BlockReadOptions& options = read.options;
  const bool within = options.offset >= 0 && options.length_bytes > 0 &&
                      options.offset <= origin.length_bytes() &&
                      options.length_bytes <= origin.length_bytes() - options.offset;
  if (!within) {
    return InvalidArgument("Block {} has {} bytes: {} from {} cannot be read.",
                           options.block_id.value(), origin.length_bytes(), options.length_bytes,
                           options.offset);
  }
  SPILLWAY_ASSIGN_OR_RETURN(auto store, UnderStoreOf(MountId(origin.mount_id())));
  const bool whole = options.length_bytes == origin.length_bytes();
  Passage passage(options.length_bytes, &read.sink);
  if (whole && read.keep) {
    auto temp = store_->Create(options.block_id, 0, /*pin=*/false);
    if (!temp.ok() && read.only_to_keep) return temp.status();
    if (temp.ok()) passage.Keep(*std::move(temp));  // else: read on without keeping it
  }
  GetOptions get{origin.etag(), origin.object_bytes()};
  if (IsPlanted(PlantedBug::kReadAnyVersion)) get = GetOptions();
  const Status status =
      store->Get(origin.key(), origin.offset_in_object() + options.offset, options.length_bytes,
                 get, [&](std::string_view data) { return passage.Take(data); });
  read.handed_out = passage.handed_out();
  SPILLWAY_RETURN_IF_ERROR(passage.refusal());
  read.other_object =
      status.code() == StatusCode::kNotFound || status.code() == StatusCode::kFailedPrecondition;
  SPILLWAY_RETURN_IF_ERROR(status);
  if (passage.left() > 0) {
    return Unavailable("The understore gave {} bytes of {} from {} of {}.",
                       options.length_bytes - passage.left(), options.length_bytes,
                       origin.offset_in_object() + options.offset, origin.key());
  }
  const bool wrong = whole && origin.crc_known() && passage.crc32c() != origin.crc32c() &&
                     !IsPlanted(PlantedBug::kChecksumIgnored);
  if (wrong) {
    // Without an etag to go by, it may be another object of the same length.
    if (origin.etag().empty()) (void)ObjectHasChanged(options.block_id, origin);
    return MakeStatus(StatusCode::kDataLoss,
                      "Block {} from {} in the understore does not match its checksum: CRC32C "
                      "{:08x}, not {:08x}.",
                      options.block_id.value(), origin.key(), passage.crc32c(), origin.crc32c());
  }
  const Status handed = passage.HandRest();
  if (const auto temp = passage.TakeKept()) {
    if (const auto block = temp->Commit(); block.ok()) {
      CommitToMaster(*block, [this, id = block->id](const Status& committed) {
        if (!committed.ok()) (void)store_->Remove(id);
      });
    }
  }
  return handed;
}

}  // namespace spillway
