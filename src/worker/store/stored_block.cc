#include "worker/store/stored_block.h"

#include <cstdio>

#include "absl/strings/str_cat.h"

namespace spillway {

std::string BlockFileName(const StoredBlock& block) {
  return absl::StrCat(absl::Hex(static_cast<uint64_t>(block.id.value()), absl::kZeroPad16), "-",
                      block.length_bytes, "-", absl::Hex(block.crc32c, absl::kZeroPad8));
}

bool ParseBlockFileName(const std::string& name, StoredBlock* block) {
  unsigned long long id = 0;
  long long length = 0;
  unsigned int crc = 0;
  int used = 0;
  if (std::sscanf(name.c_str(), "%16llx-%lld-%8x%n", &id, &length, &crc, &used) != 3) return false;
  if (used != static_cast<int>(name.size()) || length < 0) return false;
  block->id = BlockId(static_cast<int64_t>(id));
  block->length_bytes = length;
  block->crc32c = crc;
  // Signs, spaces and capitals are read too.
  return BlockFileName(*block) == name;
}

}  // namespace spillway
