// The real native client over simulated connections: each of its calls runs the cluster on until
// it is answered, with all that may go wrong on the way.
#include <algorithm>

#include "api/unused_master_api.h"
#include "client/file_system.h"
#include "common/log.h"
#include "sim/simulation.h"

namespace spillway::sim {
namespace {

constexpr int kEventsMax = 3000;  // until a call times out
constexpr int kTriesMax = 20;

WriteOptions OptionsOfNative(bool overwrite) {
  WriteOptions options;
  options.create.block_size_bytes = kBlockBytes;
  options.create.recursive = true;
  options.create.overwrite = overwrite;
  options.create.durable_replicas = kReplicas;
  options.create.write_type = WriteType::kAsyncThrough;
  return options;
}

}  // namespace

// A block on its way to one worker. Lives on in the worker while an answer is outstanding.
struct Simulation::ClientWrite {
  std::unique_ptr<WriteTarget> target;  // gone with the worker
  bool pending = false;
  bool abandoned = false;
  Status status;
  std::vector<SharedBytes> sent;
};

// Requests that the master loses with its life are repeated, as the RPC client does.
class Simulation::MasterLink : public UnusedMasterApi {
 public:
  explicit MasterLink(Simulation* sim) : sim_(sim) {}

  StatusOr<FileStatus> CreateFile(const std::string& path,
                                  const CreateFileOptions& options) override {
    return Call<FileStatus>([&] {
      (void)sim_->master_->LoadForCreate(path);
      const Will will = sim_->WillOf(path, options.overwrite);
      auto created = sim_->master_->CreateFile(sim_->root_, path, options);
      // From here on the old content is gone, whether this write is finished or not.
      if (created.result.ok()) sim_->Forget(path);
      if (created.result.ok() && options.overwrite) sim_->Carried(will);
      return created;
    });
  }
  StatusOr<BlockId> NewBlockId(const std::string& path, InodeId file, int64_t index,
                               bool) override {
    return Call<BlockId>([&] {
      return sim_->master_->NewBlockId(sim_->root_, path, BlockOfFile{file, index});
    });
  }
  Status CompleteFile(const std::string& path, const CompleteFileOptions& asked) override {
    CompleteFileOptions options = asked;
    options.operation_id = sim_->NewOperationId();
    bool complete = false;
    return Call<Nothing>([&] {
             auto completed = sim_->master_->CompleteFile(sim_->root_, path, options);
             // Asked again, it may have been so for long.
             if (completed.result.ok() && !std::exchange(complete, true))
               sim_->native_completed_[path] = ++sim_->changes_;
             return completed;
           })
        .status();
  }
  StatusOr<smallfiles::PutFilesResponse> PutEmptyFiles(
      const smallfiles::PutFilesRequest& request) override {
    return Call<smallfiles::PutFilesResponse>([&] {
      std::vector<Will> wills;
      for (const auto& file : request.files())
        wills.push_back(sim_->WillOf(file.options().path(), file.options().overwrite()));
      auto put = sim_->master_->PutEmptyFiles(sim_->root_, request);
      for (int i = 0; i < request.files_size(); ++i) {
        if (put.result->outcomes(i).code() != 0) continue;
        sim_->Carried(wills[static_cast<size_t>(i)]);
        sim_->Forget(request.files(i).options().path());
        sim_->native_completed_[request.files(i).options().path()] = ++sim_->changes_;
      }
      return put;
    });
  }
  Status AbandonFile(InodeId file, bool maybe_published) override {
    if (sim_->client_killed_) return Unavailable("nobody is there to ask");
    return Call<Nothing>(
               [&] { return sim_->master_->AbandonFile(sim_->root_, file, maybe_published); })
        .status();
  }
  StatusOr<FileStatus> GetStatus(const std::string& path) override {
    return Call<FileStatus>([&] { return sim_->master_->GetStatus(sim_->root_, path); });
  }
  StatusOr<std::vector<WorkerInfo>> GetWorkers() override {
    sim_->Shake();
    return sim_->master_->GetWorkers();
  }
  StatusOr<std::vector<WorkerInfo>> GetWorkerReport() override {
    return sim_->master_->GetWorkerReport();
  }

 private:
  template <typename T, typename Operation>
  StatusOr<T> Call(const Operation& operation) {
    StatusOr<T> last = Unavailable("not asked");
    for (int tries = 0; tries < kTriesMax; ++tries) {
      if (tries > 0) ++sim_->tally_->repeated_operations;
      sim_->Shake();
      auto outcome = operation();
      last = std::move(outcome.result);
      if (!sim_->AwaitDurable(outcome.wait_for)) continue;
      if (last.status().code() != StatusCode::kUnavailable) return last;
      sim_->RunOnFor(200);
    }
    return last.ok() ? StatusOr<T>(Unavailable("the master is away")) : last;
  }

