#include "understore/s3/credentials.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>

#include "absl/synchronization/mutex.h"
#include "common/log.h"
#include "understore/s3/credential_sources.h"

namespace spillway {
namespace {

using Kind = FoundCredentials::Kind;

constexpr int64_t kRenewBeforeMs = 5 * 60'000;
constexpr int64_t kUnknownLifeMs = 5 * 60'000;  // renewed after half of it
constexpr int64_t kBackOffFirstMs = 1000;
constexpr int64_t kBackOffMaxMs = 30'000;
constexpr int64_t kFileCheckMs = 1000;
constexpr int64_t kRefusedIntervalMs = 30'000;

bool Same(const S3Credentials& a, const S3Credentials& b) {
  return a.access_key == b.access_key && a.secret_key == b.secret_key &&
         a.session_token == b.session_token;
}

class ChainProvider : public CredentialsProvider {
 public:
  ChainProvider(const UnderStoreConfig& config, HttpClient* http, Clock* clock,
                const CredentialsOptions& options)
      : sources_(config, http, clock, options.environment),
        clock_(clock),
        wait_ms_(options.wait_ms) {
    auto fixed = sources_.Fixed();
    absl::MutexLock lock(&mutex_);
    if (!fixed.ok()) {
      fixed_error_ = fixed.status();
    } else if (*fixed) {
      TakeIn(**std::move(fixed), 0);
    }
  }

  ~ChainProvider() override {
    stop_ = true;
    {
      absl::MutexLock lock(&mutex_);
      ended_ = true;
    }
    if (thread_.joinable()) thread_.join();
  }

  StatusOr<S3Credentials> Get() override {
    absl::MutexLock lock(&mutex_);
    if (!fixed_error_.ok()) return fixed_error_;
    if (held_) {
      LookAtFile(false);
      if (held_->kind == Kind::kTemporary && clock_->NowMs() >= renew_at_ms_ && !BackingOff())
        WantFetch();
      if (Usable()) return held_->credentials;
    }
    if (!(wanted_ || fetching_) && BackingOff()) return last_error_;
    if (!AwaitFetch()) return Unavailable("S3 credentials are still waited for");
    if (Usable()) return held_->credentials;
    return last_error_.ok() ? Unavailable("S3 credentials have expired") : last_error_;
  }

  bool Refused(const S3Credentials& refused) override {
    absl::MutexLock lock(&mutex_);
    if (!held_) return false;
    if (!Same(held_->credentials, refused)) return true;
    if (held_->kind == Kind::kFixed) return false;
    const bool busy = wanted_ || fetching_;
    const int64_t now_ms = clock_->MonotonicMs();
    if (!busy && refused_before_ && now_ms < *refused_before_ + kRefusedIntervalMs) return false;
    if (!busy) refused_before_ = now_ms;
    if (held_->kind == Kind::kFile) {
      LookAtFile(true);
    } else {
      (void)AwaitFetch();
    }
    return held_ && !Same(held_->credentials, refused);
  }

 private:
  bool Usable() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return held_ && clock_->NowMs() < held_->expires_ms.value_or(INT64_MAX);
  }
  bool BackingOff() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return !last_error_.ok() && clock_->MonotonicMs() < retry_at_ms_;
  }

