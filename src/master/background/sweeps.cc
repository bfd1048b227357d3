// What the understore still holds and nobody wants: objects of deleted files, abandoned uploads.
#include <algorithm>

#include "common/log.h"
#include "common/path.h"
#include "master/master.h"

namespace spillway {
namespace {

constexpr size_t kBatch = 1000;
constexpr int64_t kRetryMs = 1000;

}  // namespace

void Master::OrphanUpload(StateTxn& txn, MountId mount, const std::string& key, const std::string& upload_id) {
  txn.Apply(MakeEntry([&](auto& entry) {
    auto* upload = entry.mutable_upload_orphaned()->mutable_upload();
    upload->set_mount_id(mount.value());
    upload->set_key(key);
    upload->set_upload_id(upload_id);
  }));
  orphans_pending_ = true;
}

void Master::SweepDeletes() {
  std::map<MountId, std::vector<std::string>> objects;
  std::vector<state::PendingDelete> folders;
  LogIndex durable;
  size_t seen = 0;
  {
    absl::MutexLock lock(&mutex_);
    StateTxn txn(journal_);
    const auto pending = txn.PendingDeletes(kBatch);
    seen = pending.size();
    for (const auto& record : pending) {
      const MountId mount(record.mount_id());
      const std::string busy = BusyName(mount, record.key());
      if (busy_keys_.count(busy) > 0 || relocation_sources_.count(busy) > 0) continue;
      const auto found = mounts_.find(mount);
      const std::string path = found == mounts_.end() ? "" : JoinPath(found->second.path(), record.key());
      const Lookup lookup = Find(txn, path);
      if (record.is_directory()) {
        if (!lookup.found()) folders.push_back(record);
        if (!lookup.found()) continue;
      }
      if (lookup.found() && !record.is_directory()) {
        const auto task = tasks_.find(InodeId(lookup.last().id()));
        const bool will_replace = task != tasks_.end() && !task->second->parked && task->second->kind == state::UPLOAD;
        const bool owns = lookup.last().has_object() && lookup.last().object().key() == record.key();
        if (will_replace) continue;
        if (!owns) {
          busy_keys_.insert(busy);
          objects[mount].push_back(record.key());
          continue;
        }
      } else if (!record.is_directory()) {
        busy_keys_.insert(busy);
        objects[mount].push_back(record.key());
        continue;
      }
      txn.Apply(MakeEntry([&](auto& entry) {
        entry.mutable_delete_done()->set_mount_id(record.mount_id());
        entry.mutable_delete_done()->set_key(record.key());
      }));
    }
    durable = txn.Commit();
  }
  // Deepest folders first; a folder that is not empty (others wrote there) stays.
  std::sort(folders.begin(), folders.end(),
            [](const auto& a, const auto& b) { return a.key().size() > b.key().size(); });
  // Deletes are carried out only once the operation that asked for them is durable.
  executor_->Post([this, objects = std::move(objects), folders = std::move(folders), durable, seen] {
    journal_->WhenDurable(durable, [this, objects, folders, seen] {
      executor_->Post([this, objects, folders, seen] {
        size_t done = 0;
        bool failed = false;
        for (const auto& [mount, keys] : objects) {
          std::shared_ptr<UnderStore> store;
          {
            absl::MutexLock lock(&mutex_);
            store = UnderStoreOf(mount);
          }
          auto failures = store == nullptr ? std::vector<DeleteFailure>() : store->Delete(keys);
          absl::MutexLock lock(&mutex_);
          StateTxn txn(journal_);
          for (const std::string& key : keys) {
            busy_keys_.erase(BusyName(mount, key));
            const bool bad = !failures.ok() || std::any_of(failures->begin(), failures->end(), [&](const auto& f) {
              return f.key == key;
            });
            failed = failed || bad;
            if (bad) continue;
            ++done;
            txn.Apply(MakeEntry([&](auto& entry) {
              entry.mutable_delete_done()->set_mount_id(mount.value());
              entry.mutable_delete_done()->set_key(key);
            }));
          }
          if (!failures.ok()) spdlog::warn("deleting objects failed: {}", Message(failures.status()));
          txn.Commit();
        }
        for (const auto& folder : folders) {
          std::shared_ptr<UnderStore> store;
          {
            absl::MutexLock lock(&mutex_);
            store = UnderStoreOf(MountId(folder.mount_id()));
          }
          if (store != nullptr) (void)store->RemoveDirectory(folder.key());
          absl::MutexLock lock(&mutex_);
          StateTxn txn(journal_);
          txn.Apply(MakeEntry([&](auto& entry) {
            entry.mutable_delete_done()->set_mount_id(folder.mount_id());
            entry.mutable_delete_done()->set_key(folder.key());
          }));
          txn.Commit();
        }
        absl::MutexLock lock(&mutex_);
        sweeping_deletes_ = false;
        // Some may wait for a busy key: look again, soon if there was progress.
        if (seen == 0) deletes_pending_ = false;
        next_sweep_ms_ = clock_->MonotonicMs() + (failed ? kRetryMs : done > 0 ? 0 : kRetryMs / 10);
      });
    });
  });
}

void Master::SweepOrphans() {
  std::vector<std::pair<state::OrphanUpload, std::shared_ptr<UnderStore>>> orphans;
  {
    absl::MutexLock lock(&mutex_);
    StateTxn txn(journal_);
    for (auto& upload : txn.OrphanUploads()) {
      orphans.emplace_back(upload, UnderStoreOf(MountId(upload.mount_id())));
    }
  }
  bool failed = false;
  for (const auto& [upload, store] : orphans) {
    const Status status = store == nullptr ? absl::OkStatus() : store->AbortMultipart(upload.key(), upload.upload_id());
    if (!status.ok()) {
      spdlog::warn("aborting upload {} failed: {}", upload.upload_id(), Message(status));
      failed = true;
      continue;
    }
    absl::MutexLock lock(&mutex_);
    StateTxn txn(journal_);
    txn.Apply(MakeEntry([&](auto& entry) { entry.mutable_upload_aborted()->set_upload_id(upload.upload_id()); }));
    txn.Commit();
  }
  absl::MutexLock lock(&mutex_);
  sweeping_orphans_ = false;
  orphans_pending_ = failed;
  if (failed) next_sweep_ms_ = clock_->MonotonicMs() + kRetryMs;
}

void Master::CheckTtl() {
  // Expired files are found by a walk of the namespace, a page at a time, without holding up others.
  const Caller superuser{options_.superuser, {options_.supergroup}};
  ListOptions options;
  options.recursive = true;
  options.blocks = false;
  ListCursor cursor;
  while (!cursor.done) {
    const auto page = ListStatus(superuser, "/", options, kBatch, &cursor);
    if (!page.result.ok()) return;
    for (const FileStatus& status : *page.result) {
      if (status.ttl_ms < 0 || status.creation_time_ms + status.ttl_ms > clock_->NowMs()) continue;
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
