// A file written straight to the understore: one PUT if it is small, else a multipart upload.
#include <algorithm>
#include <deque>

#include "common/checksum.h"
#include "common/planted_bug.h"
#include "understore/same_object.h"
#include "worker/worker.h"

namespace spillway {
namespace {

constexpr size_t kPieceBytes = 1 << 20;
constexpr int64_t kReadBackBytesMax = 1 << 30;

// Bytes of one part, in pieces, so that it grows without being copied.
class PartBody : public BodySource {
 public:
  void Append(std::string_view data) {
    crc_ = Crc32cExtend(crc_, data.data(), data.size());
    size_ += static_cast<int64_t>(data.size());
    while (!data.empty()) {
      if (pieces_.empty() || pieces_.back().size() == kPieceBytes) pieces_.emplace_back();
      const std::string_view now = data.substr(0, kPieceBytes - pieces_.back().size());
      pieces_.back().append(now);
      data.remove_prefix(now.size());
    }
  }
  int64_t size_bytes() const override { return size_; }
  uint32_t crc32c() const { return crc_; }

  Status Read(int64_t offset, void* data, int64_t size) override {
    if (offset < 0 || size < 0 || offset > size_ - size)
      return InvalidArgument("{} bytes at {} of {} cannot be read.", size, offset, size_);
    auto* out = static_cast<char*>(data);
    auto at = static_cast<size_t>(offset);
    for (auto left = static_cast<size_t>(size); left > 0;) {
      const std::string& piece = pieces_[at / kPieceBytes];
      const size_t n = std::min(left, piece.size() - at % kPieceBytes);
      std::copy_n(piece.data() + at % kPieceBytes, n, out);
      out += n;
      at += n;
      left -= n;
    }
    return absl::OkStatus();
  }

 private:
  std::vector<std::string> pieces_;  // all but the last have kPieceBytes
  int64_t size_ = 0;
  uint32_t crc_ = 0;
};

}  // namespace

int64_t ThroughParts::PartBytes(size_t index) const {
  int64_t bytes = first_bytes;
  for (size_t i = parts_of_a_size; i <= index && bytes < largest_bytes; i += parts_of_a_size)
    bytes = std::min(bytes * 2, largest_bytes);
  return bytes;
}

int64_t ThroughParts::FileBytesMax() const {
  int64_t sum = 0;
  for (size_t at = 0; at < parts_max; at += parts_of_a_size)
    sum += PartBytes(at) * static_cast<int64_t>(std::min(parts_of_a_size, parts_max - at));
  return sum;
}

class ThroughTarget : public WriteTarget {
 public:
  ThroughTarget(Worker* worker, std::shared_ptr<UnderStore> store, std::string key,
                PutOptions options)
      : worker_(worker), state_(std::make_shared<State>()) {
    state_->parts = worker->options_.through_parts;
    state_->equal_parts = !store->is_object_store();
    state_->store = std::move(store);
    state_->key = std::move(key);
    state_->options = std::move(options);
  }

  ~ThroughTarget() override {
    // Without Commit a begun upload is abandoned; nothing was published.
    worker_->executor_->Post([state = state_, ended = ended_] {
      if (IsPlanted(PlantedBug::kCommitOnReset) && !ended) (void)state->Finish();
      absl::MutexLock lock(&state->mutex);
      if (!state->upload_id.empty())
        (void)state->store->AbortMultipart(state->key, state->upload_id);
      state->upload_id.clear();
    });
  }

  void Append(std::vector<iovec> data, Done done) override {
    Status status;
    bool full = false;
    {
      absl::MutexLock lock(&state_->mutex);
      for (const iovec& part : data) {
        if (status.ok())
          status = state_->Take({static_cast<const char*>(part.iov_base), part.iov_len});
      }
      full = !state_->full.empty();
    }
    if (!full || !status.ok()) return done(status);
    worker_->executor_->Post([state = state_, done = std::move(done)] { done(state->SendFull()); });
  }

  void Commit(Done done) override {
    ended_ = true;
    worker_->executor_->Post([state = state_, done = std::move(done)] { done(state->Finish()); });
  }

  int64_t length_bytes() const override {
    absl::MutexLock lock(&state_->mutex);
    return state_->length;
  }
  std::string content_hash() const override {
    absl::MutexLock lock(&state_->mutex);
    return state_->etag;
  }

