#include "bin/process_metrics.h"

#include <fmt/format.h>

#include <atomic>

#include "absl/base/internal/cycleclock.h"
#include "absl/synchronization/mutex.h"

namespace spillway {
namespace {

std::atomic<int64_t> lock_waits{0};
std::atomic<int64_t> lock_wait_cycles{0};

void CountLockWait(int64_t cycles) {
  lock_waits.fetch_add(1, std::memory_order_relaxed);
  lock_wait_cycles.fetch_add(cycles, std::memory_order_relaxed);
}

std::string Counter(const char* name, const char* help, double value) {
  return fmt::format("# HELP {} {}\n# TYPE {} counter\n{} {}\n", name, help, name, name, value);
}

}  // namespace

void CountLockWaits() { absl::RegisterMutexProfiler(CountLockWait); }

std::string ProcessMetrics(const std::vector<const ThreadPool*>& pools) {
  // absl hands its waits over in cycles, and has no other way to tell how long one is.
  const double frequency = absl::base_internal::CycleClock::Frequency();
  std::string text =
      Counter("spillway_lock_waits_total", "Times that a thread waited for a lock of another's.",
              static_cast<double>(lock_waits.load())) +
      Counter("spillway_lock_wait_seconds_total", "How long, all together.",
              static_cast<double>(lock_wait_cycles.load()) / frequency);
  const char* const queue = "spillway_executor_queued_tasks";
  text += fmt::format("# HELP {} Tasks that wait for a thread.\n# TYPE {} gauge\n", queue, queue);
  for (const ThreadPool* pool : pools)
    text += fmt::format("{}{{pool=\"{}\"}} {}\n", queue, pool->name(), pool->queued());
  return text;
}

}  // namespace spillway
