// All four streams of a worker, over a transport that ends in every way after every step: the
// sequences are made here, not written down.
#include "grpc/block_worker.pb.h"
#include "rpc/buffers.h"
#include "rpc/convert.h"
#include "rpc/worker/block_worker_service.h"
#include "rpc/worker/played_stream.h"
#include "worker/worker_fixture.h"

namespace spillway {
namespace {

// What a reactor sees of the ways in which a call ends.
enum class End {
  kHalfClose,     // END_STREAM behind a whole message
  kReset,         // RST_STREAM, a deadline, or END_STREAM within a message: told first
  kBroken,        // the connection is gone: nothing more comes, later it is told
  kBrokenUnseen,  // the same, and it is never told
  kWriteFails,    // the connection is gone: what is being written fails first
  kGarbage,       // a message that is none, then silence, then the server stops
  kSilence,       // nothing, until the server stops
  kLast = kSilence
};

class StreamsTest : public WorkerFixture {
 protected:
  using Maker = ServerReactor* (*)(ServerStream*, const WorkerServiceContext&);
  using Messages = std::vector<grpc::ByteBuffer>;

  StreamsTest() {
    Status written = kPending;
    Write(kHeld, data_, &written);
    Ack(Last(session::WorkerMessage::kCommitBlock)->commit_block().request_id());
    EXPECT_TRUE(written.ok());
    sent_.clear();
    used_ = Used();
  }

  struct Outcome {
    grpc::Status status;
    std::string data;         // of the chunks that were sent
    bool committed = false;   // the master was asked
    bool before_end = false;  // it was asked, or the call was finished, while the call was silent
  };

  // The first `count` of messages, then `answers` writes are taken, then the end.
  Outcome Run(Maker make, const Messages& messages, size_t count, size_t answers, End end) {
    PlayedStream stream;
    ServerReactor* reactor = make(&stream, {worker_.get(), &executor_});
    for (size_t i = 0; i < count && !stream.status(); ++i) {
      // A client that waits for the answer to its message before it says the next.
      while (i > 0 && !stream.reads() && stream.Answer(reactor, true)) executor_.RunAll();
      stream.Say(reactor, messages[i]);
      executor_.RunAll();
    }
    for (size_t i = 0; i < answers && stream.Answer(reactor, true); ++i) executor_.RunAll();
    Outcome outcome;
    outcome.before_end = !CommitsAsked().empty();
    EndSo(&stream, reactor, end);
    executor_.RunAll();
    stream.Confirm(reactor, end == End::kHalfClose);
    executor_.RunAll();
    for (const uint64_t request : CommitsAsked()) {
      outcome.committed = true;
      Ack(request);
    }
    executor_.RunAll();
    while (stream.Answer(reactor, end == End::kHalfClose)) executor_.RunAll();
    if (!stream.status()) reactor->OnCancel();  // at the latest when the server stops
    stream.EndOfMessages(reactor);
    stream.Confirm(reactor, false);
    executor_.RunAll();
    EXPECT_TRUE(stream.status().has_value()) << "never answered";
    outcome.status = stream.status().value_or(grpc::Status());
    EXPECT_EQ(stream.misuse(), "");
    for (const grpc::ByteBuffer& message : stream.written()) outcome.data += ChunkOf(message);
    reactor->OnDone();
    executor_.RunAll();
    sent_.clear();
    return outcome;
  }

  void EndSo(PlayedStream* stream, ServerReactor* reactor, End end) {
    switch (end) {
      case End::kHalfClose:
        // It comes when the reactor reads on.
        while (!stream->reads() && stream->Answer(reactor, true)) executor_.RunAll();
        return stream->EndOfMessages(reactor);
      case End::kReset:
        if (!stream->status()) reactor->OnCancel();
        stream->Answer(reactor, false);
        return stream->EndOfMessages(reactor);
      case End::kBroken:
        stream->EndOfMessages(reactor);
        executor_.RunAll();
        stream->Confirm(reactor, false);
        if (!stream->status()) reactor->OnCancel();
        return;
      case End::kBrokenUnseen:
        stream->EndOfMessages(reactor);
        stream->Answer(reactor, false);
        return stream->EndOfMessages(reactor);
      case End::kWriteFails:
        stream->Answer(reactor, false);
        return stream->EndOfMessages(reactor);
      case End::kGarbage:
        while (!stream->reads() && stream->Answer(reactor, true)) executor_.RunAll();
        for (const std::string bytes : {"\xff\xff\xff", "\x12\xff\x01x", "\x0a\x80"}) {
          const grpc::Slice slice(bytes);
          stream->Say(reactor, grpc::ByteBuffer(&slice, 1));
        }
        return;
      case End::kSilence:
        return;
    }
  }

