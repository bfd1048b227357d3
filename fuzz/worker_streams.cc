// The four streams of a worker, over a played transport: any messages, in any order, ended in any
// way. Each call is answered once, nothing is committed but by a client's own end, and the bytes in
// use are what the blocks take.
#include "common/log.h"
#include "fuzz/input.h"
#include "fuzz/worker_machine.h"
#include "grpc/block_worker.pb.h"
#include "rpc/buffers.h"
#include "rpc/convert.h"
#include "rpc/worker/block_worker_service.h"
#include "rpc/worker/played_stream.h"

namespace spillway {
namespace {

int64_t Number(fuzz::Input& input) {
  const int64_t small = input.Byte();
  switch (input.Byte() % 6) {
    case 0:
      return INT64_MAX - small;
    case 1:
      return INT64_MIN + small;
    case 2:
      return -small;
    case 3:
      return small << (input.Byte() % 56);
    default:
      return small;
  }
}

// Half of them are whole messages with strange numbers, half are any bytes.
grpc::ByteBuffer Message(fuzz::Input& input, int kind) {
  const uint8_t how = input.Byte();
  const int64_t id = how % 4 == 0 ? Number(input) : int64_t{how % 4} << 24;
  if (how >= 128) {
    const std::string bytes = input.String();
    const grpc::Slice slice(bytes);
    return grpc::ByteBuffer(&slice, 1);
  }
  if (kind == 0 && how >= 64) return ChunkBuffer(2, grpc::Slice(input.String()));
  if (kind == 0) {
    blockwire::WriteRequest request;
    auto* command = request.mutable_command();
    const bool through = how % 8 == 7;
    command->set_type(through ? blockwire::UFS_FILE : blockwire::ALLUXIO_BLOCK);
    command->set_id(id);
    if (how >= 32) command->set_offset(Number(input));
    command->set_tier(static_cast<int>(Number(input)));
    command->set_flush(how >= 48);
    command->set_space_to_reserve(Number(input));
    if (through) {
      command->mutable_create_ufs_file_options()->set_mount_id(1);
      command->mutable_create_ufs_file_options()->set_ufs_path("s3://bucket/f");
      command->mutable_create_ufs_file_options()->set_mode(static_cast<int>(Number(input)));
    }
    return ToBuffer(request);
  }
  if (kind == 1) {
    blockwire::ReadRequest request;
    request.set_block_id(id);
    request.set_offset(Number(input));
    request.set_length(Number(input));
    request.set_chunk_size(Number(input));
    return ToBuffer(request);
  }
  if (kind == 2) {
    blockwire::CreateLocalBlockRequest request;
    request.set_block_id(id);
    request.set_tier(static_cast<int>(Number(input)));
    request.set_space_to_reserve(Number(input));
    request.set_only_reserve_space(how >= 32);
    return ToBuffer(request);
  }
  blockwire::OpenLocalBlockRequest request;
  request.set_block_id(id);
  return ToBuffer(request);
}

void RunStream(fuzz::WorkerMachine& machine, fuzz::Input& input) {
  const int kind = input.Byte() % 4;
  constexpr ServerReactor* (*kMakers[])(ServerStream*, const WorkerServiceContext&) = {
      MakeWriteReactor, MakeReadReactor, MakeCreateLocalReactor, MakeOpenLocalReactor};
  PlayedStream stream;
  ServerReactor* reactor = kMakers[kind](&stream, {machine.worker.get(), &machine.executor});
  bool ended = false;  // by the client
  for (int i = 0; i < 40 && !input.empty() && !ended; ++i) {
    const uint8_t what = input.Byte();
    if (what < 160) {
      stream.Say(reactor, Message(input, kind));
    } else if (what < 230) {
      stream.Answer(reactor, what < 220);
    } else if (stream.reads()) {
      stream.EndOfMessages(reactor);
      ended = true;
    }
    machine.Settle();
    machine.CheckUse(true);
  }
  fuzz::Require(machine.commits.empty());
  const size_t objects = static_cast<MemoryUnderStore&>(*machine.understore).Objects().size();
  const bool whole = ended && (input.Byte() & 1) != 0;
  stream.Confirm(reactor, whole);
  machine.Settle();
  if (!whole) {
    fuzz::Require(machine.commits.empty());
    fuzz::Require(static_cast<MemoryUnderStore&>(*machine.understore).Objects().size() == objects);
  }
  machine.Acknowledge();
  if (!stream.status()) reactor->OnCancel();
  for (int i = 0; i < 10 && (stream.Answer(reactor, false) || stream.reads()); ++i) {
    stream.EndOfMessages(reactor);
    stream.Confirm(reactor, false);
    machine.Settle();
  }
  fuzz::Require(stream.status().has_value() && stream.misuse().empty());
  reactor->OnDone();
  machine.Settle();
  machine.CheckUse(false);
}

}  // namespace
}  // namespace spillway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace spillway;
  spdlog::set_level(spdlog::level::off);
  fuzz::Input input(data, size);
  fuzz::WorkerMachine machine;
  for (int i = 0; i < 5 && !input.empty(); ++i) RunStream(machine, input);
  return 0;
}
