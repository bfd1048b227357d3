// Sizes and times as Alluxio's shell prints and parses them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/status.h"

namespace spillway {

// "12B", "2561.98KB", "1.00GB".
std::string FormatBytes(int64_t bytes);
// "MM-dd-yyyy HH:mm:ss:SSS" in local time.
std::string FormatTime(int64_t ms);
// "1 day(s), 2 hour(s), 3 minute(s), and 4 second(s)".
std::string FormatDuration(int64_t ms);
// The two largest units: "2d 4h", "3h 12m", "5m 0s", "42s". Below 0: "0s".
std::string FormatShortDuration(int64_t ms);

// "64MB", "1g", "512", "1.5GB"; binary units.
StatusOr<int64_t> ParseBytes(std::string_view text);
// "10ms", "3sec", "5min", "1h", "1day", "-1", "250" (milliseconds).
StatusOr<int64_t> ParseDurationMs(std::string_view text);

}  // namespace spillway
