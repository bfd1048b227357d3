#include "common/format.h"

#include <fmt/format.h>

#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <ctime>

namespace spillway {
namespace {

struct Unit {
  std::string_view name;
  int64_t factor;
};

// Splits "12.5 MB" into the number and the lower-case unit.
bool SplitUnit(std::string_view text, double* number, std::string* unit) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())))
    text.remove_suffix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())))
    text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
  if (error != std::errc()) return false;
  for (const char* at = end; at != text.data() + text.size(); ++at) {
    if (*at != ' ')
      unit->push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(*at))));
  }
  return true;
}

template <size_t N>
StatusOr<int64_t> ParseWithUnits(std::string_view text, const std::array<Unit, N>& units,
                                 std::string_view what) {
  double number = 0;
  std::string unit;
  if (SplitUnit(text, &number, &unit)) {
    for (const Unit& candidate : units) {
      if (candidate.name != unit) continue;
      const double value = number * static_cast<double>(candidate.factor);
      if (std::abs(value) < 9.2e18) return static_cast<int64_t>(value);
    }
  }
  return InvalidArgument("\"{}\" is not a {}", text, what);
}

}  // namespace

std::string FormatBytes(int64_t bytes) {
  static constexpr const char* kUnits[] = {"KB", "MB", "GB", "TB", "PB"};
  if (bytes < 1024) return fmt::format("{}B", bytes);
  double value = static_cast<double>(bytes);
  for (const char* unit : kUnits) {
    value /= 1024.0;
    if (value < 5 * 1024 || unit == kUnits[4])
      return fmt::format("{:.2f}{}", std::floor(value * 100 + 0.5) / 100, unit);
  }
  return "";
}

std::string FormatTime(int64_t ms) {
  const std::time_t seconds = ms / 1000;
  std::tm local{};
  localtime_r(&seconds, &local);
  char text[32];
  std::strftime(text, sizeof(text), "%m-%d-%Y %H:%M:%S", &local);
  return fmt::format("{}:{:03}", text, ms % 1000);
}

std::string FormatDuration(int64_t ms) {
  const int64_t seconds = ms / 1000;
  return fmt::format("{} day(s), {} hour(s), {} minute(s), and {} second(s)", seconds / 86400,
                     seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
}

std::string FormatShortDuration(int64_t ms) {
  const int64_t seconds = ms < 0 ? 0 : ms / 1000;
  if (seconds < 60) return fmt::format("{}s", seconds);
  if (seconds < 3600) return fmt::format("{}m {}s", seconds / 60, seconds % 60);
  if (seconds < 86400) return fmt::format("{}h {}m", seconds / 3600, seconds / 60 % 60);
  return fmt::format("{}d {}h", seconds / 86400, seconds / 3600 % 24);
}

StatusOr<int64_t> ParseBytes(std::string_view text) {
  static constexpr std::array<Unit, 15> kUnits{{{"", 1},
                                                {"b", 1},
                                                {"k", 1LL << 10},
                                                {"kb", 1LL << 10},
                                                {"kib", 1LL << 10},
                                                {"m", 1LL << 20},
                                                {"mb", 1LL << 20},
                                                {"mib", 1LL << 20},
                                                {"g", 1LL << 30},
                                                {"gb", 1LL << 30},
                                                {"gib", 1LL << 30},
                                                {"t", 1LL << 40},
                                                {"tb", 1LL << 40},
                                                {"tib", 1LL << 40},
                                                {"pb", 1LL << 50}}};
  return ParseWithUnits(text, kUnits, "size (examples: 512, 64KB, 1GB)");
}

StatusOr<int64_t> ParseDurationMs(std::string_view text) {
  static constexpr std::array<Unit, 15> kUnits{{{"", 1},
                                                {"ms", 1},
                                                {"millisecond", 1},
                                                {"s", 1000},
                                                {"sec", 1000},
                                                {"second", 1000},
                                                {"m", 60'000},
                                                {"min", 60'000},
                                                {"minute", 60'000},
                                                {"h", 3'600'000},
                                                {"hr", 3'600'000},
                                                {"hour", 3'600'000},
                                                {"d", 86'400'000},
                                                {"day", 86'400'000},
                                                {"days", 86'400'000}}};
  return ParseWithUnits(text, kUnits, "duration (examples: 250ms, 3sec, 5min, 1h)");
}

}  // namespace spillway
