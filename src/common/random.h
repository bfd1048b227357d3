// Randomness as a parameter: the same seed gives the same run on every build.
#pragma once

#include <cstdint>
#include <string>

#include "absl/synchronization/mutex.h"

namespace spillway {

// Thread-safe.
class Random {
 public:
  virtual ~Random() = default;
  virtual uint64_t NextU64() = 0;

  // Uniform in [0, bound); bound > 0.
  uint64_t Below(uint64_t bound) { return NextU64() % bound; }
  // A random UUID in its usual text form.
  std::string Uuid();
};

// SplitMix64: fixed algorithm, so seeds replay everywhere.
class SeededRandom : public Random {
 public:
  explicit SeededRandom(uint64_t seed) : state_(seed) {}
  uint64_t NextU64() override;

 private:
  absl::Mutex mutex_;
  uint64_t state_ ABSL_GUARDED_BY(mutex_);
};

// Seeded from the operating system.
class SystemRandom : public SeededRandom {
 public:
  SystemRandom();
};

}  // namespace spillway
