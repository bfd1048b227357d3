// MasterApi over the wire.
#pragma once

#include <memory>

#include "api/master_api.h"
#include "rpc/client/master_caller.h"

namespace spillway {

// A call that is repeated keeps its operation id. Thread-safe.
std::unique_ptr<MasterApi> MakeMasterClient(std::shared_ptr<MasterCaller> caller, Random* random);

}  // namespace spillway
