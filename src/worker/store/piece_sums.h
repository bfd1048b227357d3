// Checksums of a block's pieces, so that any range of it can be proved right before it is handed
// out, without reading the rest. Kept in memory; made when a block is written or first verified.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/file_env.h"
#include "common/status.h"

namespace spillway {

// Not thread-safe while bytes are added.
class PieceSums {
 public:
  static constexpr int64_t kPieceBytes = 64 << 10;

  void Add(const void* data, size_t size);
  // Adds size bytes from the beginning of file. DATA_LOSS if it ends before.
  Status AddFile(File& file, int64_t size);
  int64_t size_bytes() const { return size_; }
  // Of all bytes.
  uint32_t crc32c() const;
  // Whether data is what was added as piece number index; the last may be short.
  bool Matches(size_t index, const void* data, size_t size) const;

 private:
  std::vector<uint32_t> pieces_;
  int64_t size_ = 0;
  uint32_t before_last_ = 0;  // CRC of all pieces but the last
};

// Reads of file that fail with DATA_LOSS where bytes do not match sums; name is for the error.
// Cannot be written.
std::unique_ptr<File> VerifyReads(std::unique_ptr<File> file, std::shared_ptr<const PieceSums> sums,
                                  std::string name);

}  // namespace spillway
