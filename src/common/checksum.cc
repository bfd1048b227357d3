#include "common/checksum.h"

#include <isa-l.h>

#include <array>

#include "absl/strings/escaping.h"

namespace spillway {
namespace {

constexpr uint32_t kPolynomial = 0x82F63B78;  // reflected Castagnoli

using Matrix = std::array<uint32_t, 32>;

uint32_t Times(const Matrix& matrix, uint32_t vector) {
  uint32_t sum = 0;
  for (int i = 0; vector != 0; vector >>= 1, ++i) {
    if (vector & 1) sum ^= matrix[i];
  }
  return sum;
}

Matrix Square(const Matrix& matrix) {
  Matrix square;
  for (int i = 0; i < 32; ++i) square[i] = Times(matrix, matrix[i]);
  return square;
}

}  // namespace

uint32_t Crc32cExtend(uint32_t crc, const void* data, size_t size) {
  constexpr size_t kStep = 1 << 30;  // ISA-L takes an int
  auto* bytes = static_cast<unsigned char*>(const_cast<void*>(data));
  uint32_t state = ~crc;
  while (size > 0) {
    const size_t n = size < kStep ? size : kStep;
    state = crc32_iscsi(bytes, static_cast<int>(n), state);
    bytes += n;
    size -= n;
  }
  return ~state;
}

namespace {

// The operators that append 1, 2, 4, ... zero bytes.
std::array<Matrix, 64> ZeroOperators() {
  std::array<Matrix, 64> ops;
  Matrix bit;
  bit[0] = kPolynomial;
  for (int i = 1; i < 32; ++i) bit[i] = 1U << (i - 1);
  ops[0] = Square(Square(Square(bit)));
  for (size_t i = 1; i < ops.size(); ++i) ops[i] = Square(ops[i - 1]);
  return ops;
}

}  // namespace

uint32_t Crc32cCombine(uint32_t crc_a, uint32_t crc_b, uint64_t size_b) {
  static const std::array<Matrix, 64> ops = ZeroOperators();
  for (size_t i = 0; size_b != 0; ++i, size_b >>= 1) {
    if (size_b & 1) crc_a = Times(ops[i], crc_a);
  }
  return crc_a ^ crc_b;
}

std::string Base64Encode(std::string_view data) {
  return absl::Base64Escape(absl::string_view(data.data(), data.size()));
}

std::string Crc32cBase64(uint32_t crc) {
  const char bytes[4] = {static_cast<char>(crc >> 24), static_cast<char>(crc >> 16),
                         static_cast<char>(crc >> 8), static_cast<char>(crc)};
  return Base64Encode(std::string_view(bytes, 4));
}

}  // namespace spillway
