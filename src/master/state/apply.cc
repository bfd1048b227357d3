// What each journal entry does to the state.
#include <algorithm>

#include "common/checked.h"
#include "common/log.h"
#include "master/state/keys.h"
#include "master/state/own_objects.h"
#include "master/state/replication.h"
#include "master/state/state_txn.h"

namespace spillway {
namespace {

// What can be done for an entry whose inode is missing. Entries are made of what was read a moment
// before, so that one without a record is a mistake; one whose record is damaged is left alone.
void NoInode(StateTxn* txn, InodeId id, const char* entry) {
  if (!txn->Exists(id)) Panic(std::string(entry) + " names an inode that does not exist");
}

template <typename Record>
std::string OrphanKeyOf(const Record& record) {
  return keys::OrphanKey(record.upload_id(), MountId(record.mount_id()), record.key());
}

}  // namespace

void StateTxn::Apply(journal::JournalEntry entry) {
  using Case = journal::JournalEntry::EntryCase;
  switch (entry.entry_case()) {
    case Case::kClusterFormatted:
      return ApplyFormatted(entry.cluster_formatted());
    case Case::kInodeCreated:
      return ApplyCreated(entry.inode_created());
    case Case::kFileCompleted:
      return ApplyCompleted(entry.file_completed());
    case Case::kInodeRenamed:
      return ApplyRenamed(entry.inode_renamed());
    case Case::kInodeDeleted:
      return ApplyDeleted(entry.inode_deleted());
    case Case::kInodeUpdated:
      return ApplyUpdated(entry.inode_updated());
    case Case::kPersistScheduled:
      return ApplyScheduled(entry.persist_scheduled());
    case Case::kPersisted:
      return ApplyPersisted(entry.persisted());
    case Case::kOperationDone:
      return ApplyOperation(entry.operation_done());
    case Case::kContainerIdsReserved:
      return ApplyReserved(entry.container_ids_reserved());
    case Case::kRecordDropped:
      return ApplyDropped(entry.record_dropped());
    default:
      return ApplyRest(entry);
  }
}

StateTxn::Indexed StateTxn::IndexedOf(const state::Inode& inode) {
  if (inode.is_directory()) return {};
  return {!inode.completed(), IsReplicated(inode)};
}

void StateTxn::Reindex(InodeId id, Indexed before, Indexed now) {
  const auto index = [&](const std::string& key, bool was, bool is) {
    if (is && !was) batch_[key] = "";
    if (was && !is) Erase(key);
  };
  index(keys::IncompleteKey(id), before.incomplete, now.incomplete);
  index(keys::ReplicatedKey(id), before.replicated, now.replicated);
}

void StateTxn::PutInode(const state::Inode& inode, Indexed before) {
  Put(keys::InodeKey(InodeId(inode.id())), inode);
  Reindex(InodeId(inode.id()), before, IndexedOf(inode));
}

template <typename F>
void StateTxn::ChangeInode(InodeId id, const char* entry, F&& change) {
  auto inode = GetInode(id);
  if (!inode) return NoInode(this, id, entry);
  const Indexed before = IndexedOf(*inode);
  change(*inode);
  PutInode(*inode, before);
}

void StateTxn::ApplyFormatted(const journal::ClusterFormatted& entry) {
  auto& cluster = ChangeCluster();
  cluster.set_format_version(entry.format_version());
  cluster.set_cluster_id(entry.cluster_id());
  cluster.set_created_at_ms(entry.op_time_ms());
  cluster.set_next_container_id(1 << 16);  // clear of directory ids, which are small numbers
  cluster.set_next_directory_id(1);
  cluster.set_next_generation(1);
  cluster.set_next_mount_id(1);
  cluster.set_next_worker_id(1);
}

void StateTxn::TouchParent(InodeId parent, int64_t child_delta, int64_t op_time_ms) {
  ChangeInode(parent, "an entry", [&](state::Inode& inode) {
    inode.set_child_count(inode.child_count() + child_delta);
    inode.set_last_modification_time_ms(std::max(inode.last_modification_time_ms(), op_time_ms));
  });
}

void StateTxn::ChargeQuotas(InodeId parent, int64_t files, int64_t bytes) {
  if (Cluster().quota_count() == 0) return;
  for (InodeId at = parent;;) {
    auto inode = GetInode(at);
    if (!inode) return NoInode(this, at, "a quota");
    if (inode->has_quota()) {
      const auto charged = [](int64_t before, int64_t more) {
        return std::max<int64_t>(0, SaturatingAdd(before, more));
      };
      inode->mutable_quota()->set_files(charged(inode->quota().files(), files));
      inode->mutable_quota()->set_bytes(charged(inode->quota().bytes(), bytes));
      PutInode(*inode, Indexed());
    }
    if (at == kRootInodeId) return;
    at = InodeId(inode->parent_id());
  }
}

void StateTxn::ApplyCreated(const journal::InodeCreated& entry) {
  const state::Inode& inode = entry.inode();
  const InodeId id(inode.id());
  PutInode(inode, Indexed());
  auto& cluster = ChangeCluster();
  if (inode.is_directory()) {
    cluster.set_next_directory_id(std::max(cluster.next_directory_id(), inode.id() + 1));
  } else {
    cluster.set_next_container_id(std::max(cluster.next_container_id(), (inode.id() >> 24) + 1));
    cluster.set_file_count(cluster.file_count() + 1);
  }
  cluster.set_next_generation(std::max(cluster.next_generation(), inode.generation() + 1));
  if (id == kRootInodeId) return;
  std::string child;
  keys::AppendBigEndian(static_cast<uint64_t>(inode.id()), &child);
  batch_[keys::ChildKey(InodeId(inode.parent_id()), inode.name())] = child;
  TouchParent(InodeId(inode.parent_id()), 1, inode.creation_time_ms());
  if (!inode.is_directory()) ChargeQuotas(InodeId(inode.parent_id()), 1, inode.length_bytes());
}

void StateTxn::ApplyCompleted(const journal::FileCompleted& entry) {
  std::optional<InodeId> parent;
  ChangeInode(InodeId(entry.inode_id()), "FileCompleted", [&](state::Inode& inode) {
    parent = InodeId(inode.parent_id());
    inode.set_completed(true);
    inode.set_length_bytes(entry.length_bytes());
    inode.set_generation(entry.generation());
    inode.set_last_modification_time_ms(entry.op_time_ms());
    inode.set_persistence_state(entry.persistence_state());
    *inode.mutable_blocks() = entry.blocks();
  });
  if (parent) ChargeQuotas(*parent, 0, entry.length_bytes());
  auto& cluster = ChangeCluster();
  cluster.set_next_generation(std::max(cluster.next_generation(), entry.generation() + 1));
}

void StateTxn::ApplyRenamed(const journal::InodeRenamed& entry) {
  const InodeId id(entry.inode_id());
  const auto found = GetInode(id);
  if (!found) return NoInode(this, id, "InodeRenamed");
  state::Inode inode = *found;
  Erase(keys::ChildKey(InodeId(inode.parent_id()), inode.name()));
  TouchParent(InodeId(inode.parent_id()), -1, entry.op_time_ms());
  ChargeQuotas(InodeId(inode.parent_id()), -entry.files(), -entry.bytes());
  inode.set_parent_id(entry.parent_id());
  inode.set_name(entry.name());
  PutInode(inode, IndexedOf(inode));
  std::string child;
  keys::AppendBigEndian(static_cast<uint64_t>(id.value()), &child);
  batch_[keys::ChildKey(InodeId(entry.parent_id()), entry.name())] = child;
  TouchParent(InodeId(entry.parent_id()), 1, entry.op_time_ms());
  ChargeQuotas(InodeId(entry.parent_id()), entry.files(), entry.bytes());
}

void StateTxn::ApplyDeleted(const journal::InodeDeleted& entry) {
  const InodeId id(entry.inode_id());
  const auto found = GetInode(id);
  if (!found) return NoInode(this, id, "InodeDeleted");
  const state::Inode& inode = *found;
  Erase(keys::InodeKey(id));
  Reindex(id, IndexedOf(inode), Indexed());
  Erase(keys::ChildKey(InodeId(inode.parent_id()), inode.name()));
  TouchParent(InodeId(inode.parent_id()), -1, entry.op_time_ms());
  if (inode.has_quota()) ChangeCluster().set_quota_count(Cluster().quota_count() - 1);
  if (inode.is_directory()) return;
  ChargeQuotas(InodeId(inode.parent_id()), -1, -inode.length_bytes());
  Erase(keys::PersistKey(id));
  auto& cluster = ChangeCluster();
  cluster.set_file_count(cluster.file_count() - 1);
}

void StateTxn::ApplyUpdated(const journal::InodeUpdated& entry) {
  const InodeId id(entry.inode().id());
  const auto found = GetInode(id);
  if (!found) return NoInode(this, id, "InodeUpdated");
  const state::Inode& old = *found;
  state::Inode inode = entry.inode();
  inode.set_parent_id(old.parent_id());
  inode.set_name(old.name());
  inode.set_child_count(old.child_count());
  if (inode.has_quota() != old.has_quota()) {
    const int64_t count = Cluster().quota_count() + (inode.has_quota() ? 1 : -1);
    ChangeCluster().set_quota_count(count);
  }
  PutInode(inode, IndexedOf(old));
}

void StateTxn::ApplyScheduled(const journal::PersistScheduled& entry) {
  const InodeId id(entry.job().inode_id());
  Put(keys::PersistKey(id), entry.job());
  const auto inode = GetInode(id);
  if (!inode) return NoInode(this, id, "PersistScheduled");
  if (entry.job().kind() == state::UPLOAD && inode->persistence_state() != state::TO_BE_PERSISTED) {
    ChangeInode(id, "PersistScheduled", [](state::Inode& changed) {
      changed.set_persistence_state(state::TO_BE_PERSISTED);
    });
  }
}

void StateTxn::MarkAncestorsPersisted(InodeId parent) {
  for (InodeId at = parent;;) {
    auto inode = GetInode(at);
    if (!inode || inode->persistence_state() == state::PERSISTED) return;
    inode->set_persistence_state(state::PERSISTED);
    PutInode(*inode, Indexed());
    if (at == kRootInodeId) return;
    at = InodeId(inode->parent_id());
  }
}

void StateTxn::ApplyPersisted(const journal::Persisted& entry) {
  const InodeId id(entry.inode_id());
  std::optional<InodeId> parent;
  ChangeInode(id, "Persisted", [&](state::Inode& inode) {
    if (!inode.is_directory()) {
      *inode.mutable_object() = entry.object();
      OwnObjects().Write(&inode);
    }
    inode.set_persistence_state(state::PERSISTED);
    parent = InodeId(inode.parent_id());
  });
  Erase(keys::PersistKey(id));
  if (id != kRootInodeId && parent) MarkAncestorsPersisted(*parent);
}

// Of a directory entry, or of an inode with all that stands beside it.
void StateTxn::ApplyDropped(const journal::RecordDropped& entry) {
  const std::string& key = entry.key();
  Erase(key);
  if (!entry.name().empty()) {
    const InodeId parent(entry.parent_id());
    Erase(keys::ChildKey(parent, entry.name()));
    TouchParent(parent, -1, entry.op_time_ms());
  }
  if (key.size() != 9 || key[0] != 'i') return;
  const InodeId id(keys::ReadBigEndian(key.substr(1)));
  Erase(keys::PersistKey(id));
  Erase(keys::IncompleteKey(id));
  Erase(keys::ReplicatedKey(id));
  if (!keys::IsFileId(id)) return;
  auto& cluster = ChangeCluster();
  cluster.set_file_count(std::max<int64_t>(0, cluster.file_count() - 1));
}

void StateTxn::ApplyReserved(const journal::ContainerIdsReserved& entry) {
  auto& cluster = ChangeCluster();
  cluster.set_next_container_id(std::max(cluster.next_container_id(), entry.next_container_id()));
}

// In the place of the oldest one.
void StateTxn::ApplyOperation(const journal::OperationDone& entry) {
  auto& cluster = ChangeCluster();
  const int64_t sequence = cluster.operation_sequence() + 1;
  cluster.set_operation_sequence(sequence);
  const int64_t slot = OperationIndex::SlotOf(sequence);
  Put(keys::OperationKey(slot), entry);
  own_operations_.emplace_back(slot, entry);
}

void StateTxn::ApplyRest(const journal::JournalEntry& entry) {
  using Case = journal::JournalEntry::EntryCase;
  switch (entry.entry_case()) {
    case Case::kBlockAllocated: {
      const auto& allocated = entry.block_allocated();
      ChangeInode(InodeId(allocated.inode_id()), "BlockAllocated", [&](state::Inode& inode) {
        inode.set_next_block_index(std::max(inode.next_block_index(), allocated.block_index() + 1));
      });
      return;
    }
    case Case::kPersistDropped:
      return Erase(keys::PersistKey(InodeId(entry.persist_dropped().inode_id())));
    case Case::kUploadStarted: {
      const auto& started = entry.upload_started();
      auto job = GetPersistJob(InodeId(started.inode_id()));
      if (!job || job->generation() != started.generation()) return;
      job->set_upload_id(started.upload_id());
      job->set_upload_key(started.key());
      job->set_upload_mount_id(started.mount_id());
      job->set_upload_begun_at_ms(started.begun_at_ms());
      return Put(keys::PersistKey(InodeId(started.inode_id())), *job);
    }
    case Case::kDeleteScheduled: {
      const auto& pending = entry.delete_scheduled().pending();
      return Put(keys::DeleteKey(MountId(pending.mount_id()), pending.key()), pending);
    }
    case Case::kDeleteDone:
      return Erase(
          keys::DeleteKey(MountId(entry.delete_done().mount_id()), entry.delete_done().key()));
    case Case::kUploadOrphaned:
      return Put(OrphanKeyOf(entry.upload_orphaned().upload()), entry.upload_orphaned().upload());
    case Case::kUploadAborted:
      return Erase(OrphanKeyOf(entry.upload_aborted()));
    case Case::kDirectoryLoaded: {
      return ChangeInode(InodeId(entry.directory_loaded().inode_id()), "DirectoryLoaded",
                         [](state::Inode& inode) { inode.set_children_loaded(true); });
    }
    case Case::kMountAdded: {
      const auto& mount = entry.mount_added().mount();
      auto& cluster = ChangeCluster();
      cluster.set_next_mount_id(std::max(cluster.next_mount_id(), mount.mount_id() + 1));
      return Put(keys::MountKey(MountId(mount.mount_id())), mount);
    }
    case Case::kMountRemoved:
      return Erase(keys::MountKey(MountId(entry.mount_removed().mount_id())));
    case Case::kWorkerKnown: {
      const auto& worker = entry.worker_known().worker();
      auto& cluster = ChangeCluster();
      cluster.set_next_worker_id(std::max(cluster.next_worker_id(), worker.worker_id() + 1));
      return Put(keys::WorkerKey(WorkerId(worker.worker_id())), worker);
    }
    case Case::kFormatRaised:
      return ChangeCluster().set_format_version(entry.format_raised().format_version());
    case Case::kWorkerForgotten:
      return Erase(keys::WorkerKey(WorkerId(entry.worker_forgotten().worker_id())));
    case Case::kPathPropertiesSet: {
      const auto& properties = entry.path_properties_set();
      if (properties.properties().empty()) return Erase(keys::PathPropertiesKey(properties.path()));
      return Put(keys::PathPropertiesKey(properties.path()), properties);
    }
    default:
      Panic("a journal entry of an unknown kind: written by a newer version?");
  }
}

}  // namespace spillway
