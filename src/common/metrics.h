// Metrics in Prometheus form. One registry per process, handed to those who count.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <map>
#include <memory>
#include <string>

namespace spillway {

// Thread-safe. References stay valid as long as the Metrics object.
class Metrics {
 public:
  using Labels = std::map<std::string, std::string>;

  Metrics() : registry_(std::make_shared<prometheus::Registry>()) {}
  prometheus::Counter& Counter(const std::string& name, const std::string& help,
                               Labels labels = {});
  prometheus::Gauge& Gauge(const std::string& name, const std::string& help, Labels labels = {});
  // Buckets in seconds, 50 us to 1 h.
  prometheus::Histogram& Seconds(const std::string& name, const std::string& help,
                                 Labels labels = {});
  // The text exposition format.
  std::string Serialize() const;

 private:
  std::shared_ptr<prometheus::Registry> registry_;
};

}  // namespace spillway
