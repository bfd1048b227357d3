// The door for numbers that others say: a client, a peer, the other end of a session, a store, a
// file name. What passes is in its range, and sums of it are numbers.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>

#include "common/status.h"

namespace spillway {

// The longest file, block, folder or tier that is believed: 8 PiB. A thousand of them have a sum.
inline constexpr int64_t kBytesMax = int64_t{1} << 53;
// The most copies that can be asked for.
inline constexpr int32_t kCopiesMax = 10'000;
// The longest time that may be waited for, in ms: a thousand years.
inline constexpr int64_t kWaitMsMax = int64_t{1000} * 365 * 86'400'000;

// value if it is one of least to most; otherwise INVALID_ARGUMENT that names what it was to be.
inline StatusOr<int64_t> InRange(int64_t value, int64_t least, int64_t most,
                                 std::string_view what) {
  if (value >= least && value <= most) return value;
  return InvalidArgument("{} is {}, not {} to {}.", what, value, least, most);
}
// The same of what is unsigned on the wire.
inline StatusOr<int64_t> InRangeUnsigned(uint64_t value, int64_t most, std::string_view what) {
  if (value <= static_cast<uint64_t>(most)) return static_cast<int64_t>(value);
  return InvalidArgument("{} is {}, not 0 to {}.", what, value, most);
}

// a + b; INVALID_ARGUMENT if no int64_t is that.
inline StatusOr<int64_t> CheckedAdd(int64_t a, int64_t b, std::string_view what) {
  int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return InvalidArgument("{}: {} and {} have no sum.", what, a, b);
}

// a + b, or the int64_t that is nearest to it.
inline int64_t SaturatingAdd(int64_t a, int64_t b) {
  int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return b < 0 ? std::numeric_limits<int64_t>::min() : std::numeric_limits<int64_t>::max();
}

// Whether bytes [offset, offset + length) are within the first whole bytes.
constexpr bool IsRangeWithin(int64_t offset, int64_t length, int64_t whole) {
  return offset >= 0 && length >= 0 && length <= whole && offset <= whole - length;
}

}  // namespace spillway
