#include "sim/simulation.h"

#include <algorithm>

#include "common/checksum.h"

namespace spillway::sim {

class Simulation::Peers : public WorkerConnector {
 public:
  // Blocks are read from the other worker's store as a peer would send them.
  Peers(std::function<Worker*(const std::string&)> find, Random* random)
      : find_(std::move(find)), random_(random) {}
  std::shared_ptr<WorkerApi> Connect(const WorkerAddress& address) override {
    return std::make_shared<Peer>(find_(address.host), random_);
  }

 private:
  class Stream : public BlockReadStream {
   public:
    explicit Stream(std::string data) : data_(std::move(data)) {}
    StatusOr<std::string_view> Next() override {
      const std::string_view piece = done_ ? std::string_view() : std::string_view(data_);
      done_ = true;
      return piece;
    }

   private:
    const std::string data_;
    bool done_ = false;
  };
  class Peer : public WorkerApi {
   public:
    Peer(Worker* worker, Random* random)
        : worker_(worker), store_(worker == nullptr ? nullptr : worker->store()), random_(random) {}
    StatusOr<std::unique_ptr<BlockWriteStream>> WriteBlock(const BlockWriteOptions&) override {
      return Unavailable("not simulated");
    }
    StatusOr<std::unique_ptr<BlockWriteStream>> WriteThrough(
        const FileWriteThroughOptions&) override {
      return Unavailable("not simulated");
    }
    StatusOr<std::unique_ptr<BlockReadStream>> ReadBlock(const BlockReadOptions& options) override {
      if (store_ == nullptr) return Unavailable("the peer is down");
      SPILLWAY_ASSIGN_OR_RETURN(OpenBlock open, store_->OpenForRead(options.block_id));
      std::string data(options.length_bytes, '\0');
      const auto read = open.file->ReadAt(options.offset, data.data(), options.length_bytes);
      if (read.status().code() == StatusCode::kDataLoss) (void)store_->Verify(options.block_id);
      SPILLWAY_RETURN_IF_ERROR(read.status());
      data.resize(static_cast<size_t>(*read));
      return std::unique_ptr<BlockReadStream>(std::make_unique<Stream>(std::move(data)));
    }

    void PutFiles(const smallfiles::PutFilesRequest&, SmallFiles::PutDone done) override {
      done(Unavailable("workers do not ask for this"));
    }
    // The request may be lost, or the answer.
    void StoreBlocks(const smallfiles::StoreBlocksRequest& request,
                     std::function<void(StatusOr<smallfiles::StoreBlocksResponse>)> done) override {
      const uint64_t luck = random_->Below(16);
      if (worker_ == nullptr || luck == 0) return done(Unavailable("the peer is down"));
      auto answer = worker_->small_files()->StoreBlocks(request);
      if (luck == 1) return done(Unavailable("the peer went down"));
      done(std::move(answer));
    }

