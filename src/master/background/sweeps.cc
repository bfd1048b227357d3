// Uploads that were begun and are not wanted any more, and files whose time is over.
#include <algorithm>

#include "common/log.h"
#include "common/path.h"
#include "master/background/store_retry.h"
#include "master/master.h"
#include "master/state/keys.h"

namespace spillway {
namespace {

constexpr size_t kSweptAtOnce = 1000;
constexpr int64_t kStampMs = 1000;  // stores say the second in which an upload was begun

// True if the upload that upload means may be this one. What was begun before it was wanted, or
// when it could not come any more, or nobody knows when, is somebody else's.
bool MayBe(const state::OrphanUpload& upload, const OpenUpload& open) {
  return open.key == upload.key() &&
         open.initiated_at_ms / kStampMs >= upload.begun_at_ms() / kStampMs &&
         open.initiated_at_ms <= upload.unknown_until_ms() && open.initiated_at_ms > 0;
}

std::string NameOf(const state::OrphanUpload& upload) {
  return keys::OrphanKey(upload.upload_id(), MountId(upload.mount_id()), upload.key());
}

Status AbortOrphan(const state::OrphanUpload& upload, UnderStore* store) {
  if (!upload.upload_id().empty()) return store->AbortMultipart(upload.key(), upload.upload_id());
  SPILLWAY_ASSIGN_OR_RETURN(const auto uploads, store->ListUploads(upload.key()));
  for (const OpenUpload& open : uploads) {
    if (!MayBe(upload, open)) continue;
    SPILLWAY_RETURN_IF_ERROR(store->AbortMultipart(open.key, open.upload_id));
  }
  return absl::OkStatus();
}

// Makes master know all that the understore holds below path; a delete would leave the rest there.
Status LoadBelow(Master* master, const Caller& caller, const std::string& path) {
  while (const auto directory = master->DirectoryToLoad(path, true))
    SPILLWAY_RETURN_IF_ERROR(master->LoadDirectory(*directory));
  ListOptions options;
  options.recursive = true;
  options.blocks = false;
  ListCursor cursor;
  while (!cursor.done) {
    const auto page = master->ListStatus(caller, path, options, kSweptAtOnce, &cursor);
    SPILLWAY_RETURN_IF_ERROR(page.result.status());
    if (cursor.load) SPILLWAY_RETURN_IF_ERROR(master->LoadDirectory(*cursor.load));
  }
  return absl::OkStatus();
}

Status Expire(Master* master, const Caller& caller, const FileStatus& status) {
  if (status.ttl_action == TtlAction::kFree)
    return master->Free(caller, status.path, true, true).result.status();
  RemoveOptions remove;
  remove.recursive = true;
  remove.alluxio_only = status.ttl_action == TtlAction::kDeleteAlluxio;
  if (status.is_directory && !remove.alluxio_only)
    SPILLWAY_RETURN_IF_ERROR(LoadBelow(master, caller, status.path));
  return master->Remove(caller, status.path, remove).result.status();
}

}  // namespace

void Master::OrphanUpload(StateTxn& txn, MountId mount, const std::string& key,
                          const std::string& upload_id, int64_t begun_at_ms) {
  state::OrphanUpload upload;
  upload.set_mount_id(mount.value());
  upload.set_key(key);
  upload.set_upload_id(upload_id);
  if (upload_id.empty()) {
    const auto before = txn.GetOrphanUpload(upload);
    upload.set_begun_at_ms(before ? std::min(before->begun_at_ms(), begun_at_ms) : begun_at_ms);
    upload.set_unknown_until_ms(clock_->NowMs() + options_.unknown_outcome_ms);
  }
  orphan_waits_.erase(NameOf(upload));
  txn.Apply(
      MakeEntry([&](auto& entry) { *entry.mutable_upload_orphaned()->mutable_upload() = upload; }));
  orphans_pending_ = true;
}

bool Master::OrphanUploadOf(StateTxn& txn, state::PersistJob& job) {
  if (job.upload_key().empty()) return false;
  // Jobs of older versions do not say when their upload began: not before it was asked for.
  const int64_t begun_at_ms =
      job.upload_begun_at_ms() > 0 ? job.upload_begun_at_ms() : job.requested_at_ms();
  OrphanUpload(txn, MountId(job.upload_mount_id()), job.upload_key(), job.upload_id(), begun_at_ms);
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
    const int64_t now_ms = clock_->MonotonicMs();
    for (auto& upload : txn.OrphanUploads()) {
      const auto wait = orphan_waits_.find(NameOf(upload));
      const std::string busy = BusyName(MountId(upload.mount_id()), upload.key());
      // Parts of an aborted upload that are still on their way would stay, and be paid for.
      if (busy_keys_.count(busy) > 0 ||
          (wait != orphan_waits_.end() && wait->second.next_ms > now_ms)) {
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
    }
    absl::MutexLock lock(&mutex_);
    FreeKey(BusyName(MountId(upload.mount_id()), upload.key()));
    StateTxn txn(journal_);
    const auto now = txn.GetOrphanUpload(upload);
    // Asked for anew meanwhile: another upload at the same key.
    const bool anew = now && now->SerializeAsString() != upload.SerializeAsString();
    // It may begin later than it was looked for.
    if (!status.ok() || anew || upload.unknown_until_ms() > clock_->NowMs()) {
      left = true;
      if (anew) continue;
      DeleteWait& wait = orphan_waits_[NameOf(upload)];
      wait.next_ms = clock_->MonotonicMs() + StoreRetryDelayMs(wait.attempts++);
      continue;
    }
    orphan_waits_.erase(NameOf(upload));
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
  next_orphans_ms_ = clock_->MonotonicMs() + kStoreRetryMs;
}

// Expired files are found by a walk of the namespace, a page at a time, without holding up
// others. What was never loaded has no time to live; the walk passes it, and what cannot be
// removed now.
void Master::CheckTtl() {
  const Caller superuser{options_.superuser, {options_.supergroup}};
  ListOptions options;
  options.recursive = true;
  options.blocks = false;
  options.load_type = LoadType::kNever;
  ListCursor cursor;
  int64_t failed = 0;
  Status first;
  while (!cursor.done) {
    const auto page = ListStatus(superuser, "/", options, kSweptAtOnce, &cursor);
    if (!page.result.ok()) {
      spdlog::error("the search for files whose time to live is over broke off behind /{}: {}",
                    cursor.after, Message(page.result.status()));
      return;
    }
    for (const FileStatus& status : *page.result) {
      // A time to live may be as long as the type goes: nothing is added to it.
      if (status.ttl_ms < 0 || status.ttl_ms > clock_->NowMs() - status.creation_time_ms) continue;
      const Status expired = Expire(this, superuser, status);
      // An ancestor may have gone before it.
      if (expired.ok() || expired.code() == StatusCode::kNotFound) continue;
      if (failed++ == 0) first = Annotate(expired, status.path);
    }
  }
  if (failed > 0) {
    spdlog::warn(
        "the time to live of {} paths is over, but they could not be removed; {}. They "
        "are tried again in {} s.",
        failed, Message(first), options_.ttl_check_interval_ms / 1000);
  }
}

}  // namespace spillway
