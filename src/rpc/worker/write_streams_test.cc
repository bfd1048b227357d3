// Blocks and files that clients write, over a transport that ends in every way and at every
// message.
#include "grpc/block_worker.pb.h"
#include "rpc/buffers.h"
#include "rpc/convert.h"
#include "rpc/worker/block_worker_service.h"
#include "rpc/worker/played_stream.h"
#include "worker/worker_fixture.h"

namespace spillway {
namespace {

// How the client's messages end.
enum class CutEnd { kHalfClose, kBrokenAndThenTold, kToldAndThenBroken, kBrokenAndNeverTold };

class WriteStreamsTest : public WorkerFixture {
 protected:
  using Maker = ServerReactor* (*)(ServerStream*, const WorkerServiceContext&);

  // Says the first count of messages and ends so; what the client is answered.
  grpc::Status Run(Maker make, const std::vector<grpc::ByteBuffer>& messages, size_t count,
                   CutEnd end) {
    PlayedStream stream;
    ServerReactor* reactor = make(&stream, {worker_.get(), &executor_});
    for (size_t i = 0; i < count && !stream.status(); ++i) {
      stream.Say(reactor, messages[i]);
      while (stream.Answer(reactor, true)) {
      }
      executor_.RunAll();
    }
    if (end == CutEnd::kToldAndThenBroken) reactor->OnCancel();
    if (!stream.status()) stream.EndOfMessages(reactor);
    executor_.RunAll();
    stream.Confirm(reactor, end == CutEnd::kHalfClose);
    executor_.RunAll();
    if (const auto* commit = Last(session::WorkerMessage::kCommitBlock))
      Ack(commit->commit_block().request_id());
    executor_.RunAll();
    if (end == CutEnd::kBrokenAndThenTold) reactor->OnCancel();
    EXPECT_TRUE(stream.status().has_value());
    const grpc::Status status =
        stream.status().value_or(grpc::Status(grpc::StatusCode::INTERNAL, "never answered"));
    reactor->OnDone();
    executor_.RunAll();
    sent_.clear();
    return status;
  }

  int64_t Used() { return store_->Usage()[0].used_bytes; }
  static grpc::ByteBuffer Command(const blockwire::WriteRequestCommand& command) {
    blockwire::WriteRequest request;
    *request.mutable_command() = command;
    return ToBuffer(request);
  }
  static grpc::ByteBuffer Chunk(const std::string& data) {
    return ChunkBuffer(2, grpc::Slice(data));
  }
  static constexpr CutEnd kBroken[] = {CutEnd::kBrokenAndThenTold, CutEnd::kToldAndThenBroken,
                                       CutEnd::kBrokenAndNeverTold};
};

TEST_F(WriteStreamsTest, blockOfABrokenStream_isNotThere) {
  blockwire::WriteRequestCommand begin;
  begin.set_type(blockwire::ALLUXIO_BLOCK);
  begin.set_id(7 << 24);
  begin.set_offset(0);
  blockwire::WriteRequestCommand flush = begin;
  flush.set_offset(4);
  flush.set_flush(true);
  const std::vector<grpc::ByteBuffer> messages = {Command(begin), Chunk("0123"), Command(flush),
                                                  Chunk("4567")};
  for (size_t count = 0; count <= messages.size(); ++count) {
    for (const CutEnd end : kBroken) {
      const grpc::Status status = Run(MakeWriteReactor, messages, count, end);
      EXPECT_FALSE(status.ok());
      EXPECT_FALSE(store_->Has(BlockId(7 << 24))) << count;
      EXPECT_EQ(Used(), 0) << count;
    }
  }
  EXPECT_TRUE(Run(MakeWriteReactor, messages, messages.size(), CutEnd::kHalfClose).ok());
  EXPECT_TRUE(store_->Has(BlockId(7 << 24)));
  EXPECT_EQ(Used(), 8);
}

TEST_F(WriteStreamsTest, objectOfABrokenStream_isNotPublished) {
  for (const size_t pieces : {1, 3}) {
    understore_->PutAsOther("f", "older");
    blockwire::WriteRequestCommand begin;
    begin.set_type(blockwire::UFS_FILE);
    begin.set_offset(0);
    begin.mutable_create_ufs_file_options()->set_mount_id(1);
    begin.mutable_create_ufs_file_options()->set_ufs_path("s3://bucket/f");
    std::vector<grpc::ByteBuffer> messages = {Command(begin)};
    std::string data;
    for (size_t i = 0; i < pieces; ++i) {
      messages.push_back(Chunk(std::string(6 << 20, static_cast<char>('a' + i))));
      data += std::string(6 << 20, static_cast<char>('a' + i));
    }
    for (size_t count = 0; count <= messages.size(); ++count) {
      for (const CutEnd end : kBroken) {
        EXPECT_FALSE(Run(MakeWriteReactor, messages, count, end).ok());
        EXPECT_EQ(understore_->Objects().at("f"), "older") << count;
        EXPECT_EQ(understore_->open_uploads(), 0u) << count;
      }
    }
    EXPECT_TRUE(Run(MakeWriteReactor, messages, messages.size(), CutEnd::kHalfClose).ok());
    EXPECT_EQ(understore_->Objects().at("f"), data);
  }
}

TEST_F(WriteStreamsTest, localBlockOfABrokenStream_isNotThere) {
  blockwire::CreateLocalBlockRequest create;
  create.set_block_id(7 << 24);
  create.set_space_to_reserve(100);
  blockwire::CreateLocalBlockRequest reserve;
  reserve.set_block_id(7 << 24);
  reserve.set_only_reserve_space(true);
  reserve.set_space_to_reserve(100);
  const std::vector<grpc::ByteBuffer> messages = {ToBuffer(create), ToBuffer(reserve)};
  for (size_t count = 0; count <= messages.size(); ++count) {
    for (const CutEnd end : kBroken) {
      EXPECT_FALSE(Run(MakeCreateLocalReactor, messages, count, end).ok());
      EXPECT_FALSE(store_->Has(BlockId(7 << 24))) << count;
      EXPECT_EQ(Used(), 0) << count;
    }
  }
  EXPECT_TRUE(Run(MakeCreateLocalReactor, messages, messages.size(), CutEnd::kHalfClose).ok());
  EXPECT_TRUE(store_->Has(BlockId(7 << 24)));
}

TEST_F(WriteStreamsTest, localBlock_numbersThatMakeNoSense_areRefused) {
  blockwire::CreateLocalBlockRequest create;
  create.set_block_id(7 << 24);
  blockwire::CreateLocalBlockRequest reserve;
  reserve.set_only_reserve_space(true);
  blockwire::CreateLocalBlockRequest negative;
  negative.set_block_id(-7);
  Status written = kPending;
  Write(8 << 24, "01234", &written);
  for (const int64_t bytes : {int64_t{-1}, INT64_MIN, INT64_MAX}) {
    reserve.set_space_to_reserve(bytes);
    EXPECT_FALSE(
        Run(MakeCreateLocalReactor, {ToBuffer(create), ToBuffer(reserve)}, 2, CutEnd::kHalfClose)
            .ok());
    EXPECT_EQ(Used(), 5) << bytes;
  }
  EXPECT_FALSE(Run(MakeCreateLocalReactor, {ToBuffer(negative)}, 1, CutEnd::kHalfClose).ok());
  EXPECT_FALSE(
      Run(MakeCreateLocalReactor, {ToBuffer(create), ToBuffer(create)}, 2, CutEnd::kHalfClose)
          .ok());
  EXPECT_FALSE(store_->Has(BlockId(7 << 24)));
}

}  // namespace
}  // namespace spillway