  Simulation* const sim_;
};

class Simulation::WorkerLink : public WorkerApi {
 public:
  WorkerLink(Simulation* sim, Node* node) : sim_(sim), node_(node) {}

  StatusOr<std::unique_ptr<BlockWriteStream>> WriteBlock(
      const BlockWriteOptions& options) override {
    if (node_->worker == nullptr) return Unavailable("{} is down", node_->host);
    sim_->begun_blocks_.insert(options.block_id);
    return Start(node_->worker->WriteBlock(options, 0), options.block_id);
  }
  StatusOr<std::unique_ptr<BlockWriteStream>> WriteThrough(
      const FileWriteThroughOptions& options) override {
    if (node_->worker == nullptr) return Unavailable("{} is down", node_->host);
    return Start(node_->worker->WriteThrough(options), BlockId());
  }
  StatusOr<std::unique_ptr<BlockReadStream>> ReadBlock(const BlockReadOptions& options) override;
  void PutFiles(const smallfiles::PutFilesRequest& request, SmallFiles::PutDone done) override;
  void StoreBlocks(const smallfiles::StoreBlocksRequest&,
                   std::function<void(StatusOr<smallfiles::StoreBlocksResponse>)> done) override {
    done(Unavailable("clients do not ask for this"));
  }

 private:
  class WriteStream;
  class ReadStream;

  StatusOr<std::unique_ptr<BlockWriteStream>> Start(StatusOr<std::unique_ptr<WriteTarget>> target,
                                                    BlockId block);
  StatusOr<std::unique_ptr<BlockReadStream>> ReadUnderStore(const BlockReadOptions& options);

  Simulation* const sim_;
  Node* const node_;
};

class Simulation::WorkerLink::WriteStream : public BlockWriteStream {
 public:
  WriteStream(Simulation* sim, Node* node, std::shared_ptr<ClientWrite> write, BlockId block)
      : sim_(sim), node_(node), write_(std::move(write)), block_(block) {}
  ~WriteStream() override { write_->abandoned = true; }

  Status Append(const SharedBytes& data) override {
    SPILLWAY_RETURN_IF_ERROR(AwaitAnswer());
    if (!sim_->calm_ && sim_->random_.Below(80) == 0) {
      ++sim_->tally_->cut_streams;
      broken_ = true;
    }
    if (broken_) return Unavailable("the connection to {} broke", node_->host);
    write_->sent.push_back(data);
    write_->pending = true;
    std::vector<iovec> parts{{const_cast<char*>(data.view().data()), data.size()}};
    write_->target->Append(std::move(parts), Answered());
    return absl::OkStatus();
  }
  void BeginCommit() override {
    begun_ = AwaitAnswer();
    if (begun_.ok() && broken_) begun_ = Unavailable("the connection to {} broke", node_->host);
    if (!begun_.ok()) return;
    sim_->ended_blocks_.insert(block_);
    write_->pending = true;
    write_->target->Commit(Answered());
  }
  Status WaitCommitted() override { return begun_.ok() ? AwaitAnswer() : begun_; }
  std::string content_hash() const override {
    return write_->target == nullptr ? "" : write_->target->content_hash();
  }

 private:
  Done Answered() {
    return [write = write_](const Status& status) {
      write->pending = false;
      write->status = status;
    };
  }
  Status AwaitAnswer() {
    sim_->RunOn(*node_, [this] { return write_->target == nullptr || !write_->pending; });
    if (write_->target == nullptr) return Unavailable("{} went down", node_->host);
    if (write_->pending) return MakeStatus(StatusCode::kDeadlineExceeded, "{}", node_->host);
    return write_->status;
  }

  Simulation* const sim_;
  Node* const node_;
  const std::shared_ptr<ClientWrite> write_;
  const BlockId block_;  // 0: an object
  bool broken_ = false;
  Status begun_;
};

class Simulation::WorkerLink::ReadStream : public BlockReadStream {
 public:
  explicit ReadStream(std::string data) : data_(std::move(data)) {}
  StatusOr<std::string_view> Next() override {
    return std::exchange(ended_, true) ? std::string_view() : std::string_view(data_);
  }

