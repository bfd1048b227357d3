// How long the calls of a server take, and how many fail, by method.
#pragma once

#include <memory>
#include <string>

#include "absl/base/call_once.h"
#include "absl/container/flat_hash_map.h"
#include "common/metrics.h"

namespace spillway {

// Register everything before the server starts; thread-safe afterwards.
class CallMeter {
 public:
  // Nothing is measured without metrics, which outlive the meter.
  explicit CallMeter(Metrics* metrics) : metrics_(metrics) {}
  // method is /service/method. What is not registered is counted as one method, "unknown":
  // strangers do not make series.
  void Register(const std::string& method);
  void Over(const std::string& method, double seconds, bool ok);

 private:
  struct Method {
    absl::once_flag once;  // a series exists from the first call on
    prometheus::Histogram* seconds = nullptr;
    prometheus::Counter* failed = nullptr;
  };

  void Add(const std::string& label, Method* method, double seconds, bool ok);

  Metrics* const metrics_;
  absl::flat_hash_map<std::string, std::unique_ptr<Method>> methods_;
  Method unknown_;
};

}  // namespace spillway
