#include "master/state/state_txn.h"

#include <algorithm>
#include <cstdlib>

#include "common/log.h"
#include "common/path.h"
#include "master/state/keys.h"

namespace spillway {

namespace {

// What no operation writes, but damage may: sizes and times that cannot be calculated with.
bool IsSound(const state::Inode& inode) {
  constexpr int64_t kMost = int64_t{1} << 60;
  const bool times = std::abs(inode.creation_time_ms()) < kMost;
  if (inode.is_directory()) return times;
  return times && inode.block_size_bytes() > 0 && inode.length_bytes() >= 0 &&
         inode.length_bytes() < kMost && inode.next_block_index() >= 0 &&
         inode.next_block_index() <= kSequenceMask;
}

}  // namespace

std::optional<std::string> StateTxn::Get(const std::string& key) {
  if (const auto it = batch_.find(key); it != batch_.end()) return it->second;
  return journal_->Get(key, &depends_);
}

template <typename T>
std::optional<T> StateTxn::GetRecord(const std::string& key) {
  const auto value = Get(key);
  if (!value) return std::nullopt;
  T record;
  if (!record.ParseFromString(*value)) Panic("unreadable record in the state store");
  return record;
}

void StateTxn::Scan(const std::string& begin, const std::string& end,
                    const StateStore::Visitor& visit) {
  auto own = batch_.lower_bound(begin);
  bool stopped = false;
  const auto visit_own = [&] {
    if (own->second && !visit(own->first, *own->second)) stopped = true;
    ++own;
  };
  journal_->Scan(
      begin, end,
      [&](std::string_view key, std::string_view value) {
        while (!stopped && own != batch_.end() && own->first < key) visit_own();
        if (stopped) return false;
        if (own != batch_.end() && own->first == key) {
          visit_own();
        } else if (!visit(key, value)) {
          stopped = true;
        }
        return !stopped;
      },
      &depends_);
  while (!stopped && own != batch_.end() && own->first < end) visit_own();
}

template <typename T>
std::vector<T> StateTxn::GetAll(char table) {
  std::vector<T> records;
  const std::string prefix(1, table);
  Scan(prefix, keys::PrefixEnd(prefix), [&](std::string_view, std::string_view value) {
    T record;
    if (!record.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
      Panic("unreadable record in the state store");
    }
    records.push_back(std::move(record));
    return true;
  });
  return records;
}

const state::ClusterRecord& StateTxn::Cluster() {
  if (!cluster_)
    cluster_ = GetRecord<state::ClusterRecord>(keys::kCluster).value_or(state::ClusterRecord());
  return *cluster_;
}

state::ClusterRecord& StateTxn::ChangeCluster() {
  Cluster();
  cluster_changed_ = true;
  return *cluster_;
}

std::optional<state::Inode> StateTxn::GetInode(InodeId id) {
  auto inode = GetRecord<state::Inode>(keys::InodeKey(id));
  if (inode && !IsSound(*inode))
    Panic(fmt::format("the record of inode {} makes no sense", id.value()));
  return inode;
}

std::optional<InodeId> StateTxn::GetChild(InodeId parent, std::string_view name) {
  const auto value = Get(keys::ChildKey(parent, name));
  if (!value) return std::nullopt;
  return InodeId(keys::ReadBigEndian(*value));
}

void StateTxn::ForEachChild(InodeId parent, std::string_view start_after,
                            const std::function<bool(std::string_view, InodeId)>& visit) {
  const std::string prefix = keys::ChildKey(parent, "");
  std::string begin = prefix;
  if (!start_after.empty()) begin.append(start_after).push_back('\0');
  Scan(begin, keys::PrefixEnd(prefix), [&](std::string_view key, std::string_view value) {
    return visit(key.substr(prefix.size()), InodeId(keys::ReadBigEndian(value)));
  });
}

std::optional<std::string> StateTxn::PathOf(const state::Inode& inode) {
  if (inode.id() == kRootInodeId.value()) return "/";
  std::vector<std::string> names{inode.name()};
  InodeId at(inode.parent_id());
  while (at != kRootInodeId) {
    const auto parent = GetInode(at);
    if (!parent) return std::nullopt;
    names.push_back(parent->name());
    at = InodeId(parent->parent_id());
  }
  std::string path;
  for (auto it = names.rbegin(); it != names.rend(); ++it) path += "/" + *it;
  return path;
}

std::optional<state::PersistJob> StateTxn::GetPersistJob(InodeId id) {
  return GetRecord<state::PersistJob>(keys::PersistKey(id));
}
std::vector<std::pair<std::string, state::PersistJob>> StateTxn::PersistJobs(
    const std::string& after, size_t limit) {
  std::vector<std::pair<std::string, state::PersistJob>> jobs;
  Scan(after.empty() ? "p" : after + '\0', "q", [&](std::string_view key, std::string_view value) {
    state::PersistJob job;
    if (!job.ParseFromArray(value.data(), static_cast<int>(value.size())))
      Panic("unreadable persist job");
    jobs.emplace_back(std::string(key), std::move(job));
    return jobs.size() < limit;
  });
  return jobs;
}

std::vector<InodeId> StateTxn::Index(const std::string& begin, const std::string& end,
                                     size_t limit) {
  std::vector<InodeId> ids;
  Scan(begin, end, [&](std::string_view key, std::string_view) {
    ids.emplace_back(keys::ReadBigEndian(key.substr(1)));
    return ids.size() < limit;
  });
  return ids;
}

std::vector<InodeId> StateTxn::ReplicatedFiles(InodeId after, size_t limit) {
  return Index(keys::ReplicatedKey(InodeId(after.value() + 1)), "s", limit);
}

std::vector<InodeId> StateTxn::IncompleteFiles(InodeId after, size_t limit) {
  return Index(keys::IncompleteKey(InodeId(after.value() + 1)), "o", limit);
}

std::vector<state::Mount> StateTxn::Mounts() { return GetAll<state::Mount>('m'); }
std::vector<state::KnownWorker> StateTxn::KnownWorkers() { return GetAll<state::KnownWorker>('w'); }
std::optional<state::OrphanUpload> StateTxn::GetOrphanUpload(const state::OrphanUpload& upload) {
  return GetRecord<state::OrphanUpload>(
      keys::OrphanKey(upload.upload_id(), MountId(upload.mount_id()), upload.key()));
}

std::vector<state::OrphanUpload> StateTxn::OrphanUploads() {
  return GetAll<state::OrphanUpload>('u');
}

std::optional<state::PendingDelete> StateTxn::GetPendingDelete(MountId mount,
                                                               std::string_view key) {
  return GetRecord<state::PendingDelete>(keys::DeleteKey(mount, key));
}

void StateTxn::ForEachPendingDelete(const std::optional<std::pair<MountId, std::string>>& after,
                                    const std::function<bool(const state::PendingDelete&)>& visit) {
  const std::string begin = after ? keys::DeleteKey(after->first, after->second) + '\0' : "d";
  Scan(begin, "e", [&](std::string_view, std::string_view value) {
    state::PendingDelete record;
    if (!record.ParseFromArray(value.data(), static_cast<int>(value.size())))
      Panic("unreadable pending delete");
    return visit(record);
  });
}

bool StateTxn::HasPendingDeleteBelow(MountId mount, const std::string& key) {
  bool found = false;
  const std::string prefix = keys::DeleteKey(mount, key.empty() ? "" : key + "/");
  Scan(prefix, keys::PrefixEnd(prefix), [&](std::string_view, std::string_view) {
    found = true;
    return false;
  });
  return found;
}

std::optional<InodeId> StateTxn::GetOperation(uint64_t most, uint64_t least) {
  const auto entry = operations_->Find(most, least);
  if (!entry) return std::nullopt;
  depends_ = std::max(depends_, entry->index);
  return entry->inode;
}

void StateTxn::LoadOperations() {
  Scan("q", "r", [&](std::string_view key, std::string_view value) {
    journal::OperationDone done;
    if (!done.ParseFromArray(value.data(), static_cast<int>(value.size())))
      Panic("unreadable operation record");
    operations_->Put(keys::ReadBigEndian(key.substr(1)), done, LogIndex(0));
    return true;
  });
}

std::map<std::string, std::map<std::string, std::string>> StateTxn::PathProperties() {
  std::map<std::string, std::map<std::string, std::string>> all;
  for (const auto& record : GetAll<journal::PathPropertiesSet>('c')) {
    all[record.path()].insert(record.properties().begin(), record.properties().end());
  }
  return all;
}

LogIndex StateTxn::Commit() {
  if (!dirty()) return depends_;
  // log_index lives in the cluster record, so that a reopened journal goes on counting.
  ChangeCluster().set_log_index(journal_->last_index().value() + 1);
  Put(keys::kCluster, *cluster_);
  const LogIndex index = journal_->Append(std::move(batch_));
  batch_.clear();
  cluster_changed_ = false;
  for (const auto& [slot, done] : own_operations_) operations_->Put(slot, done, index);
  own_operations_.clear();
  depends_ = index;
  return index;
}

template <typename T>
void StateTxn::Put(const std::string& key, const T& record) {
  batch_[key] = record.SerializeAsString();
}

template void StateTxn::Put(const std::string&, const state::Inode&);
template void StateTxn::Put(const std::string&, const state::ClusterRecord&);
template void StateTxn::Put(const std::string&, const state::PersistJob&);
template void StateTxn::Put(const std::string&, const state::Mount&);
template void StateTxn::Put(const std::string&, const state::KnownWorker&);
template void StateTxn::Put(const std::string&, const state::PendingDelete&);
template void StateTxn::Put(const std::string&, const state::OrphanUpload&);
template void StateTxn::Put(const std::string&, const journal::PathPropertiesSet&);
template void StateTxn::Put(const std::string&, const journal::OperationDone&);

LogIndex LastLogIndex(StateStore* store, Executor* executor) {
  Journal probe(store, executor, LogIndex(0));
  return LogIndex(StateTxn(&probe).Cluster().log_index());
}

}  // namespace spillway
