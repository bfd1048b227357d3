// Tries again what the store says may succeed later, with jittered exponential back-off, until the
// call's budget is spent. A repeat that meets a conflict after an unknown outcome is settled by
// looking: an earlier attempt may have done what this one was asked for.
#include <algorithm>
#include <set>

#include "common/checksum.h"
#include "understore/forwarding_under_store.h"
#include "understore/read_version.h"
#include "understore/same_object.h"

namespace spillway {
namespace {

constexpr int64_t kFirstDelayMs = 50;
constexpr int64_t kDelayMaxMs = 5000;

bool IsRetryable(const Status& status) {
  return status.code() == StatusCode::kUnavailable ||
         status.code() == StatusCode::kResourceExhausted ||
         status.code() == StatusCode::kDeadlineExceeded;
}

bool IsConflict(const Status& status) { return status.code() == StatusCode::kFailedPrecondition; }

StatusOr<uint32_t> ChecksumOfBody(BodySource& body) {
  std::string buffer(static_cast<size_t>(std::min<int64_t>(1 << 20, body.size_bytes())), '\0');
  uint32_t crc = 0;
  for (int64_t at = 0; at < body.size_bytes();) {
    const int64_t n =
        std::min<int64_t>(static_cast<int64_t>(buffer.size()), body.size_bytes() - at);
    SPILLWAY_RETURN_IF_ERROR(body.Read(at, buffer.data(), n));
    crc = Crc32cExtend(crc, buffer.data(), static_cast<size_t>(n));
    at += n;
  }
  return crc;
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

  // Sets *unknown if an attempt before the last may have had its effect.
  template <typename F>
  auto Repeat(bool* unknown, F&& call) {
    const int64_t end_ms = clock_->MonotonicMs() + max_ms_;
    int64_t delay_ms = kFirstDelayMs;
    int64_t repeats = 0;
    while (true) {
      auto result = call();
      if (!IsRetryable(StatusOf(result)) || ++repeats > repeats_max_) return result;
      const int64_t sleep_ms =
          delay_ms / 2 + static_cast<int64_t>(random_->Below(delay_ms / 2 + 1));
      if (clock_->MonotonicMs() + sleep_ms >= end_ms) return result;
      *unknown = *unknown || MayHaveHappened(StatusOf(result));
      if (!clock_->SleepMs(sleep_ms)) return result;
      delay_ms = std::min(delay_ms * 2, kDelayMaxMs);
    }
  }

  template <typename F>
  auto Call(const char*, F&& call) {
    bool unknown = false;
    return Repeat(&unknown, call);
  }

  using UnderStore::Get;
  Status Get(const std::string& key, int64_t offset, int64_t length, const GetOptions& options,
             const Sink& sink) override {
    int64_t taken = 0;
    const Sink counting = [&](std::string_view data) {
      taken += static_cast<int64_t>(data.size());
      return sink(data);
    };
    GetOptions version = options;
    return Call("get", [&] {
      Status status = inner_->Get(key, offset + taken, length - taken, version, counting);
      if (taken > 0 && version.if_match.empty()) version.if_match = ReadVersionOf(status);
      return status;
    });
  }

  StatusOr<PutResult> Put(const std::string& key, BodySource& body,
                          const PutOptions& options) override {
    bool unknown = false;
    auto result = Repeat(&unknown, [&] { return inner_->Put(key, body, options); });
    if (!unknown || !IsConflict(result.status())) return result;
    const auto crc = options.crc32c ? StatusOr<uint32_t>(*options.crc32c) : ChecksumOfBody(body);
    if (!crc.ok()) return result;
    return Settle(key, std::move(result), [&](const ObjectInfo& found) {
      return HoldsBytes(*this, found, body.size_bytes(), *crc);
    });
  }

  StatusOr<PutResult> CompleteMultipart(const std::string& key, const std::string& upload_id,
                                        const std::vector<UploadedPart>& parts,
                                        const PutOptions& options) override {
    bool unknown = false;
    auto result =
        Repeat(&unknown, [&] { return inner_->CompleteMultipart(key, upload_id, parts, options); });
    // A store forgets an upload when it is completed.
    const bool forgotten = result.status().code() == StatusCode::kNotFound;
    if (!unknown || (!forgotten && !IsConflict(result.status()))) return result;
    return Settle(key, std::move(result),
                  [&](const ObjectInfo& found) { return HoldsParts(*this, found, parts); });
  }

  StatusOr<PutResult> Copy(const std::string& source, const std::string& target,
                           const CopyOptions& options) override {
    bool unknown = false;
    auto result = Repeat(&unknown, [&] { return inner_->Copy(source, target, options); });
    if (!unknown || !IsConflict(result.status())) return result;
    return Settle(target, std::move(result), [&](const ObjectInfo& found) -> StatusOr<bool> {
      SPILLWAY_ASSIGN_OR_RETURN(const ObjectInfo from, Head(source));
      if (!options.source_if_match.empty() && from.etag != options.source_if_match) return false;
      if (from.size_bytes != found.size_bytes) return false;
      if (!from.composite_crc32c.empty() && from.composite_crc32c == found.composite_crc32c)
        return true;
      SPILLWAY_ASSIGN_OR_RETURN(const uint32_t crc, ChecksumOf(*this, from));
      return HoldsBytes(*this, found, from.size_bytes, crc);
    });
  }

  // Repeats the keys that may go later, and those alone.
  StatusOr<std::vector<DeleteFailure>> Delete(const std::vector<DeleteRequest>& requests) override {
    std::vector<DeleteRequest> pending = requests;
    std::vector<DeleteFailure> settled;
    std::vector<DeleteFailure> open;
    const auto last = Call("delete", [&]() -> StatusOr<bool> {
      SPILLWAY_ASSIGN_OR_RETURN(std::vector<DeleteFailure> failures, inner_->Delete(pending));
      open.clear();
      for (DeleteFailure& failure : failures)
        (IsRetryable(failure.status) ? open : settled).push_back(std::move(failure));
      if (open.empty()) return true;
      KeepFailed(open, &pending);
      return open.front().status;
    });
    if (!last.ok() && open.empty()) return last.status();
    settled.insert(settled.end(), open.begin(), open.end());
    return settled;
  }

 private:
  // A success if the object at key is what the call was to make. What the call said if it is not;
  // the error of looking if that cannot be told.
  template <typename F>
  StatusOr<PutResult> Settle(const std::string& key, StatusOr<PutResult> said, F&& is_it) {
    const auto found = Head(key);
    if (!found.ok()) {
      return found.status().code() == StatusCode::kNotFound ? std::move(said)
                                                            : StatusOr<PutResult>(found.status());
    }
    SPILLWAY_ASSIGN_OR_RETURN(const bool same, is_it(*found));
    if (same) return PutResult{found->etag};
    return said;
  }

  static void KeepFailed(const std::vector<DeleteFailure>& failures,
                         std::vector<DeleteRequest>* requests) {
    std::set<std::string> failed;
    for (const DeleteFailure& failure : failures) failed.insert(failure.key);
    std::erase_if(*requests,
                  [&](const DeleteRequest& request) { return failed.count(request.key) == 0; });
  }

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
    const int64_t start_us = clock_->MonotonicUs();
    auto result = call();
    Count(operation, StatusOf(result), start_us);
    return result;
  }

  // Each took as long as all together: that is how long it kept its caller waiting.
  std::vector<StatusOr<PutResult>> PutMany(const std::vector<PutRequest>& puts) override {
    const int64_t start_us = clock_->MonotonicUs();
    auto results = inner_->PutMany(puts);
    for (const auto& result : results) Count("put", result.status(), start_us);
    return results;
  }

 private:
  void Count(const char* operation, const Status& status, int64_t start_us) {
    const std::string outcome = absl::StatusCodeToString(status.code());
    metrics_
        ->Counter("spillway_understore_requests_total",
                  "Calls to the understore by kind and outcome.",
                  {{"operation", operation}, {"outcome", outcome}})
        .Increment();
    metrics_
        ->Seconds("spillway_understore_request_seconds", "Duration of understore calls.",
                  {{"operation", operation}})
        .Observe(static_cast<double>(clock_->MonotonicUs() - start_us) / 1e6);
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
