#include "rpc/stop_servers.h"

#include <algorithm>

#include "common/clock.h"

namespace spillway {

void StopServers(const std::vector<RpcServer*>& servers, int64_t grace_ms,
                 const std::function<void()>& cut) {
  SystemClock clock;
  const int64_t begin_ms = clock.MonotonicMs();
  const auto left_ms = [&](int64_t of_ms) {
    return std::max<int64_t>(0, begin_ms + of_ms - clock.MonotonicMs());
  };
  for (RpcServer* server : servers) server->Stop(/*last=*/false);
  for (RpcServer* server : servers) server->AwaitCalls(left_ms(grace_ms / 2));
  cut();
  for (RpcServer* server : servers) server->Stop(/*last=*/true);
  for (RpcServer* server : servers) server->Shutdown(left_ms(grace_ms));
}

std::vector<std::string> OpenMethods(const std::vector<RpcServer*>& servers) {
  std::vector<std::string> methods;
  for (RpcServer* server : servers) {
    for (std::string& method : server->OpenMethods()) methods.push_back(std::move(method));
  }
  return methods;
}

}  // namespace spillway
