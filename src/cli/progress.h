// How far a long command is, on stderr.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "cli/command.h"
#include "common/clock.h"

namespace spillway::cli {

struct ProgressOptions {
  std::string noun;  // what is counted, such as "files"; empty: bytes
  int64_t line_every_ms = 10'000;
  Clock* clock = nullptr;  // not owned; null: the machine's
};

// What is known at one moment. Rates are 0 while they are not known.
struct ProgressPoint {
  int64_t done = 0;
  int64_t total = 0;
  int64_t bytes = 0;  // moved, where it is not bytes that are counted
  double done_per_second = 0;
  double bytes_per_second = 0;
};

// "120 of 500 files, 24.0/s, 16s left"; "1.20GB of 2.86GB, 312.40MB/s, 5s left".
std::string DescribeProgress(const std::string& noun, const ProgressPoint& point);

// Draws "what  [####----]  42%  ..." if stderr is a terminal; else says a plain line now and then.
// Rates are those of the last ten seconds. Thread-safe.
class Progress {
 public:
  Progress(const Context& context, std::string what, int64_t total, ProgressOptions options = {});
  ~Progress();
  // n more are done, and bytes moved by it where it is not bytes that are counted.
  void Add(int64_t n, int64_t bytes = 0);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace spillway::cli
