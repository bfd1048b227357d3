// The master's journaled state as one operation sees it: what is durable, what waits for its sync,
// and the operation's own entries on top. Apply is the only mutator; it reads no clock, no random
// number and iterates in key order, so that the same entries give the same state everywhere.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/ids.h"
#include "journal.pb.h"
#include "journal/journal.h"
#include "master/state/keys.h"
#include "master/state/operation_index.h"
#include "state.pb.h"

namespace spillway {

inline constexpr uint32_t kStateFormatVersion = 5;
// The oldest format that is taken over; what it lacks is empty.
inline constexpr uint32_t kStateFormatOldest = 4;

// No record has this id.
inline constexpr InodeId kNoInode{-1};

// Not thread-safe; lives for one operation, under the master's lock.
class StateTxn {
 public:
  // operations: for what looks operations up or remembers its own; not owned.
  explicit StateTxn(Journal* journal, OperationIndex* operations = nullptr)
      : journal_(journal), operations_(operations) {}

  const state::ClusterRecord& Cluster();
  // Of what cannot be read there is nothing here, as of what does not exist; it is noted as damaged
  // (Journal::damaged), and Exists tells the two apart.
  std::optional<state::Inode> GetInode(InodeId id);
  bool Exists(InodeId id) { return Get(keys::InodeKey(id)).has_value(); }
  // The inode to which parent's entry of that name leads; nothing, noted as damaged, if it cannot
  // be read, does not exist or says that it lies elsewhere.
  std::optional<state::Inode> GetChildInode(InodeId parent, std::string_view name, InodeId child);
  // kNoInode for an entry that is damaged.
  std::optional<InodeId> GetChild(InodeId parent, std::string_view name);
  // Children with name > start_after, in order, until visit returns false.
  void ForEachChild(InodeId parent, std::string_view start_after,
                    const std::function<bool(std::string_view name, InodeId id)>& visit);
  // "/a/b" of an inode; nothing if an ancestor is missing or damaged.
  std::optional<std::string> PathOf(const state::Inode& inode);

  std::optional<state::PersistJob> GetPersistJob(InodeId id);
  // Up to limit jobs whose key in the store is behind after ("" is the beginning), with their keys.
  std::vector<std::pair<std::string, state::PersistJob>> PersistJobs(const std::string& after,
                                                                     size_t limit);
  // Files whose copies are looked after, or that are not complete; in order, behind after.
  std::vector<InodeId> ReplicatedFiles(InodeId after, size_t limit);
  std::vector<InodeId> IncompleteFiles(InodeId after, size_t limit);
  std::vector<state::Mount> Mounts();
  std::vector<state::KnownWorker> KnownWorkers();
  std::optional<state::PendingDelete> GetPendingDelete(MountId mount, std::string_view key);
  // Those behind `after`, until visit returns false.
  void ForEachPendingDelete(const std::optional<std::pair<MountId, std::string>>& after,
                            const std::function<bool(const state::PendingDelete&)>& visit);
  // A pending delete below directory key; "" is the whole mount.
  bool HasPendingDeleteBelow(MountId mount, const std::string& key);
  std::vector<state::OrphanUpload> OrphanUploads();
  // The record of the same upload, or of all at the same key, as it is now.
  std::optional<state::OrphanUpload> GetOrphanUpload(const state::OrphanUpload& upload);
  // The inode that an operation was about, if it is remembered.
  std::optional<InodeId> GetOperation(uint64_t most, uint64_t least);
  // Fills the index when a master starts.
  void LoadOperations();
  std::map<std::string, std::map<std::string, std::string>> PathProperties();

  // Adds entry to the operation and changes the state by it.
  void Apply(journal::JournalEntry entry);
  bool dirty() const { return cluster_changed_ || !batch_.empty(); }
  // Hands the changes to the journal. Returns the index that an answer has to wait for: the
  // operation's own, or that of the newest change it has read.
  LogIndex Commit();
  LogIndex depends() const { return depends_; }

 private:
  std::optional<std::string> Get(const std::string& key);
  template <typename T>
  std::optional<T> GetRecord(const std::string& key);
  template <typename T>
  std::vector<T> GetAll(char table);
  template <typename T>
  void Put(const std::string& key, const T& record);
  void Erase(const std::string& key) { batch_[key] = std::nullopt; }
  state::ClusterRecord& ChangeCluster();
  // Notes it as damaged.
  void NoteDamaged(std::string key, std::string why, InodeId parent = kNoInode,
                   std::string_view entry = "");
  template <typename T>
  bool Read(std::string_view key, std::string_view value, T* record);
  void Scan(const std::string& begin, const std::string& end, const StateStore::Visitor& visit);
  // Which indexes of files name an inode.
  struct Indexed {
    bool incomplete = false;
    bool replicated = false;
  };
  static Indexed IndexedOf(const state::Inode& inode);
  void Reindex(InodeId id, Indexed before, Indexed now);
  // Keeps the indexes in step; before: as its last record has it.
  void PutInode(const state::Inode& inode, Indexed before);
  template <typename F>
  void ChangeInode(InodeId id, const char* entry, F&& change);
  std::vector<InodeId> Index(const std::string& begin, const std::string& end, size_t limit);
  // Of the directories above that have a quota.
  void ChargeQuotas(InodeId parent, int64_t files, int64_t bytes);
  void TouchParent(InodeId parent, int64_t child_delta, int64_t op_time_ms);
  void MarkAncestorsPersisted(InodeId parent);

  void ApplyFormatted(const journal::ClusterFormatted& entry);
  void ApplyCreated(const journal::InodeCreated& entry);
  void ApplyCompleted(const journal::FileCompleted& entry);
  void ApplyRenamed(const journal::InodeRenamed& entry);
  void ApplyDeleted(const journal::InodeDeleted& entry);
  void ApplyUpdated(const journal::InodeUpdated& entry);
  void ApplyScheduled(const journal::PersistScheduled& entry);
  void ApplyPersisted(const journal::Persisted& entry);
  void ApplyOperation(const journal::OperationDone& entry);
  void ApplyReserved(const journal::ContainerIdsReserved& entry);
  void ApplyDropped(const journal::RecordDropped& entry);
  void ApplyRest(const journal::JournalEntry& entry);

  Journal* const journal_;
  OperationIndex* const operations_;
  StateBatch batch_;
  std::optional<state::ClusterRecord> cluster_;  // put into the batch at the end
  bool cluster_changed_ = false;
  std::vector<std::pair<int64_t, journal::OperationDone>> own_operations_;  // with their slots
  LogIndex depends_;
};

// Shorthand for building entries.
template <typename F>
journal::JournalEntry MakeEntry(F&& fill) {
  journal::JournalEntry entry;
  fill(entry);
  return entry;
}

// The index of the newest entry that store holds; for the Journal over it. DATA_LOSS if the record
// that has it cannot be read.
StatusOr<LogIndex> LastLogIndex(StateStore* store, Executor* executor);

}  // namespace spillway
