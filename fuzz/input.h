// Takes values off the front of a fuzzer's input.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>

namespace spillway::fuzz {

class Input {
 public:
  Input(const uint8_t* data, size_t size) : data_(data), size_(size) {}
  bool empty() const { return size_ == 0; }
  uint8_t Byte() { return size_ == 0 ? 0 : (--size_, *data_++); }
  // A length of two bytes, then so many (or what is left).
  std::string String() {
    const size_t high = Byte();
    const size_t wanted = high * 256 + Byte();
    const size_t n = wanted < size_ ? wanted : size_;
    std::string text(reinterpret_cast<const char*>(data_), n);
    data_ += n;
    size_ -= n;
    return text;
  }

 private:
  const uint8_t* data_;
  size_t size_;
};

inline void Require(bool holds) {
  if (!holds) __builtin_trap();
}

}  // namespace spillway::fuzz
