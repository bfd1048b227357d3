// The uploads of one part of an understore (a bucket prefix): in what order, how fast, and what to
// do when the store is in trouble. Every upload of the cluster is told to a worker by the master,
// so the command itself is the lease of its requests and bytes. Not thread-safe: guarded by the
// master's lock.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "common/ids.h"
#include "common/status.h"

namespace spillway {

// Requests per second that the store lets through, learned: unlimited until it says SlowDown, then
// additive increase, and multiplicative decrease that never goes below what it has just taken.
class RequestRate {
 public:
  // True if a request may be sent now; Charge says that it was. A charge may overdraw, so that what
  // needs several requests goes at once and what follows waits.
  bool Allows(int64_t now_ms);
  void Charge(int requests);
  void OnSuccess(int64_t now_ms);
  void OnSlowDown(int64_t now_ms);
  // Per second; nothing if unlimited.
  std::optional<double> limit() const { return limit_; }

 private:
  void Roll(int64_t now_ms);
  void Refill(int64_t now_ms);

  std::optional<double> limit_;
  double tokens_ = 0;
  int64_t filled_at_ms_ = 0;
  int64_t window_start_ms_ = 0;
  int successes_ = 0;
  int slow_downs_ = 0;
  bool wanted_more_ = false;  // a request had to wait in this window
  double best_ = 0;        // successes per second of a window with SlowDown: what the store takes
  double last_taken_ = 0;  // of the window before
  int calm_windows_ = 0;
  // Little is known after the first SlowDown: grow quickly until the next one.
  bool seeking_ = false;
};

// How many uploads may be in flight, by their duration: fewer when they take much longer than the
// quickest of late.
class FlightLimit {
 public:
  explicit FlightLimit(int most) : most_(most), limit_(most) {}
  void OnDone(int64_t duration_ms, int64_t now_ms);
  int limit() const { return static_cast<int>(limit_); }

 private:
  const int most_;
  double limit_;
  double quick_ms_ = 0;
  double typical_ms_ = 0;
  int64_t changed_at_ms_ = 0;
};

class PersistLane {
 public:
  // Earliest due first; among equals the one asked for first.
  using Key = std::tuple<int64_t, int64_t, InodeId>;

  explicit PersistLane(int uploads_max) : flight(uploads_max) {}

  // The store answers with errors: only a probe at a time, at a growing distance.
  bool in_outage() const { return failures_ >= kFailuresMax; }
  bool MayStart(int64_t now_ms);
  void OnStarted(int requests) {
    ++running;
    rate.Charge(requests);
  }
  // Returns true if this ended an outage: what failed in it may go on at once.
  bool OnSuccess(int64_t duration_ms, int64_t now_ms);
  void OnStoreFailure(const Status& why, int64_t now_ms);

  std::set<Key> due;
  int running = 0;
  RequestRate rate;
  FlightLimit flight;
  Status last_error;
  std::vector<InodeId> backed_off;  // failed in this outage

 private:
  static constexpr int kFailuresMax = 3;
  int failures_ = 0;  // in a row
  int64_t pause_ms_ = 0;
  int64_t paused_until_ms_ = 0;
};

}  // namespace spillway
