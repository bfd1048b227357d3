#include "worker/ops/small_files.h"

#include "common/checked.h"
#include "common/checksum.h"
#include "common/log.h"

namespace spillway {
namespace {

constexpr int64_t kFewIds = 2'000;
constexpr int64_t kUnsettledMsMax = 30'000;
constexpr int kPeersMax = 100;
constexpr int64_t kContainersMax = INT64_MAX >> 24;  // more have no ids of blocks

std::string NameOf(const WorkerAddress& address) {
  return fmt::format("{}:{}", address.host, address.data_port);
}

void FillOutcome(const Status& status, smallfiles::Outcome* outcome) {
  outcome->set_code(static_cast<int>(status.code()));
  outcome->set_message(Message(status));
}

Status ToStatus(int code, const std::string& message) {
  return Status(static_cast<StatusCode>(code), message);
}

// What came is what its sender says that it sent.
template <typename Part>
Status CheckArrived(const Part& part, bool says_crc32c, uint32_t crc32c) {
  const auto length = static_cast<int64_t>(part.data().size());
  const bool whole = !part.has_length_bytes() || part.length_bytes() == length;
  if (whole && (!says_crc32c || part.crc32c() == crc32c)) return absl::OkStatus();
  return MakeStatus(StatusCode::kDataLoss,
                    "{} bytes arrived with CRC32C {:08x}, not {} with {:08x}.", length, crc32c,
                    part.has_length_bytes() ? part.length_bytes() : length, part.crc32c());
}

uint64_t Raw(BlockId id) { return static_cast<uint64_t>(id.value()); }
BlockId ToBlockId(uint64_t raw) { return BlockId(static_cast<int64_t>(raw)); }

}  // namespace

// Files of one request, on their way.
struct SmallFiles::Put {
  struct File {
    Status status;  // of it so far
    BlockId id;
    int64_t length_bytes = 0;
    uint32_t crc32c = 0;
    bool arrived = false;         // as its client says that it is
    bool stored = false;          // here
    std::vector<uint32_t> tiers;  // here, then at each peer
  };
  smallfiles::PutFilesRequest request;
  std::string user;
  std::vector<std::string> groups;
  PutDone done;
  uint64_t session = 0;
  std::vector<WorkerAddress> peers;
  absl::Mutex mutex;
  std::vector<File> files;
  size_t answers_left = 0;
  std::vector<session::PutFiles::Holder> holders;
};

StatusOr<StoredBlock> SmallFiles::Store(BlockId id, const std::string& data) {
  SPILLWAY_ASSIGN_OR_RETURN(const auto temp, context_.store->Create(id, 0, /*pin=*/true));
  const iovec part{const_cast<char*>(data.data()), data.size()};
  SPILLWAY_RETURN_IF_ERROR(temp->Append({&part, 1}));
  return temp->Commit();
}

StatusOr<int64_t> SmallFiles::TakeContainers(int count, uint64_t* session) {
  bool reserve = false;
  StatusOr<int64_t> first = Unavailable("The worker has no session with the master.");
  {
    absl::MutexLock lock(&mutex_);
    *session = session_;
    used_ = true;
    if (session_ != 0 && containers_left_ >= count) {
      first = std::exchange(next_container_, next_container_ + count);
      containers_left_ -= count;
    } else if (session_ != 0) {
      first = Unavailable("The worker waits for ids for new files.");
    }
    reserve = session_ != 0 && !reserving_ && containers_left_ < kFewIds;
    if (reserve) reserving_ = true;
  }
  if (reserve) {
    session::WorkerMessage message;
    message.mutable_reserve_ids();
    context_.send(*session, std::move(message));
  }
  return first;
}

void SmallFiles::PutFiles(const smallfiles::PutFilesRequest& request, const std::string& user,
                          const std::vector<std::string>& groups, PutDone done) {
  if (request.peers_size() > kPeersMax)
    return done(InvalidArgument("{} peers are more than {}.", request.peers_size(), kPeersMax));
  auto put = std::make_shared<Put>();
  const auto first = TakeContainers(request.files_size(), &put->session);
  if (!first.ok()) return done(first.status());
  put->request = request;
  put->user = user;
  put->groups = groups;
  put->done = std::move(done);
  for (const auto& peer : request.peers()) {
    put->peers.emplace_back();
    put->peers.back().host = peer.host();
    put->peers.back().data_port = peer.data_port();
  }
  for (int i = 0; i < request.files_size(); ++i) {
    const std::string& data = request.files(i).data();
    Put::File file;
    file.id = BlockIdOf(FileIdOfContainer(*first + i), 0);
    file.length_bytes = static_cast<int64_t>(data.size());
    file.crc32c = Crc32c(data);
    file.status = CheckArrived(request.files(i), request.files(i).has_crc32c(), file.crc32c);
    file.arrived = file.status.ok();
    file.tiers.resize(1 + put->peers.size());
    put->files.push_back(std::move(file));
  }
  SendToPeers(put);
  StoreOwn(put, request);
  OneStored(put);
}

// While peers do the same; the last of all goes on.
void SmallFiles::StoreOwn(const std::shared_ptr<Put>& put,
                          const smallfiles::PutFilesRequest& request) {
  for (int i = 0; i < request.files_size(); ++i) {
    Put::File& file = put->files[i];
    if (!file.arrived) continue;
    auto stored = Store(file.id, request.files(i).data());
    if (stored.ok() && stored->crc32c != file.crc32c) {
      (void)context_.store->Remove(file.id);
      stored = MakeStatus(StatusCode::kDataLoss, "Block {} was stored with other bytes.",
                          file.id.value());
    }
    absl::MutexLock lock(&put->mutex);
    file.stored = stored.ok();
    if (stored.ok()) {
      file.tiers[0] = static_cast<uint32_t>(stored->tier);
    } else if (file.status.ok()) {
      file.status = stored.status();
    }
  }
}

// Each hears what there is to tell of earlier files along with the blocks.
void SmallFiles::SendToPeers(const std::shared_ptr<Put>& put) {
  smallfiles::StoreBlocksRequest blocks;
  for (int i = 0; i < put->request.files_size() && !put->peers.empty(); ++i) {
    if (!put->files[i].arrived) continue;
    auto* block = blocks.add_blocks();
    block->set_length_bytes(put->files[i].length_bytes);
    block->set_block_id(Raw(put->files[i].id));
    block->set_crc32c(put->files[i].crc32c);
    block->set_data(put->request.files(i).data());
  }
  put->answers_left = put->peers.size() + 1;
  put->holders.resize(put->peers.size());
  for (size_t i = 0; i < put->peers.size(); ++i) {
    TakeNews(put->peers[i], &blocks);
    context_.peers->Connect(put->peers[i])
        ->StoreBlocks(blocks,
                      [this, put, i](const StatusOr<smallfiles::StoreBlocksResponse>& answer) {
                        PeerStored(put, i, answer);
                      });
  }
}

void SmallFiles::OneStored(const std::shared_ptr<Put>& put) {
  {
    absl::MutexLock lock(&put->mutex);
    if (--put->answers_left > 0) return;
  }
  AskMaster(put);
}

void SmallFiles::PeerStored(const std::shared_ptr<Put>& put, size_t peer,
                            const StatusOr<smallfiles::StoreBlocksResponse>& answer) {
  {
    absl::MutexLock lock(&put->mutex);
    if (answer.ok()) {
      put->holders[peer].set_worker_id(answer->worker_id());
      put->holders[peer].set_epoch(answer->epoch());
    }
    int at = 0;
    for (Put::File& file : put->files) {
      if (!file.arrived) continue;
      Status status = answer.status();
      if (status.ok() && (at >= answer->outcomes_size() || at >= answer->tiers_size()))
        status = Internal("not answered for");
      if (status.ok()) {
        status = ToStatus(answer->outcomes(at).code(), answer->outcomes(at).message());
        file.tiers[peer + 1] = answer->tiers(at);
      }
      ++at;
      if (!status.ok() && file.status.ok())
        file.status = Unavailable("{}: {}", NameOf(put->peers[peer]), Message(status));
    }
  }
  OneStored(put);
}

void SmallFiles::AskMaster(const std::shared_ptr<Put>& put) {
  session::WorkerMessage message;
  auto* ask = message.mutable_put_files();
  {
    absl::MutexLock lock(&put->mutex);
    for (size_t i = 0; i < put->files.size(); ++i) {
      const Put::File& file = put->files[i];
      if (!file.status.ok()) continue;
      auto* made = ask->add_files();
      *made->mutable_options() = put->request.files(static_cast<int>(i)).options();
      made->set_block_id(Raw(file.id));
      made->set_length_bytes(file.length_bytes);
      made->set_crc32c(file.crc32c);
      made->mutable_tiers()->Add(file.tiers.begin(), file.tiers.end());
    }
    put->request.Clear();
  }
  if (ask->files_size() == 0) return Finish(put, nullptr);
  bool kept = false;
  ask->set_user(put->user);
  for (const std::string& group : put->groups) ask->add_groups(group);
  {
    absl::MutexLock lock(&mutex_);
    auto* self = ask->add_holders();
    self->set_worker_id(worker_.value());
    self->set_epoch(epoch_.value());
    ask->set_request_id(next_request_++);
    kept = session_ == put->session;
    if (kept) asked_[ask->request_id()] = put;
  }
  for (const auto& holder : put->holders) *ask->add_holders() = holder;
  const uint64_t request_id = ask->request_id();
  if (context_.send(put->session, std::move(message))) return;
  // Not sent; unless End has answered.
  bool answered = false;
  {
    absl::MutexLock lock(&mutex_);
    answered = asked_.erase(request_id) == 0 && kept;
  }
  if (!answered) Finish(put, nullptr);
}

void SmallFiles::OnAck(const session::PutFilesAck& ack) {
  std::shared_ptr<Put> put;
  {
    absl::MutexLock lock(&mutex_);
    const auto it = asked_.find(ack.request_id());
    if (it == asked_.end()) return;
    put = std::move(it->second);
    asked_.erase(it);
  }
  Finish(put, &ack);
}

void SmallFiles::Finish(const std::shared_ptr<Put>& put, const session::PutFilesAck* ack) {
  smallfiles::PutFilesResponse response;
  std::vector<BlockId> settled;
  std::vector<BlockId> dropped;
  int at = 0;
  for (Put::File& file : put->files) {
    bool made = false;
    if (file.status.ok() && ack == nullptr) {
      file.status = Unavailable("The worker's session with the master broke.");
    } else if (file.status.ok() && at < ack->outcomes_size()) {
      const auto& outcome = ack->outcomes(at++);
      file.status = ToStatus(outcome.code(), outcome.message());
      made = file.status.ok() && !outcome.repeated_operation();
    }
    FillOutcome(file.status, response.add_outcomes());
    // Of what is not stored here peers may have copies.
    (made ? settled : dropped).push_back(file.id);
    if (made || !file.stored) continue;
    if (Status status = context_.store->Remove(file.id); !status.ok())
      spdlog::warn("dropping block {}: {}", file.id.value(), Message(status));
  }
  {
    absl::MutexLock lock(&mutex_);
    for (const WorkerAddress& peer : put->peers) {
      PeerNews& news = news_[NameOf(peer)];
      news.address = peer;
      news.settled.insert(news.settled.end(), settled.begin(), settled.end());
      news.dropped.insert(news.dropped.end(), dropped.begin(), dropped.end());
    }
  }
  put->done(std::move(response));
}

void SmallFiles::TakeNews(const WorkerAddress& peer, smallfiles::StoreBlocksRequest* request) {
  request->clear_settled_ids();
  request->clear_dropped_ids();
  absl::MutexLock lock(&mutex_);
  const auto news = news_.find(NameOf(peer));
  if (news == news_.end()) return;
  for (const BlockId id : news->second.settled) request->add_settled_ids(Raw(id));
  for (const BlockId id : news->second.dropped) request->add_dropped_ids(Raw(id));
  news_.erase(news);
}

void SmallFiles::HearNews(const smallfiles::StoreBlocksRequest& request) {
  std::vector<BlockId> doomed;
  {
    absl::MutexLock lock(&mutex_);
    for (const uint64_t raw : request.settled_ids()) unsettled_.erase(ToBlockId(raw));
    for (const uint64_t raw : request.dropped_ids()) {
      if (unsettled_.erase(ToBlockId(raw)) > 0) doomed.push_back(ToBlockId(raw));
    }
  }
  for (const BlockId id : doomed) {
    if (Status status = context_.store->Remove(id); !status.ok())
      spdlog::warn("dropping block {}: {}", id.value(), Message(status));
  }
}

StatusOr<smallfiles::StoreBlocksResponse> SmallFiles::StoreBlocks(
    const smallfiles::StoreBlocksRequest& request) {
  HearNews(request);
  smallfiles::StoreBlocksResponse response;
  uint64_t session = 0;
  {
    absl::MutexLock lock(&mutex_);
    session = session_;
    response.set_worker_id(worker_.value());
    response.set_epoch(epoch_.value());
  }
  if (session == 0) return Unavailable("This worker has no session with the master.");
  std::vector<BlockId> stored;
  for (const auto& block : request.blocks()) {
    Status sound = InRangeUnsigned(block.block_id(), INT64_MAX, "a block's id").status();
    if (sound.ok()) sound = CheckArrived(block, true, Crc32c(block.data()));
    auto copy = sound.ok() ? Store(ToBlockId(block.block_id()), block.data())
                           : StatusOr<StoredBlock>(sound);
    Status status = copy.status();
    if (copy.ok() && copy->crc32c != block.crc32c()) {
      (void)context_.store->Remove(copy->id);
      status =
          MakeStatus(StatusCode::kDataLoss, "Block {} arrived with other bytes.", copy->id.value());
    }
    FillOutcome(status, response.add_outcomes());
    response.add_tiers(status.ok() ? static_cast<uint32_t>(copy->tier) : 0);
    if (status.ok()) stored.push_back(copy->id);
  }
  const int64_t now_ms = context_.clock->MonotonicMs();
  {
    absl::MutexLock lock(&mutex_);
    if (session_ == session) {
      for (const BlockId id : stored) unsettled_[id] = now_ms;
      return response;
    }
  }
  // Whether the report of the next session has them is open: it must not have to be known.
  for (const BlockId id : stored) (void)context_.store->Remove(id);
  return Unavailable("The session with the master broke meanwhile.");
}

bool SmallFiles::Begin(uint64_t session, WorkerId worker, Epoch epoch) {
  absl::MutexLock lock(&mutex_);
  session_ = session;
  worker_ = worker;
  epoch_ = epoch;
  containers_left_ = 0;
  unsettled_.clear();  // the master has judged them
  reserving_ = used_;
  return used_;
}

void SmallFiles::End() {
  std::map<uint64_t, std::shared_ptr<Put>> open;
  {
    absl::MutexLock lock(&mutex_);
    session_ = 0;
    open.swap(asked_);
  }
  // Made or not: the master says when it is told in the next session what is held here.
  for (const auto& [id, put] : open)
    put->done(Unavailable("The worker's session with the master broke."));
}

void SmallFiles::OnReserved(const session::ReservedIds& reserved) {
  absl::MutexLock lock(&mutex_);
  reserving_ = false;
  if (!IsRangeWithin(reserved.first_container_id(), reserved.count(), kContainersMax)) {
    spdlog::error("the master reserves {} ids from {}", reserved.count(),
                  reserved.first_container_id());
    return;
  }
  next_container_ = reserved.first_container_id();
  containers_left_ = reserved.count();
}

void SmallFiles::Tick() {
  std::vector<WorkerAddress> peers;
  std::vector<BlockId> old;
  const int64_t now_ms = context_.clock->MonotonicMs();
  {
    absl::MutexLock lock(&mutex_);
    for (const auto& [name, news] : news_) peers.push_back(news.address);
    for (const auto& [id, since_ms] : unsettled_) {
      if (now_ms - since_ms >= kUnsettledMsMax) old.push_back(id);
    }
    for (const BlockId id : old) unsettled_.erase(id);
  }
  for (const WorkerAddress& peer : peers) {
    smallfiles::StoreBlocksRequest request;
    TakeNews(peer, &request);
    // Lost news are made up for by the peer, which asks the master in the end.
    context_.peers->Connect(peer)->StoreBlocks(
        request, [](const StatusOr<smallfiles::StoreBlocksResponse>&) {});
  }
  for (const BlockId id : old) {
    const auto open = context_.store->OpenForRead(id);
    if (!open.ok()) continue;
    context_.ask(open->info, [this, id](const Status& status) {
      if (status.code() == StatusCode::kNotFound) (void)context_.store->Remove(id);
    });
  }
}

}  // namespace spillway
