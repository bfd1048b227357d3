// What a process tells of itself at /metrics beside what its parts count.
#pragma once

#include <string>
#include <vector>

#include "common/executor.h"

namespace spillway {

// From now on waits for locks are counted, all of the process together.
void CountLockWaits();

// In the text format of Prometheus: waits for locks, and what waits in the pools' queues.
std::string ProcessMetrics(const std::vector<const ThreadPool*>& pools);

}  // namespace spillway
