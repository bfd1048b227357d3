// NamespaceAdminApi over the wire.
#pragma once

#include <memory>

#include "api/namespace_admin_api.h"
#include "rpc/client/master_caller.h"

namespace spillway {

std::unique_ptr<NamespaceAdminApi> MakeNamespaceAdminClient(std::shared_ptr<MasterCaller> caller);

}  // namespace spillway
