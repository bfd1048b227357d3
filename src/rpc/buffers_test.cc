#include "rpc/buffers.h"
#include "rpc/session_queue.h"
#include "worker_session.pb.h"

#include <absl/synchronization/blocking_counter.h>
#include <absl/synchronization/notification.h>
#include <gtest/gtest.h>

#include <memory>

#include "common/random.h"
#include "grpc/block_worker.pb.h"
#include "rpc/convert.h"

namespace spillway {
namespace {

std::string Gather(const std::vector<iovec>& parts) {
  std::string all;
  for (const iovec& part : parts) all.append(static_cast<const char*>(part.iov_base), part.iov_len);
  return all;
}

std::string Flatten(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  (void)buffer.Dump(&slices);
  std::string all;
  for (const auto& slice : slices)
    all.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return all;
}

TEST(BuffersTest, chunk_isWhatProtobufWrites) {
  for (const size_t size : {1u, 127u, 128u, 20'000u, 3'000'000u}) {
    const std::string data(size, 'q');
    blockwire::ReadResponse response;
    response.mutable_chunk()->set_data(data);
    EXPECT_EQ(Flatten(ChunkBuffer(1, grpc::Slice(data))), response.SerializeAsString());
    blockwire::WriteRequest request;
    request.mutable_chunk()->set_data(data);
    EXPECT_EQ(Flatten(ChunkBuffer(2, grpc::Slice(data))), request.SerializeAsString());
  }
}

TEST(BuffersTest, chunk_parsesHoweverItIsCut) {
  SeededRandom random(3);
  blockwire::WriteRequest request;
  request.mutable_chunk()->set_data(std::string(500, 'z') + "end");
  const std::string bytes = request.SerializeAsString();
  for (int round = 0; round < 200; ++round) {
    std::vector<grpc::Slice> slices;
    for (size_t at = 0; at < bytes.size();) {
      const size_t n =
          std::min<size_t>(bytes.size() - at, 1 + random.Below(round % 2 == 0 ? 3 : 200));
      slices.emplace_back(bytes.data() + at, n);
      at += n;
    }
    const grpc::ByteBuffer buffer(slices.data(), slices.size());
    std::vector<grpc::Slice> held;
    std::vector<iovec> data;
    ASSERT_TRUE(ParseChunk(buffer, 2, &held, &data));
    EXPECT_EQ(Gather(data), request.chunk().data());
  }
}

TEST(BuffersTest, chunk_refusesOtherForms) {
  blockwire::WriteRequest command;
  command.mutable_command()->set_id(5);
  std::vector<grpc::Slice> held;
  std::vector<iovec> data;
  EXPECT_FALSE(ParseChunk(ToBuffer(command), 2, &held, &data));
  const std::string truncated =
      "\x12\x7f\x0a\x7d"
      "short";
  grpc::Slice slice(truncated);
  EXPECT_FALSE(ParseChunk(grpc::ByteBuffer(&slice, 1), 2, &held, &data));
  SeededRandom random(4);
  for (int round = 0; round < 2000; ++round) {
    std::string garbage(random.Below(40), '\0');
    for (char& c : garbage) c = static_cast<char>(random.NextU64());
    grpc::Slice piece(garbage);
    data.clear();
    (void)ParseChunk(grpc::ByteBuffer(&piece, 1), 2, &held, &data);
  }
}

TEST(SessionQueueTest, whatWaits_goesTogetherInItsOrder) {
  SessionQueue queue;
  EXPECT_EQ(queue.Next(), nullptr);
  const auto push = [&](uint64_t sequence) {
    session::WorkerMessage message;
    message.mutable_heartbeat()->set_sequence(sequence);
    return queue.Push(SessionQueue::Encode(message), /*urgent=*/true) == SessionQueue::Then::kWrite;
  };
  const auto next = [&] {
    std::vector<uint64_t> sequences;
    session::WorkerMessages all;
    const grpc::ByteBuffer* buffer = queue.Next();
    EXPECT_TRUE(buffer == nullptr || FromBuffer(*buffer, &all));
    for (const auto& message : all.messages()) sequences.push_back(message.heartbeat().sequence());
    return sequences;
  };
  ASSERT_TRUE(push(1));
  EXPECT_EQ(next(), std::vector<uint64_t>{1});
  EXPECT_FALSE(push(2)) << "one is being written";
  EXPECT_FALSE(push(3));
  EXPECT_EQ(next(), (std::vector<uint64_t>{2, 3}));
  EXPECT_TRUE(next().empty());
  EXPECT_TRUE(push(4)) << "nothing is being written any more";
}

TEST(SessionQueueTest, whatNobodyWaitsFor_goesWithTheNextThatSomebodyDoes_orIsDue) {
  using Then = SessionQueue::Then;
  SessionQueue queue;
  const auto push = [&](bool urgent) { return queue.Push("x", urgent); };
  EXPECT_EQ(push(false), Then::kWait);
  EXPECT_EQ(push(false), Then::kNothing) << "is waited for already";
  EXPECT_EQ(push(true), Then::kWrite);
  ASSERT_NE(queue.Next(), nullptr);
  EXPECT_EQ(push(false), Then::kNothing) << "goes after the write";
  EXPECT_FALSE(queue.Due()) << "one is being written";
  ASSERT_NE(queue.Next(), nullptr);
  EXPECT_EQ(queue.Next(), nullptr);
  EXPECT_FALSE(queue.Due()) << "nothing is left";
  EXPECT_EQ(push(false), Then::kWait);
  EXPECT_TRUE(queue.Due());
  ASSERT_NE(queue.Next(), nullptr);
  EXPECT_EQ(queue.Next(), nullptr);
  EXPECT_EQ(queue.Push(std::string(SessionQueue::kBytesMax, 'x'), false), Then::kWait);
  EXPECT_EQ(push(false), Then::kWrite) << "enough for a write";
}

// Says when its memory is given back, which is when nobody knows of what was in it any more.
template <typename T>
struct WatchedAllocator {
  using value_type = T;
  explicit WatchedAllocator(absl::Notification* freed) : freed(freed) {}
  template <typename U>
  explicit WatchedAllocator(const WatchedAllocator<U>& other) : freed(other.freed) {}
  T* allocate(size_t n) { return std::allocator<T>().allocate(n); }
  void deallocate(T* at, size_t n) {
    std::allocator<T>().deallocate(at, n);
    freed->Notify();
  }
  absl::Notification* freed;
};

TEST(SessionQueueTest, alarmsThatHaveReturned_leaveNothingBehind) {
  struct Owner {
    void WriteWaiting() { waited.DecrementCount(); }
    absl::BlockingCounter waited{3};
    SessionQueue queue;
  };
  absl::Notification freed;
  auto owner = std::allocate_shared<Owner>(WatchedAllocator<Owner>(&freed));
  for (int i = 0; i < 3; ++i) owner->queue.AfterPatience(std::weak_ptr<Owner>(owner));
  owner->waited.Wait();
  owner.reset();
  EXPECT_TRUE(freed.WaitForNotificationWithTimeout(absl::Seconds(20)));
}

TEST(SessionQueueTest, longMessages_goOneByOne) {
  SessionQueue queue;
  session::WorkerMessage message;
  for (int i = 0; i < 20'000; ++i) message.mutable_blocks_held()->add_blocks()->set_block_id(i + 1);
  for (int i = 0; i < 2; ++i) queue.Push(SessionQueue::Encode(message), true);
  for (int i = 0; i < 2; ++i) {
    session::WorkerMessages all;
    const grpc::ByteBuffer* buffer = queue.Next();
    ASSERT_NE(buffer, nullptr);
    ASSERT_TRUE(FromBuffer(*buffer, &all));
    ASSERT_EQ(all.messages_size(), 1);
    EXPECT_EQ(all.messages(0).blocks_held().blocks_size(), 20'000);
  }
  EXPECT_EQ(queue.Next(), nullptr);
}

TEST(ConvertTest, mode_isBitsPlusOne) {
  for (int mode = 0; mode <= 0777; ++mode) EXPECT_EQ(ToMode(FromMode(mode)), mode);
  EXPECT_EQ(FromMode(0750).ownerbits(), wire::ALL);
  EXPECT_EQ(FromMode(0750).groupbits(), wire::READ_EXECUTE);
  EXPECT_EQ(FromMode(0750).otherbits(), wire::NONE);
}

TEST(ConvertTest, fileInfo_fillsWhatClientsNeed) {
  FileStatus status;
  status.is_directory = true;
  fswire::FileInfo info;
  FillFileInfo(status, &info);
  EXPECT_EQ(info.ttl(), -1) << "unset reads as 0, which is expired";
  EXPECT_EQ(info.replicationmax(), -1);
  wire::WorkerNetAddress address;
  FillAddress({"h", 1, 2, "", ""}, &address);
  EXPECT_GE(address.tieredidentity().tiers_size(), 1) << "an empty identity breaks every client";
  EXPECT_EQ(ToAddress(address), (WorkerAddress{"h", 1, 2, "", ""}));
}

}  // namespace
}  // namespace spillway
