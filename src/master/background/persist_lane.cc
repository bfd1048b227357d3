#include "master/background/persist_lane.h"

#include <algorithm>

namespace spillway {
namespace {

constexpr int64_t kWindowMs = 1000;
constexpr int64_t kSeekWindowMs = 250;
constexpr double kDecrease = 0.85;
constexpr double kRateMin = 1;
constexpr double kRateMax = 20'000;
constexpr double kBurstSeconds = 0.15;  // one tick of the master and a little
constexpr int kCalmWindows = 10;        // then growth is by a tenth, to find out what changed
constexpr int64_t kPauseFirstMs = 100;
constexpr int64_t kPauseMaxMs = 2000;
constexpr int64_t kFlightStepMs = 500;
constexpr double kSlowFactor = 6;
constexpr double kSlowMsMin = 2000;
constexpr double kFlightMin = 8;

}  // namespace

void RequestRate::Roll(int64_t now_ms) {
  if (window_start_ms_ == 0) window_start_ms_ = now_ms;
  const int64_t passed_ms = now_ms - window_start_ms_;
  if (passed_ms < (seeking_ ? kSeekWindowMs : kWindowMs)) return;
  const double taken = successes_ * 1000.0 / static_cast<double>(passed_ms);
  if (limit_) {
    if (slow_downs_ > 0) {
      best_ = std::max(taken, best_ * kDecrease);
      limit_ = std::max({kRateMin, *limit_ * kDecrease, best_});
      calm_windows_ = 0;
      seeking_ = false;
    } else if (wanted_more_) {
      ++calm_windows_;
      if (seeking_) {
        *limit_ *= 2;
      } else if (*limit_ < best_) {
        limit_ = std::min(best_, *limit_ * 1.5);
      } else {
        *limit_ += std::max(1.0, *limit_ * (calm_windows_ > kCalmWindows ? 0.1 : 0.02));
      }
    }
  }
  if (limit_ && *limit_ > kRateMax) {
    limit_.reset();  // as good as none
    seeking_ = false;
  }
  last_taken_ = taken;
  window_start_ms_ = now_ms;
  successes_ = 0;
  slow_downs_ = 0;
  wanted_more_ = false;
}

void RequestRate::Refill(int64_t now_ms) {
  const double seconds = static_cast<double>(now_ms - filled_at_ms_) / 1000.0;
  tokens_ = std::min(std::max(1.0, *limit_ * kBurstSeconds), tokens_ + seconds * *limit_);
  filled_at_ms_ = now_ms;
}

bool RequestRate::Allows(int64_t now_ms) {
  Roll(now_ms);
  if (!limit_) return true;
  Refill(now_ms);
  if (tokens_ >= 1) return true;
  wanted_more_ = true;
  return false;
}

void RequestRate::Charge(int requests) {
  if (limit_) tokens_ -= requests;
}

void RequestRate::OnSuccess(int64_t now_ms) {
  Roll(now_ms);
  ++successes_;
}

void RequestRate::OnSlowDown(int64_t now_ms) {
  Roll(now_ms);
  ++slow_downs_;
  if (limit_) return;
  // What it has just taken is what it takes.
  const double now_taken =
      successes_ * 1000.0 /
      static_cast<double>(std::max<int64_t>(kWindowMs, now_ms - window_start_ms_));
  best_ = std::max({kRateMin, now_taken, last_taken_});
  limit_ = best_;
  seeking_ = true;
  window_start_ms_ = now_ms;
  successes_ = 0;
  slow_downs_ = 0;
  tokens_ = 0;
  filled_at_ms_ = now_ms;
}

void FlightLimit::OnDone(int64_t duration_ms, int64_t now_ms) {
  const double took = static_cast<double>(std::max<int64_t>(1, duration_ms));
  quick_ms_ = quick_ms_ == 0 ? took : std::min(took, quick_ms_ * 1.001);
  typical_ms_ = typical_ms_ == 0 ? took : typical_ms_ * 0.9 + took * 0.1;
  if (now_ms - changed_at_ms_ < kFlightStepMs) return;
  changed_at_ms_ = now_ms;
  if (typical_ms_ > std::max(kSlowMsMin, quick_ms_ * kSlowFactor)) {
    limit_ = std::max(kFlightMin, limit_ * kDecrease);
  } else {
    limit_ = std::min<double>(most_, limit_ + std::max(4.0, limit_ * 0.1));
  }
}

bool PersistLane::MayStart(int64_t now_ms) {
  if (in_outage() && (running > 0 || now_ms < paused_until_ms_)) return false;
  if (running >= flight.limit()) return false;
  return rate.Allows(now_ms);
}

bool PersistLane::OnSuccess(int64_t duration_ms, int64_t now_ms) {
  const bool ended = in_outage();
  failures_ = 0;
  pause_ms_ = 0;
  last_error = absl::OkStatus();
  rate.OnSuccess(now_ms);
  flight.OnDone(duration_ms, now_ms);
  return ended;
}

void PersistLane::OnStoreFailure(const Status& why, int64_t now_ms) {
  last_error = why;
  ++failures_;
  if (!in_outage()) return;
  pause_ms_ = std::clamp(pause_ms_ * 2, kPauseFirstMs, kPauseMaxMs);
  paused_until_ms_ = now_ms + pause_ms_;
}

}  // namespace spillway
