#include "common/log.h"
#include "common/planted_bug.h"
#include "worker/worker.h"

namespace spillway {
void Worker::CacheBlock(BlockId id, int64_t length_bytes,
                        const std::optional<UnderStoreRange>& understore,
                        const std::optional<WorkerAddress>& source, Done done) {
  if (store_->Has(id)) return done(absl::OkStatus());
  executor_->Post([this, id, length_bytes, understore, source, done = std::move(done)] {
    const UnderStore::Sink nowhere = [](std::string_view) { return absl::OkStatus(); };
    if (source && *source != options_.address) {
      session::BlockSource block;
      block.set_block_id(static_cast<uint64_t>(id.value()));
      block.set_length_bytes(length_bytes);
      auto* holder = block.add_holders();
      holder->set_host(source->host);
      holder->set_data_port(source->data_port);
      auto temp = store_->Create(id, 0, /*pin=*/false);
      if (!temp.ok()) return done(temp.status());
      const Status fetched = FetchBlock(block, [&](std::string_view data) {
        const iovec part{const_cast<char*>(data.data()), data.size()};
        return (*temp)->Append(std::span(&part, 1));
      });
      if (fetched.ok()) {
        const auto stored = (*temp)->Commit();
        return stored.ok() ? CommitToMaster(*stored, done) : done(stored.status());
      }
      temp->reset();
    }
    if (!understore) return done(NotFound("Block {} can be read from nowhere.", id.value()));
    BlockReadOptions read{id, 0, length_bytes, understore};
    read.understore->no_cache = false;
    read.understore->block_length_bytes = length_bytes;
    done(ReadFromUnderStore(read, nowhere));
  });
}

Status Worker::FetchBlock(const session::BlockSource& source, const UnderStore::Sink& sink) {
  Status last = Unavailable("Block {} has no holder.", source.block_id());
  for (const auto& holder : source.holders()) {
    WorkerAddress address;
    address.host = holder.host();
    address.data_port = holder.data_port();
    BlockReadOptions options;
    options.block_id = BlockId(static_cast<int64_t>(source.block_id()));
    options.length_bytes = source.length_bytes();
    auto stream = peers_->Connect(address)->ReadBlock(options);
    if (!stream.ok()) {
      last = stream.status();
      continue;
    }
    int64_t read = 0;
    while (read < source.length_bytes()) {
      const auto piece = (*stream)->Next();
      last = piece.status();
      if (!piece.ok() || piece->empty()) break;
      read += static_cast<int64_t>(piece->size());
      SPILLWAY_RETURN_IF_ERROR(sink(*piece));
    }
    if (read == source.length_bytes()) return absl::OkStatus();
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

// Tries one holder after the other until the bytes match the checksum.
StatusOr<StoredBlock> Worker::CopyBlock(const session::ReplicateBlock& command,
                                        std::vector<session::WorkerAddress>* bad) {
  const auto& source = command.block();
  const BlockId held(static_cast<int64_t>(source.block_id()));
  const BlockId id = StoredAs(command);
  Status last = Unavailable("Block {} has no holder.", source.block_id());
  for (int i = 0; i <= source.holders_size(); ++i) {
    const bool understore = i == source.holders_size();
    if (understore && command.mount_id() == 0) break;
    SPILLWAY_ASSIGN_OR_RETURN(auto temp, store_->Create(id, 0, command.pinned()));
    const UnderStore::Sink sink = [&](std::string_view data) {
      const iovec part{const_cast<char*>(data.data()), data.size()};
      return temp->Append(std::span(&part, 1));
    };
    if (understore) {
      BlockReadOptions read{held, 0, source.length_bytes(), std::nullopt};
      read.understore = UnderStoreRange{MountId(command.mount_id()), command.uri(),
                                        command.offset_in_file(), source.length_bytes(), true};
      last = ReadFromUnderStore(read, sink);
    } else {
      session::BlockSource one = source;
      one.clear_holders();
      *one.add_holders() = source.holders(i);
      last = FetchBlock(one, sink);
    }
    const bool wrong = source.crc_known() && temp->crc32c() != source.crc32c();
    if (last.ok() && wrong && !IsPlanted(PlantedBug::kChecksumIgnored)) {
      last = MakeStatus(StatusCode::kDataLoss, "Block {} from {} does not match its checksum.",
                        source.block_id(), understore ? "S3" : source.holders(i).host());
    }
    if (!understore && last.code() == StatusCode::kDataLoss) bad->push_back(source.holders(i));
    if (last.ok()) return temp->Commit();
  }
  return last;
}

void Worker::Replicate(const session::ReplicateBlock& command) {
  executor_->Post([this, command] {
    const BlockId id = StoredAs(command);
    const uint64_t held = command.store_as() != 0 ? command.block().block_id() : 0;
    std::vector<session::WorkerAddress> bad;
    const auto stored = CopyBlock(command, &bad);
    const auto report = [this, id, held, bad](Status status) {
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
    CommitToMaster(*stored, [this, id, report](Status status) {
      if (!status.ok() && status.code() != StatusCode::kUnavailable) (void)store_->Remove(id);
      report(status);
    });
  });
}

}  // namespace spillway
