// Records that cannot be read, and what the understore holds that cannot be named: for operators.
#include "common/log.h"
#include "common/path.h"
#include "master/master.h"

namespace spillway {
namespace {

constexpr size_t kLeftOutMax = 1000;  // folders that are remembered

}  // namespace

DamagedReport Master::GetDamaged(size_t entries_max) {
  absl::MutexLock lock(&mutex_);
  StateTxn txn(journal_);
  DamagedReport report;
  for (DamagedRecord& record : journal_->damaged().All()) {
    ++report.records_count;
    if (report.records.size() >= entries_max) continue;
    if (record.path.empty() && record.parent_id >= 0) {
      const auto parent = txn.GetInode(InodeId(record.parent_id));
      const auto above = parent ? txn.PathOf(*parent) : std::nullopt;
      if (above) record.path = JoinPath(*above, record.entry);
    }
    report.records.push_back({record.Name(), record.path, record.why});
  }
  for (const auto& [folder, left] : left_out_) {
    ++report.left_out_count;
    if (report.left_out.size() < entries_max) report.left_out.push_back(left);
  }
  return report;
}

void Master::NoteLeftOut(const std::string& folder, const LeftOut& left, bool first) {
  absl::MutexLock lock(&mutex_);
  const auto it = left_out_.find(folder);
  if (left.entries == 0) {
    if (first && it != left_out_.end()) left_out_.erase(it);
    return;
  }
  if (metrics_ != nullptr) {
    metrics_
        ->Counter("spillway_master_left_out_entries_total",
                  "Entries of listings of the understore that the namespace cannot name")
        .Increment(static_cast<double>(left.entries));
  }
  if (it != left_out_.end()) {
    it->second.entries = left.entries + (first ? 0 : it->second.entries);
    return;
  }
  if (left_out_.size() >= kLeftOutMax) return;
  left_out_[folder] = left;
  left_out_[folder].folder = folder;
  spdlog::warn("{} entries of {} are left out, as {}: {}", left.entries, folder, left.example,
               left.why);
}

StatusOr<std::string> Master::ExportRecord(const std::string& name) {
  absl::MutexLock lock(&mutex_);
  const auto record = journal_->damaged().Find(name);
  if (!record) return NotFound("No damaged record is known by the name {}.", name);
  LogIndex depends;
  const auto value = journal_->Get(record->key, &depends);
  if (!value) return NotFound("The record {} is gone.", name);
  return *value;
}

Outcome<std::string> Master::DropRecord(const std::string& name) {
  absl::MutexLock lock(&mutex_);
  StateTxn txn(journal_);
  const auto record = journal_->damaged().Find(name);
  if (!record) return {NotFound("No damaged record is known by the name {}.", name), txn.depends()};
  const char table = record->key.empty() ? '\0' : record->key[0];
  const bool in_tree = table == 'i' || table == 'e';
  if (table == 'C' || table == 'm')
    return {InvalidArgument("Nothing works without {}: start with a backup.", name), txn.depends()};
  if (in_tree && (record->parent_id < 0 || !txn.GetInode(InodeId(record->parent_id)))) {
    return {spillway::MakeStatus(StatusCode::kFailedPrecondition,
                                 "The folder that has {} is not known: list it, or fs ls -R /, and "
                                 "ask again.",
                                 name),
            txn.depends()};
  }
  const int64_t now_ms = clock_->NowMs();
  txn.Apply(MakeEntry([&](auto& entry) {
    auto* dropped = entry.mutable_record_dropped();
    dropped->set_key(record->key);
    dropped->set_op_time_ms(now_ms);
    if (!in_tree) return;
    dropped->set_parent_id(record->parent_id);
    dropped->set_name(record->entry);
  }));
  std::string what = "dropped";
  if (table == 'i') what = RemakeDirectory(txn, *record);
  spdlog::warn("record {} of the state store, damaged, was {}", name, what);
  return {what, txn.Commit()};
}

// What is in a directory is worth more than its attributes.
std::string Master::RemakeDirectory(StateTxn& txn, const DamagedRecord& record) {
  const InodeId id(keys::ReadBigEndian(std::string_view(record.key).substr(1)));
  int64_t children = 0;
  txn.ForEachChild(id, "", [&](std::string_view, InodeId) {
    ++children;
    return true;
  });
  const auto parent = txn.GetInode(InodeId(record.parent_id));
  if (children == 0 || keys::IsFileId(id) || !parent) return "dropped";
  const Caller owner{options_.superuser, {options_.superuser}};
  state::Inode inode = NewDirectory(txn, owner, *parent, record.entry, 0700);
  inode.set_id(id.value());
  inode.set_child_count(children);
  inode.set_children_loaded(false);
  inode.set_persistence_state(state::PERSISTED);
  txn.Apply(
      MakeEntry([&](auto& entry) { *entry.mutable_inode_created()->mutable_inode() = inode; }));
  return fmt::format("made anew as a directory of {} with {} entries", owner.user, children);
}

}  // namespace spillway
