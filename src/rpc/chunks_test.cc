// Chunks whose lengths are not what they say.
#include <gtest/gtest.h>

#include "rpc/buffers.h"

namespace spillway {
namespace {

bool Parses(const std::string& bytes, std::string* data) {
  const grpc::Slice slice(bytes);
  std::vector<grpc::Slice> slices;
  std::vector<iovec> parts;
  data->clear();
  const bool parsed = ParseChunk(grpc::ByteBuffer(&slice, 1), 2, &slices, &parts);
  for (const iovec& part : parts) data->append(static_cast<char*>(part.iov_base), part.iov_len);
  return parsed;
}

TEST(ChunksTest, lengthsBeyondTheMessage_areNoChunks) {
  std::string data;
  const std::string ten_bytes = "\xf5\xff\xff\xff\xff\xff\xff\xff\xff\x01";
  // That and what comes before it have a sum of 64 bits that is small.
  EXPECT_FALSE(Parses("\x12\x0f\x0a" + ten_bytes + "0123", &data));
  EXPECT_EQ(data, "");
  EXPECT_FALSE(Parses(std::string("\x12\x06\x0a\x05") + "0123", &data));
  EXPECT_FALSE(Parses(std::string("\x12\x02\x0a\x04") + "0123", &data));
  EXPECT_TRUE(Parses(std::string("\x12\x06\x0a\x04") + "0123", &data));
  EXPECT_EQ(data, "0123");
}

}  // namespace
}  // namespace spillway
