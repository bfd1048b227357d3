#include "store/late_effects.h"

#include <algorithm>
#include <chrono>

#include "absl/time/time.h"

namespace spillway::strict {
namespace {

constexpr int64_t kIdleMs = 60'000;

int64_t RealMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

LateEffects::LateEffects(bool manual) : manual_(manual), thread_([this] { Loop(); }) {}

LateEffects::~LateEffects() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = changed_ = true;
  }
  thread_.join();
}

int64_t LateEffects::NowMs() const { return advanced_ms_ + (manual_ ? 0 : RealMs()); }

void LateEffects::Add(int64_t after_ms, std::function<void()> effect) {
  absl::MutexLock lock(&mutex_);
  effects_.emplace(NowMs() + after_ms, std::move(effect));
  changed_ = true;
}

void LateEffects::AdvanceMs(int64_t ms) {
  absl::MutexLock lock(&mutex_);
  advanced_ms_ += ms;
  changed_ = true;
  RunDue();
  mutex_.Await(absl::Condition(
      +[](int* running) { return *running == 0; }, &running_));
}

int64_t LateEffects::pending() const {
  absl::MutexLock lock(&mutex_);
  return static_cast<int64_t>(effects_.size()) + running_;
}

void LateEffects::RunDue() {
  while (!effects_.empty() && effects_.begin()->first <= NowMs()) {
    const std::function<void()> effect = std::move(effects_.begin()->second);
    effects_.erase(effects_.begin());
    ++running_;
    mutex_.Unlock();
    effect();
    mutex_.Lock();
    --running_;
  }
}

void LateEffects::Loop() {
  absl::MutexLock lock(&mutex_);
  while (!stopping_) {
    const int64_t wait = manual_ || effects_.empty() ? kIdleMs : effects_.begin()->first - NowMs();
    mutex_.AwaitWithTimeout(absl::Condition(&changed_),
                            absl::Milliseconds(std::clamp<int64_t>(wait, 0, kIdleMs)));
    changed_ = false;
    if (!stopping_) RunDue();
  }
}

}  // namespace spillway::strict
