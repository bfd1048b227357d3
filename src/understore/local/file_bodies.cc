#include "understore/local/file_bodies.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "common/checksum.h"
#include "common/file_env.h"

namespace spillway {
namespace {

constexpr int64_t kPieceBytes = 1 << 20;
constexpr int64_t kWriteBytes = 512 << 10;
constexpr int64_t kCopyBytes = 8 << 20;

Status Compare(std::optional<uint32_t> expected, uint32_t crc) {
  if (!expected || *expected == crc) return absl::OkStatus();
  return MakeStatus(StatusCode::kDataLoss, "The data to upload does not match its checksum.");
}

Status WriteAll(const WrittenFile& file, std::string_view data, int64_t offset) {
  while (!data.empty()) {
    const int64_t n =
        file.calls->Write(file.fd, data.data(), static_cast<int64_t>(data.size()), offset);
    if (n <= 0) return ErrnoStatus(n < 0 ? static_cast<int>(-n) : EIO, "Cannot write", file.shown);
    data.remove_prefix(static_cast<size_t>(n));
    offset += n;
  }
  return absl::OkStatus();
}

// Of a long body only two pieces are on their way to the device at any time: the journal, whose
// syncs clients wait for, may be on the same.
StatusOr<uint32_t> WriteByCache(const WrittenFile& file, int64_t base, BodySource& body) {
  std::string buffer(std::min(kWriteBytes, std::max<int64_t>(1, body.size_bytes())), '\0');
  uint32_t crc = 0;
  for (int64_t at = 0; at < body.size_bytes();) {
    if (at > kWriteBytes)
      file.calls->WriteBack(file.fd, base + at - 2 * kWriteBytes, kWriteBytes, /*wait=*/true);
    const int64_t n = std::min<int64_t>(buffer.size(), body.size_bytes() - at);
    SPILLWAY_RETURN_IF_ERROR(body.Read(at, buffer.data(), n));
    crc = Crc32cExtend(crc, buffer.data(), n);
    SPILLWAY_RETURN_IF_ERROR(WriteAll(file, {buffer.data(), static_cast<size_t>(n)}, base + at));
    if (body.size_bytes() > kWriteBytes)
      file.calls->WriteBack(file.fd, base + at, n, /*wait=*/false);
    at += n;
  }
  return crc;
}

// Bytes of a body, where they lie if they can be had there and go to the device by themselves.
class Pieces {
 public:
  explicit Pieces(BodySource* body) : body_(body) {}
  // Valid until the next call.
  StatusOr<std::string_view> Next(int64_t at, int64_t size) {
    if (size % kDirectUnit == 0 && may_map_) {
      auto mapped = body_->Map(at, size);
      may_map_ = mapped.status().code() != StatusCode::kUnimplemented;
      if (mapped.ok()) {
        mapped_ = *std::move(mapped);
        return mapped_.view();
      }
      if (may_map_) return mapped.status();
    }
    if (buffer_ == nullptr)
      buffer_.reset(static_cast<char*>(std::aligned_alloc(kDirectUnit, kPieceBytes)));
    if (buffer_ == nullptr)
      return MakeStatus(StatusCode::kResourceExhausted, "No memory to upload.");
    SPILLWAY_RETURN_IF_ERROR(body_->Read(at, buffer_.get(), size));
    const int64_t whole = (size + kDirectUnit - 1) / kDirectUnit * kDirectUnit;
    std::fill(buffer_.get() + size, buffer_.get() + whole, '\0');
    return std::string_view(buffer_.get(), static_cast<size_t>(whole));
  }

 private:
  BodySource* const body_;
  bool may_map_ = true;
  SharedBytes mapped_;
  std::unique_ptr<char, decltype(&std::free)> buffer_{nullptr, &std::free};
};

// Past the page cache, which nobody reads again.
StatusOr<uint32_t> WriteDirect(const WrittenFile& file, int64_t base, BodySource& body) {
  Pieces pieces(&body);
  uint32_t crc = 0;
  for (int64_t at = 0; at < body.size_bytes();) {
    const int64_t n = std::min(kPieceBytes, body.size_bytes() - at);
    SPILLWAY_ASSIGN_OR_RETURN(const std::string_view bytes, pieces.Next(at, n));
    crc = Crc32cExtend(crc, bytes.data(), static_cast<size_t>(n));
    SPILLWAY_RETURN_IF_ERROR(WriteAll(file, bytes, base + at));
    at += n;
  }
  return crc;
}

// One piece, by the kernel if it can; returns how many bytes.
StatusOr<int64_t> CopyPiece(const WrittenFile& to, int from, int64_t size, int64_t offset,
                            std::string* buffer) {
  if (buffer->empty()) {
    const int64_t n = to.calls->CopyRange(from, to.fd, size, offset);
    if (n > 0) return n;
  }
  // Not every file system and kernel can; an error of the device comes again.
  buffer->resize(kPieceBytes);
  const int64_t n = to.calls->Read(from, buffer->data(), std::min(size, kPieceBytes), offset);
  if (n < 0) return ErrnoStatus(static_cast<int>(-n), "Cannot read for a copy to", to.shown);
  if (n == 0) return Unavailable("What is copied to {} became shorter.", to.shown);
  SPILLWAY_RETURN_IF_ERROR(WriteAll(to, {buffer->data(), static_cast<size_t>(n)}, offset));
  return n;
}

}  // namespace

StatusOr<uint32_t> WriteBody(const WrittenFile& file, int64_t base, BodySource& body,
                             std::optional<uint32_t> expected) {
  SPILLWAY_ASSIGN_OR_RETURN(const uint32_t crc, file.direct ? WriteDirect(file, base, body)
                                                            : WriteByCache(file, base, body));
  SPILLWAY_RETURN_IF_ERROR(Compare(expected, crc));
  return crc;
}

Status WriteWhole(const WrittenFile& file, BodySource& body, std::optional<uint32_t> expected) {
  SPILLWAY_RETURN_IF_ERROR(WriteBody(file, 0, body, expected).status());
  if (!file.direct || body.size_bytes() % kDirectUnit == 0) return absl::OkStatus();
  if (const int error = file.calls->Truncate(file.fd, body.size_bytes()); error < 0)
    return ErrnoStatus(-error, "Cannot truncate", file.shown);
  return absl::OkStatus();
}

Status CheckBody(BodySource& body, uint32_t expected) {
  std::string buffer(std::min(kPieceBytes, std::max<int64_t>(1, body.size_bytes())), '\0');
  uint32_t crc = 0;
  for (int64_t at = 0; at < body.size_bytes();) {
    const int64_t n = std::min<int64_t>(buffer.size(), body.size_bytes() - at);
    SPILLWAY_RETURN_IF_ERROR(body.Read(at, buffer.data(), n));
    crc = Crc32cExtend(crc, buffer.data(), n);
    at += n;
  }
  return Compare(expected, crc);
}

Status CopyBytes(const WrittenFile& to, int from, int64_t size) {
  std::string buffer;
  for (int64_t at = 0; at < size;) {
    SPILLWAY_ASSIGN_OR_RETURN(const int64_t n,
                              CopyPiece(to, from, std::min(kCopyBytes, size - at), at, &buffer));
    // As long uploads: others wait for the device too.
    if (size > kCopyBytes) to.calls->WriteBack(to.fd, at, n, /*wait=*/true);
    at += n;
  }
  return absl::OkStatus();
}

}  // namespace spillway
