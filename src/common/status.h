// Status helpers around absl::Status. Codes are the canonical ones and equal gRPC's.
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace spillway {

using absl::Status;
using absl::StatusCode;
using absl::StatusOr;

// MakeStatus(kNotFound, "Path \"{}\" does not exist.", path)
template <typename... Args>
Status MakeStatus(StatusCode code, fmt::format_string<Args...> format, Args&&... args) {
  return Status(code, fmt::format(format, std::forward<Args>(args)...));
}

template <typename... Args>
Status NotFound(fmt::format_string<Args...> format, Args&&... args) {
  return MakeStatus(StatusCode::kNotFound, format, std::forward<Args>(args)...);
}
template <typename... Args>
Status InvalidArgument(fmt::format_string<Args...> format, Args&&... args) {
  return MakeStatus(StatusCode::kInvalidArgument, format, std::forward<Args>(args)...);
}
template <typename... Args>
Status Unavailable(fmt::format_string<Args...> format, Args&&... args) {
  return MakeStatus(StatusCode::kUnavailable, format, std::forward<Args>(args)...);
}
template <typename... Args>
Status Internal(fmt::format_string<Args...> format, Args&&... args) {
  return MakeStatus(StatusCode::kInternal, format, std::forward<Args>(args)...);
}

inline std::string Message(const Status& status) { return std::string(status.message()); }

// The same code, with the place where it was met put in front of the text.
inline Status Annotate(const Status& status, const std::string& where) {
  if (status.ok()) return status;
  return Status(status.code(), where + ": " + Message(status));
}

}  // namespace spillway

#define SPILLWAY_CONCAT_INNER(a, b) a##b
#define SPILLWAY_CONCAT(a, b) SPILLWAY_CONCAT_INNER(a, b)

#define SPILLWAY_RETURN_IF_ERROR(expr)                   \
  do {                                                   \
    if (::absl::Status s_ = (expr); !s_.ok()) return s_; \
  } while (false)

#define SPILLWAY_ASSIGN_OR_RETURN(lhs, expr) \
  SPILLWAY_ASSIGN_OR_RETURN_IMPL(SPILLWAY_CONCAT(or_, __LINE__), lhs, expr)
#define SPILLWAY_ASSIGN_OR_RETURN_IMPL(tmp, lhs, expr) \
  auto tmp = (expr);                                   \
  if (!tmp.ok()) return tmp.status();                  \
  lhs = std::move(*tmp)
