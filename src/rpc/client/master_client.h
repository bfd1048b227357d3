// MasterApi over the wire.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/master_api.h"
#include "common/clock.h"
#include "rpc/client/channel.h"

namespace spillway {

// addresses are host:port; the first that answers is used. Calls are repeated while the master is
// away, for at most retry_ms, with the same operation id. Thread-safe.
std::unique_ptr<MasterApi> MakeMasterClient(const std::vector<std::string>& addresses,
                                            const ChannelOptions& options, int64_t retry_ms,
                                            Clock* clock, Random* random);

}  // namespace spillway
