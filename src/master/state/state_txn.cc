#include "master/state/state_txn.h"

#include <algorithm>
#include <cstdlib>
#include <set>

#include "common/log.h"
#include "common/path.h"
#include "master/state/keys.h"

namespace spillway {

namespace {

constexpr int kDepthMax = 100'000;  // of directories; beyond, parents go round in circles

// What no operation writes, but damage may: sizes and times that cannot be calculated with. Empty
// if there is nothing of it.
const char* WhyUnsound(const state::Inode& inode) {
  constexpr int64_t kMost = int64_t{1} << 60;
  const auto fits = [](int64_t number) { return number >= -1 && number < kMost; };
  if (!fits(inode.creation_time_ms()) || !fits(inode.last_modification_time_ms()))
    return "its times make no sense";
  if (inode.id() < 0 || inode.child_count() < -kMost || inode.child_count() > kMost)
    return "its numbers make no sense";
  const bool root = inode.id() == kRootInodeId.value();
  if (!root && (inode.name().empty() || inode.name().find('/') != std::string::npos))
    return "its name is none";
  if (inode.has_quota() &&
      (!fits(inode.quota().files_max()) || !fits(inode.quota().bytes_max()) ||
       std::abs(inode.quota().files()) > kMost || std::abs(inode.quota().bytes()) > kMost))
    return "its quota makes no sense";
  if (inode.is_directory()) return "";
  if (root) return "the root is a file";
  if (inode.block_size_bytes() <= 0 || inode.length_bytes() < 0 || inode.length_bytes() >= kMost ||
      inode.next_block_index() < 0 || inode.next_block_index() > kSequenceMask ||
      !fits(inode.generation()))
    return "its sizes make no sense";
  return "";
}

// The same of other records.
const char* WhyUnsound(const state::PersistJob& job) {
  const bool known = job.kind() == state::UPLOAD || job.kind() == state::RELOCATE;
  return known && job.inode_id() > 0 ? "" : "it is of no kind that there is";
}
const char* WhyUnsound(const state::Mount& mount) {
  return mount.mount_id() > 0 && mount.path().starts_with('/') ? "" : "it has no path or no number";
}
const char* WhyUnsound(const journal::PathPropertiesSet& record) {
  return record.path().starts_with('/') ? "" : "it has no path";
}
const char* WhyUnsound(const state::ClusterRecord& cluster) {
  constexpr int64_t kMost = int64_t{1} << 60;
  for (const int64_t number :
       {cluster.next_container_id(), cluster.next_directory_id(), cluster.next_generation(),
        cluster.next_mount_id(), cluster.next_worker_id(), cluster.log_index(),
        cluster.operation_sequence()}) {
    if (number < 0 || number >= kMost) return "its numbers make no sense";
  }
  return "";
}
template <typename T>
const char* WhyUnsound(const T&) {
  return "";
}

}  // namespace

void StateTxn::NoteDamaged(std::string key, std::string why, InodeId parent,
                           std::string_view entry) {
  journal_->damaged().Note(
      {std::move(key), std::move(why), "", parent.value(), std::string(entry)});
}

template <typename T>
bool StateTxn::Read(std::string_view key, std::string_view value, T* record) {
  const bool read = record->ParseFromArray(value.data(), static_cast<int>(value.size()));
  const std::string_view why = read ? WhyUnsound(*record) : "its bytes are no such record";
  if (!why.empty()) NoteDamaged(std::string(key), std::string(why));
  return why.empty();
}

std::optional<std::string> StateTxn::Get(const std::string& key) {
  if (const auto it = batch_.find(key); it != batch_.end()) return it->second;
  return journal_->Get(key, &depends_);
}

template <typename T>
std::optional<T> StateTxn::GetRecord(const std::string& key) {
  const auto value = Get(key);
  if (!value) return std::nullopt;
  T record;
  if (!Read(key, *value, &record)) return std::nullopt;
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
  Scan(prefix, keys::PrefixEnd(prefix), [&](std::string_view key, std::string_view value) {
    T record;
    if (Read(key, value, &record)) records.push_back(std::move(record));
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
  const std::string key = keys::InodeKey(id);
  auto inode = GetRecord<state::Inode>(key);
  if (inode && inode->id() != id.value()) {
    NoteDamaged(key, "it is another inode's");
    return std::nullopt;
  }
  return inode;
}

std::optional<state::Inode> StateTxn::GetChildInode(InodeId parent, std::string_view name,
                                                    InodeId child) {
  auto inode = GetInode(child);
  if (inode && child != kRootInodeId && InodeId(inode->parent_id()) == parent &&
      inode->name() == name)
    return inode;
  if (inode || !Exists(child)) {
    NoteDamaged(keys::ChildKey(parent, name),
                inode ? "its inode lies elsewhere" : "it names no inode", parent, name);
  } else {
    NoteDamaged(keys::InodeKey(child), "", parent, name);
  }
  return std::nullopt;
}

std::optional<InodeId> StateTxn::GetChild(InodeId parent, std::string_view name) {
  const std::string key = keys::ChildKey(parent, name);
  const auto value = Get(key);
  if (!value) return std::nullopt;
  if (value->size() == 8) return InodeId(keys::ReadBigEndian(*value));
  NoteDamaged(key, "it names no inode", parent, name);
  return kNoInode;
}

void StateTxn::ForEachChild(InodeId parent, std::string_view start_after,
                            const std::function<bool(std::string_view, InodeId)>& visit) {
  const std::string prefix = keys::ChildKey(parent, "");
  std::string begin = prefix;
  if (!start_after.empty()) begin.append(start_after).push_back('\0');
  Scan(begin, keys::PrefixEnd(prefix), [&](std::string_view key, std::string_view value) {
    const std::string_view name = key.substr(prefix.size());
    // Nobody who goes on behind such a name would ever get further.
    if (name.empty() || name.find('/') != std::string_view::npos) {
      NoteDamaged(std::string(key), "its name cannot be", parent, name);
      return true;
    }
    if (value.size() == 8) return visit(name, InodeId(keys::ReadBigEndian(value)));
    NoteDamaged(std::string(key), "it names no inode", parent, name);
    return visit(name, kNoInode);
  });
}

std::optional<std::string> StateTxn::PathOf(const state::Inode& inode) {
  if (inode.id() == kRootInodeId.value()) return "/";
  std::vector<std::string> names{inode.name()};
  InodeId at(inode.parent_id());
  while (at != kRootInodeId) {
    const auto parent = GetInode(at);
    if (!parent || !parent->is_directory() || names.size() > kDepthMax) return std::nullopt;
    names.push_back(parent->name());
    at = InodeId(parent->parent_id());
  }
  std::string path;
  for (auto it = names.rbegin(); it != names.rend(); ++it) path += "/" + *it;
  return path;
}

std::optional<state::PersistJob> StateTxn::GetPersistJob(InodeId id) {
  auto job = GetRecord<state::PersistJob>(keys::PersistKey(id));
  if (!job || job->inode_id() == id.value()) return job;
  NoteDamaged(keys::PersistKey(id), "it is another inode's");
  return std::nullopt;
}
std::vector<std::pair<std::string, state::PersistJob>> StateTxn::PersistJobs(
    const std::string& after, size_t limit) {
  std::vector<std::pair<std::string, state::PersistJob>> jobs;
  Scan(after.empty() ? "p" : after + '\0', "q", [&](std::string_view key, std::string_view value) {
    state::PersistJob job;
    if (!Read(key, value, &job)) return true;
    if (key != keys::PersistKey(InodeId(job.inode_id()))) {
      NoteDamaged(std::string(key), "it is another inode's");
      return true;
    }
    jobs.emplace_back(std::string(key), std::move(job));
    return jobs.size() < limit;
  });
  return jobs;
}

std::vector<InodeId> StateTxn::Index(const std::string& begin, const std::string& end,
                                     size_t limit) {
  std::vector<InodeId> ids;
  Scan(begin, end, [&](std::string_view key, std::string_view) {
    if (key.size() != 9) return true;  // damaged, and of no use
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
  auto all = GetAll<state::OrphanUpload>('u');
  std::erase_if(all, [&](const state::OrphanUpload& upload) {
    const MountId mount(upload.mount_id());
    if (Get(keys::MountKey(mount))) return false;
    NoteDamaged(keys::OrphanKey(upload.upload_id(), mount, upload.key()),
                "it is of a mount that there is not");
    return true;
  });
  return all;
}

std::optional<state::PendingDelete> StateTxn::GetPendingDelete(MountId mount,
                                                               std::string_view key) {
  return GetRecord<state::PendingDelete>(keys::DeleteKey(mount, key));
}

void StateTxn::ForEachPendingDelete(const std::optional<std::pair<MountId, std::string>>& after,
                                    const std::function<bool(const state::PendingDelete&)>& visit) {
  std::set<MountId> mounts;
  for (const auto& mount : Mounts()) mounts.insert(MountId(mount.mount_id()));
  const std::string begin = after ? keys::DeleteKey(after->first, after->second) + '\0' : "d";
  Scan(begin, "e", [&](std::string_view key, std::string_view value) {
    state::PendingDelete record;
    if (!Read(key, value, &record)) return true;
    const MountId mount(record.mount_id());
    if (key == keys::DeleteKey(mount, record.key()) && mounts.contains(mount)) return visit(record);
    NoteDamaged(std::string(key), "it is another key's, or of a mount that there is not");
    return true;
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
    const int64_t slot = keys::ReadBigEndian(key.substr(1));
    if (!Read(key, value, &done)) return true;
    if (key.size() != 9 || slot < 0 || slot >= OperationIndex::kRemembered) {
      NoteDamaged(std::string(key), "there is no such place for an operation");
      return true;
    }
    operations_->Put(slot, done, LogIndex(0));
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

StatusOr<LogIndex> LastLogIndex(StateStore* store, Executor* executor) {
  Journal probe(store, executor, LogIndex(0));
  const LogIndex last(StateTxn(&probe).Cluster().log_index());
  if (probe.damaged().count() == 0 && last.value() >= 0) return last;
  return MakeStatus(StatusCode::kDataLoss,
                    "The state store's first record cannot be read. Start with a backup: spillway "
                    "master --restore.");
}

}  // namespace spillway
