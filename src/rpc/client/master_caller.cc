#include "rpc/client/master_caller.h"

#include <algorithm>

namespace spillway {
namespace {

bool IsRetryable(const Status& status) {
  return status.code() == StatusCode::kUnavailable || status.code() == StatusCode::kUnauthenticated;
}

}  // namespace

MasterCaller::MasterCaller(const std::vector<std::string>& addresses, const ChannelOptions& options,
                           int64_t retry_ms, Clock* clock, Random* random)
    : retry_ms_(retry_ms), clock_(clock) {
  for (const std::string& address : addresses)
    channels_.push_back(std::make_unique<AuthenticatedChannel>(address, options, random));
}

Status MasterCaller::Call(const std::string& method, const google::protobuf::MessageLite& request,
                          google::protobuf::MessageLite* response, int64_t timeout_ms) {
  return WithRetry([&](AuthenticatedChannel* channel) {
    return channel->Unary(method, request, response, timeout_ms);
  });
}

Status MasterCaller::WithRetry(const std::function<Status(AuthenticatedChannel*)>& attempt) {
  const int64_t end_ms = clock_->MonotonicMs() + retry_ms_;
  int64_t delay_ms = 50;
  for (size_t i = preferred_;; ++i) {
    const size_t index = i % channels_.size();
    Status status = attempt(channels_[index].get());
    if (!IsRetryable(status)) {
      preferred_ = index;
      return status;
    }
    if (clock_->MonotonicMs() + delay_ms >= end_ms) return status;
    if (!clock_->SleepMs(delay_ms)) return status;
    delay_ms = std::min<int64_t>(delay_ms * 2, 1000);
  }
}

}  // namespace spillway
