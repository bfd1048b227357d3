// What goes with a body so that its receiver can tell whether it came whole.
#pragma once

#include <cstdint>
#include <string>

#include "common/status.h"
#include "understore/under_store.h"

namespace spillway {

struct BodyDigest {
  uint32_t crc32c = 0;
  std::string md5_base64;  // for Content-MD5, which every store knows
};

// Reads the whole body.
StatusOr<BodyDigest> DigestOf(BodySource& body);

}  // namespace spillway
