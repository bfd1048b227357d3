#include "store/rope.h"

#include <algorithm>

#include "common/checksum.h"
#include "store/digest.h"

namespace spillway::strict {
namespace {

constexpr int64_t kSeedStride = 7919;

const std::string& Pattern() {
  static const std::string* const pattern = [] {
    auto* bytes = new std::string(kPatternBytes, '\0');
    uint64_t state = 0x5350494C4C574159;
    for (char& byte : *bytes) {
      state ^= state << 13;
      state ^= state >> 7;
      state ^= state << 17;
      byte = static_cast<char>(state >> 32);
    }
    return bytes;
  }();
  return *pattern;
}

int64_t StartOf(uint64_t seed) { return static_cast<int64_t>(seed % kPatternBytes) * kSeedStride; }

uint32_t CrcOfWholePattern() {
  static const uint32_t crc = spillway::Crc32c(Pattern());
  return crc;
}

}  // namespace

char SyntheticByte(uint64_t seed, int64_t offset) {
  return Pattern()[(StartOf(seed) + offset) % kPatternBytes];
}

Rope::Rope(std::string bytes) : size_(static_cast<int64_t>(bytes.size())) {
  if (size_ > 0) {
    segments_.push_back({std::make_shared<const std::string>(std::move(bytes)), 0, size_});
  }
}

Rope Rope::Synthetic(int64_t size_bytes, uint64_t seed) {
  Rope rope;
  if (size_bytes > 0) rope.segments_.push_back({nullptr, StartOf(seed), size_bytes});
  rope.size_ = std::max<int64_t>(size_bytes, 0);
  return rope;
}

bool Rope::all_real() const {
  return std::all_of(segments_.begin(), segments_.end(),
                     [](const Segment& segment) { return segment.bytes != nullptr; });
}

Rope Rope::Slice(int64_t offset, int64_t length) const {
  Rope out;
  int64_t at = 0;
  for (const Segment& segment : segments_) {
    const int64_t begin = std::max(offset, at);
    const int64_t end =
        std::min(length > size_ - offset ? size_ : offset + length, at + segment.length);
    if (begin < end) {
      out.segments_.push_back({segment.bytes, segment.offset + (begin - at), end - begin});
      out.size_ += end - begin;
    }
    at += segment.length;
  }
  return out;
}

void Rope::Append(const Rope& other) {
  segments_.insert(segments_.end(), other.segments_.begin(), other.segments_.end());
  size_ += other.size_;
}

bool Rope::Visit(const Segment& segment, const std::function<bool(std::string_view)>& sink) {
  if (segment.bytes != nullptr) {
    return sink(std::string_view(*segment.bytes).substr(segment.offset, segment.length));
  }
  for (int64_t done = 0; done < segment.length;) {
    const int64_t at = (segment.offset + done) % kPatternBytes;
    const int64_t n = std::min(segment.length - done, kPatternBytes - at);
    if (!sink(std::string_view(Pattern()).substr(at, n))) return false;
    done += n;
  }
  return true;
}

bool Rope::ForEach(const std::function<bool(std::string_view)>& sink) const {
  return std::all_of(segments_.begin(), segments_.end(),
                     [&](const Segment& segment) { return Visit(segment, sink); });
}

std::string Rope::Flatten() const {
  std::string out;
  out.reserve(size_);
  ForEach([&](std::string_view piece) {
    out += piece;
    return true;
  });
  return out;
}

uint32_t Rope::Crc32cOf(const Segment& segment) {
  uint32_t crc = 0;
  Visit(segment, [&](std::string_view piece) {
    crc = static_cast<int64_t>(piece.size()) == kPatternBytes && segment.bytes == nullptr
              ? Crc32cCombine(crc, CrcOfWholePattern(), piece.size())
              : Crc32cExtend(crc, piece.data(), piece.size());
    return true;
  });
  return crc;
}

uint32_t Rope::Crc32c() const {
  uint32_t crc = 0;
  for (const Segment& segment : segments_) {
    crc = Crc32cCombine(crc, Crc32cOf(segment), segment.length);
  }
  return crc;
}

std::string Rope::Etag() const {
  Md5 md5;
  for (const Segment& segment : segments_) {
    if (segment.bytes != nullptr) {
      md5.Add(std::string_view(*segment.bytes).substr(segment.offset, segment.length));
    } else {
      md5.Add("pattern " + std::to_string(segment.offset) + "+" + std::to_string(segment.length));
    }
  }
  return Hex(md5.Finish());
}

}  // namespace spillway::strict
