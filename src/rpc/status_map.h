// Status on the wire.
#pragma once

#include <grpcpp/support/status.h>

#include "common/status.h"

namespace spillway {

// Codes are the same numbers. Long texts are cut (clients limit headers to 8 KB) and are UTF-8;
// UNIMPLEMENTED, CANCELLED and OUT_OF_RANGE, which clients misread, become UNKNOWN.
grpc::Status ToGrpc(const Status& status);
// Of a read whose file is another one by now, as OUT_OF_RANGE: stock clients then have the path
// compared with the understore and give up at once; after any other code they try for minutes.
grpc::Status ChangedToGrpc(const Status& status);
Status FromGrpc(const grpc::Status& status);

}  // namespace spillway
