// Unary calls to whichever master answers, repeated while none does.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/clock.h"
#include "rpc/client/channel.h"

namespace spillway {

// Thread-safe.
class MasterCaller {
 public:
  static constexpr int64_t kTimeoutMs = 60'000;

  // addresses are host:port; the first that answers is used. Calls are repeated for at most
  // retry_ms.
  MasterCaller(const std::vector<std::string>& addresses, const ChannelOptions& options,
               int64_t retry_ms, Clock* clock, Random* random);

  // method is "/service/name".
  Status Call(const std::string& method, const google::protobuf::MessageLite& request,
              google::protobuf::MessageLite* response, int64_t timeout_ms = kTimeoutMs);
  Status WithRetry(const std::function<Status(AuthenticatedChannel*)>& attempt);

 private:
  const int64_t retry_ms_;
  Clock* const clock_;
  std::vector<std::unique_ptr<AuthenticatedChannel>> channels_;
  std::atomic<size_t> preferred_{0};
};

}  // namespace spillway
