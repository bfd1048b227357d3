// Messages of a worker session on their way out: those that wait for a write go together.
#pragma once

#include <google/protobuf/message_lite.h>
#include <grpc/support/time.h>
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

  // Messages that nobody waits for stay until one comes that somebody waits for, or for so long.
  static constexpr int64_t kPatienceMs = 2;
  enum class Then {
    kNothing,
    kWrite,  // the caller has to write Next()
    kWait,   // the caller has to ask Due() after kPatienceMs
  };
  // That long from now.
  static gpr_timespec PatienceEnd();
  Then Push(std::string encoded, bool urgent);
  // Whether the caller has to write Next().
  bool Due();
  // What is to be written after the last write has ended; null if there is nothing. Stays valid
  // until the next call.
  const grpc::ByteBuffer* Next();

 private:
  std::deque<std::string> waiting_;
  grpc::ByteBuffer current_;
  bool writing_ = false;
  bool patient_ = false;  // Due() will be asked
};

}  // namespace spillway
