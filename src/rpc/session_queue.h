// Messages of a worker session on their way out: those that wait for a write go together.
#pragma once

#include <google/protobuf/message_lite.h>
#include <grpc/support/time.h>
#include <grpcpp/alarm.h>
#include <grpcpp/support/byte_buffer.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>

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
    kWait,   // the caller has to ask Due() after kPatienceMs: AfterPatience() helps
  };
  Then Push(std::string encoded, bool urgent);
  // Whether the caller has to write Next().
  bool Due();
  // Calls owner's WriteWaiting() after kPatienceMs, on a thread of gRPC's, if it still lives.
  template <typename Owner>
  void AfterPatience(std::weak_ptr<Owner> owner) {
    alarm_.emplace();  // the one before may not have returned yet; assigned to, it would be leaked
    alarm_->Set(PatienceEnd(), [owner = std::move(owner)](bool) {
      if (const auto self = owner.lock()) self->WriteWaiting();
    });
  }
  // What is to be written after the last write has ended; null if there is nothing. Stays valid
  // until the next call.
  const grpc::ByteBuffer* Next();

 private:
  static gpr_timespec PatienceEnd();

  std::deque<std::string> waiting_;
  grpc::ByteBuffer current_;
  bool writing_ = false;
  bool patient_ = false;  // Due() will be asked
  std::optional<grpc::Alarm> alarm_;
};

}  // namespace spillway
