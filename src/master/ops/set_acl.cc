#include "common/names.h"
#include "master/state/acl.h"

#include "master/master.h"

namespace spillway {

Outcome<Nothing> Master::SetAcl(const Caller& caller, const std::string& path, AclAction action,
                                const std::vector<AclEntry>& entries, bool recursive) {
  for (const AclEntry& entry : entries) {
    if (Status status = CheckText("The subject of an ACL", entry.subject, kPrincipalBytesMax);
        !status.ok())
      return {status, LogIndex()};
  }
  absl::MutexLock lock(&mutex_);
  StateTxn txn(journal_);
  const auto lookup = FindReachable(txn, caller, path);
  if (!lookup.ok()) return {lookup.status(), txn.depends()};
  std::vector<state::Inode> targets;
  Status status;
  (void)VisitSubtree(txn, lookup->last(), path,
                     [&](const state::Inode& inode, const std::string& at) {
                       if (!status.ok() || (at != path && !recursive)) return;
                       status = CheckOwner(caller, inode, at);
                       state::Inode changed = inode;
                       // Files below a directory have no defaults.
                       std::vector<AclEntry> own = entries;
                       if (at != path && !inode.is_directory())
                         std::erase_if(own, [](const AclEntry& entry) { return entry.is_default; });
                       if (status.ok()) status = ChangeAcl(action, own, &changed);
                       targets.push_back(std::move(changed));
                     });
  if (!status.ok()) return {status, txn.depends()};
  for (const state::Inode& inode : targets) {
    txn.Apply(
        MakeEntry([&](auto& entry) { *entry.mutable_inode_updated()->mutable_inode() = inode; }));
  }
  return {Nothing(), txn.Commit()};
}

}  // namespace spillway
