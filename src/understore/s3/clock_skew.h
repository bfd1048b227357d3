// How far the store's clock is from this machine's. A store refuses signatures that are more than
// some minutes off.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

#include "common/log.h"

namespace spillway {

// "Fri, 24 May 2013 00:00:00 GMT"; nullopt for anything else, and for years that no store has.
inline std::optional<int64_t> ParseHttpDateMs(const std::string& text) {
  constexpr int64_t kFirstMs = 1'420'070'400'000;  // 2015
  constexpr int64_t kLastMs = 4'102'444'800'000;   // 2100
  std::tm utc{};
  const char* end = strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S", &utc);
  if (end == nullptr || std::string_view(end) != " GMT") return std::nullopt;
  const int64_t ms = static_cast<int64_t>(timegm(&utc)) * 1000;
  if (ms < kFirstMs || ms > kLastMs) return std::nullopt;
  return ms;
}

// Thread-safe.
class ClockSkew {
 public:
  // To be added to this machine's time.
  int64_t offset_ms() const { return offset_ms_; }

  // Takes in the Date header of a refusal of a request that was signed with used_ms added to the
  // time. said_so: the store says that the time is the cause; otherwise only a difference counts
  // that it must have refused. True if the request should be signed again.
  bool Learn(const std::string& date, bool said_so, int64_t now_ms, int64_t used_ms) {
    const auto store_ms = ParseHttpDateMs(date);
    if (!store_ms) return false;
    const int64_t offset_ms = *store_ms - now_ms;
    const int64_t difference_ms = std::abs(offset_ms - used_ms);
    if (difference_ms <= (said_so ? kSaidMs : kGuessedMs)) return false;
    offset_ms_ = offset_ms;
    if (!logged_.exchange(true)) {
      spdlog::warn(
          "this machine's clock is {} s {} the store's: requests are signed with the store's time",
          std::abs(offset_ms) / 1000, offset_ms > 0 ? "behind" : "ahead of");
    }
    return true;
  }

 private:
  static constexpr int64_t kSaidMs = 30'000;
  static constexpr int64_t kGuessedMs = 4 * 60'000;
  std::atomic<int64_t> offset_ms_{0};
  std::atomic<bool> logged_{false};
};

}  // namespace spillway
