// The door of common/names.h for whole requests: whatever a method looks at or passes on, all text
// in its request has passed.
#pragma once

#include <google/protobuf/message.h>
#include <grpcpp/support/byte_buffer.h>

#include <string>

#include "common/status.h"

namespace spillway {

// INVALID_ARGUMENT that names the first field of type string, at any depth, that does not pass;
// keys and values of maps are meant too. Fields of type bytes are not text.
Status CheckRequestText(const google::protobuf::Message& request);

// Reads and checks a request; INVALID_ARGUMENT, what names the call.
Status ReadRequest(const std::string& what, const grpc::ByteBuffer& buffer,
                   google::protobuf::Message* request);

}  // namespace spillway
