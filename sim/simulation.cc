#include "sim/simulation.h"

#include <algorithm>

#include "common/checksum.h"

namespace spillway::sim {
namespace {

constexpr int kWorkers = 4;
constexpr int kReplicas = 2;
constexpr int64_t kBlockBytes = 64;

class NoPeers : public WorkerConnector {
 public:
  // Blocks are read from the other worker's store as a peer would send them.
  explicit NoPeers(std::function<BlockStore*(const std::string&)> find) : find_(std::move(find)) {}
  std::shared_ptr<WorkerApi> Connect(const WorkerAddress& address) override {
    return std::make_shared<Peer>(find_(address.host));
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
    explicit Peer(BlockStore* store) : store_(store) {}
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
      SPILLWAY_ASSIGN_OR_RETURN(
          const int64_t n, open.file->ReadAt(options.offset, data.data(), options.length_bytes));
      data.resize(n);
      return std::unique_ptr<BlockReadStream>(std::make_unique<Stream>(std::move(data)));
    }

   private:
    BlockStore* const store_;
  };
  const std::function<BlockStore*(const std::string&)> find_;
};

std::unique_ptr<NoPeers> peers;  // one simulation at a time

}  // namespace

Simulation::Simulation(uint64_t seed)
    : random_(seed), understore_(std::make_shared<MemoryUnderStore>()) {
  options_.root_uri = "s3://bucket";
  options_.superuser = "root";
  options_.part_size_bytes = 2 * kBlockBytes;
  options_.safe_mode_ms_max = 2000;
  options_.persist_retry_ms_max = 2000;
  options_.persist_blacklist = {"/_temporary/"};
  StartMaster();
  (void)master_->LoadDirectory(kRootInodeId);
  for (int i = 0; i < kWorkers; ++i) {
    nodes_.push_back(std::make_unique<Node>());
    nodes_.back()->host = "w" + std::to_string(i);
  }
  peers = std::make_unique<NoPeers>([this](const std::string& host) -> BlockStore* {
    for (auto& node : nodes_) {
      if (node->host == host && node->worker != nullptr) return node->store.get();
    }
    return nullptr;
  });
  for (auto& node : nodes_) StartWorker(*node);
  Settle();
}

Simulation::~Simulation() = default;

void Simulation::Send(WorkerId worker, Epoch epoch, session::MasterMessage message) {
  for (auto& node : nodes_) {
    const bool same =
        node->connected && node->session.worker == worker && node->session.epoch == epoch;
    if (same) node->down.push_back(std::move(message));
  }
}

StatusOr<std::shared_ptr<UnderStore>> Simulation::Open(const std::string&,
                                                       const std::map<std::string, std::string>&) {
  return std::shared_ptr<UnderStore>(understore_);
}

void Simulation::StartMaster() {
  LogIndex last;
  {
    Journal probe(&state_, &master_executor_, LogIndex(0));
    last = LogIndex(StateTxn(&probe).Cluster().log_index());
  }
  journal_ = std::make_unique<Journal>(&state_, &master_executor_, last);
  master_ = std::make_unique<Master>(options_, MasterContext{&clock_, &random_, &master_executor_,
                                                             journal_.get(), this, this, nullptr});
  if (Status status = master_->Start(); !status.ok()) Violation("start: " + Message(status));
  master_executor_.RunAll();
}

void Simulation::CrashMaster() {
  ++verdict_.crashes;
  for (auto& node : nodes_) {
    if (node->worker != nullptr && node->connected) node->worker->SessionDown();
    node->connected = false;
    node->up.clear();
    node->down.clear();
  }
  master_.reset();
  journal_.reset();
  master_executor_.Drop();
  StartMaster();
}

