#include "bin/ending.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <thread>

#include "absl/strings/str_join.h"
#include "absl/synchronization/mutex.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/timed_event.h"

namespace spillway {
namespace {

constexpr int64_t kAfterGraceMs = 1000;
constexpr long kTickNs = 50'000'000;
constexpr int64_t kFailedPollMs = 200;

// Lasts as long as the process.
class Process {
 public:
  static Process& Get() {
    static auto* const process = new Process();
    return *process;
  }

  void Watch(const std::string& role) {
    role_ = role;
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGTERM);
    sigaddset(&signals_, SIGINT);
    struct sigaction hang_up {};
    ::sigaction(SIGHUP, nullptr, &hang_up);
    if (hang_up.sa_handler != SIG_IGN) sigaddset(&signals_, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    std::thread([this] { Run(); }).detach();
  }

  void Serving() {
    absl::MutexLock lock(&mutex_);
    serving_ = true;
  }

  Status Await(const std::function<Status()>& failed) {
    absl::MutexLock lock(&mutex_);
    while (true) {
      const auto told = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return told_; };
      if (changed_.Await(&mutex_, told, kFailedPollMs)) return absl::OkStatus();
      mutex_.Unlock();
      Status status = failed();
      mutex_.Lock();
      if (status.ok()) continue;
      told_ = true;
      told_at_ms_ = clock_.MonotonicMs();
      return status;
    }
  }

  void Begin(int64_t grace_ms, std::function<std::vector<std::string>()> left,
             std::function<void()> settle) {
    absl::MutexLock lock(&mutex_);
    end_ms_ = clock_.MonotonicMs() + grace_ms + kAfterGraceMs;
    left_ = std::move(left);
    settle_ = std::move(settle);
  }

  void Settled() {
    absl::MutexLock lock(&mutex_);
    left_ = nullptr;
    settle_ = nullptr;
  }

  int64_t TookMs() {
    absl::MutexLock lock(&mutex_);
    return clock_.MonotonicMs() - told_at_ms_;
  }
  const std::string& role() const { return role_; }

 private:
  [[noreturn]] static void Leave(int code) {
    spdlog::default_logger()->flush();
    ::_exit(code);
  }

  void Run() {
    pthread_setname_np(pthread_self(), "signals");
    const timespec tick{0, kTickNs};
    while (true) {
      const int signal = ::sigtimedwait(&signals_, nullptr, &tick);
      absl::MutexLock lock(&mutex_);
      if (signal > 0) OnSignal(signal);
      if (end_ms_ > 0 && clock_.MonotonicMs() >= end_ms_) Cut();
    }
  }

  void OnSignal(int signal) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (serving_ && !told_) {
      told_ = true;
      told_at_ms_ = clock_.MonotonicMs();
      return changed_.Notify();
    }
    spdlog::warn("{} stopped at once by signal {}{}", role_, signal,
                 told_ ? ", the second one" : " while it was starting");
    Leave(128 + signal);
  }

  // The lock is held: whoever calls Settled waits for the end.
  [[noreturn]] void Cut() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const auto left = left_ ? left_() : std::vector<std::string>();
    if (settle_) settle_();
    spdlog::warn("{} stopped after {} ms, cut: {}", role_, clock_.MonotonicMs() - told_at_ms_,
                 left.empty() ? "work in the background" : absl::StrJoin(left, ", "));
    Leave(0);
  }

  std::string role_;
  sigset_t signals_{};
  SystemClock clock_;
  absl::Mutex mutex_;
  TimedEvent changed_;
  bool serving_ ABSL_GUARDED_BY(mutex_) = false;
  bool told_ ABSL_GUARDED_BY(mutex_) = false;
  int64_t told_at_ms_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t end_ms_ ABSL_GUARDED_BY(mutex_) = 0;  // 0: not begun
  std::function<std::vector<std::string>()> left_ ABSL_GUARDED_BY(mutex_);
  std::function<void()> settle_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

void Ending::Watch(const std::string& role) { Process::Get().Watch(role); }

void Ending::Serving() { Process::Get().Serving(); }

Status Ending::AwaitSignal(const std::function<Status()>& failed) {
  return Process::Get().Await(failed);
}

void Ending::Begin(int64_t grace_ms, std::function<std::vector<std::string>()> left,
                   std::function<void()> settle) {
  Process::Get().Begin(grace_ms, std::move(left), std::move(settle));
}

void Ending::Settled() { Process::Get().Settled(); }

void Ending::EndInOrder() {
  spdlog::info("{} stopped in order after {} ms", Process::Get().role(), Process::Get().TookMs());
}

}  // namespace spillway
