// Both ends of the workers' sessions: a real master hears any messages of workers, a real worker
// any of a master, small files' calls among them. Neither stops, nor believes a sum that cannot be.
#include <algorithm>

#include "common/log.h"
#include "common/step_executor.h"
#include "fuzz/input.h"
#include "fuzz/worker_machine.h"
#include "master/master_twins.h"
#include "rpc/master/master_services.h"
#include "rpc/worker/played_stream.h"
#include "understore/memory/memory_under_store.h"

namespace spillway {
namespace {

const Caller kRoot{"root", {"root"}};

void Settle(StepExecutor& executor) {
  for (int i = 0; i < 300 && executor.RunOne(); ++i) {
  }
}

// The bytes of a message, as the other end may send them: whole ones, and others.
template <typename T>
bool Read(fuzz::Input& input, T* message) {
  return message->ParseFromString(input.String());
}

class MasterEnd {
 public:
  MasterEnd()
      : journal_(&state_, &executor_, LogIndex(0)),
        master_(Options(), MasterContext{&clock_, &random_, &executor_, &journal_, &sessions_,
                                         &opener_, nullptr}),
        authenticator_(&config_),
        service_(&authenticator_) {
    fuzz::Require(master_.Start().ok());
    RegisterWorkerSessionService(&service_, &master_, &sessions_);
    Settle(executor_);
    CreateFileOptions options;
    options.block_size_bytes = 1000;
    options.write_type = WriteType::kAsyncThrough;
    for (const char* path : {"/a", "/b"}) {
      (void)master_.CreateFile(kRoot, path, options);
      blocks_.push_back(*master_.NewBlockId(kRoot, path).result);
    }
  }
  ~MasterEnd() {
    if (!stream_.status()) reactor_->OnCancel();
    stream_.Answer(reactor_, false);
    stream_.EndOfMessages(reactor_);
    Settle(executor_);
    fuzz::Require(stream_.status().has_value() && stream_.misuse().empty());
    reactor_->OnDone();
  }

  void Begin() {
    CallContext call;
    call.call = &stream_;
    reactor_ = service_.HandlerOfStream("/spillway.session.WorkerSessionService/Session")(call);
  }
  void Register(fuzz::Input& input) {
    session::WorkerMessages all;
    auto* request = all.add_messages()->mutable_register_();
    request->mutable_address()->set_host("a");
    request->mutable_address()->set_data_port(1);
    auto* tier = request->add_tiers();
    tier->set_alias("MEM");
    tier->set_capacity_bytes(1 << 20);
    all.add_messages()->mutable_blocks_held()->set_last(true);
    stream_.Say(reactor_, ToBuffer(all));
    Settle(executor_);
    session::WorkerMessages held;
    held.add_messages()->mutable_blocks_held()->set_last(true);
    stream_.Say(reactor_, ToBuffer(held));
  }
  void Hear(fuzz::Input& input) {
    session::WorkerMessages all;
    session::WorkerMessage message;
    // Reports of blocks that there are, with strange numbers, are worth more than any bytes.
    if (input.Byte() < 100) {
      auto* block = message.mutable_commit_block()->mutable_block();
      block->set_block_id(static_cast<uint64_t>(blocks_[input.Byte() % 2].value()));
      block->set_length_bytes(static_cast<int64_t>(input.Byte()) << (input.Byte() % 64));
      block->set_crc32c(input.Byte() % 2);
      block->set_crc_known(true);
      if (input.Byte() % 2 == 0)
        *message.mutable_blocks_held()->add_blocks() = session::BlockReport(*block);
    } else if (!Read(input, &message)) {
      return;
    }
    *all.add_messages() = message;
    stream_.Say(reactor_, ToBuffer(all));
    stream_.Answer(reactor_, true);
    Settle(executor_);
    clock_.AdvanceMs(200);
    master_.Tick();
    Settle(executor_);
    for (const WorkerInfo& worker : master_.GetWorkerReport())
      fuzz::Require(worker.capacity_bytes() >= 0 && worker.used_bytes() >= 0);
  }
  void Complete() {
    CompleteFileOptions options;
    options.persist = true;
    for (const char* path : {"/a", "/b"}) {
      (void)master_.CompleteFile(kRoot, path, options);
      const auto status = master_.GetStatus(kRoot, path);
      if (!status.result.ok()) continue;
      fuzz::Require(status.result->length_bytes >= 0 && status.result->length_bytes <= 1000);
    }
    Settle(executor_);
  }

 private:
  static MasterOptions Options() {
    MasterOptions options;
    options.root_uri = "s3://bucket";
    options.superuser = "root";
    return options;
  }

  ManualClock clock_;
  SeededRandom random_{1};
  StepExecutor executor_;
  MemoryStateStore state_;
  SessionTable sessions_;
  FixedOpener opener_{std::make_shared<MemoryUnderStore>()};
  Journal journal_;
  Master master_;
  Configuration config_;
  Authenticator authenticator_;
  RpcService service_;
  PlayedStream stream_;
  ServerReactor* reactor_ = nullptr;
  std::vector<BlockId> blocks_;
};

class WorkerEnd {
 public:
  void Hear(fuzz::Input& input) {
    session::MasterMessage message;
    if (Read(input, &message)) machine_.worker->OnMessage(message);
    After();
  }
  void Ask(fuzz::Input& input) {
    SmallFiles* files = machine_.worker->small_files();
    if (input.Byte() % 2 == 0) {
      smallfiles::PutFilesRequest request;
      if (Read(input, &request) && request.peers_size() < 5)
        files->PutFiles(request, "root", {}, [](const auto&) {});
    } else {
      smallfiles::StoreBlocksRequest request;
      if (Read(input, &request)) (void)files->StoreBlocks(request);
    }
    After();
  }

 private:
  void After() {
    machine_.Settle();
    machine_.clock.AdvanceMs(1000);
    machine_.worker->Tick();
    machine_.Settle();
    machine_.CheckUse(true);
  }

  fuzz::WorkerMachine machine_;
};

}  // namespace
}  // namespace spillway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace spillway;
  spdlog::set_level(spdlog::level::off);
  fuzz::Input input(data, size);
  const bool master_side = (input.Byte() & 1) != 0;
  if (master_side) {
    MasterEnd end;
    end.Begin();
    if ((input.Byte() & 1) != 0) end.Register(input);
    for (int i = 0; i < 30 && !input.empty(); ++i) end.Hear(input);
    end.Complete();
    return 0;
  }
  WorkerEnd end;
  for (int i = 0; i < 30 && !input.empty(); ++i) {
    input.Byte() < 128 ? end.Hear(input) : end.Ask(input);
  }
  return 0;
}