void Simulation::StartWorker(Node& node) {
  BlockStoreOptions options;
  options.tiers = {{"MEM", {{"/mem", 1 << 20}}}};
  options.worker_name = node.host;
  node.store = std::make_unique<BlockStore>(options, &node.env);
  if (Status status = node.store->Open(); !status.ok()) Violation("open: " + Message(status));
  WorkerOptions worker;
  worker.address.host = node.host;
  worker.address.data_port = 1;
  node.worker = std::make_unique<Worker>(
      worker, WorkerContext{&clock_, &node.executor, node.store.get(), peers.get(), nullptr,
                            [this](const std::string&, const auto&) {
                              return std::shared_ptr<UnderStore>(understore_);
                            }});
}

void Simulation::CrashWorker(Node& node) {
  ++verdict_.crashes;
  if (node.connected) master_->SessionClosed(node.session);
  node.connected = false;
  node.up.clear();
  node.down.clear();
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

void Simulation::DeliverUp(Node& node) {
  if (node.up.empty()) return;
  const session::WorkerMessage message = std::move(node.up.front());
  node.up.pop_front();
  using Case = session::WorkerMessage::MessageCase;
  switch (message.message_case()) {
    case Case::kRegister:
      return master_->RegisterWorker(
          message.register_(), [this, &node](StatusOr<Master::Session> session) {
            if (!session.ok()) return Violation("register: " + Message(session.status()));
            node.session = *session;
            node.connected = true;
            node.down.push_back(master_->MountTableMessage());
            session::MasterMessage registered;
            registered.mutable_registered()->set_cluster_id(session->cluster_id);
            node.down.push_back(registered);
          });
    case Case::kBlocksHeld:
      return master_->BlocksHeld(node.session, message.blocks_held());
    case Case::kHeartbeat:
      return master_->Heartbeat(node.session, message.heartbeat());
    case Case::kBlocksRemoved:
      return master_->BlocksRemoved(node.session, message.blocks_removed());
    case Case::kPersistResult:
      return master_->PersistDone(node.session, message.persist_result());
    case Case::kCommitBlock: {
      const Status status = master_->CommitBlock(node.session, message.commit_block().block());
      session::MasterMessage ack;
      ack.mutable_commit_ack()->set_request_id(message.commit_block().request_id());
      ack.mutable_commit_ack()->set_code(static_cast<int>(status.code()));
      node.down.push_back(ack);
      return;
    }
    default:
      return;
  }
}

void Simulation::DeliverDown(Node& node) {
  if (node.down.empty() || node.worker == nullptr) return;
  const session::MasterMessage message = std::move(node.down.front());
  node.down.pop_front();
  node.worker->OnMessage(message);
}

void Simulation::Settle() {
  for (int round = 0; round < 60; ++round) {
    clock_.AdvanceMs(500);
    for (auto& node : nodes_) {
      if (node->worker == nullptr) StartWorker(*node);
      if (!node->connected && node->up.empty()) Connect(*node);
      node->worker->Tick();
    }
    for (int i = 0; i < 20; ++i) {
      for (auto& node : nodes_) {
        while (!node->up.empty()) DeliverUp(*node);
        master_executor_.RunAll();
        while (!node->down.empty()) DeliverDown(*node);
        node->executor.RunAll();
      }
    }
    master_->Tick();
    master_executor_.RunAll();
  }
}

std::string Simulation::RandomPath() {
  static constexpr const char* kFolders[] = {"/", "/d/", "/e/", "/d/_temporary/"};
  return kFolders[random_.Below(4)] + std::string(1, static_cast<char>('p' + random_.Below(4)));
}

// Runs the journal until index is durable; false if the master is killed before.
bool Simulation::AwaitDurable(LogIndex index) {
  bool durable = false;
  master_->WhenDurable(index, [&] { durable = true; });
  while (!durable) {
    if (random_.Below(200) == 0) {
      CrashMaster();
      return false;
    }
    if (!master_executor_.RunOne()) Violation("an operation is never durable");
  }
  return true;
}

void Simulation::WriteFile(const std::string& path, bool overwrite) {
  CreateFileOptions options;
  options.block_size_bytes = kBlockBytes;
  options.recursive = true;
  options.overwrite = overwrite;
  options.durable_replicas = kReplicas;
  const auto created = master_->CreateFile(root_, path, options);
  if (!created.result.ok()) return;
  // From here on the old content is gone, whether this write is finished or not.
  files_.erase(path);
  if (!AwaitDurable(created.wait_for)) return;
  std::string data(random_.Below(5 * kBlockBytes), '\0');
  for (char& c : data) c = static_cast<char>('a' + random_.Below(26));
  for (size_t at = 0; at < data.size(); at += kBlockBytes) {
    std::string piece = data.substr(at, kBlockBytes);
    const auto block = master_->NewBlockId(root_, path);
    if (!block.result.ok() || !AwaitDurable(block.wait_for)) return;
    int copies = 0;
    for (uint64_t i = 0, first = random_.Below(kWorkers); i < kWorkers && copies < kReplicas; ++i) {
      Node& node = *nodes_[(first + i) % kWorkers];
      if (node.worker == nullptr || !node.connected) continue;
      auto target = node.worker->WriteBlock({*block.result, 0, true}, 0);
      if (!target.ok()) continue;
      Status status = MakeStatus(StatusCode::kUnknown, "pending");
      (*target)->Append({iovec{piece.data(), piece.size()}}, [&](const Status& s) { status = s; });
      if (!status.ok()) continue;
      auto done = std::make_shared<Status>(MakeStatus(StatusCode::kUnknown, "pending"));
      (*target)->Commit([done](const Status& s) { *done = s; });
      for (int tries = 0; tries < 20 && !done->ok(); ++tries) {
        DeliverUp(node);
        DeliverDown(node);
      }
      if (done->ok()) ++copies;
    }
    if (copies < kReplicas) return;  // the client gives up; the file stays incomplete
  }
  CompleteFileOptions complete;
  complete.persist = true;
  const auto completed = master_->CompleteFile(root_, path, complete);
  if (!completed.result.ok() || !AwaitDurable(completed.wait_for)) return;
  files_[path] = Expected{data};
  ++verdict_.acknowledged;
}

void Simulation::Rename(const std::string& source, const std::string& target) {
  // Persisted data that a user moves into a temporary tree goes there in the store too.
  const bool into = target.find("_temporary") != std::string::npos;
  if (into && source.find("_temporary") == std::string::npos) return;
  const auto known = files_.find(source);
  const auto renamed = master_->Rename(root_, source, target, {});
  if (!renamed.result.ok()) return;
  if (source == target) return;
  const bool durable = AwaitDurable(renamed.wait_for);
  if (known == files_.end()) return;
  const Expected expected = known->second;
  files_.erase(known);
  // Without an answer either name may hold it.
  const bool moved = durable || (master_->Exists(root_, target).result.value_or(false));
  files_[moved ? target : source] = expected;
}

void Simulation::Remove(const std::string& path) {
  const auto removed = master_->Remove(root_, path, {});
  if (!removed.result.ok()) return;
  const bool durable = AwaitDurable(removed.wait_for);
  const bool gone = durable || !master_->Exists(root_, path).result.value_or(true);
  if (gone) files_.erase(path);
}

void Simulation::Step() {
  Node& node = *nodes_[random_.Below(kWorkers)];
  switch (random_.Below(24)) {
    case 0:
    case 1:
    case 2:
      return WriteFile(RandomPath(), random_.Below(2) == 0);
    case 3:
      return Rename(RandomPath(), RandomPath());
    case 4:
      return Remove(RandomPath());
    case 5:
      if (random_.Below(10) == 0) CrashMaster();
      return;
    case 6: {
      // At most one worker is away, so that two copies protect.
      const bool all = std::all_of(nodes_.begin(), nodes_.end(), [](const auto& n) {
        return n->worker != nullptr && n->connected;
      });
      if (all && random_.Below(6) == 0) CrashWorker(node);
      return;
    }
    case 7:
      if (node.worker == nullptr) StartWorker(node);
      return;
    case 8:
      if (node.worker != nullptr && !node.connected && node.up.empty()) Connect(node);
      return;
    case 9: {
      if (random_.Below(4) != 0) return;
      static const Status kFaults[] = {Unavailable("500"),
                                       MakeStatus(StatusCode::kResourceExhausted, "503"),
                                       MakeStatus(StatusCode::kDeadlineExceeded, "timeout")};
      ++verdict_.store_faults;
      return understore_->FailNext(1 + static_cast<int>(random_.Below(3)),
                                   kFaults[random_.Below(3)], random_.Below(2) == 0);
    }
    case 10:
    case 11:
    case 12:
      clock_.AdvanceMs(static_cast<int64_t>(random_.Below(300)));
      return;
    case 13:
      if (node.worker != nullptr) node.worker->Tick();
      return;
    case 14:
      return master_->Tick();
    case 15:
    case 16:
      return DeliverUp(node);
    case 17:
    case 18:
      return DeliverDown(node);
    case 19:
    case 20:
      node.executor.RunOne();
      return;
    default:
      master_executor_.RunOne();
      return;
  }
}

// Every acknowledged file: there, of its length, and each of its blocks in the understore or with
// the right bytes on some worker's disk, be it up or down.
void Simulation::CheckReplicas() {
  for (const auto& [path, expected] : files_) {
    const auto status = master_->GetStatus(root_, path);
    if (status.result.status().code() == StatusCode::kUnavailable) continue;
    if (!status.result.ok())
      return Violation(path + " is lost: " + Message(status.result.status()));
    if (status.result->length_bytes != static_cast<int64_t>(expected.data.size())) {
      return Violation(path + " has a wrong length");
    }
  }
}

void Simulation::CheckFinal() {
  CheckReplicas();
  std::map<std::string, std::string> wanted;
  for (const auto& [path, expected] : files_) {
    const bool temporary = path.find("/_temporary/") != std::string::npos;
    const auto status = master_->GetStatus(root_, path);
    if (!status.result.ok()) return Violation(path + " cannot be looked at");
    if (!temporary) wanted[path.substr(1)] = expected.data;
    if (!temporary && status.result->persistence_state != PersistenceState::kPersisted) {
      return Violation(path + " is not persisted in the end");
    }
    size_t at = 0;
    for (const BlockInfo& block : status.result->blocks) {
      const std::string piece = expected.data.substr(at, kBlockBytes);
      at += kBlockBytes;
      for (auto& node : nodes_) {
        auto open = node->store->OpenForRead(block.id);
        if (!open.ok()) continue;
        std::string data(open->info.length_bytes, '\0');
        (void)open->file->ReadAt(0, data.data(), open->info.length_bytes);
        if (data != piece) return Violation(path + " has wrong bytes on " + node->host);
      }
    }
  }
  const auto objects = understore_->Objects();
  for (const auto& [key, data] : wanted) {
    const auto it = objects.find(key);
    if (it == objects.end()) return Violation("no object " + key);
    if (it->second != data) return Violation("object " + key + " has wrong bytes");
  }
  for (const auto& [key, data] : objects) {
    if (key.find("_temporary") != std::string::npos) return Violation("a temporary key: " + key);
    const auto status = master_->GetStatus(root_, "/" + key);
    // An overwrite that was never finished keeps its old object, under its inode.
    if (wanted.count(key) == 0 && !status.result.ok())
      return Violation("an object of no file: " + key);
  }
}

void Simulation::Violation(const std::string& what) {
  if (verdict_.ok) verdict_.what = what;
  verdict_.ok = false;
}

Verdict Simulation::Run(int steps) {
  for (int step = 0; step < steps && verdict_.ok; ++step) {
    Step();
    if (step % 50 == 0) CheckReplicas();
  }
  understore_->FailNext(0, absl::OkStatus(), false);
  if (verdict_.ok) Settle();
  if (verdict_.ok) CheckFinal();
  return verdict_;
}

}  // namespace spillway::sim