  // asked_at_ms is the wall time before the source was asked.
  void TakeIn(FoundCredentials found, int64_t asked_at_ms) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const int64_t expires_ms = found.expires_ms.value_or(asked_at_ms + kUnknownLifeMs);
    const int64_t life_ms = std::max<int64_t>(0, expires_ms - asked_at_ms);
    renew_at_ms_ = expires_ms - std::min(kRenewBeforeMs, life_ms / 2);
    held_ = std::move(found);
    last_error_ = absl::OkStatus();
    back_off_ms_ = kBackOffFirstMs;
  }

  // Reads the profile again if its files have changed, or anyway. What is held stays if it cannot
  // be read: somebody may be writing it.
  void LookAtFile(bool anyway) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (held_->kind != Kind::kFile) return;
    const int64_t now_ms = clock_->MonotonicMs();
    if (!anyway && now_ms < file_check_at_ms_) return;
    file_check_at_ms_ = now_ms + kFileCheckMs;
    if (!anyway && sources_.ProfileStamp() == held_->stamp) return;
    auto found = sources_.FromProfile();
    if (found.ok() && *found) {
      if (!Same(held_->credentials, (*found)->credentials))
        spdlog::info("S3 credentials were read again: their file has changed");
      TakeIn(**std::move(found), clock_->NowMs());
      file_warned_ = false;
    } else if (!file_warned_) {
      file_warned_ = true;
      spdlog::warn("going on with the S3 credentials that were read before: {}",
                   found.ok() ? "the profile is gone" : Message(found.status()));
    }
  }

  void WantFetch() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (fetching_) return;
    wanted_ = true;
    if (!thread_.joinable()) thread_ = std::thread([this] { Run(); });
  }

  // Waits for the end of the fetch under way, or of one that begins now. False: not within
  // wait_ms_.
  bool AwaitFetch() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    WantFetch();
    struct Waiting {
      const int64_t* fetches;
      int64_t seen;
    } waiting{&fetches_, fetches_};
    return mutex_.AwaitWithTimeout(
        absl::Condition(
            +[](Waiting* w) { return *w->fetches != w->seen; }, &waiting),
        absl::Milliseconds(wait_ms_));
  }

  void Run() {
    pthread_setname_np(pthread_self(), "s3-credentials");
    while (true) {
      {
        absl::MutexLock lock(&mutex_);
        mutex_.Await(absl::Condition(
            +[](ChainProvider* self)
                 ABSL_NO_THREAD_SAFETY_ANALYSIS { return self->wanted_ || self->ended_; },
            this));
        if (ended_) return;
        wanted_ = false;
        fetching_ = true;
      }
      const int64_t asked_at_ms = clock_->NowMs();
      auto found = sources_.Find(stop_);
      absl::MutexLock lock(&mutex_);
      fetching_ = false;
      ++fetches_;
      if (found.ok()) {
        TakeIn(*std::move(found), asked_at_ms);
        continue;
      }
      if (held_ && last_error_.ok())
        spdlog::warn("S3 credentials were not renewed: {}", Message(found.status()));
      last_error_ = found.status();
      retry_at_ms_ = clock_->MonotonicMs() + back_off_ms_;
      back_off_ms_ = std::min(back_off_ms_ * 2, kBackOffMaxMs);
    }
  }

  const CredentialSources sources_;
  Clock* const clock_;
  const int64_t wait_ms_;
  std::atomic<bool> stop_{false};

  absl::Mutex mutex_;
  Status fixed_error_ ABSL_GUARDED_BY(mutex_);
  std::optional<FoundCredentials> held_ ABSL_GUARDED_BY(mutex_);
  int64_t renew_at_ms_ ABSL_GUARDED_BY(mutex_) = 0;  // wall time
  Status last_error_ ABSL_GUARDED_BY(mutex_);        // of the last fetch
  int64_t retry_at_ms_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t back_off_ms_ ABSL_GUARDED_BY(mutex_) = kBackOffFirstMs;
  int64_t file_check_at_ms_ ABSL_GUARDED_BY(mutex_) = INT64_MIN;
  bool file_warned_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<int64_t> refused_before_ ABSL_GUARDED_BY(mutex_);
  bool wanted_ ABSL_GUARDED_BY(mutex_) = false;
  bool fetching_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  int64_t fetches_ ABSL_GUARDED_BY(mutex_) = 0;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<CredentialsProvider> MakeCredentialsProvider(const UnderStoreConfig& config,
                                                             HttpClient* http, Clock* clock,
                                                             const CredentialsOptions& options) {
  return std::make_unique<ChainProvider>(config, http, clock, options);
}

}  // namespace spillway
