// A body taken into memory.
#pragma once

#include "understore/under_store.h"

namespace spillway {

// DATA_LOSS if it has another checksum than crc32c.
StatusOr<std::string> ReadBody(BodySource& body, std::optional<uint32_t> crc32c);

}  // namespace spillway
