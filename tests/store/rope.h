// Bytes as a row of segments, each of them shared real bytes or a stretch of a fixed pattern.
// Copying and slicing share the bytes. A synthetic rope of any size needs no memory.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace spillway::strict {

// The pattern repeats itself after this many bytes. It is a prime, so that stretches at round
// offsets differ.
inline constexpr int64_t kPatternBytes = 1'048'583;

// The byte that stands at offset of a synthetic rope made with seed.
char SyntheticByte(uint64_t seed, int64_t offset);

class Rope {
 public:
  Rope() = default;
  explicit Rope(std::string bytes);
  static Rope Synthetic(int64_t size_bytes, uint64_t seed);

  int64_t size() const { return size_; }
  bool all_real() const;
  // The part of [offset, offset + length) that exists.
  Rope Slice(int64_t offset, int64_t length) const;
  void Append(const Rope& other);
  // Hands over every byte in order. Stops as soon as sink returns false, and returns false then.
  bool ForEach(const std::function<bool(std::string_view)>& sink) const;
  std::string Flatten() const;
  uint32_t Crc32c() const;
  // The MD5 of the bytes in hex if all are real; otherwise a value made of what the segments are.
  std::string Etag() const;

 private:
  struct Segment {
    std::shared_ptr<const std::string> bytes;  // null: the pattern
    int64_t offset;                            // in bytes, or in the endless pattern
    int64_t length;
  };
  static bool Visit(const Segment& segment, const std::function<bool(std::string_view)>& sink);
  static uint32_t Crc32cOf(const Segment& segment);

  std::vector<Segment> segments_;
  int64_t size_ = 0;
};

}  // namespace spillway::strict
