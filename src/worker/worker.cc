#include "worker/worker.h"

#include "common/log.h"

namespace spillway {

Worker::Worker(WorkerOptions options, WorkerContext context)
    : options_(std::move(options)),
      clock_(context.clock),
      executor_(context.executor),
      store_(context.store),
      peers_(context.peers),
      metrics_(context.metrics),
      open_understore_(std::move(context.open_understore)),
      small_files_({clock_, store_, peers_,
                    [this](uint64_t session_number, session::WorkerMessage message) {
                      return SendIn(session_number, std::move(message));
                    },
                    [this](const StoredBlock& block, Done done) {
                      CommitToMaster(block, std::move(done));
                    }}) {
  store_->OnSpaceFreed([this] {
    if (anything_waits_) executor_->Post([this] { RetryWaiting(); });
  });
}

Worker::~Worker() { store_->OnSpaceFreed(nullptr); }

StatusOr<std::shared_ptr<UnderStore>> Worker::UnderStoreOf(MountId mount) {
  absl::MutexLock lock(&mutex_);
  const auto it = mounts_.find(mount);
  if (it == mounts_.end())
    return Unavailable("Mount {} is not known to this worker (yet).", mount.value());
  if (it->second.store == nullptr) {
    SPILLWAY_ASSIGN_OR_RETURN(it->second.store,
                              open_understore_(it->second.uri, it->second.properties));
  }
  return it->second.store;
}

StatusOr<std::string> Worker::KeyOf(MountId mount, const std::string& uri) {
  absl::MutexLock lock(&mutex_);
  const auto it = mounts_.find(mount);
  if (it == mounts_.end())
    return Unavailable("Mount {} is not known to this worker (yet).", mount.value());
  const std::string root = it->second.uri == "/" ? "/" : it->second.uri + "/";
  if (uri.rfind(root, 0) != 0 || uri.find("/../") != std::string::npos) {
    return InvalidArgument("{} does not lie in mount {} ({}).", uri, mount.value(), it->second.uri);
  }
  return uri.substr(root.size());
}

int64_t Worker::silent_ms() {
  absl::MutexLock lock(&mutex_);
  return heartbeats_.empty() ? 0 : clock_->MonotonicMs() - heartbeats_.begin()->second;
}

Status Worker::RemoveBlock(BlockId id) {
  SPILLWAY_RETURN_IF_ERROR(store_->Remove(id, /*pinned_too=*/false));
  absl::MutexLock lock(&mutex_);
  session::WorkerMessage message;
  message.mutable_blocks_removed()->add_block_ids(static_cast<uint64_t>(id.value()));
  Send(std::move(message));
  return absl::OkStatus();
}

void Worker::FreeAll() {
  for (const StoredBlock& block : store_->All()) {
    if (!block.pinned) (void)RemoveBlock(block.id);  // pinned meanwhile: it stays
  }
}

}  // namespace spillway
