// MasterApi over the wire.
#pragma once

#include <memory>

#include "api/master_api.h"
#include "rpc/client/master_caller.h"

namespace spillway {

// What goes with each call that may make the master look into the understore.
struct LookOptions {
  int64_t sync_interval_ms = -1;  // how old what the master knows may be; -1 is any age
  int64_t ttl_ms = -1;            // of files that come into the namespace by it; -1: none
};

// A call that is repeated keeps its operation id. Thread-safe.
std::unique_ptr<MasterApi> MakeMasterClient(std::shared_ptr<MasterCaller> caller, Random* random,
                                            const LookOptions& look = {});

}  // namespace spillway
