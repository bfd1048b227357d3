// Tries again what the store says may succeed later, with jittered exponential back-off, until the
// call's budget is spent. A conditional PUT whose answer was lost is settled by looking.
#include <algorithm>

#include "understore/forwarding_under_store.h"

namespace spillway {
namespace {

constexpr int64_t kFirstDelayMs = 50;
constexpr int64_t kDelayMaxMs = 5000;

bool IsRetryable(const Status& status) {
  return status.code() == StatusCode::kUnavailable ||
         status.code() == StatusCode::kResourceExhausted ||
         status.code() == StatusCode::kDeadlineExceeded;
}

class RetryingUnderStore : public ForwardingUnderStore<RetryingUnderStore> {
 public:
  RetryingUnderStore(std::shared_ptr<UnderStore> inner, Clock* clock, Random* random,
                     int64_t max_ms, int64_t repeats_max)
      : ForwardingUnderStore(std::move(inner)),
        clock_(clock),
        random_(random),
        max_ms_(max_ms),
        repeats_max_(repeats_max) {}

  UnderStore* once() override { return inner_.get(); }

  template <typename F>
  auto Call(const char*, F&& call) {
    const int64_t end_ms = clock_->MonotonicMs() + max_ms_;
    int64_t delay_ms = kFirstDelayMs;
    int64_t repeats = 0;
    while (true) {
      auto result = call();
      if (!IsRetryable(StatusOf(result)) || ++repeats > repeats_max_) return result;
      const int64_t sleep_ms =
          delay_ms / 2 + static_cast<int64_t>(random_->Below(delay_ms / 2 + 1));
      if (clock_->MonotonicMs() + sleep_ms >= end_ms) return result;
      clock_->SleepMs(sleep_ms);
      delay_ms = std::min(delay_ms * 2, kDelayMaxMs);
    }
  }

  StatusOr<PutResult> Put(const std::string& key, BodySource& body,
                          const PutOptions& options) override {
    int attempts = 0;
    auto result = Call("put", [&] {
      ++attempts;
      return inner_->Put(key, body, options);
    });
    const bool conflict = result.status().code() == StatusCode::kFailedPrecondition;
    if (!conflict || attempts < 2 || !options.crc32c) return result;
    // An earlier attempt may have published these very bytes.
    const auto head = inner_->Head(key);
    if (head.ok() && head->size_bytes == body.size_bytes() && head->crc32c == options.crc32c) {
      return PutResult{head->etag};
    }
    return result;
  }

 private:
  Clock* const clock_;
  Random* const random_;
  const int64_t max_ms_;
  const int64_t repeats_max_;
};

class MeteredUnderStore : public ForwardingUnderStore<MeteredUnderStore> {
 public:
  MeteredUnderStore(std::shared_ptr<UnderStore> inner, Clock* clock, Metrics* metrics)
      : ForwardingUnderStore(std::move(inner)), clock_(clock), metrics_(metrics) {}

  template <typename F>
  auto Call(const char* operation, F&& call) {
    const int64_t start_ms = clock_->MonotonicMs();
    auto result = call();
    Count(operation, StatusOf(result), start_ms);
    return result;
  }

  // Each took as long as all together: that is how long it kept its caller waiting.
  std::vector<StatusOr<PutResult>> PutMany(const std::vector<PutRequest>& puts) override {
    const int64_t start_ms = clock_->MonotonicMs();
    auto results = inner_->PutMany(puts);
    for (const auto& result : results) Count("put", result.status(), start_ms);
    return results;
  }

 private:
  void Count(const char* operation, const Status& status, int64_t start_ms) {
    const std::string outcome = absl::StatusCodeToString(status.code());
    metrics_
        ->Counter("spillway_understore_requests_total",
                  "Calls to the understore by kind and outcome.",
                  {{"operation", operation}, {"outcome", outcome}})
        .Increment();
    metrics_
        ->Seconds("spillway_understore_request_seconds", "Duration of understore calls.",
                  {{"operation", operation}})
        .Observe(static_cast<double>(clock_->MonotonicMs() - start_ms) / 1000.0);
  }

  Clock* const clock_;
  Metrics* const metrics_;
};

}  // namespace

std::shared_ptr<UnderStore> MakeRetryingUnderStore(std::shared_ptr<UnderStore> inner, Clock* clock,
                                                   Random* random, int64_t max_duration_ms,
                                                   int64_t repeats_max) {
  return std::make_shared<RetryingUnderStore>(std::move(inner), clock, random, max_duration_ms,
                                              repeats_max);
}

std::shared_ptr<UnderStore> MakeMeteredUnderStore(std::shared_ptr<UnderStore> inner, Clock* clock,
                                                  Metrics* metrics) {
  return std::make_shared<MeteredUnderStore>(std::move(inner), clock, metrics);
}

}  // namespace spillway
