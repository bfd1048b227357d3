// Limits of what is below a directory. What is there is counted by the state itself (apply.cc), and
// only where there is a limit.
#include <algorithm>

#include "common/checked.h"
#include "common/path.h"
#include "master/master.h"

namespace spillway {

Status Master::CheckQuota(const std::vector<state::Inode>& chain, int64_t files, int64_t bytes,
                          const std::vector<state::Inode>& already) {
  std::string path;
  for (const state::Inode& inode : chain) {
    path = inode.name().empty() ? "/" : JoinPath(path, inode.name());
    if (!inode.has_quota()) continue;
    const bool within = std::any_of(already.begin(), already.end(),
                                    [&](const auto& other) { return other.id() == inode.id(); });
    if (within) continue;
    const state::Quota& quota = inode.quota();
    if (files > 0 && quota.files_max() > 0 &&
        SaturatingAdd(quota.files(), files) > quota.files_max())
      return spillway::MakeStatus(
          StatusCode::kResourceExhausted,
          "The quota of {} is {} files; there are {}. Delete some, or raise it (fsadmin quota).",
          path, quota.files_max(), quota.files());
    if (bytes > 0 && quota.bytes_max() > 0 &&
        SaturatingAdd(quota.bytes(), bytes) > quota.bytes_max())
      return spillway::MakeStatus(StatusCode::kResourceExhausted,
                                  "The quota of {} is {} bytes; there are {} and no room for {} "
                                  "more. Delete some, or raise "
                                  "it (fsadmin quota).",
                                  path, quota.bytes_max(), quota.bytes(), bytes);
  }
  return absl::OkStatus();
}

Outcome<Nothing> Master::SetQuota(const Caller& caller, const std::string& path, int64_t files_max,
                                  int64_t bytes_max) {
  absl::MutexLock lock(&mutex_);
  StateTxn txn(journal_);
  const auto fail = [&](const Status& status) { return Outcome<Nothing>{status, txn.depends()}; };
  const auto lookup = FindExisting(txn, path);
  if (!lookup.ok()) return fail(lookup.status());
  if (options_.permission_enabled && !IsSuperUser(caller))
    return fail(spillway::MakeStatus(StatusCode::kPermissionDenied,
                                     "Only a superuser may set quotas, not {}.", caller.user));
  if (files_max < 0 || bytes_max < 0) return fail(InvalidArgument("A quota is no less than 0."));
  state::Inode inode = lookup->last();
  if (!inode.is_directory())
    return fail(InvalidArgument("{} is a file: quotas are for directories.", path));
  inode.clear_quota();
  if (files_max > 0 || bytes_max > 0) {
    state::Quota* quota = inode.mutable_quota();
    quota->set_files_max(files_max);
    quota->set_bytes_max(bytes_max);
    int64_t files = 0;
    int64_t bytes = 0;
    (void)VisitSubtree(txn, lookup->last(), path, [&](const state::Inode& at, const std::string&) {
      if (at.is_directory()) return;
      ++files;
      bytes = SaturatingAdd(bytes, at.length_bytes());
    });
    quota->set_files(files);
    quota->set_bytes(bytes);
  }
  txn.Apply(
      MakeEntry([&](auto& entry) { *entry.mutable_inode_updated()->mutable_inode() = inode; }));
  return {Nothing(), txn.Commit()};
}

Outcome<std::vector<Quota>> Master::ListQuotas(const Caller& caller, const std::string& path) {
  absl::MutexLock lock(&mutex_);
  StateTxn txn(journal_);
  const auto lookup = FindReachable(txn, caller, path);
  if (!lookup.ok()) return {lookup.status(), txn.depends()};
  std::vector<Quota> quotas;
  if (txn.Cluster().quota_count() == 0) return {std::move(quotas), txn.depends()};
  (void)VisitSubtree(
      txn, lookup->last(), path, [&](const state::Inode& inode, const std::string& at) {
        if (!inode.has_quota()) return;
        const state::Quota& quota = inode.quota();
        quotas.push_back({at, quota.files_max(), quota.bytes_max(), quota.files(), quota.bytes()});
      });
  return {std::move(quotas), txn.depends()};
}

}  // namespace spillway
