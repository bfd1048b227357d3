#include "worker/store/piece_sums.h"

#include <algorithm>
#include <cstring>

#include "common/checksum.h"
#include "common/planted_bug.h"

namespace spillway {
namespace {

constexpr int64_t kBufferBytes = 1 << 20;

class VerifiedFile : public File {
 public:
  VerifiedFile(std::unique_ptr<File> file, std::shared_ptr<const PieceSums> sums, std::string name)
      : file_(std::move(file)), sums_(std::move(sums)), name_(std::move(name)) {}

  StatusOr<int64_t> ReadAt(int64_t offset, void* data, int64_t size) override {
    const int64_t end = std::min(offset + size, sums_->size_bytes());
    auto* out = static_cast<char*>(data);
    for (int64_t at = offset; at < end;) {
      const int64_t begin = at / kPiece * kPiece;
      int64_t until = std::min(begin + kPiece, sums_->size_bytes());
      if (at == begin && until <= end) {  // as many whole pieces as there are
        until = end == sums_->size_bytes() ? end : end / kPiece * kPiece;
        SPILLWAY_RETURN_IF_ERROR(ReadPieces(begin, out, until - begin));
      } else {
        until = std::min(until, end);
        SPILLWAY_RETURN_IF_ERROR(ReadWithin(begin, at, out, until - at));
      }
      out += until - at;
      at = until;
    }
    return std::max<int64_t>(0, end - offset);
  }

  StatusOr<SharedBytes> Map(int64_t offset, int64_t size) override {
    const int64_t end = offset + size;
    if (offset % kPiece != 0 || (end % kPiece != 0 && end != sums_->size_bytes()))
      return File::Map(offset, size);
    SPILLWAY_ASSIGN_OR_RETURN(SharedBytes bytes, file_->Map(offset, size));
    SPILLWAY_RETURN_IF_ERROR(Check(offset, bytes.view()));
    return bytes;
  }

  Status WriteAt(int64_t, std::span<const iovec>) override { return ReadOnly(); }
  StatusOr<int64_t> Size() override { return sums_->size_bytes(); }
  Status Truncate(int64_t) override { return ReadOnly(); }
  Status Sync() override { return ReadOnly(); }

 private:
  static constexpr int64_t kPiece = PieceSums::kPieceBytes;

  Status ReadOnly() const {
    return MakeStatus(StatusCode::kFailedPrecondition, "{} is committed and not written.", name_);
  }

  // Whole pieces.
  Status ReadPieces(int64_t begin, char* out, int64_t size) {
    SPILLWAY_ASSIGN_OR_RETURN(const int64_t n, file_->ReadAt(begin, out, size));
    if (n != size) return MakeStatus(StatusCode::kDataLoss, "{} is too short.", name_);
    return Check(begin, {out, static_cast<size_t>(size)});
  }

  // bytes: whole pieces, the first of which is at begin.
  Status Check(int64_t begin, std::string_view bytes) const {
    auto index = static_cast<size_t>(begin / kPiece);
    for (; !bytes.empty(); ++index) {
      const std::string_view piece = bytes.substr(0, kPiece);
      if (!sums_->Matches(index, piece.data(), piece.size()))
        return MakeStatus(StatusCode::kDataLoss, "{} does not match its checksum.", name_);
      bytes.remove_prefix(piece.size());
    }
    return absl::OkStatus();
  }

  // Some bytes of one piece.
  Status ReadWithin(int64_t begin, int64_t at, char* out, int64_t size) {
    std::string piece(static_cast<size_t>(std::min(kPiece, sums_->size_bytes() - begin)), '\0');
    SPILLWAY_RETURN_IF_ERROR(ReadPieces(begin, piece.data(), static_cast<int64_t>(piece.size())));
    std::memcpy(out, piece.data() + (at - begin), static_cast<size_t>(size));
    return absl::OkStatus();
  }

  const std::unique_ptr<File> file_;
  const std::shared_ptr<const PieceSums> sums_;
  const std::string name_;
};

}  // namespace

void PieceSums::Add(const void* data, size_t size) {
  const auto* bytes = static_cast<const char*>(data);
  while (size > 0) {
    const int64_t in_last = size_ % kPieceBytes;
    if (in_last == 0) {
      before_last_ = crc32c();
      pieces_.push_back(0);
    }
    const size_t n = std::min(size, static_cast<size_t>(kPieceBytes - in_last));
    pieces_.back() = Crc32cExtend(pieces_.back(), bytes, n);
    size_ += static_cast<int64_t>(n);
    bytes += n;
    size -= n;
  }
}

Status PieceSums::AddFile(File& file, int64_t size) {
  std::string buffer(static_cast<size_t>(std::min(size, kBufferBytes)), '\0');
  for (int64_t at = 0; at < size;) {
    const int64_t wanted = std::min<int64_t>(static_cast<int64_t>(buffer.size()), size - at);
    SPILLWAY_ASSIGN_OR_RETURN(const int64_t n, file.ReadAt(at, buffer.data(), wanted));
    if (n == 0) return MakeStatus(StatusCode::kDataLoss, "The file ends after {} bytes.", at);
    Add(buffer.data(), static_cast<size_t>(n));
    at += n;
  }
  return absl::OkStatus();
}

uint32_t PieceSums::crc32c() const {
  if (pieces_.empty()) return 0;
  const int64_t last = size_ - static_cast<int64_t>(pieces_.size() - 1) * kPieceBytes;
  return Crc32cCombine(before_last_, pieces_.back(), static_cast<uint64_t>(last));
}

bool PieceSums::Matches(size_t index, const void* data, size_t size) const {
  return Crc32cExtend(0, data, size) == pieces_[index] || IsPlanted(PlantedBug::kChecksumIgnored);
}

std::unique_ptr<File> VerifyReads(std::unique_ptr<File> file, std::shared_ptr<const PieceSums> sums,
                                  std::string name) {
  return std::make_unique<VerifiedFile>(std::move(file), std::move(sums), std::move(name));
}

}  // namespace spillway
