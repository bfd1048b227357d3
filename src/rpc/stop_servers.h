// The end of a process's RPC servers.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "rpc/server.h"

namespace spillway {

// Their services refuse new calls already. Calls that are open get half of grace_ms; then cut runs,
// which ends what they wait for, and those that still only wait are answered; at the end of
// grace_ms the rest is cancelled. Returns when all are over.
void StopServers(const std::vector<RpcServer*>& servers, int64_t grace_ms,
                 const std::function<void()>& cut);

// Of calls that are open.
std::vector<std::string> OpenMethods(const std::vector<RpcServer*>& servers);

}  // namespace spillway
