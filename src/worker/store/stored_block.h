// A committed block, and the name of its file (docs/formats/blocks.md).
#pragma once

#include <string>

#include "common/ids.h"

namespace spillway {

struct StoredBlock {
  BlockId id;
  int64_t length_bytes = 0;
  uint32_t crc32c = 0;
  int tier = 0;
  bool pinned = false;
  bool at_risk = false;     // in a folder where something failed
  bool unverified = false;  // found at start and not read since
};

std::string BlockFileName(const StoredBlock& block);
// False unless name is what BlockFileName makes of *block.
bool ParseBlockFileName(const std::string& name, StoredBlock* block);

}  // namespace spillway
