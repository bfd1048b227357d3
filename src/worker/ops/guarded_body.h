// What an upload sends, for as long as it is wanted.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <utility>

#include "understore/under_store.h"

namespace spillway {

// Stops handing out bytes when the upload is not wanted any more, so that it is never published.
class GuardedBody : public BodySource {
 public:
  GuardedBody(std::unique_ptr<BodySource> inner, std::function<Status()> guard)
      : inner_(std::move(inner)), guard_(std::move(guard)) {}
  int64_t size_bytes() const override { return inner_->size_bytes(); }
  Status Read(int64_t offset, void* data, int64_t size) override {
    SPILLWAY_RETURN_IF_ERROR(Check(offset, size));
    return inner_->Read(offset, data, size);
  }
  StatusOr<SharedBytes> Map(int64_t offset, int64_t size) override {
    SPILLWAY_RETURN_IF_ERROR(Check(offset, size));
    return inner_->Map(offset, size);
  }
  // True if bytes were refused before the last of them was ever handed out.
  bool withheld() const { return refused_ && !ended_; }

 private:
  Status Check(int64_t offset, int64_t size) {
    Status status = guard_();
    if (!status.ok()) {
      refused_ = true;
    } else if (offset + size >= size_bytes()) {
      ended_ = true;
    }
    return status;
  }

  // Read by whoever sends, one thread at a time; then by who asked it to.
  std::atomic<bool> refused_{false};
  std::atomic<bool> ended_{false};
  const std::unique_ptr<BodySource> inner_;
  const std::function<Status()> guard_;
};

}  // namespace spillway
