#include "rpc/call_meter.h"

namespace spillway {

void CallMeter::Register(const std::string& method) {
  if (metrics_ != nullptr) methods_.try_emplace(method, std::make_unique<Method>());
}

void CallMeter::Over(const std::string& method, double seconds, bool ok) {
  if (metrics_ == nullptr) return;
  const auto it = methods_.find(method);
  if (it == methods_.end()) return Add("unknown", &unknown_, seconds, ok);
  Add(method.substr(1), it->second.get(), seconds, ok);
}

void CallMeter::Add(const std::string& label, Method* method, double seconds, bool ok) {
  absl::call_once(method->once, [&] {
    method->seconds = &metrics_->Seconds(
        "spillway_rpc_seconds", "From a call's beginning to its end.", {{"method", label}});
    method->failed = &metrics_->Counter("spillway_rpc_failed_total",
                                        "Calls that ended with an error or were cancelled.",
                                        {{"method", label}});
  });
  method->seconds->Observe(seconds);
  if (!ok) method->failed->Increment();
}

}  // namespace spillway
