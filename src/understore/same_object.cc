#include "understore/same_object.h"

#include "common/checksum.h"

namespace spillway {
namespace {

// The checksum that a store keeps of an object of parts: of their checksums, big-endian, in a row.
std::string CompositeOf(const std::vector<UploadedPart>& parts) {
  std::string row;
  for (const UploadedPart& part : parts) {
    for (int shift = 24; shift >= 0; shift -= 8)
      row += static_cast<char>((*part.crc32c >> shift) & 0xff);
  }
  return Crc32cBase64(Crc32c(row)) + "-" + std::to_string(parts.size());
}

}  // namespace

bool IsGone(const Status& status) {
  return status.code() == StatusCode::kFailedPrecondition || status.code() == StatusCode::kNotFound;
}

StatusOr<uint32_t> ChecksumOf(UnderStore& store, const ObjectInfo& info) {
  if (info.crc32c) return *info.crc32c;
  if (info.size_bytes == 0) return 0;
  GetOptions options;
  options.if_match = info.etag;
  options.object_bytes = info.size_bytes;
  uint32_t crc = 0;
  int64_t bytes = 0;
  const UnderStore::Sink sink = [&](std::string_view data) {
    crc = Crc32cExtend(crc, data.data(), data.size());
    bytes += static_cast<int64_t>(data.size());
    return absl::OkStatus();
  };
  SPILLWAY_RETURN_IF_ERROR(store.Get(info.key, 0, info.size_bytes, options, sink));
  if (bytes != info.size_bytes) {
    return Unavailable("{}: {} of {} bytes came when the object was read back.", info.key, bytes,
                       info.size_bytes);
  }
  return crc;
}

StatusOr<bool> HoldsBytes(UnderStore& store, const ObjectInfo& info, int64_t length,
                          uint32_t crc32c) {
  if (info.size_bytes != length) return false;
  const auto found = ChecksumOf(store, info);
  if (found.ok()) return *found == crc32c;
  if (IsGone(found.status())) return false;
  return found.status();
}

StatusOr<bool> HoldsParts(UnderStore& store, const ObjectInfo& info,
                          const std::vector<UploadedPart>& parts) {
  int64_t length = 0;
  uint32_t crc = 0;
  for (const UploadedPart& part : parts) {
    if (!part.crc32c || part.size_bytes < 0) return false;
    crc = Crc32cCombine(crc, *part.crc32c, static_cast<uint64_t>(part.size_bytes));
    length += part.size_bytes;
  }
  if (info.size_bytes != length) return false;
  if (!info.composite_crc32c.empty()) {
    if (info.composite_crc32c == CompositeOf(parts)) return true;
    // Parts of the same number that have other checksums are other bytes.
    const std::string suffix = "-" + std::to_string(parts.size());
    if (info.composite_crc32c.ends_with(suffix)) return false;
  }
  return HoldsBytes(store, info, length, crc);
}

}  // namespace spillway