 private:
  struct State {
    absl::Mutex mutex;  // also held while the store is asked: nobody else has anything to do here
    std::shared_ptr<UnderStore> store;
    std::string key;
    PutOptions options;
    ThroughParts parts;
    bool equal_parts = false;  // and any number of them
    PartBody filling;
    std::deque<PartBody> full;  // not sent yet
    size_t filled = 0;          // parts, sent or not
    int64_t length = 0;
    std::string upload_id;
    std::vector<UploadedPart> sent;
    std::string etag;

    Status Take(std::string_view data) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
      const int64_t most = equal_parts ? INT64_MAX : parts.FileBytesMax();
      if (static_cast<int64_t>(data.size()) > most - length) {
        return InvalidArgument("{} is longer than what can be written through: {} bytes.", key,
                               most);
      }
      length += static_cast<int64_t>(data.size());
      while (!data.empty()) {
        const int64_t whole = parts.PartBytes(equal_parts ? 0 : filled);
        const auto missing = static_cast<size_t>(whole - filling.size_bytes());
        filling.Append(data.substr(0, missing));
        data.remove_prefix(std::min(missing, data.size()));
        if (filling.size_bytes() < whole) break;
        full.push_back(std::exchange(filling, {}));
        ++filled;
      }
      return absl::OkStatus();
    }

    Status SendFull() {
      absl::MutexLock lock(&mutex);
      return Send();
    }

    Status Send() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
      while (!full.empty()) {
        if (upload_id.empty()) {
          options.part_bytes = equal_parts ? parts.first_bytes : 0;
          SPILLWAY_ASSIGN_OR_RETURN(upload_id, store->CreateMultipart(key, options));
        }
        PartBody& body = full.front();
        SPILLWAY_ASSIGN_OR_RETURN(
            UploadedPart part, store->UploadPart(key, upload_id, static_cast<int>(sent.size()) + 1,
                                                 body, body.crc32c()));
        part.crc32c = body.crc32c();
        part.size_bytes = body.size_bytes();
        sent.push_back(std::move(part));
        full.pop_front();
      }
      return absl::OkStatus();
    }

    Status Finish() {
      absl::MutexLock lock(&mutex);
      if (upload_id.empty() && full.empty()) {
        options.crc32c = filling.crc32c();
        return Published(store->Put(key, filling, options));
      }
      if (filling.size_bytes() > 0) full.push_back(std::exchange(filling, {}));
      SPILLWAY_RETURN_IF_ERROR(Send());
      const Status status = Published(store->CompleteMultipart(key, upload_id, sent, options));
      if (status.ok()) upload_id.clear();
      return status;
    }

    // An object of ours may stand there without anybody having heard of it: an answer was lost, or
    // a call was repeated. Then its etag is found by looking.
    Status Published(StatusOr<PutResult> result) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
      if (result.ok() && !result->etag.empty()) {
        etag = result->etag;
        return absl::OkStatus();
      }
      const Status why = result.ok()
                             ? Unavailable("The store took {} without naming its etag.", key)
                             : result.status();
      const auto object = store->Head(key);
      if (!object.ok() || object->etag.empty() || object->size_bytes != length) return why;
      const bool told = object->crc32c || !object->composite_crc32c.empty();
      if (!told && length > kReadBackBytesMax) return why;
      const auto ours = sent.empty() ? HoldsBytes(*store, *object, length, filling.crc32c())
                                     : HoldsParts(*store, *object, sent);
      if (!ours.ok() || !*ours) return why;
      etag = object->etag;
      return absl::OkStatus();
    }
  };

  Worker* const worker_;
  const std::shared_ptr<State> state_;
  bool ended_ = false;  // by the client
};

StatusOr<std::unique_ptr<WriteTarget>> Worker::WriteThrough(
    const FileWriteThroughOptions& options) {
  SPILLWAY_ASSIGN_OR_RETURN(auto store, UnderStoreOf(options.mount_id));
  SPILLWAY_ASSIGN_OR_RETURN(std::string key, KeyOf(options.mount_id, options.uri));
  SPILLWAY_RETURN_IF_ERROR(store->CheckKey(key));
  PutOptions put;
  put.owner = options.owner;
  put.group = options.group;
  put.mode = options.mode;
  put.if_absent = options.if_absent;
  put.if_match = options.if_match;
  return std::unique_ptr<WriteTarget>(
      std::make_unique<ThroughTarget>(this, std::move(store), std::move(key), std::move(put)));
}

}  // namespace spillway
