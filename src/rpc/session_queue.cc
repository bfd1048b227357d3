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

bool SessionQueue::Push(std::string encoded) {
  if (waiting_.empty() || waiting_.back().size() + encoded.size() > kBytesMax) {
    waiting_.push_back(std::move(encoded));
  } else {
    waiting_.back() += encoded;
  }
  return !writing_;
}

const grpc::ByteBuffer* SessionQueue::Next() {
  writing_ = !waiting_.empty();
  if (!writing_) return nullptr;
  auto data = std::make_shared<const std::string>(std::move(waiting_.front()));
  waiting_.pop_front();
  const grpc::Slice slice = SharedSlice(std::move(data));
  current_ = grpc::ByteBuffer(&slice, 1);
  return &current_;
}

}  // namespace spillway
