// Bytes on their way into files of a folder store.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "understore/local/file_calls.h"
#include "understore/under_store.h"

namespace spillway {

// A file is written past the page cache if it is at least so long.
inline constexpr int64_t kDirectBytesMin = 1 << 20;
// Buffers, offsets and sizes of such writes are multiples of it.
inline constexpr int64_t kDirectUnit = 4096;

// A file that is written to; shown names it in errors.
struct WrittenFile {
  FileCalls* calls = nullptr;
  int fd = -1;
  bool direct = false;  // opened with O_DIRECT
  std::string shown;
};

// Copies body to file at base and returns its CRC32C; DATA_LOSS if another one is expected. Zeros
// may follow the bytes if the file is direct.
StatusOr<uint32_t> WriteBody(const WrittenFile& file, int64_t base, BodySource& body,
                             std::optional<uint32_t> expected);
// The same as the file's only bytes.
Status WriteWhole(const WrittenFile& file, BodySource& body, std::optional<uint32_t> expected);
// DATA_LOSS if body has not the CRC32C that is expected.
Status CheckBody(BodySource& body, uint32_t expected);
// The first size bytes of from. UNAVAILABLE if from is shorter by now.
Status CopyBytes(const WrittenFile& to, int from, int64_t size);

}  // namespace spillway
