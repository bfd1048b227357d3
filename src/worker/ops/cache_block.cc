// Blocks that come here from elsewhere: asked for by clients, or by the master.
#include "common/checksum.h"
#include "common/log.h"
#include "common/planted_bug.h"
#include "worker/ops/read_understore.h"

namespace spillway {

void Worker::CacheBlock(BlockId id, const std::optional<WorkerAddress>& source, Done done) {
  if (store_->Has(id)) return done(absl::OkStatus());
  GetOrigin(id, [this, id, source, done = std::move(done)](StatusOr<session::BlockOrigin> origin) {
    executor_->Post([this, id, source, done, origin = std::move(origin)] {
      if (!origin.ok()) return done(origin.status());
      const bool peer = source && (source->host != options_.address.host ||
                                   source->data_port != options_.address.data_port);
      if (peer && CacheFromPeer(id, *source, *origin, done).ok()) return;
      auto read = std::make_shared<ColdRead>();
      read->options = {id, 0, origin->length_bytes(), std::nullopt};
      read->keep = read->only_to_keep = true;
      read->sink = [](std::string_view) { return absl::OkStatus(); };
      read->done = done;
      ReadKnown(std::move(read), *origin);
    });
  });
}

// Takes over done if it succeeds.
Status Worker::CacheFromPeer(BlockId id, const WorkerAddress& source,
                             const session::BlockOrigin& origin, const Done& done) {
  if (origin.length_bytes() <= 0) return CheckOrigin(origin);
  session::BlockSource block;
  block.set_block_id(static_cast<uint64_t>(id.value()));
  block.set_length_bytes(origin.length_bytes());
  auto* holder = block.add_holders();
  holder->set_host(source.host);
  holder->set_data_port(source.data_port);
  SPILLWAY_ASSIGN_OR_RETURN(const auto temp, store_->Create(id, 0, /*pin=*/false));
  SPILLWAY_RETURN_IF_ERROR(FetchBlock(block, 0, block.length_bytes(), [&](std::string_view data) {
    const iovec part{const_cast<char*>(data.data()), data.size()};
    return temp->Append(std::span(&part, 1));
  }));
  if (origin.crc_known() && temp->crc32c() != origin.crc32c()) {
    return MakeStatus(StatusCode::kDataLoss, "Block {} from {} does not match its checksum.",
                      id.value(), source.host);
  }
  SPILLWAY_ASSIGN_OR_RETURN(const StoredBlock stored, temp->Commit());
  CommitToMaster(stored, [this, id, done](const Status& status) {
    if (!status.ok()) (void)store_->Remove(id);
    done(status);
  });
  return absl::OkStatus();
}

Status Worker::FetchBlock(const session::BlockSource& source, int64_t offset, int64_t length,
                          const UnderStore::Sink& sink) {
  Status last = Unavailable("Block {} has no holder.", source.block_id());
  for (const auto& holder : source.holders()) {
    WorkerAddress address;
    address.host = holder.host();
    address.data_port = holder.data_port();
    BlockReadOptions options;
    options.block_id = BlockId(static_cast<int64_t>(source.block_id()));
    options.offset = offset;
    options.length_bytes = length;
    auto stream = peers_->Connect(address)->ReadBlock(options);
    if (!stream.ok()) {
      last = stream.status();
      continue;
    }
    int64_t read = 0;
    while (read < length) {
      const auto piece = (*stream)->Next();
      last = piece.status();
      if (last.ok() && piece->empty())
        last = Unavailable("{} ended the block early.", holder.host());
      if (last.ok() && static_cast<int64_t>(piece->size()) > length - read)
        last = Internal("{} sent more than it was asked for.", holder.host());
      if (!last.ok()) break;
      read += static_cast<int64_t>(piece->size());
      SPILLWAY_RETURN_IF_ERROR(sink(*piece));
    }
    if (read == length) return absl::OkStatus();
    if (read > 0) {  // the sink has them: no other holder can go on from here
      const bool corrupt = last.code() == StatusCode::kDataLoss;
      return MakeStatus(corrupt ? last.code() : StatusCode::kUnavailable,
                        "Block {} broke off after {} bytes: {}", source.block_id(), read,
                        Message(last));
    }
  }
  return last;
}

static BlockId StoredAs(const session::ReplicateBlock& command) {
  return BlockId(static_cast<int64_t>(command.store_as() != 0 ? command.store_as()
                                                              : command.block().block_id()));
}

// What was copied from there may be stored: it has the length and checksum that the master knows.
static Status CheckCopy(const session::BlockSource& source, const TempBlock& temp,
                        const std::string& from) {
  const bool wrong = temp.length_bytes() != source.length_bytes() ||
                     (source.crc_known() && temp.crc32c() != source.crc32c());
  if (!wrong || IsPlanted(PlantedBug::kChecksumIgnored)) return absl::OkStatus();
  return MakeStatus(StatusCode::kDataLoss,
                    "Block {} from {} does not match its checksum: {} bytes with CRC32C {:08x}, "
                    "not {} with {:08x}.",
                    source.block_id(), from, temp.length_bytes(), temp.crc32c(),
                    source.length_bytes(), source.crc32c());
}

// Tries one holder after the other until the bytes match the checksum.
StatusOr<StoredBlock> Worker::CopyFromHolders(const session::ReplicateBlock& command,
                                              std::vector<session::WorkerAddress>* bad) {
  const auto& source = command.block();
  Status last = Unavailable("Block {} has no holder.", source.block_id());
  for (const auto& holder : source.holders()) {
    SPILLWAY_ASSIGN_OR_RETURN(auto temp, store_->Create(StoredAs(command), 0, command.pinned()));
    session::BlockSource one = source;
    one.clear_holders();
    *one.add_holders() = holder;
    last = FetchBlock(one, 0, source.length_bytes(), [&](std::string_view data) {
      const iovec part{const_cast<char*>(data.data()), data.size()};
      return temp->Append(std::span(&part, 1));
    });
    if (last.ok()) last = CheckCopy(source, *temp, holder.host());
    if (last.code() == StatusCode::kDataLoss) bad->push_back(holder);
    if (last.ok()) return temp->Commit();
  }
  return last;
}

void Worker::CopyFromUnderStore(const session::ReplicateBlock& command,
                                std::vector<session::WorkerAddress> bad) {
  auto created = store_->Create(StoredAs(command), 0, command.pinned());
  if (!created.ok()) return EndReplicate(command, bad, created.status());
  const std::shared_ptr<TempBlock> temp = *std::move(created);
  BlockReadOptions read;
  read.block_id = BlockId(static_cast<int64_t>(command.block().block_id()));
  read.length_bytes = command.block().length_bytes();
  read.understore.emplace().no_cache = true;
  ReadFromUnderStore(
      read,
      [temp](std::string_view data) {
        const iovec part{const_cast<char*>(data.data()), data.size()};
        return temp->Append(std::span(&part, 1));
      },
      [this, temp, command, bad = std::move(bad)](Status status) {
        if (status.ok()) status = CheckCopy(command.block(), *temp, "the understore");
        EndReplicate(command, bad, status.ok() ? temp->Commit() : status);
      });
}

void Worker::EndReplicate(const session::ReplicateBlock& command,
                          const std::vector<session::WorkerAddress>& bad,
                          const StatusOr<StoredBlock>& stored) {
  const BlockId id = StoredAs(command);
  const uint64_t held = command.store_as() != 0 ? command.block().block_id() : 0;
  const auto report = [this, id, held, bad](const Status& status) {
    absl::MutexLock lock(&mutex_);
    session::WorkerMessage message;
    auto* result = message.mutable_replicate_result();
    result->set_block_id(static_cast<uint64_t>(id.value()));
    result->set_copied_from(held);
    result->set_code(static_cast<int>(status.code()));
    result->set_message(Message(status));
    for (const auto& holder : bad) *result->add_bad_holders() = holder;
    Send(std::move(message));
  };
  if (!stored.ok()) return report(stored.status());
  CommitToMaster(*stored, [this, id, report](const Status& status) {
    if (!status.ok() && status.code() != StatusCode::kUnavailable) (void)store_->Remove(id);
    report(status);
  });
}

void Worker::Replicate(const session::ReplicateBlock& command) {
  executor_->Post([this, command] {
    std::vector<session::WorkerAddress> bad;
    const auto stored = CopyFromHolders(command, &bad);
    if (stored.ok() || command.mount_id() == 0) return EndReplicate(command, bad, stored);
    CopyFromUnderStore(command, std::move(bad));
  });
}

}  // namespace spillway
