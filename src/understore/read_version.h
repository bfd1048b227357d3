// Which version of an object a read was getting when it failed. A retry that goes on behind what
// its sink already took asks for this version, so that no two versions are joined.
#pragma once

#include <string>

#include "common/status.h"

namespace spillway {

inline constexpr const char* kReadVersionPayload = "spillway/read-version";

// status with the etag of the object that the bytes came from.
inline Status WithReadVersion(Status status, const std::string& etag) {
  if (!status.ok() && !etag.empty()) status.SetPayload(kReadVersionPayload, absl::Cord(etag));
  return status;
}

// Empty if status carries none.
inline std::string ReadVersionOf(const Status& status) {
  const auto etag = status.GetPayload(kReadVersionPayload);
  return etag ? std::string(*etag) : std::string();
}

}  // namespace spillway
