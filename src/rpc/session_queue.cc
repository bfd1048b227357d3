#include "rpc/session_queue.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <memory>
#include <utility>

#include "rpc/buffers.h"

namespace spillway {

// Protobuf merges what stands one after another, so messages can be joined as they are.
std::string SessionQueue::Encode(const google::protobuf::MessageLite& message) {
  constexpr uint8_t kFirstFieldOfBytes = 1 << 3 | 2;
  std::string encoded;
  {
    google::protobuf::io::StringOutputStream stream(&encoded);
    google::protobuf::io::CodedOutputStream out(&stream);
    out.WriteTag(kFirstFieldOfBytes);
    out.WriteVarint32(static_cast<uint32_t>(message.ByteSizeLong()));
    message.SerializeWithCachedSizes(&out);
  }
  return encoded;
}

gpr_timespec SessionQueue::PatienceEnd() {
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                      gpr_time_from_millis(kPatienceMs, GPR_TIMESPAN));
}

SessionQueue::Then SessionQueue::Push(std::string encoded, bool urgent) {
  if (waiting_.empty() || waiting_.back().size() + encoded.size() > kBytesMax) {
    waiting_.push_back(std::move(encoded));
  } else {
    waiting_.back() += encoded;
  }
  if (writing_) return Then::kNothing;
  if (urgent || waiting_.size() > 1) return Then::kWrite;
  return std::exchange(patient_, true) ? Then::kNothing : Then::kWait;
}

bool SessionQueue::Due() {
  patient_ = false;
  return !writing_ && !waiting_.empty();
}

const grpc::ByteBuffer* SessionQueue::Next() {
  writing_ = !waiting_.empty();
  if (!writing_) return nullptr;
  const grpc::Slice slice = SharedSlice(std::move(waiting_.front()));
  waiting_.pop_front();
  current_ = grpc::ByteBuffer(&slice, 1);
  return &current_;
}

}  // namespace spillway
