#include "common/random.h"

#include <fmt/format.h>

#include <random>

namespace spillway {

std::string Random::Uuid() {
  const uint64_t a = NextU64();
  const uint64_t b = NextU64();
  return fmt::format("{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}", a >> 32, (a >> 16) & 0xFFFF, a & 0xFFF,
                     0x8000 | ((b >> 48) & 0x3FFF), b & 0xFFFFFFFFFFFF);
}

uint64_t SeededRandom::NextU64() {
  absl::MutexLock lock(&mutex_);
  state_ += 0x9E3779B97F4A7C15ULL;
  uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

SystemRandom::SystemRandom()
    : SeededRandom((static_cast<uint64_t>(std::random_device{}()) << 32) | std::random_device{}()) {
}

}  // namespace spillway