  std::vector<uint64_t> CommitsAsked() {
    std::vector<uint64_t> requests;
    for (const auto& message : sent_) {
      if (message.has_commit_block()) requests.push_back(message.commit_block().request_id());
    }
    return requests;
  }
  static std::string ChunkOf(const grpc::ByteBuffer& message) {
    std::vector<grpc::Slice> slices;
    std::vector<iovec> parts;
    std::string data;
    if (!ParseChunk(message, 1, &slices, &parts)) return data;
    for (const iovec& part : parts) data.append(static_cast<char*>(part.iov_base), part.iov_len);
    return data;
  }
  int64_t Used() { return store_->Usage()[0].used_bytes; }

  // Every number of messages, of answers and every end.
  template <typename Check>
  void ForAll(Maker make, const Messages& messages, size_t answers_max, const Check& check) {
    for (size_t count = 0; count <= messages.size(); ++count) {
      for (size_t answers = 0; answers <= answers_max; ++answers) {
        for (int end = 0; end <= static_cast<int>(End::kLast); ++end) {
          SCOPED_TRACE(fmt::format("{} messages, {} answers, end {}", count, answers, end));
          const Outcome outcome = Run(make, messages, count, answers, static_cast<End>(end));
          check(count, answers, static_cast<End>(end), outcome);
        }
      }
    }
  }

  // Of streams that write kNew.
  void OnlyAHalfCloseCommits(Maker make, const Messages& messages) {
    ForAll(make, messages, 2, [&](size_t count, size_t, End end, const Outcome& outcome) {
      const bool whole = end == End::kHalfClose && count > 0;
      EXPECT_EQ(outcome.status.ok(), whole);
      EXPECT_EQ(outcome.committed, whole);
      EXPECT_FALSE(outcome.before_end);
      EXPECT_EQ(store_->Has(BlockId(kNew)), whole);
      EXPECT_TRUE(store_->Remove(BlockId(kNew)).ok());
      EXPECT_EQ(Used(), used_);
    });
  }

