// Uploads what the master asks for: a whole object, or one part of a multipart upload.
#include <algorithm>

#include "common/checksum.h"
#include "common/log.h"
#include "common/planted_bug.h"
#include "worker/worker.h"

namespace spillway {
namespace {

constexpr int64_t kGatherMs = 40;

// Bytes of several blocks, one after another. Blocks that are not here were fetched into memory.
class BlocksBody : public BodySource {
 public:
  void Add(std::unique_ptr<File> file, int64_t length) {
    pieces_.push_back({size_, length, std::move(file), ""});
    size_ += length;
  }
  void Add(std::string data) {
    const int64_t length = static_cast<int64_t>(data.size());
    pieces_.push_back({size_, length, nullptr, std::move(data)});
    size_ += length;
  }

  int64_t size_bytes() const override { return size_; }

  StatusOr<SharedBytes> Map(int64_t offset, int64_t size) override {
    for (const Piece& piece : pieces_) {
      if (offset >= piece.begin + piece.length) continue;
      if (piece.file == nullptr || offset + size > piece.begin + piece.length) break;
      return piece.file->Map(offset - piece.begin, size);
    }
    return BodySource::Map(offset, size);
  }

  Status Read(int64_t offset, void* data, int64_t size) override {
    char* out = static_cast<char*>(data);
    for (const Piece& piece : pieces_) {
      if (size == 0) break;
      if (offset >= piece.begin + piece.length) continue;
      const int64_t at = offset - piece.begin;
      const int64_t n = std::min(size, piece.length - at);
      if (piece.file != nullptr) {
        SPILLWAY_ASSIGN_OR_RETURN(const int64_t read, piece.file->ReadAt(at, out, n));
        if (read != n)
          return MakeStatus(StatusCode::kDataLoss, "A block file is shorter than its block.");
      } else {
        std::copy_n(piece.data.data() + at, n, out);
      }
      out += n;
      offset += n;
      size -= n;
    }
    return absl::OkStatus();
  }

 private:
  struct Piece {
    int64_t begin;
    int64_t length;
    std::unique_ptr<File> file;
    std::string data;
  };
  std::vector<Piece> pieces_;
  int64_t size_ = 0;
};

PutOptions OptionsOf(const session::PersistCommand& command) {
  PutOptions options;
  if (command.crc_known() && !IsPlanted(PlantedBug::kChecksumIgnored))
    options.crc32c = command.crc32c();
  options.if_absent = command.if_absent();
  options.if_match = command.if_match();
  options.mode = static_cast<int>(command.mode());
  options.owner = command.owner();
  options.group = command.group();
  return options;
}

// Stops handing out bytes when the upload is not wanted any more, so that it is never published.
class GuardedBody : public BodySource {
 public:
  GuardedBody(std::unique_ptr<BodySource> inner, std::function<Status()> guard)
      : inner_(std::move(inner)), guard_(std::move(guard)) {}
  int64_t size_bytes() const override { return inner_->size_bytes(); }
  Status Read(int64_t offset, void* data, int64_t size) override {
    SPILLWAY_RETURN_IF_ERROR(guard_());
    return inner_->Read(offset, data, size);
  }
  StatusOr<SharedBytes> Map(int64_t offset, int64_t size) override {
    SPILLWAY_RETURN_IF_ERROR(guard_());
    return inner_->Map(offset, size);
  }

