// Uploads what the master asks for: a whole object, or one part of a multipart upload.
#include <algorithm>

#include "common/checksum.h"
#include "common/log.h"
#include "common/planted_bug.h"
#include "worker/ops/guarded_body.h"
#include "worker/worker.h"

namespace spillway {
namespace {

constexpr int64_t kGatherMs = 40;
constexpr int64_t kReadBytes = 1 << 20;
constexpr int64_t kGatherBytes = 64 << 20;  // that are had before any of them have come

// Ranges of several blocks, one after another. What is not here was fetched into memory.
class BlocksBody : public BodySource {
 public:
  void Add(std::unique_ptr<File> file, int64_t offset, int64_t length) {
    pieces_.push_back({size_, length, std::move(file), offset, ""});
    size_ += length;
  }
  void Add(std::string data) {
    const int64_t length = static_cast<int64_t>(data.size());
    pieces_.push_back({size_, length, nullptr, 0, std::move(data)});
    size_ += length;
  }

  int64_t size_bytes() const override { return size_; }

  StatusOr<SharedBytes> Map(int64_t offset, int64_t size) override {
    for (const Piece& piece : pieces_) {
      if (offset >= piece.begin + piece.length) continue;
      if (piece.file == nullptr || offset + size > piece.begin + piece.length) break;
      return piece.file->Map(piece.offset + offset - piece.begin, size);
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
        SPILLWAY_ASSIGN_OR_RETURN(const int64_t read,
                                  piece.file->ReadAt(piece.offset + at, out, n));
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
    int64_t begin;  // in the body
    int64_t length;
    std::unique_ptr<File> file;
    int64_t offset;  // in file
    std::string data;
  };
  std::vector<Piece> pieces_;
  int64_t size_ = 0;
};

StatusOr<uint32_t> Crc32cOf(BodySource& body) {
  std::string buffer(static_cast<size_t>(std::min(body.size_bytes(), kReadBytes)), '\0');
  uint32_t crc = 0;
  for (int64_t at = 0; at < body.size_bytes();) {
    const int64_t n = std::min(kReadBytes, body.size_bytes() - at);
    SPILLWAY_RETURN_IF_ERROR(body.Read(at, buffer.data(), n));
    crc = Crc32cExtend(crc, buffer.data(), static_cast<size_t>(n));
    at += n;
  }
  return crc;
}

PutOptions OptionsOf(const session::PersistCommand& command, std::optional<uint32_t> crc32c) {
  PutOptions options;
  if (!IsPlanted(PlantedBug::kChecksumIgnored)) options.crc32c = crc32c;
  options.if_absent = command.if_absent();
  options.if_match = command.if_match();
  options.mode = static_cast<int>(command.mode());
  options.owner = command.owner();
  options.group = command.group();
  return options;
}

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
  answer.set_crc32c(outcome.crc32c.value_or(0));
  answer.set_crc_known(outcome.crc32c.has_value());
  answer.set_from_store(outcome.from_store);
  answer.set_unsent(outcome.unsent);
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
  std::vector<std::unique_ptr<GuardedBody>> bodies;
  std::vector<PutRequest> puts;
  std::vector<size_t> from;  // of batch, for each of puts
  for (size_t i = 0; i < batch.size(); ++i) {
    auto body = store.ok() ? BodyOf(batch[i].command, batch[i].session_number, &outcomes[i].crc32c)
                           : store.status();
    if (!body.ok()) {
      outcomes[i].result = body.status();
      outcomes[i].unsent = true;
      continue;
    }
    puts.push_back(
        {batch[i].command.key(), body->get(), OptionsOf(batch[i].command, outcomes[i].crc32c)});
    bodies.push_back(std::move(*body));
    from.push_back(i);
  }
  const int64_t begin_ms = clock_->MonotonicMs();
  if (!puts.empty()) {
    auto results = (*store)->once()->PutMany(puts);
    for (size_t put = 0; put < puts.size(); ++put) {
      const SmallUpload& upload = batch[from[put]];
      UploadOutcome& outcome = outcomes[from[put]];
      outcome.unsent = bodies[put]->withheld();
      EndUpload(upload.command, upload.session_number, std::move(results[put]), begin_ms, &outcome);
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

StatusOr<std::unique_ptr<GuardedBody>> Worker::BodyOf(const session::PersistCommand& command,
                                                      uint64_t session_number,
                                                      std::optional<uint32_t>* crc32c) {
  SPILLWAY_ASSIGN_OR_RETURN(auto gathered, GatherBody(command));
  if (command.crc_known()) {
    *crc32c = command.crc32c();
  } else {
    // Reads are compared with the sums of their blocks' pieces: this is what was written.
    SPILLWAY_ASSIGN_OR_RETURN(*crc32c, Crc32cOf(*gathered));
  }
  SPILLWAY_RETURN_IF_ERROR(MayUpload(command, session_number));
  return std::make_unique<GuardedBody>(std::move(gathered), [this, &command, session_number] {
    return MayUpload(command, session_number);
  });
}

Worker::UploadOutcome Worker::DoPersist(const session::PersistCommand& command,
                                        uint64_t session_number) {
  UploadOutcome outcome;
  const auto store = UnderStoreOf(MountId(command.mount_id()));
  const auto body = store.ok() ? BodyOf(command, session_number, &outcome.crc32c) : store.status();
  if (!body.ok()) {
    outcome.result = body.status();
    outcome.unsent = true;
    return outcome;
  }
  const int64_t begin_ms = clock_->MonotonicMs();
  const PutOptions options = OptionsOf(command, outcome.crc32c);
  EndUpload(command, session_number, Upload(*(*store)->once(), command, options, **body), begin_ms,
            &outcome);
  outcome.unsent = (*body)->withheld();
  return outcome;
}

void Worker::EndUpload(const session::PersistCommand& command, uint64_t session_number,
                       StatusOr<PutResult> result, int64_t begin_ms, UploadOutcome* outcome) {
  // Without its etag nobody could say later whether the object is still this one.
  const bool unnamed = result.ok() && result->etag.empty();
  outcome->result = unnamed
                        ? Unavailable("The store took {} without naming its etag.", command.key())
                        : std::move(result);
  outcome->duration_ms = clock_->MonotonicMs() - begin_ms;
  // A failure after the guard has closed is the session's.
  outcome->from_store = outcome->result.ok() || MayUpload(command, session_number).ok();
}

StatusOr<PutResult> Worker::Upload(UnderStore& store, const session::PersistCommand& command,
                                   const PutOptions& options, BodySource& body) {
  if (command.part_number() == 0) return store.Put(command.key(), body, options);
  SPILLWAY_ASSIGN_OR_RETURN(
      UploadedPart part,
      store.UploadPart(command.key(), command.upload_id(), static_cast<int>(command.part_number()),
                       body, options.crc32c));
  return PutResult{part.etag};
}

StatusOr<std::unique_ptr<BodySource>> Worker::GatherBody(const session::PersistCommand& command) {
  const int64_t first = command.first_byte();
  if (first < 0 || command.length_bytes() < 0 || first > INT64_MAX - command.length_bytes()) {
    return InvalidArgument("{} bytes from {} of {} cannot be uploaded.", command.length_bytes(),
                           first, command.key());
  }
  auto body = std::make_unique<BlocksBody>();
  int64_t begin = 0;  // of the block, where the blocks are taken one after another
  for (const auto& block : command.blocks()) {
    if (block.length_bytes() < 0 || begin > INT64_MAX - block.length_bytes())
      return InvalidArgument("Block {} has {} bytes.", block.block_id(), block.length_bytes());
    const int64_t from = std::max(first, begin);
    const int64_t to = std::min(first + command.length_bytes(), begin + block.length_bytes());
    const int64_t offset = from - begin;
    begin += block.length_bytes();
    if (from >= to) continue;
    auto open = store_->OpenForRead(BlockId(static_cast<int64_t>(block.block_id())));
    const bool same = open.ok() && open->info.length_bytes == block.length_bytes() &&
                      (!block.crc_known() || open->info.crc32c == block.crc32c());
    if (same) {
      body->Add(std::move(open->file), offset, to - from);
      continue;
    }
    std::string data;
    data.reserve(static_cast<size_t>(std::min(to - from, kGatherBytes)));
    SPILLWAY_RETURN_IF_ERROR(FetchBlock(block, offset, to - from, [&](std::string_view piece) {
      data.append(piece);
      return absl::OkStatus();
    }));
    body->Add(std::move(data));
  }
  const bool whole = command.part_number() > 0 || begin == command.length_bytes();
  if (body->size_bytes() != command.length_bytes() || !whole) {
    return MakeStatus(StatusCode::kDataLoss, "The blocks have {} bytes, the object {} from {}.",
                      begin, command.length_bytes(), first);
  }
  return std::unique_ptr<BodySource>(std::move(body));
}

}  // namespace spillway