  static constexpr int64_t kHeld = int64_t{5} << 24;
  static constexpr int64_t kNew = int64_t{7} << 24;
  const std::string data_ = "0123456789";
  int64_t used_ = 0;
};

grpc::ByteBuffer WriteCommand(int64_t id, int64_t offset, bool flush) {
  blockwire::WriteRequest request;
  request.mutable_command()->set_type(blockwire::ALLUXIO_BLOCK);
  request.mutable_command()->set_id(id);
  request.mutable_command()->set_offset(offset);
  request.mutable_command()->set_flush(flush);
  return ToBuffer(request);
}

TEST_F(StreamsTest, write_onlyAHalfCloseCommits) {
  const Messages messages = {WriteCommand(kNew, 0, false), ChunkBuffer(2, grpc::Slice("0123")),
                             WriteCommand(kNew, 4, true), ChunkBuffer(2, grpc::Slice("4567"))};
  OnlyAHalfCloseCommits(MakeWriteReactor, messages);
}

TEST_F(StreamsTest, createLocal_onlyAHalfCloseCommits) {
  blockwire::CreateLocalBlockRequest create;
  create.set_block_id(kNew);
  blockwire::CreateLocalBlockRequest reserve;
  reserve.set_only_reserve_space(true);
  reserve.set_space_to_reserve(100);
  const Messages messages = {ToBuffer(create), ToBuffer(reserve), ToBuffer(reserve)};
  OnlyAHalfCloseCommits(MakeCreateLocalReactor, messages);
}

TEST_F(StreamsTest, read_sendsThatBlockAndNoMore) {
  for (const int64_t offset : {0, 3}) {
    blockwire::ReadRequest request;
    request.set_block_id(kHeld);
    request.set_offset(offset);
    request.set_length(7);
    request.set_chunk_size(3);
    blockwire::ReadRequest received;
    received.set_offset_received(3);
    const std::string wanted = data_.substr(static_cast<size_t>(offset), 7);
    ForAll(MakeReadReactor, {ToBuffer(request), ToBuffer(received)}, 3,
           [&](size_t count, size_t answers, End end, const Outcome& outcome) {
             EXPECT_EQ(wanted.substr(0, outcome.data.size()), outcome.data);
             if (count > 0 && answers == 3) {
               EXPECT_EQ(outcome.data, wanted);
               EXPECT_TRUE(outcome.status.ok());
             }
             // Part of it is no answer of OK, but to a client that has ended the call, or is gone.
             if (end == End::kGarbage) {
               EXPECT_TRUE(!outcome.status.ok() || outcome.data == wanted);
             }
             EXPECT_EQ(Used(), used_);
           });
  }
}

TEST_F(StreamsTest, read_rangesThatCannotBe_areRefused) {
  const std::vector<std::pair<int64_t, int64_t>> ranges = {{0, 11},
                                                           {10, 1},
                                                           {11, 1},
                                                           {-1, 5},
                                                           {0, 0},
                                                           {0, -1},
                                                           {5, INT64_MAX},
                                                           {INT64_MAX, INT64_MAX},
                                                           {INT64_MAX, 1},
                                                           {INT64_MIN, 5},
                                                           {5, INT64_MIN},
                                                           {INT64_MIN, INT64_MIN},
                                                           {1LL << 62, 1LL << 62}};
  for (const int64_t chunk : {int64_t{0}, int64_t{-1}, INT64_MIN, INT64_MAX, int64_t{1}}) {
    for (const auto& [offset, length] : ranges) {
      blockwire::ReadRequest request;
      request.set_block_id(kHeld);
      request.set_offset(offset);
      request.set_length(length);
      request.set_chunk_size(chunk);
      const Outcome outcome = Run(MakeReadReactor, {ToBuffer(request)}, 1, 20, End::kSilence);
      EXPECT_EQ(outcome.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT)
          << offset << " " << length;
      EXPECT_EQ(outcome.data, "");
    }
    blockwire::ReadRequest all;
    all.set_block_id(kHeld);
    all.set_length(10);
    all.set_chunk_size(chunk);
    const Outcome outcome = Run(MakeReadReactor, {ToBuffer(all)}, 1, 20, End::kSilence);
    EXPECT_TRUE(outcome.status.ok());
    EXPECT_EQ(outcome.data, data_);
  }
}

TEST_F(StreamsTest, read_fileCutOffUnderTheReader_isDataLoss) {
  for (const size_t answers : {0, 1}) {
    PlayedStream stream;
    ServerReactor* reactor = MakeReadReactor(&stream, {worker_.get(), &executor_});
    blockwire::ReadRequest request;
    request.set_block_id(kHeld);
    request.set_length(10);
    request.set_chunk_size(3);
    stream.Say(reactor, ToBuffer(request));
    for (size_t i = 0; i < answers; ++i) stream.Answer(reactor, true);
    const auto names = *env_.List("/mem/spillwayworker/blocks");
    ASSERT_EQ(names.size(), 1u);
    auto file = *env_.Open("/mem/spillwayworker/blocks/" + names[0], false);
    ASSERT_TRUE(file->Truncate(2).ok());
    while (stream.Answer(reactor, true)) {
    }
    ASSERT_TRUE(stream.status().has_value());
    EXPECT_EQ(stream.status()->error_code(), grpc::StatusCode::DATA_LOSS);
    EXPECT_EQ(stream.written().size(), answers + 1);
    reactor->OnDone();
    executor_.RunAll();
    EXPECT_FALSE(store_->Has(BlockId(kHeld)));
    Status written = kPending;
    Write(kHeld, data_, &written);
    sent_.clear();
  }
}

TEST_F(StreamsTest, openLocal_endsOnce) {
  blockwire::OpenLocalBlockRequest open;
  open.set_block_id(kHeld);
  ForAll(MakeOpenLocalReactor, {ToBuffer(open), ToBuffer(open)}, 2,
         [&](size_t, size_t, End, const Outcome&) { EXPECT_EQ(Used(), used_); });
  for (const int64_t id : {int64_t{-1}, INT64_MIN, INT64_MAX, int64_t{0}}) {
    open.set_block_id(id);
    EXPECT_FALSE(Run(MakeOpenLocalReactor, {ToBuffer(open)}, 1, 2, End::kHalfClose).status.ok());
  }
}

}  // namespace
}  // namespace spillway