 private:
  const std::string data_;
  bool ended_ = false;
};

StatusOr<std::unique_ptr<BlockWriteStream>> Simulation::WorkerLink::Start(
    StatusOr<std::unique_ptr<WriteTarget>> target, BlockId block) {
  SPILLWAY_RETURN_IF_ERROR(target.status());
  auto write = std::make_shared<ClientWrite>();
  write->target = *std::move(target);
  node_->writes.push_back(write);
  return std::unique_ptr<BlockWriteStream>(
      std::make_unique<WriteStream>(sim_, node_, std::move(write), block));
}

StatusOr<std::unique_ptr<BlockReadStream>> Simulation::WorkerLink::ReadBlock(
    const BlockReadOptions& options) {
  sim_->Shake();
  if (node_->worker == nullptr) return Unavailable("{} is down", node_->host);
  if (options.understore) return ReadUnderStore(options);
  SPILLWAY_ASSIGN_OR_RETURN(OpenBlock open, node_->worker->OpenBlockFile(options.block_id));
  std::string data(static_cast<size_t>(options.length_bytes), '\0');
  const auto read = open.file->ReadAt(options.offset, data.data(), options.length_bytes);
  if (read.status().code() == StatusCode::kDataLoss) node_->worker->SuspectBlock(options.block_id);
  SPILLWAY_RETURN_IF_ERROR(read.status());
  data.resize(static_cast<size_t>(*read));
  return std::unique_ptr<BlockReadStream>(std::make_unique<ReadStream>(std::move(data)));
}

StatusOr<std::unique_ptr<BlockReadStream>> Simulation::WorkerLink::ReadUnderStore(
    const BlockReadOptions& options) {
  struct Read {
    std::string data;
    std::optional<Status> end;
  };
  const auto read = std::make_shared<Read>();
  node_->worker->ReadFromUnderStore(
      options,
      [read](std::string_view piece) {
        read->data += piece;
        return absl::OkStatus();
      },
      [read](Status status) { read->end = std::move(status); });
  const int life = node_->lives;
  const auto died = [&] { return node_->worker == nullptr || node_->lives != life; };
  sim_->RunOn(*node_, [&] { return read->end.has_value() || died(); });
  if (!read->end) return Unavailable("{} does not answer", node_->host);
  SPILLWAY_RETURN_IF_ERROR(*read->end);
  return std::unique_ptr<BlockReadStream>(std::make_unique<ReadStream>(std::move(read->data)));
}

void Simulation::WorkerLink::PutFiles(const smallfiles::PutFilesRequest& request,
                                      SmallFiles::PutDone done) {
  sim_->Shake();
  if (node_->worker == nullptr || (!sim_->calm_ && sim_->random_.Below(16) == 0))
    return done(Unavailable("{} is down", node_->host));
  auto answer = std::make_shared<std::optional<StatusOr<smallfiles::PutFilesResponse>>>();
  node_->worker->small_files()->PutFiles(
      request, sim_->root_.user, sim_->root_.groups,
      [answer](StatusOr<smallfiles::PutFilesResponse> result) { *answer = std::move(result); });
  const int life = node_->lives;
  const auto died = [&] { return node_->worker == nullptr || node_->lives != life; };
  sim_->RunOn(*node_, [&] { return answer->has_value() || died(); });
  if (died() || (!sim_->calm_ && sim_->random_.Below(16) == 0))
    return done(Unavailable("{} went down", node_->host));
  if (!answer->has_value())
    return done(MakeStatus(StatusCode::kDeadlineExceeded, "{}", node_->host));
  if ((*answer)->ok()) ++sim_->tally_->small_puts;
  done(**answer);
}

class Simulation::ClientWorkers : public WorkerConnector {
 public:
  explicit ClientWorkers(Simulation* sim) : sim_(sim) {}
  std::shared_ptr<WorkerApi> Connect(const WorkerAddress& address) override {
    for (auto& node : sim_->nodes_) {
      if (node->host == address.host) return std::make_shared<WorkerLink>(sim_, node.get());
    }
    Panic("no such worker: " + address.host);
  }

 private:
  Simulation* const sim_;
};

class Simulation::ClientClock : public Clock {
 public:
  explicit ClientClock(Simulation* sim) : sim_(sim) {}
  int64_t NowMs() override { return sim_->clock_.NowMs(); }
  int64_t MonotonicMs() override { return sim_->clock_.MonotonicMs(); }
  bool SleepMs(int64_t ms) override {
    sim_->RunOnFor(ms);
    return true;
  }

