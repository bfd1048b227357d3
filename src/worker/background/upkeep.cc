// What the worker does for its blocks between requests: verify them, find room for writes that
// wait, and leave in order.
#include <algorithm>

#include "api/folder_report.h"
#include "common/log.h"
#include "worker/worker.h"

namespace spillway {
namespace {

constexpr int64_t kScrubStepMsMax = 1000;
constexpr size_t kLostFilesTold = 200;  // of each folder

// Verifies a block, and counts what came of it. metrics may be null.
void VerifyOne(BlockStore* store, BlockId id, Metrics* metrics) {
  const Status status = store->Verify(id);
  if (!status.ok()) spdlog::warn("verifying block {}: {}", id.value(), Message(status));
  if (metrics == nullptr) return;
  const char* const outcome = status.ok()                              ? "sound"
                              : status.code() == StatusCode::kDataLoss ? "corrupt"
                                                                       : "unreadable";
  metrics
      ->Counter("spillway_worker_blocks_verified_total",
                "Blocks compared with their checksum where nobody read them, by outcome.",
                {{"outcome", outcome}})
      .Increment();
}

}  // namespace

void Worker::VerifyBlocks(std::vector<BlockId> ids) {
  executor_->Post([this, ids = std::move(ids)] {
    for (const BlockId id : ids) VerifyOne(store_, id, metrics_);
    absl::MutexLock lock(&mutex_);
    TellRemoved();
  });
}

void Worker::SuspectBlock(BlockId id) { VerifyBlocks({id}); }

void Worker::Scrub() {
  const int64_t now_ms = clock_->MonotonicMs();
  int64_t bytes = 0;
  bool probe = false;
  {
    absl::MutexLock lock(&mutex_);
    if (scrubbing_) return;
    const int64_t passed_ms = std::min(kScrubStepMsMax, now_ms - scrubbed_at_ms_);
    bytes = std::max<int64_t>(0, options_.scrub_bytes_per_second) * passed_ms / 1000;
    scrubbed_at_ms_ = now_ms;
    probe = now_ms - probed_at_ms_ >= options_.folder_probe_ms;
    if (probe) probed_at_ms_ = now_ms;
    if (bytes == 0 && !probe) return;
    scrubbing_ = true;
  }
  executor_->Post([this, bytes, probe] {
    for (const BlockId id : store_->NextToVerify(bytes)) VerifyOne(store_, id, metrics_);
    if (probe) {
      store_->ProbeFolders();
      store_->AgeFreeFiles();
    }
    absl::MutexLock lock(&mutex_);
    scrubbing_ = false;
    TellRemoved();
  });
}

void Worker::TellFolders() {
  if (!registered_) return;
  session::WorkerMessage message;
  auto* folders = message.mutable_folders();
  FillFolders(store_->Folders(), store_->LostFiles(kLostFilesTold), folders);
  std::string text = folders->SerializeAsString();
  if (text == told_folders_) return;
  told_folders_ = std::move(text);
  Send(std::move(message));
}

void Worker::ChangeLostFile(const session::ChangeLostFile& change) {
  executor_->Post([this, change] {
    const Status status = change.drop() ? store_->DropLost(change.folder(), change.name())
                                        : store_->RestoreLost(change.folder(), change.name());
    if (!status.ok()) spdlog::warn("a file set aside: {}", Message(status));
    absl::MutexLock lock(&mutex_);
    TellFolders();
  });
}

void Worker::WaitForRoom(WaitingWrite write) {
  {
    absl::MutexLock lock(&mutex_);
    if (!stopped_) {
      waiting_.push_back(std::move(write));
      anything_waits_ = true;
      return;
    }
  }
  write.attempt(/*last=*/true);
}

void Worker::RetryWaiting() {
  std::vector<WaitingWrite> waiting;
  {
    absl::MutexLock lock(&mutex_);
    if (waiting_.empty()) return;
    waiting.swap(waiting_);
    anything_waits_ = false;
  }
  const int64_t now_ms = clock_->MonotonicMs();
  for (WaitingWrite& write : waiting) {
    if (write.attempt(now_ms >= write.deadline_ms)) continue;
    WaitForRoom(std::move(write));
  }
}

void Worker::Leave() {
  {
    absl::MutexLock lock(&mutex_);
    leaving_ = true;
  }
  Tick();
}

bool Worker::safe_to_leave() {
  absl::MutexLock lock(&mutex_);
  return !registered_ || safe_to_leave_;
}

}  // namespace spillway
