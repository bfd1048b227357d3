// Status on the wire.
#pragma once

#include <grpcpp/support/status.h>

#include "common/status.h"

namespace spillway {

// Codes are the same numbers. Long texts are cut (clients limit headers to 8 KB); UNIMPLEMENTED,
// CANCELLED and OUT_OF_RANGE, which clients misread, become UNKNOWN.
grpc::Status ToGrpc(const Status& status);
Status FromGrpc(const grpc::Status& status);

}  // namespace spillway