 private:
  Simulation* const sim_;
};

struct Simulation::Native {
  explicit Native(Simulation* sim)
      : master(sim), workers(sim), clock(sim), fs(&master, &workers, &clock, &sim->random_, "") {}
  MasterLink master;
  ClientWorkers workers;
  ClientClock clock;
  FileSystem fs;
};

// The worker dies: its clients' calls break.
void Simulation::LoseWrites(Node& node) {
  for (const auto& write : std::exchange(node.writes, {})) write->target.reset();
}

void Simulation::ForgetWrites(Node& node) {
  std::erase_if(node.writes, [](const auto& write) { return write->abandoned && !write->pending; });
}

void Simulation::StartNativeClient() { native_ = std::make_shared<Native>(this); }

OperationId Simulation::NewOperationId() { return {random_.NextU64(), random_.NextU64()}; }

// Runs the cluster, this worker's part of it most, until something has happened.
void Simulation::RunOn(Node& node, const std::function<bool()>& happened) {
  const bool shaking = std::exchange(shaking_, true);
  for (int i = 0; i < kEventsMax && verdict_.ok && !happened(); ++i) {
    switch (random_.Below(8)) {
      case 0:
        if (node.connected) DeliverUp(node);
        break;
      case 1:
        DeliverDown(node);
        break;
      case 2:
        node.executor.RunOne();
        break;
      case 3:
        master_executor_.RunOne();
        break;
      default:
        Background();
    }
  }
  shaking_ = shaking;
}

void Simulation::RunOnFor(int64_t ms) {
  const bool shaking = std::exchange(shaking_, true);
  const int64_t end_ms = clock_.MonotonicMs() + ms;
  for (int i = 0; i < kEventsMax && verdict_.ok && clock_.MonotonicMs() < end_ms; ++i) Background();
  // Nothing runs any more: whoever waits gives up.
  if (!verdict_.ok) clock_.AdvanceMs(ms);
  shaking_ = shaking;
}

void Simulation::NativeWrite() {
  const bool overwrite = random_.Below(2) == 0;
  if (random_.Below(2) == 0) return NativeWriteOne(RandomPath(), overwrite);
  std::set<std::string> paths;
  for (uint64_t i = 2 + random_.Below(6); i > 0; --i) paths.insert(RandomPath());
  NativeWriteMany(paths, overwrite);
}

void Simulation::NativeWrote(const std::string& path, const std::string& data,
                             const Status& status) {
  if (!status.ok()) {
    if (status.code() != StatusCode::kAlreadyExists) ++tally_->native_failures;
    return;
  }
  removed_.erase(path);
  Acknowledge(path, data, native_completed_[path]);
  ++tally_->native_writes;
}

void Simulation::NativeWriteOne(const std::string& path, bool overwrite) {
  damages_at_write_ = damages_;
  const bool marker = path.find("_SUCCESS") != std::string::npos;
  const std::string data =
      marker ? RandomData(16 + random_.Below(16))
             : RandomData(random_.Below(random_.Below(2) == 0 ? kBlockBytes : 5 * kBlockBytes));
  // In pieces that do not end where blocks do.
  size_t at = 0;
  const bool mortal = !calm_ && random_.Below(8) == 0;
  const ByteSource source = [&]() -> StatusOr<SharedBytes> {
    if (mortal && random_.Below(8) == 0) {
      client_killed_ = true;
      return Unavailable("the client is killed");
    }
    if (marker && at == data.size()) marker_sequences_[data] = sequence_;
    const std::string piece = data.substr(at, 1 + random_.Below(100));
    at += piece.size();
    return piece;
  };
  const Status status = native_->fs.WriteFile(path, OptionsOfNative(overwrite), source);
  client_killed_ = false;
  damages_at_write_.reset();
  NativeWrote(path, data, status);
}

void Simulation::NativeWriteMany(const std::set<std::string>& paths, bool overwrite) {
  damages_at_write_ = damages_;
  std::vector<FileContent> files;
  for (const std::string& path : paths) {
    const bool marker = path.find("_SUCCESS") != std::string::npos;
    const bool empty = !marker && random_.Below(6) == 0;
    files.push_back({path, empty ? "" : RandomData(1 + random_.Below(kBlockBytes + 20))});
    if (marker) marker_sequences_[std::string(files.back().data.view())] = sequence_;
  }
  const auto statuses = native_->fs.WriteFiles(files, OptionsOfNative(overwrite));
  damages_at_write_.reset();
  for (size_t i = 0; i < files.size(); ++i)
    NativeWrote(files[i].path, std::string(files[i].data.view()), statuses[i]);
}

Status Simulation::ReadWhole(const FileStatus& file, std::string* data) {
  return native_->fs.ReadFile(file, 0, -1, [&](std::string_view piece) {
    *data += piece;
    return absl::OkStatus();
  });
}

void Simulation::NativeRead() {
  std::string path = RandomPath();
  if (const std::string foreign = "/" + ForeignKey(); random_.Below(4) == 0) path = foreign;
  if (!files_.empty() && random_.Below(2) == 0)
    path = std::next(files_.begin(), static_cast<int64_t>(random_.Below(files_.size())))->first;
  const auto file = native_->master.GetStatus(path);
  if (!file.ok() || file->is_directory || !file->completed) return;
  const std::string expected = ContentOf(*file);
  if (static_cast<int64_t>(expected.size()) != file->length_bytes) return;  // never acknowledged
  std::string data;
  const Status status = ReadWhole(*file, &data);
  ++(IsForeign(expected) ? tally_->foreign_reads : tally_->native_reads);
  if (status.ok() && data != expected) Violation(path + " was read as something else");
}

}  // namespace spillway::sim
