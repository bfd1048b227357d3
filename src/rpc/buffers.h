// Between protobuf messages, value bytes and gRPC ByteBuffers. Block data is never copied into a
// message: its few header bytes are written and read here.
#pragma once

#include <google/protobuf/message_lite.h>
#include <grpcpp/support/byte_buffer.h>
#include <sys/uio.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/shared_bytes.h"

namespace spillway {

grpc::ByteBuffer ToBuffer(const google::protobuf::MessageLite& message);
bool FromBuffer(const grpc::ByteBuffer& buffer, google::protobuf::MessageLite* message);

// A message of the form {field: {1: bytes}}: WriteRequest.chunk (field 2), ReadResponse.chunk (1).
grpc::ByteBuffer ChunkBuffer(int field, grpc::Slice data);
// A slice that keeps data alive.
grpc::Slice SharedSlice(SharedBytes data);

// The data of such a message in place; slices must outlive data. False if buffer is of another
// form.
bool ParseChunk(const grpc::ByteBuffer& buffer, int field, std::vector<grpc::Slice>* slices,
                std::vector<iovec>* data);

}  // namespace spillway
