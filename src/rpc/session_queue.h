// Messages of a worker session on their way out: those that wait for a write go together.
#pragma once

#include <google/protobuf/message_lite.h>
#include <grpcpp/support/byte_buffer.h>

#include <deque>
#include <string>

namespace spillway {

// Not thread-safe.
class SessionQueue {
 public:
  static constexpr size_t kBytesMax = 256 << 10;  // of messages that go together

  // A WorkerMessage or MasterMessage as one of WorkerMessages or MasterMessages.
  static std::string Encode(const google::protobuf::MessageLite& message);

  // Whether nothing is being written, so that the caller has to write Next().
  bool Push(std::string encoded);
  // What is to be written after the last write has ended; null if there is nothing. Stays valid
  // until the next call.
  const grpc::ByteBuffer* Next();

 private:
  std::deque<std::string> waiting_;
  grpc::ByteBuffer current_;
  bool writing_ = false;
};

}  // namespace spillway
