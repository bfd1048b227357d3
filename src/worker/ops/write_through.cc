// A file written straight to the understore: one PUT if it is small, else a multipart upload.
#include <algorithm>

#include "common/checksum.h"
#include "worker/worker.h"

namespace spillway {
namespace {

constexpr int64_t kPartBytes = 16 << 20;

}  // namespace

class ThroughTarget : public WriteTarget {
 public:
  ThroughTarget(Worker* worker, std::shared_ptr<UnderStore> store, std::string key,
                PutOptions options)
      : worker_(worker), state_(std::make_shared<State>()) {
    state_->store = std::move(store);
    state_->key = std::move(key);
    state_->options = std::move(options);
  }

  ~ThroughTarget() override {
    // Without Commit a begun upload is abandoned; nothing was published.
    worker_->executor_->Post([state = state_] {
      absl::MutexLock lock(&state->mutex);
      if (!state->upload_id.empty())
        (void)state->store->AbortMultipart(state->key, state->upload_id);
      state->upload_id.clear();
    });
  }

  void Append(std::vector<iovec> data, Done done) override {
    bool full = false;
    {
      absl::MutexLock lock(&state_->mutex);
      for (const iovec& part : data) {
        state_->buffer.append(static_cast<const char*>(part.iov_base), part.iov_len);
        state_->length += static_cast<int64_t>(part.iov_len);
      }
      full = static_cast<int64_t>(state_->buffer.size()) >= kPartBytes;
    }
    if (!full) return done(absl::OkStatus());
    worker_->executor_->Post([state = state_, done = std::move(done)] { done(state->SendPart()); });
  }

  void Commit(Done done) override {
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
    absl::Mutex mutex;
    std::shared_ptr<UnderStore> store;
    std::string key;
    PutOptions options;
    std::string buffer;
    int64_t length = 0;
    std::string upload_id;
    std::vector<UploadedPart> parts;
    std::string etag;

    Status SendPart() {
      absl::MutexLock lock(&mutex);
      if (upload_id.empty()) {
        options.part_bytes = kPartBytes;
        SPILLWAY_ASSIGN_OR_RETURN(upload_id, store->CreateMultipart(key, options));
      }
      std::string data = std::move(buffer);
      buffer = data.size() > kPartBytes ? data.substr(kPartBytes) : std::string();
      data.resize(std::min<size_t>(data.size(), kPartBytes));
      const uint32_t crc = Crc32c(data);
      StringBody body(std::move(data));
      SPILLWAY_ASSIGN_OR_RETURN(
          UploadedPart part,
          store->UploadPart(key, upload_id, static_cast<int>(parts.size()) + 1, body, crc));
      parts.push_back(std::move(part));
      return absl::OkStatus();
    }

    Status Finish() {
      bool multipart = false;
      {
        absl::MutexLock lock(&mutex);
        multipart = !upload_id.empty();
      }
      if (multipart) {
        bool rest = false;
        {
          absl::MutexLock lock(&mutex);
          rest = !buffer.empty();
        }
        if (rest) SPILLWAY_RETURN_IF_ERROR(SendPart());
        absl::MutexLock lock(&mutex);
        SPILLWAY_ASSIGN_OR_RETURN(PutResult result,
                                  store->CompleteMultipart(key, upload_id, parts, options));
        upload_id.clear();
        etag = result.etag;
        return absl::OkStatus();
      }
      absl::MutexLock lock(&mutex);
      options.crc32c = Crc32c(buffer);
      StringBody body(std::move(buffer));
      SPILLWAY_ASSIGN_OR_RETURN(PutResult result, store->Put(key, body, options));
      etag = result.etag;
      return absl::OkStatus();
    }
  };

  Worker* const worker_;
  const std::shared_ptr<State> state_;
};

StatusOr<std::unique_ptr<WriteTarget>> Worker::WriteThrough(
    const FileWriteThroughOptions& options) {
  SPILLWAY_ASSIGN_OR_RETURN(auto store, UnderStoreOf(options.mount_id));
  SPILLWAY_ASSIGN_OR_RETURN(std::string key, KeyOf(options.mount_id, options.uri));
  PutOptions put;
  put.owner = options.owner;
  put.group = options.group;
  put.mode = options.mode;
  return std::unique_ptr<WriteTarget>(
      std::make_unique<ThroughTarget>(this, std::move(store), std::move(key), std::move(put)));
}

}  // namespace spillway
