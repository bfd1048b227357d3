#include "rpc/buffers.h"

#include <grpcpp/impl/codegen/proto_buffer_reader.h>

#include <algorithm>

namespace spillway {
namespace {

void AppendVarint(uint64_t value, std::string* out) {
  while (value >= 0x80) {
    out->push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out->push_back(static_cast<char>(value));
}

size_t VarintSize(uint64_t value) {
  size_t size = 1;
  while (value >= 0x80) {
    value >>= 7;
    ++size;
  }
  return size;
}

bool ReadVarint(std::string_view* in, uint64_t* value) {
  *value = 0;
  for (int shift = 0; shift < 64 && !in->empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(in->front());
    in->remove_prefix(1);
    *value |= static_cast<uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

constexpr size_t kHeaderBytesMax = 24;

}  // namespace

grpc::ByteBuffer ToBuffer(const google::protobuf::MessageLite& message) {
  grpc::Slice slice(message.ByteSizeLong());
  message.SerializeWithCachedSizesToArray(const_cast<uint8_t*>(slice.begin()));
  return grpc::ByteBuffer(&slice, 1);
}

bool FromBuffer(const grpc::ByteBuffer& buffer, google::protobuf::MessageLite* message) {
  grpc::ByteBuffer copy(buffer);  // shares the slices
  if (!copy.Valid()) return message->ParsePartialFromString("");
  grpc::ProtoBufferReader reader(&copy);
  return reader.status().ok() && message->ParseFromZeroCopyStream(&reader);
}

grpc::ByteBuffer ChunkBuffer(int field, grpc::Slice data) {
  std::string header;
  header.push_back(static_cast<char>(field << 3 | 2));
  AppendVarint(1 + VarintSize(data.size()) + data.size(), &header);
  header.push_back(1 << 3 | 2);
  AppendVarint(data.size(), &header);
  const grpc::Slice slices[] = {grpc::Slice(header), std::move(data)};
  return grpc::ByteBuffer(slices, 2);
}

grpc::Slice SharedSlice(SharedBytes data) {
  auto* holder = new SharedBytes(std::move(data));
  return grpc::Slice(
      const_cast<char*>(holder->view().data()), holder->size(),
      [](void* arg) { delete static_cast<SharedBytes*>(arg); }, holder);
}

bool ParseChunk(const grpc::ByteBuffer& buffer, int field, std::vector<grpc::Slice>* slices,
                std::vector<iovec>* data) {
  if (!buffer.Dump(slices).ok()) return false;
  std::string head;
  for (const grpc::Slice& slice : *slices) {
    if (head.size() >= kHeaderBytesMax) break;
    head.append(reinterpret_cast<const char*>(slice.begin()),
                std::min(slice.size(), kHeaderBytesMax - head.size()));
  }
  std::string_view rest = head;
  uint64_t outer = 0;
  uint64_t inner = 0;
  if (rest.empty() || rest[0] != static_cast<char>(field << 3 | 2)) return false;
  rest.remove_prefix(1);
  if (!ReadVarint(&rest, &outer)) return false;
  if (outer == 0) return true;  // an empty chunk
  if (rest.empty() || rest[0] != (1 << 3 | 2)) return false;
  rest.remove_prefix(1);
  if (!ReadVarint(&rest, &inner)) return false;
  size_t skip = head.size() - rest.size();
  if (inner > buffer.Length() - skip || outer < inner) return false;
  for (const grpc::Slice& slice : *slices) {
    const size_t from = std::min(skip, slice.size());
    skip -= from;
    const size_t n = std::min<uint64_t>(inner, slice.size() - from);
    inner -= n;
    if (n > 0) data->push_back({const_cast<uint8_t*>(slice.begin()) + from, n});
  }
  return inner == 0;
}

}  // namespace spillway
