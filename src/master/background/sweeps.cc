// Uploads that were begun and are not wanted any more, and files whose time is over.
#include "common/log.h"
#include "common/path.h"
#include "master/master.h"

namespace spillway {
namespace {

constexpr size_t kBatch = 1000;
constexpr int64_t kRetryMs = 1000;

}  // namespace

void Master::OrphanUpload(StateTxn& txn, MountId mount, const std::string& key,
                          const std::string& upload_id) {
  txn.Apply(MakeEntry([&](auto& entry) {
    auto* upload = entry.mutable_upload_orphaned()->mutable_upload();
    upload->set_mount_id(mount.value());
    upload->set_key(key);
    upload->set_upload_id(upload_id);
  }));
  orphans_pending_ = true;
}

bool Master::OrphanUploadOf(StateTxn& txn, state::PersistJob& job) {
  if (job.upload_key().empty()) return false;
  OrphanUpload(txn, MountId(job.upload_mount_id()), job.upload_key(), job.upload_id());
  job.clear_upload_id();
  job.clear_upload_key();
  return true;
}

void Master::SweepOrphans() {
  std::vector<std::pair<state::OrphanUpload, std::shared_ptr<UnderStore>>> orphans;
  bool left = false;
  {
    absl::MutexLock lock(&mutex_);
    orphans_pending_ = false;
    StateTxn txn(journal_);
    for (auto& upload : txn.OrphanUploads()) {
      const std::string busy = BusyName(MountId(upload.mount_id()), upload.key());
      // Parts of an aborted upload that are still on their way would stay, and be paid for.
      if (busy_keys_.count(busy) > 0) {
        left = true;
        continue;
      }
      busy_keys_.insert(busy);
      orphans.emplace_back(upload, UnderStoreOf(MountId(upload.mount_id())));
    }
  }
  for (const auto& orphan : orphans) {
    const state::OrphanUpload& upload = orphan.first;
    const Status status = AbortOrphan(upload, orphan.second->once());
    if (!status.ok()) {
      spdlog::warn("aborting upload {} of {} failed: {}", upload.upload_id(), upload.key(),
                   Message(status));
      left = true;
    }
    absl::MutexLock lock(&mutex_);
    FreeKey(BusyName(MountId(upload.mount_id()), upload.key()));
    if (!status.ok()) continue;
    StateTxn txn(journal_);
    txn.Apply(MakeEntry([&](auto& entry) {
      entry.mutable_upload_aborted()->set_upload_id(upload.upload_id());
      entry.mutable_upload_aborted()->set_mount_id(upload.mount_id());
      entry.mutable_upload_aborted()->set_key(upload.key());
    }));
    txn.Commit();
  }
  absl::MutexLock lock(&mutex_);
  sweeping_orphans_ = false;
  if (!left) return;
  orphans_pending_ = true;
  next_sweep_ms_ = clock_->MonotonicMs() + kRetryMs;
}

Status Master::AbortOrphan(const state::OrphanUpload& upload, UnderStore* store) {
  if (!upload.upload_id().empty()) return store->AbortMultipart(upload.key(), upload.upload_id());
  SPILLWAY_ASSIGN_OR_RETURN(const auto uploads, store->ListUploads(upload.key()));
  for (const OpenUpload& open : uploads) {
    if (open.key != upload.key()) continue;
    SPILLWAY_RETURN_IF_ERROR(store->AbortMultipart(open.key, open.upload_id));
  }
  return absl::OkStatus();
}

void Master::CheckTtl() {
  // Expired files are found by a walk of the namespace, a page at a time, without holding up
  // others.
  const Caller superuser{options_.superuser, {options_.supergroup}};
  ListOptions options;
  options.recursive = true;
  options.blocks = false;
  ListCursor cursor;
  while (!cursor.done) {
    const auto page = ListStatus(superuser, "/", options, kBatch, &cursor);
    if (!page.result.ok()) return;
    for (const FileStatus& status : *page.result) {
      // A time to live may be as long as the type goes: nothing is added to it.
      if (status.ttl_ms < 0 || status.ttl_ms > clock_->NowMs() - status.creation_time_ms) continue;
      if (status.ttl_action == TtlAction::kFree) {
        (void)Free(superuser, status.path, true, true);
      } else {
        RemoveOptions remove;
        remove.recursive = true;
        remove.alluxio_only = status.ttl_action == TtlAction::kDeleteAlluxio;
        (void)Remove(superuser, status.path, remove);
      }
    }
    if (cursor.load) return;  // what was never loaded has no time to live
  }
}

}  // namespace spillway
