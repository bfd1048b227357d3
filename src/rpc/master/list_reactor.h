// Listings: streamed in batches bounded by entries and bytes, read from the namespace page by page
// so that no other operation waits for a long one.
#pragma once

#include "rpc/master/master_services.h"

namespace spillway {

void RegisterListing(RpcService* service, const MasterServiceContext& context);

}  // namespace spillway