 private:
  const std::unique_ptr<BodySource> inner_;
  const std::function<Status()> guard_;
};

}  // namespace

void Worker::Persist(const session::PersistCommand& command) {
  const auto held = [this](const session::BlockSource& block) {
    return store_->Has(BlockId(static_cast<int64_t>(block.block_id())));
  };
  uint64_t session_number = 0;
  {
    absl::MutexLock lock(&mutex_);
    session_number = session_number_;
    session::RunningUpload& upload = uploads_[{command.job_id(), command.part_number()}];
    upload.set_job_id(command.job_id());
    upload.set_part_number(command.part_number());
    upload.set_mount_id(command.mount_id());
    upload.set_key(command.key());
    const auto mount = mounts_.find(MountId(command.mount_id()));
    const bool together = command.part_number() == 0 &&
                          command.length_bytes() <= kTogetherBytesMax && mount != mounts_.end() &&
                          mount->second.store != nullptr &&
                          mount->second.store->puts_together() > 1 &&
                          std::all_of(command.blocks().begin(), command.blocks().end(), held);
    if (together) {
      small_uploads_.push_back({command, session_number});
      if (std::exchange(uploading_small_, true)) return;
      executor_->Post([this] { UploadSmall(); });
      return;
    }
  }
  executor_->Post(
      [this, command, session_number] { Answer(command, DoPersist(command, session_number)); });
}

void Worker::Answer(const session::PersistCommand& command, const UploadOutcome& outcome) {
  const Status& status = outcome.result.status();
  if (status.code() == StatusCode::kDataLoss) {
    // Some copy is corrupt. If it is ours it goes, and the next attempt takes another.
    for (const auto& block : command.blocks())
      (void)store_->Verify(BlockId(static_cast<int64_t>(block.block_id())));
  }
  session::PersistResult answer;
  answer.set_job_id(command.job_id());
  answer.set_part_number(command.part_number());
  answer.set_code(static_cast<int>(status.code()));
  answer.set_message(Message(status));
  answer.set_crc32c(command.crc_known() ? command.crc32c() : 0);
  answer.set_from_store(outcome.from_store);
  answer.set_duration_ms(outcome.duration_ms);
  if (outcome.result.ok()) answer.set_etag(outcome.result->etag);
  absl::MutexLock lock(&mutex_);
  uploads_.erase({command.job_id(), command.part_number()});
  cancelled_.erase(command.job_id());
  TellRemoved();
  if (!registered_) {
    unsent_results_.push_back(std::move(answer));
    return;
  }
  session::WorkerMessage message;
  *message.mutable_persist_result() = std::move(answer);
  Send(std::move(message));
}

// Those that wait, by as few calls as the store takes. What comes soon after goes with what comes
// soon after that: a call costs the store a sync, whatever it brings, and nobody waits for it.
void Worker::UploadSmall() {
  while (true) {
    std::vector<SmallUpload> batch;
    size_t most = 1;
    {
      absl::MutexLock lock(&mutex_);
      if (small_uploads_.empty()) {
        uploading_small_ = false;
        return;
      }
      const int64_t mount = small_uploads_.front().command.mount_id();
      const auto open = mounts_.find(MountId(mount));
      if (open != mounts_.end() && open->second.store != nullptr)
        most = static_cast<size_t>(open->second.store->puts_together());
      while (!small_uploads_.empty() && batch.size() < most &&
             small_uploads_.front().command.mount_id() == mount) {
        batch.push_back(std::move(small_uploads_.front()));
        small_uploads_.pop_front();
      }
    }
    UploadTogether(batch);
    if (batch.size() == most) continue;
    executor_->PostAfter(kGatherMs, [this] { UploadSmall(); });
    return;
  }
}

void Worker::UploadTogether(const std::vector<SmallUpload>& batch) {
  const auto store = UnderStoreOf(MountId(batch.front().command.mount_id()));
  std::vector<UploadOutcome> outcomes(batch.size());
  std::vector<std::unique_ptr<BodySource>> bodies;
  std::vector<PutRequest> puts;
  std::vector<size_t> from;  // of batch, for each of puts
  for (size_t i = 0; i < batch.size(); ++i) {
    auto body = store.ok() ? BodyOf(batch[i].command, batch[i].session_number) : store.status();
    if (!body.ok()) {
      outcomes[i].result = body.status();
      continue;
    }
    puts.push_back({batch[i].command.key(), body->get(), OptionsOf(batch[i].command)});
    bodies.push_back(std::move(*body));
    from.push_back(i);
  }
  const int64_t begin_ms = clock_->MonotonicMs();
  if (!puts.empty()) {
    const auto results = (*store)->once()->PutMany(puts);
    for (size_t put = 0; put < puts.size(); ++put) {
      const SmallUpload& upload = batch[from[put]];
      outcomes[from[put]] =
          OutcomeOf(upload.command, upload.session_number,
                    Settle(*(*store)->once(), upload.command, results[put]), begin_ms);
    }
  }
  for (size_t i = 0; i < batch.size(); ++i) Answer(batch[i].command, outcomes[i]);
}

bool Worker::LeaseHolds() {
  return registered_ && (lease_ms_ == 0 || clock_->MonotonicMs() < lease_until_ms_);
}

// Not if the session that asked is over, or so silent that the master may have asked another.
Status Worker::MayUpload(const session::PersistCommand& command, uint64_t session_number) {
  absl::MutexLock lock(&mutex_);
  if (session_number != session_number_ || !LeaseHolds()) {
    return Unavailable("The session that asked for the upload is over.");
  }
  if (cancelled_.contains(command.job_id())) {
    return MakeStatus(StatusCode::kCancelled, "The upload was cancelled.");
  }
  return absl::OkStatus();
}

StatusOr<std::unique_ptr<BodySource>> Worker::BodyOf(const session::PersistCommand& command,
                                                     uint64_t session_number) {
  SPILLWAY_ASSIGN_OR_RETURN(auto body, GatherBody(command));
  SPILLWAY_RETURN_IF_ERROR(MayUpload(command, session_number));
  return std::make_unique<GuardedBody>(std::move(body), [this, &command, session_number] {
    return MayUpload(command, session_number);
  });
}

Worker::UploadOutcome Worker::DoPersist(const session::PersistCommand& command,
                                        uint64_t session_number) {
  const auto store = UnderStoreOf(MountId(command.mount_id()));
  if (!store.ok()) return {store.status()};
  const auto body = BodyOf(command, session_number);
  if (!body.ok()) return {body.status()};
  const int64_t begin_ms = clock_->MonotonicMs();
  return OutcomeOf(command, session_number, Upload(*(*store)->once(), command, **body), begin_ms);
}

Worker::UploadOutcome Worker::OutcomeOf(const session::PersistCommand& command,
                                        uint64_t session_number, StatusOr<PutResult> result,
                                        int64_t begin_ms) {
  UploadOutcome outcome{std::move(result)};
  outcome.duration_ms = clock_->MonotonicMs() - begin_ms;
  // A failure after the guard has closed is the session's.
  outcome.from_store = outcome.result.ok() || MayUpload(command, session_number).ok();
  return outcome;
}

StatusOr<PutResult> Worker::Upload(UnderStore& store, const session::PersistCommand& command,
                                   BodySource& body) {
  const PutOptions options = OptionsOf(command);
  if (command.part_number() > 0) {
    SPILLWAY_ASSIGN_OR_RETURN(
        UploadedPart part,
        store.UploadPart(command.key(), command.upload_id(),
                         static_cast<int>(command.part_number()), body, options.crc32c));
    return PutResult{part.etag};
  }
  return Settle(store, command, store.Put(command.key(), body, options));
}

// An upload of ours may have been published without anybody hearing of it.
StatusOr<PutResult> Worker::Settle(UnderStore& store, const session::PersistCommand& command,
                                   StatusOr<PutResult> result) {
  if (result.status().code() != StatusCode::kFailedPrecondition) return result;
  const auto crc = OptionsOf(command).crc32c;
  const auto head = store.Head(command.key());
  const bool ours =
      head.ok() && head->size_bytes == command.length_bytes() && crc && head->crc32c == crc;
  if (ours) return PutResult{head->etag};
  return result;
}

StatusOr<std::unique_ptr<BodySource>> Worker::GatherBody(const session::PersistCommand& command) {
  auto body = std::make_unique<BlocksBody>();
  for (const auto& block : command.blocks()) {
    auto open = store_->OpenForRead(BlockId(static_cast<int64_t>(block.block_id())));
    if (open.ok() && open->info.length_bytes == block.length_bytes()) {
      body->Add(std::move(open->file), block.length_bytes());
      continue;
    }
    std::string data;
    data.reserve(block.length_bytes());
    SPILLWAY_RETURN_IF_ERROR(FetchBlock(block, [&](std::string_view piece) {
      data.append(piece);
      return absl::OkStatus();
    }));
    body->Add(std::move(data));
  }
  if (body->size_bytes() != command.length_bytes()) {
    return MakeStatus(StatusCode::kDataLoss, "The blocks have {} bytes, the object {}.",
                      body->size_bytes(), command.length_bytes());
  }
  return std::unique_ptr<BodySource>(std::move(body));
}

}  // namespace spillway