   private:
    Worker* const worker_;
    BlockStore* const store_;
    Random* const random_;
  };
  const std::function<Worker*(const std::string&)> find_;
  Random* const random_;
};

Simulation::Simulation(uint64_t seed, Tally* tally, const Strangers& strangers)
    : tally_(tally),
      random_(seed),
      stops_(seed + 1),
      hostile_(seed + 2),
      understore_(std::make_shared<MemoryUnderStore>()),
      one_master_(seed % 8 == 0) {
  // As an object store does, or as a folder.
  understore_->set_puts_together(seed % 2 == 0 ? 1 : 4);
  options_.root_uri = "s3://bucket";
  options_.superuser = "root";
  options_.part_size_bytes = 2 * kBlockBytes;
  options_.safe_mode_ms_max = 2000;
  options_.persist_retry_ms_max = 2000;
  options_.audit_interval_ms = 5000;
  options_.unknown_outcome_ms = 3000;
  options_.heals_per_worker_max = 3;
  options_.heal_bytes_in_flight_max = 3 * kBlockBytes;
  options_.persist_blacklist = {"/_temporary/"};
  options_.marker_patterns = {"_SUCCESS"};
  understore_->OnChange([this](const StoreChange& change) { OnChange(change); });
  DrawStranger(seed, strangers);
  for (int i = 0; i < kWorkers; ++i) {
    nodes_.push_back(std::make_unique<Node>());
    Node& node = *nodes_.back();
    node.host = "w" + std::to_string(i);
    node.faulty.Decide([&node](FileOp op, const std::string& path) {
      const Node::FileFault& fault = node.fault;
      const bool hit =
          fault.armed && fault.op == op && (Crc32c(path) ^ fault.salt) % fault.one_in == 0;
      return hit ? fault.status : absl::OkStatus();
    });
  }
  const auto find = [this](const std::string& host) -> Worker* {
    for (auto& node : nodes_) {
      if (node->host == host && !node->partitioned) return node->worker.get();
    }
    return nullptr;
  };
  peers_ = std::make_unique<Peers>(find, &random_);
  StartNativeClient();
  StartMaster();
  (void)master_->LoadDirectory(kRootInodeId);
  for (auto& node : nodes_) StartWorker(*node, false);
  Settle(10);
}

Simulation::~Simulation() {
  understore_->OnChange(nullptr);
  understore_->OnWindow(nullptr);
  for (auto& node : nodes_) {
    LoseWrites(*node);
    node->targets.clear();
    node->executor.Drop();  // what waits there may hold blocks of the node's store
  }
}

void Simulation::Send(WorkerId worker, Epoch epoch, session::MasterMessage message) {
  for (auto& node : nodes_) {
    const bool same =
        node->connected && node->session.worker == worker && node->session.epoch == epoch;
    if (same) node->down.push_back(std::move(message));
  }
}

void Simulation::Close(WorkerId worker, Epoch epoch) {
  for (auto& node : nodes_) {
    if (node->connected && node->session.worker == worker && node->session.epoch == epoch)
      node->closed = true;
  }
}

StatusOr<std::shared_ptr<UnderStore>> Simulation::Open(const std::string&,
                                                       const std::map<std::string, std::string>&) {
  return std::shared_ptr<UnderStore>(understore_);
}

void Simulation::AdvanceMs(int64_t delta_ms) {
  clock_.AdvanceMs(delta_ms);
  understore_->RunDue();
  master_executor_.AdvanceMs(delta_ms);
  for (auto& node : nodes_) node->executor.AdvanceMs(delta_ms);
}

void Simulation::StartMaster() {
  journal_ = std::make_unique<Journal>(&state_, &master_executor_,
                                       LastLogIndex(&state_, &master_executor_).value());
  master_ = std::make_unique<Master>(options_, MasterContext{&clock_, &random_, &master_executor_,
                                                             journal_.get(), this, this, nullptr});
  if (Status status = master_->Start(); !status.ok()) Violation("start: " + Message(status));
  master_executor_.RunAll();
}

void Simulation::CrashMaster() {
  if (syncing_ || one_master_) return;
  ++tally_->master_crashes;
  // One of four is told to stop: what waits is answered, and what has begun may end.
  if (stops_.Below(4) == 0) {
    ++tally_->master_stops;
    master_->Stop();
    master_executor_.RunAll();
  }
  for (auto& node : nodes_) {
    if (node->worker != nullptr && node->connected) node->worker->SessionDown();
    node->connected = false;
    node->closed = false;
    node->partitioned = false;
    node->up.clear();
    node->down.clear();
    node->stale.clear();
  }
  copies_under_way_.clear();  // forgotten
  master_.reset();
  journal_.reset();
  master_executor_.Drop();
  StartMaster();
}

void Simulation::StartWorker(Node& node, bool may_fail) {
  node.env.FailBelow("/", absl::OkStatus());
  node.env.SetSpaceLeft(-1);
  node.failing = false;
  node.full = false;
  node.fault.armed = false;
  if (may_fail && random_.Below(3) == 0) ArmFileFault(node);
  BlockStoreOptions options;
  options.tiers = {{"MEM", {{"/mem", kQuotaBytes}}}};
  options.high_watermark_percent = 60;
  options.low_watermark_percent = 40;
  options.recycled_bytes_min = 1;
  options.worker_name = node.host;
  node.store = std::make_unique<BlockStore>(options, &node.faulty);
  if (Status status = node.store->Open(); !status.ok()) Violation("open: " + Message(status));
  WorkerOptions worker;
  worker.address.host = node.host;
  worker.address.data_port = 1;
  worker.write_wait_ms_max = 5000;
  worker.folder_probe_ms = 2000;
  ++node.lives;
  node.worker = std::make_unique<Worker>(
      worker, WorkerContext{&clock_, &node.executor, node.store.get(), peers_.get(), nullptr,
                            [this](const std::string&, const auto&) {
                              return std::shared_ptr<UnderStore>(understore_);
                            }});
}

void Simulation::CrashWorker(Node& node) {
  ++tally_->worker_crashes;
  // One of four is told to stop: what waits is answered, and what has begun may end.
  if (stops_.Below(4) == 0) {
    ++tally_->worker_stops;
    node.worker->Stop();
    node.executor.RunAll();
  }
  if (node.connected) master_->SessionClosed(node.session);
  node.connected = false;
  node.closed = false;
  node.partitioned = false;
  node.up.clear();
  node.down.clear();
  LoseWrites(node);
  node.targets.clear();
  node.executor.Drop();
  node.worker.reset();
  node.store.reset();
}

void Simulation::Connect(Node& node) {
  node.up.clear();
  node.down.clear();
  node.worker->SessionUp(
      [&node](session::WorkerMessage message) { node.up.push_back(std::move(message)); }, 0);
}

// What is on its way up may still arrive, long after a new session has begun.
void Simulation::Disconnect(Node& node) {
  master_->SessionClosed(node.session);
  for (auto& message : node.up) node.stale.emplace_back(node.session, std::move(message));
  node.connected = false;
  node.closed = false;
  node.partitioned = false;
  node.up.clear();
  node.down.clear();
  node.worker->SessionDown();
}

void Simulation::DeliverUp(Node& node) {
  if (node.closed) return Disconnect(node);
  if (node.up.empty() || node.partitioned) return;
  const session::WorkerMessage message = std::move(node.up.front());
  node.up.pop_front();
  Deliver(node, node.session, message);
}

void Simulation::Deliver(Node& node, const Master::Session& session,
                         const session::WorkerMessage& message) {
  using Case = session::WorkerMessage::MessageCase;
  switch (message.message_case()) {
    case Case::kRegister:
      return master_->RegisterWorker(message.register_(), [this, &node, asked = node.lives](
                                                              StatusOr<Master::Session> session) {
        if (!session.ok()) return Violation("register: " + Message(session.status()));
        // The process that asked is gone, and its connection with it.
        if (node.worker == nullptr || node.lives != asked) return master_->SessionClosed(*session);
        node.session = *session;
        node.connected = true;
        master_->SendMounts(*session);
        session::MasterMessage registered;
        auto* answer = registered.mutable_registered();
        answer->set_worker_id(session->worker.value());
        answer->set_epoch(session->epoch.value());
        answer->set_cluster_id(session->cluster_id);
        answer->set_by_buckets(session->by_buckets);
        for (const uint32_t bucket : session->wanted_buckets) answer->add_wanted_buckets(bucket);
        answer->set_lease_ms(master_->upload_lease_ms());
        node.down.push_back(registered);
      });
    case Case::kBlocksHeld:
      return master_->BlocksHeld(session, message.blocks_held());
    case Case::kHeartbeat:
      return master_->Heartbeat(session, message.heartbeat());
    case Case::kBlocksRemoved:
      return master_->BlocksRemoved(session, message.blocks_removed());
    case Case::kPersistResult:
      return master_->PersistDone(session, message.persist_result());
    case Case::kReplicateResult:
      if (message.replicate_result().code() == 0) ++tally_->heals;
      return master_->ReplicateDone(session, message.replicate_result());
    case Case::kGetBlockOrigin:
      return master_->GetBlockOrigin(session, message.get_block_origin(),
                                     [this, session](session::BlockOrigin origin) {
                                       session::MasterMessage answer;
                                       *answer.mutable_block_origin() = std::move(origin);
                                       Send(session.worker, session.epoch, std::move(answer));
                                     });
    case Case::kObjectChanged:
      return master_->ObjectChanged(session, message.object_changed());
    case Case::kReserveIds:
      return master_->ReserveIds(session, [this, session](const session::ReservedIds& reserved) {
        session::MasterMessage answer;
        *answer.mutable_reserved_ids() = reserved;
        Send(session.worker, session.epoch, std::move(answer));
      });
    case Case::kPutFiles:
      return PutFiles(session, message.put_files());
    case Case::kCommitBlock: {
      const BlockId block(static_cast<int64_t>(message.commit_block().block().block_id()));
      if (begun_blocks_.count(block) > 0 && ended_blocks_.count(block) == 0)
        Violation(fmt::format("block {} is committed, which no client ended", block.value()));
      const Status status = master_->CommitBlock(session, message.commit_block().block());
      session::MasterMessage ack;
      ack.mutable_commit_ack()->set_request_id(message.commit_block().request_id());
      ack.mutable_commit_ack()->set_code(static_cast<int>(status.code()));
      return Send(session.worker, session.epoch, std::move(ack));
    }
    default:
      return;
  }
}

void Simulation::PutFiles(const Master::Session& session, const session::PutFiles& request) {
  // Also told while the store does not answer.
  const auto is_there = [this](const session::PutFiles::File& file) {
    const auto path = master_->GetFilePath(FileIdOfBlock(BlockId(file.block_id())));
    return path.result.ok() && *path.result == file.options().path();
  };
  std::vector<bool> before;
  std::map<std::string, Will> wills;
  for (const auto& file : request.files()) {
    const std::string& path = file.options().path();
    before.push_back(is_there(file));
    wills[path] = WillOf(path, file.options().overwrite());
    if (wills[path].anything) Carried(wills[path]);
  }
  master_->PutFiles(session, request, [this, session](session::PutFilesAck ack) {
    session::MasterMessage answer;
    *answer.mutable_put_files_ack() = std::move(ack);
    Send(session.worker, session.epoch, std::move(answer));
  });
  for (int i = 0; i < request.files_size(); ++i) {
    const std::string& path = request.files(i).options().path();
    if (before[static_cast<size_t>(i)] || !is_there(request.files(i))) continue;
    // What was replaced is gone, whether the writer hears of it or not.
    Carried(wills.at(path));
    Forget(path);
    native_completed_[path] = ++changes_;
  }
}

void Simulation::DeliverDown(Node& node) {
  if (node.down.empty() || node.worker == nullptr || node.partitioned) return;
  const session::MasterMessage message = std::move(node.down.front());
  node.down.pop_front();
  node.worker->OnMessage(message);
}

void Simulation::TickWorker(Node& node) {
  node.worker->Tick();
  TendLostFiles(node);
  ForgetWrites(node);
  std::erase_if(node.targets, [](const Node::Waiting& waiting) { return *waiting.ended; });
}

void Simulation::Settle(int rounds) {
  spdlog::debug("everybody is polite from {} ms on", clock_.NowMs());
  understore_->FailNext(0, absl::OkStatus(), false);
  outage_until_ms_ = 0;
  for (auto& node : nodes_) {
    node->env.FailBelow("/", absl::OkStatus());
    node->env.SetSpaceLeft(-1);
    node->full = node->failing = false;
    node->fault.armed = false;
    node->stale.clear();
    if (node->partitioned) Disconnect(*node);
  }
  for (int round = 0; round < rounds; ++round) {
    AdvanceMs(500);
    for (auto& node : nodes_) {
      if (node->worker == nullptr) StartWorker(*node, false);
      if (!node->connected && node->up.empty()) Connect(*node);
      TickWorker(*node);
    }
    for (int i = 0; i < 10; ++i) {
      for (auto& node : nodes_) {
        while (!node->up.empty()) DeliverUp(*node);
        if (node->closed) DeliverUp(*node);
        master_executor_.RunAll();
        while (!node->down.empty()) DeliverDown(*node);
        node->executor.RunAll();
      }
    }
    master_->Tick();
    master_executor_.RunAll();
    CheckInvariants();
  }
}

void Simulation::SettleAll() {
  Settle(64);
  if (verdict_.ok && !AllArePersisted()) Settle(20);
}

Verdict Simulation::Run(int steps) {
  for (int step = 0; step < steps && verdict_.ok; ++step) {
    Step();
    CheckInvariants();
    if (step % 25 == 0) CheckNow();
  }
  if (verdict_.ok) SettleAll();
  if (verdict_.ok && refused_) CheckSettled();
  AcceptAllKeys();
  // Nothing fails from here on, so that no restart repairs what an operation has left undone.
  calm_ = true;
  for (int i = 0; i < 3 && verdict_.ok; ++i) NativeWrite();
  if (verdict_.ok) SettleAll();
  if (verdict_.ok && strange_.withdraws) {
    FindStuck();
    for (const auto& [path, why] : stuck_) understore_->DeleteAsOther(path.substr(1));
    SettleAll();
  }
  if (verdict_.ok) CheckFinal();
  if (verdict_.ok) CheckForeign();
  return verdict_;
}

}  // namespace spillway::sim
