// MasterApi over the wire.
#pragma once

#include <memory>

#include "api/master_api.h"
#include "rpc/client/master_caller.h"

namespace spillway {

// A call that is repeated keeps its operation id. Thread-safe.
// sync_interval_ms: how old what the master knows of the understore may be; -1 is any age.
std::unique_ptr<MasterApi> MakeMasterClient(std::shared_ptr<MasterCaller> caller, Random* random,
                                            int64_t sync_interval_ms = -1);

}  // namespace spillway
