#include <algorithm>

#include "common/checked.h"
#include "common/names.h"
#include "master/master.h"
#include "master/state/replication.h"

namespace spillway {
namespace {

void UpdateXattr(const SetAttributeOptions& options, state::Inode* inode) {
  using Strategy = SetAttributeOptions::XattrStrategy;
  auto& xattr = *inode->mutable_xattr();
  if (options.xattr_strategy == Strategy::kTruncate) xattr.clear();
  for (const auto& [name, value] : options.xattr) {
    if (options.xattr_strategy == Strategy::kDeleteKeys) {
      xattr.erase(name);
    } else if (options.xattr_strategy != Strategy::kUnionPreserve || xattr.count(name) == 0) {
      xattr[name] = value;
    }
  }
}

void UpdateInode(const SetAttributeOptions& options, int64_t now_ms, state::Inode* inode) {
  if (options.owner) inode->set_owner(*options.owner);
  if (options.group) inode->set_group(*options.group);
  if (options.mode) inode->set_mode(static_cast<uint32_t>(*options.mode));
  if (options.ttl_ms) inode->set_ttl_ms(*options.ttl_ms);
  if (options.ttl_action) inode->set_ttl_action(static_cast<state::TtlAction>(*options.ttl_action));
  if (options.set_xattr) UpdateXattr(options, inode);
  if (options.replication_max) inode->set_replication_max(*options.replication_max);
  if (options.replication_min) {
    inode->set_replication_min(*options.replication_min);
    inode->set_pinned(*options.replication_min > 0);
  }
  if (options.pinned) {
    inode->set_pinned(*options.pinned);
    if (!inode->is_directory()) {
      inode->set_replication_min(*options.pinned ? std::max(1, inode->replication_min()) : 0);
      if (*options.pinned && inode->replication_max() == 0) inode->set_replication_max(-1);
    }
  }
  inode->set_last_modification_time_ms(std::max(inode->last_modification_time_ms(), now_ms));
}

Status CheckNames(const SetAttributeOptions& options) {
  SPILLWAY_RETURN_IF_ERROR(CheckText("The owner", options.owner.value_or(""), kPrincipalBytesMax));
  SPILLWAY_RETURN_IF_ERROR(CheckText("The group", options.group.value_or(""), kPrincipalBytesMax));
  return CheckKeys("The key of an extended attribute", options.xattr);
}

}  // namespace

Outcome<Nothing> Master::SetAttribute(const Caller& caller, const std::string& path,
                                      const SetAttributeOptions& options) {
  if (Status status = CheckNames(options); !status.ok()) return {status, LogIndex()};
  Status sound =
      CheckReplication(options.replication_min.value_or(0), options.replication_max.value_or(-1));
  if (sound.ok()) sound = InRange(options.mode.value_or(0), 0, 07777, "a mode").status();
  if (!sound.ok()) return {sound, LogIndex()};
  absl::MutexLock lock(&mutex_);
  StateTxn txn(journal_, &operations_);
  if (FindOperation(txn, options.operation_id)) return {Nothing(), txn.depends()};
  const auto lookup = FindReachable(txn, caller, path);
  if (!lookup.ok()) return {lookup.status(), txn.depends()};
  const bool recursive = options.recursive || options.pinned.has_value();
  std::vector<state::Inode> targets;
  Status status;
  (void)VisitSubtree(
      txn, lookup->last(), path, [&](const state::Inode& inode, const std::string& at) {
        if (at != path && !recursive) return;
        const int min = options.replication_min.value_or(inode.replication_min());
        const int max = options.replication_max.value_or(inode.replication_max());
        if (!inode.is_directory() && (options.replication_min || options.replication_max) &&
            max >= 0 && min > max) {
          status = Internal(
              "Cannot set min and max replication to be {} and {}: min must be smaller or equal "
              "than "
              "max",
              min, max);
        }
        const bool owner_only = options.group || options.mode || options.owner;
        if (options_.permission_enabled && !IsSuperUser(caller)) {
          if (options.owner && *options.owner != inode.owner()) {
            status = spillway::MakeStatus(StatusCode::kPermissionDenied,
                                          "Only a superuser may change the owner of {}", at);
          } else {
            const Status allowed =
                owner_only ? CheckOwner(caller, inode, at) : CheckBits(caller, inode, kWrite, at);
            if (!allowed.ok()) status = allowed;
          }
        }
        targets.push_back(inode);
      });
  if (!status.ok()) return {status, txn.depends()};
  for (state::Inode& inode : targets) {
    UpdateInode(options, clock_->NowMs(), &inode);
    txn.Apply(
        MakeEntry([&](auto& entry) { *entry.mutable_inode_updated()->mutable_inode() = inode; }));
  }
  RememberOperation(txn, options.operation_id, InodeId(lookup->last().id()));
  const LogIndex index = txn.Commit();
  if (options.pinned || options.replication_min || options.replication_max) {
    for (const state::Inode& inode : targets) {
      CheckCopiesOf(inode);
      for (int i = 0; i < inode.blocks_size(); ++i) {
        const BlockId block = BlockIdOf(InodeId(inode.id()), i);
        const bool pin = inode.pinned() || inode.persistence_state() == state::TO_BE_PERSISTED;
        for (const auto& location : cluster_.Locations(block))
          SendPin(location.worker_id, {block}, pin);
      }
    }
  }
  return {Nothing(), index};
}

}  // namespace spillway
