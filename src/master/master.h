// The master's core: namespace operations, the soft state of workers, and what has to be done in
// the background. One lock orders all changes; it is never held across a sync, a network or
// understore call. No thread of its own, no wall clock, no gRPC.
//
// Each operation has a file in ops/, each duty one in background/.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "api/types.h"
#include "common/clock.h"
#include "common/config.h"
#include "common/executor.h"
#include "common/metrics.h"
#include "common/random.h"
#include "journal/journal.h"
#include "master/cluster/cluster_state.h"
#include "master/state/state_txn.h"
#include "understore/under_store.h"
#include "worker_session.pb.h"

namespace spillway {

// Who calls, as authenticated.
struct Caller {
  std::string user;
  std::vector<std::string> groups;  // the first is the primary one
};

// An operation's answer, and what must be durable before it may be given.
template <typename T>
struct Outcome {
  StatusOr<T> result;
  LogIndex wait_for;
};
struct Nothing {};

// Sends to a worker's session; never blocks. Messages to a session that is gone are dropped.
class WorkerSender {
 public:
  virtual ~WorkerSender() = default;
  virtual void Send(WorkerId worker, Epoch epoch, session::MasterMessage message) = 0;
};

// Opens a mount's understore. Thread-safe.
class UnderStoreOpener {
 public:
  virtual ~UnderStoreOpener() = default;
  virtual StatusOr<std::shared_ptr<UnderStore>> Open(
      const std::string& uri, const std::map<std::string, std::string>& properties) = 0;
};

struct MasterOptions {
  bool permission_enabled = true;
  std::string supergroup = "supergroup";
  std::string superuser;  // who started the master
  int umask = 022;
  std::string root_uri;
  std::vector<std::string> persist_blacklist;
  int64_t worker_timeout_ms = 3000;
  int64_t worker_suspect_ms = 1000;  // a broken session counts as lost after this
  int64_t safe_mode_ms_max = 5000;
  int64_t lost_worker_deletion_ms = 30 * 60'000;
  int64_t part_size_bytes = 64 << 20;
  int persist_jobs_max = 512;
  int64_t persist_retry_ms_max = 30'000;
  int64_t ttl_check_interval_ms = 3'600'000;
};

// What the master needs from outside. Nothing is owned but by its creator; all outlive the master.
struct MasterContext {
  Clock* clock = nullptr;
  Random* random = nullptr;
  Executor* executor = nullptr;  // for understore calls
  Journal* journal = nullptr;
  WorkerSender* sender = nullptr;
  UnderStoreOpener* understores = nullptr;
  Metrics* metrics = nullptr;
};

// Where a namespace path lies in an understore.
struct ResolvedKey {
  MountId mount_id;
  std::string uri;  // of the mount's root
  std::string key;
  std::string full() const {
    return key.empty() ? uri : (uri == "/" ? uri + key : uri + "/" + key);
  }
};

// One listing under way: where to go on.
struct ListCursor {
  std::string after;  // path below the listed one, "" at the beginning
  bool done = false;
  std::optional<InodeId> load;  // a directory that has to be loaded first
};

struct PersistTask {
  InodeId inode;
  int64_t generation = 0;
  state::PersistKind kind = state::UPLOAD;
  int64_t requested_at_ms = 0;
  int64_t due_at_ms = 0;
  int attempts = 0;
  Status last_error;
  // While under way.
  bool running = false;
  bool parked = false;  // the path is on the blacklist
  // An attempt was begun, perhaps before a crash: an object may stand at the path's key whatever
  // was answered.
  bool maybe_published = false;
  uint64_t job_id = 0;
  MountId mount_id;
  std::string key;
  std::string upload_id;
  std::vector<WorkerId> workers;  // that still have something to send
  std::vector<UploadedPart> parts;
  size_t parts_expected = 0;
  uint32_t crc32c = 0;
  bool crc_known = false;
  std::string source;  // RELOCATE: busy name of the object's present key
  std::string source_key;
};

// Thread-safe.
class Master {
 public:
  Master(MasterOptions options, MasterContext context);
  ~Master();

  // Formats an empty store or checks an old one, then takes up what was left to do.
  // FAILED_PRECONDITION for a foreign or newer store or another root understore.
  Status Start();

  // Runs done when everything up to index is durable.
  void WhenDurable(LogIndex index, std::function<void()> done) {
    journal_->WhenDurable(index, std::move(done));
  }

  // The directory that must be loaded from the understore before path can be answered for, if any.
  // With children, the children of path count too.
  std::optional<InodeId> DirectoryToLoad(const std::string& path, bool children);
  // Brings a directory's children from the understore into the namespace. Blocks.
  Status LoadDirectory(InodeId directory);

  // Operations of clients.
  Outcome<FileStatus> CreateFile(const Caller& caller, const std::string& path,
                                 const CreateFileOptions& options);
  Outcome<BlockId> NewBlockId(const Caller& caller, const std::string& path);
  Outcome<Nothing> CompleteFile(const Caller& caller, const std::string& path,
                                const CompleteFileOptions& options,
                                const std::string& content_hash = "");
  Outcome<Nothing> CreateDirectory(const Caller& caller, const std::string& path,
                                   const CreateDirectoryOptions& options);
  Outcome<FileStatus> GetStatus(const Caller& caller, const std::string& path);
  Outcome<std::vector<FileStatus>> ListStatus(const Caller& caller, const std::string& path,
                                              const ListOptions& options, size_t entries_max,
                                              ListCursor* cursor);
  Outcome<bool> Exists(const Caller& caller, const std::string& path);
  Outcome<Nothing> Remove(const Caller& caller, const std::string& path,
                          const RemoveOptions& options);
  Outcome<Nothing> Rename(const Caller& caller, const std::string& source,
                          const std::string& target, const RenameOptions& options);
  Outcome<Nothing> SetAttribute(const Caller& caller, const std::string& path,
                                const SetAttributeOptions& options);
  Outcome<Nothing> Free(const Caller& caller, const std::string& path, bool recursive, bool forced);
  Outcome<Nothing> SchedulePersist(const Caller& caller, const std::string& path,
                                   int64_t wait_time_ms);
  Outcome<Nothing> CheckAccess(const Caller& caller, const std::string& path, int bits);
  Outcome<std::string> GetFilePath(InodeId id);
  Outcome<BlockInfo> GetBlockInfo(BlockId id);
  Outcome<std::string> ReverseResolve(const std::string& uri);
  std::vector<MountInfo> GetMounts();
  // Live workers; UNAVAILABLE in safe mode.
  StatusOr<std::vector<WorkerInfo>> GetWorkers();
  std::vector<WorkerInfo> GetWorkerReport();
  std::string cluster_id();
  int64_t start_time_ms() const { return start_time_ms_; }
  bool InSafeMode();
  // Cluster-wide path configuration.
  std::map<std::string, std::map<std::string, std::string>> PathProperties();
  Outcome<Nothing> SetPathProperties(const Caller& caller, const std::string& path,
                                     const std::map<std::string, std::string>& properties,
                                     const std::vector<std::string>& removed_keys, bool remove_all);

  // The worker session's side. A session is known by (worker, epoch).
  struct Session {
    WorkerId worker;
    Epoch epoch;
    std::string cluster_id;
  };
  // done runs once the worker is known durably.
  void RegisterWorker(const session::Register& request,
                      std::function<void(StatusOr<Session>)> done);
  void BlocksHeld(const Session& session, const session::BlocksHeld& held);
  void Heartbeat(const Session& session, const session::Heartbeat& heartbeat);
  Status CommitBlock(const Session& session, const session::BlockReport& block);
  void BlocksRemoved(const Session& session, const session::BlocksRemoved& removed);
  void PersistDone(const Session& session, const session::PersistResult& result);
  void SessionClosed(const Session& session);
  session::MasterMessage MountTableMessage();

  // Background duties; called every 100 ms or so.
  void Tick();
  // For metrics and reports.
  struct PersistSummary {
    int64_t waiting = 0;
    int64_t running = 0;
    int64_t parked = 0;
    int64_t oldest_age_ms = 0;
  };
  PersistSummary GetPersistSummary();

 private:
  friend class MasterTestPeer;
  struct Lookup {
    std::vector<state::Inode> chain;  // from the root to the deepest that exists
    std::vector<std::string> names;   // components of the path
    bool found() const { return chain.size() == names.size() + 1; }
    const state::Inode& last() const { return chain.back(); }
  };

  void Format(StateTxn& txn) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // --- state/paths.cc
  Lookup Find(StateTxn& txn, const std::string& path) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // NOT_FOUND or INVALID_ARGUMENT (a component is a file) unless path exists.
  StatusOr<Lookup> FindExisting(StateTxn& txn, const std::string& path)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  StatusOr<ResolvedKey> Resolve(const std::string& path) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::shared_ptr<UnderStore> UnderStoreOf(MountId mount) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Status OpenMounts(StateTxn& txn) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void VisitSubtree(StateTxn& txn, const state::Inode& inode, const std::string& path,
                    const std::function<void(const state::Inode&, const std::string&)>& visit)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // --- state/permissions.cc
  static constexpr int kRead = 4, kWrite = 2, kExecute = 1;
  bool IsSuperUser(const Caller& caller) const;
  bool Allows(const Caller& caller, const state::Inode& inode, int bits) const;
  // x on all but the last of lookup's chain.
  Status CheckTraverse(const Caller& caller, const Lookup& lookup, const std::string& path) const;
  Status CheckBits(const Caller& caller, const state::Inode& inode, int bits,
                   const std::string& path) const;
  Status CheckParentWrite(const Caller& caller, const Lookup& lookup,
                          const std::string& path) const;

  // --- state/file_status.cc
  FileStatus MakeStatus(StateTxn& txn, const state::Inode& inode, const std::string& path,
                        bool blocks) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  BlockInfo MakeBlockInfo(const state::Inode& inode, int64_t index)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // --- ops/
  StatusOr<FileStatus> DoCreateFile(StateTxn& txn, const Caller& caller, const std::string& path,
                                    const CreateFileOptions& options)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Creates what is missing of lookup's parents; returns the parent of the last name.
  StatusOr<state::Inode> CreateParents(StateTxn& txn, const Caller& caller, Lookup* lookup,
                                       const std::string& path, bool recursive)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  state::Inode NewDirectory(StateTxn& txn, const Caller& caller, const state::Inode& parent,
                            const std::string& name, int mode)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Status DoCompleteFile(StateTxn& txn, const Caller& caller, const std::string& path,
                        const CompleteFileOptions& options, const std::string& content_hash,
                        std::optional<state::PersistJob>* job)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  StatusOr<std::vector<state::BlockRecord>> CommittedBlocks(const state::Inode& inode,
                                                            bool need_replica, int64_t* length)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Status DoCreateDirectory(StateTxn& txn, const Caller& caller, const std::string& path,
                           const CreateDirectoryOptions& options)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // After-effects of a delete, carried out when it is durable.
  struct Removed {
    std::vector<InodeId> files;
    std::vector<std::pair<InodeId, int64_t>> blocks;  // file, number of blocks
  };
  // Deletes one inode (its children are gone already). With keep_object nothing changes in S3.
  void DeleteOne(StateTxn& txn, const state::Inode& inode, const std::string& path,
                 bool keep_object, Removed* removed) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AfterRemoved(const Removed& removed) ABSL_LOCKS_EXCLUDED(mutex_);
  void ScheduleObjectDelete(StateTxn& txn, MountId mount, const std::string& key, bool directory)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Status DoRename(StateTxn& txn, const Caller& caller, const std::string& source,
                  const std::string& target, const RenameOptions& options,
                  std::vector<state::PersistJob>* jobs) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RenameUnderStore(StateTxn& txn, const state::Inode& inode, const std::string& old_path,
                        const std::string& new_path, const RenameOptions& options,
                        std::vector<state::PersistJob>* jobs) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The result of an operation id that was carried out before.
  std::optional<InodeId> FindOperation(StateTxn& txn, const std::optional<OperationId>& id)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RememberOperation(StateTxn& txn, const std::optional<OperationId>& id, InodeId inode)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Status AddLoadedPage(InodeId directory, MountId mount, const ListPage& page, bool last);

  // --- background/
  state::PersistJob NewPersistJob(const state::Inode& inode, state::PersistKind kind,
                                  int64_t wait_ms) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Once the job is durable: queue it and start what may be started.
  void EnqueuePersist(const std::vector<state::PersistJob>& jobs) ABSL_LOCKS_EXCLUDED(mutex_);
  void AddTask(const state::PersistJob& job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CancelTask(InodeId inode) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void DispatchPersist() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void StartTask(PersistTask& task) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Status StartUpload(StateTxn& txn, PersistTask& task, const state::Inode& inode,
                     const std::string& path) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void StartMultipart(PersistTask& task) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void SendParts(uint64_t job_id) ABSL_LOCKS_EXCLUDED(mutex_);
  void CompleteUpload(uint64_t job_id) ABSL_LOCKS_EXCLUDED(mutex_);
  void StartRelocate(PersistTask& task, const state::Inode& inode)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  StatusOr<session::PersistCommand> MakePersistCommand(const PersistTask& task,
                                                       const state::Inode& inode,
                                                       int64_t first_block, int64_t last_block)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  WorkerEntry* ChooseUploader(const session::PersistCommand& command)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  PersistTask* FindRunning(uint64_t job_id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Ends a cancelled task if job_id is one.
  bool EndZombie(uint64_t job_id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RemoveTask(InodeId inode) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void TaskFailed(PersistTask& task, const Status& why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void TaskSucceeded(PersistTask& task, const std::string& etag)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Requeue(PersistTask& task, int64_t due_at_ms) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The task is not under way any more: its key and its workers are free.
  void StopRunning(PersistTask& task) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Status SendPart(PersistTask& task, const state::Inode& inode, int number, int64_t first_block,
                  int64_t last_block) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OrphanUpload(StateTxn& txn, MountId mount, const std::string& key,
                    const std::string& upload_id);
  bool IsBlacklisted(const std::string& path) const;
  std::string BusyName(MountId mount, const std::string& key) const;

  struct SweepPlan {
    std::map<MountId, std::vector<std::string>> objects;
    std::map<MountId, std::vector<std::string>> folders;
    LogIndex durable;
    size_t seen = 0;
  };
  SweepPlan PlanSweep() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void SweepDeletes() ABSL_LOCKS_EXCLUDED(mutex_);
  void CarryOutSweep(const SweepPlan& plan) ABSL_LOCKS_EXCLUDED(mutex_);
  void FinishDeletes(MountId mount, const std::vector<std::string>& keys,
                     const std::set<std::string>& failed) ABSL_LOCKS_EXCLUDED(mutex_);
  void SweepOrphans() ABSL_LOCKS_EXCLUDED(mutex_);
  void CheckWorkers() ABSL_LOCKS_EXCLUDED(mutex_);
  // Settles what the worker was uploading: running is what it still works on, or null if it is
  // lost.
  void SettleUploads(WorkerId worker,
                     const google::protobuf::RepeatedPtrField<session::RunningUpload>* running)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void WorkerLost(WorkerEntry& worker) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CheckTtl() ABSL_LOCKS_EXCLUDED(mutex_);
  void SendRemove(WorkerId worker, const std::vector<BlockId>& blocks)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void SendPin(WorkerId worker, const std::vector<BlockId>& blocks, bool pinned)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void UnpinBlocks(const state::Inode& inode) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const MasterOptions options_;
  Clock* const clock_;
  Random* const random_;
  Executor* const executor_;
  Journal* const journal_;
  WorkerSender* const sender_;
  UnderStoreOpener* const understores_;
  Metrics* const metrics_;
  int64_t start_time_ms_ = 0;
  int64_t start_monotonic_ms_ = 0;

  absl::Mutex mutex_;
  ClusterState cluster_ ABSL_GUARDED_BY(mutex_);
  std::map<MountId, state::Mount> mounts_ ABSL_GUARDED_BY(mutex_);
  std::map<MountId, std::shared_ptr<UnderStore>> opened_ ABSL_GUARDED_BY(mutex_);
  std::set<WorkerId> awaited_workers_
      ABSL_GUARDED_BY(mutex_);  // known before the start, not back yet
  bool safe_mode_over_ ABSL_GUARDED_BY(mutex_) = false;

  absl::flat_hash_map<InodeId, std::unique_ptr<PersistTask>> tasks_ ABSL_GUARDED_BY(mutex_);
  std::set<std::tuple<int64_t, int64_t, InodeId>> due_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<uint64_t, InodeId> running_ ABSL_GUARDED_BY(mutex_);
  // Cancelled while under way: they keep their key busy until they end.
  absl::flat_hash_map<uint64_t, std::unique_ptr<PersistTask>> zombies_ ABSL_GUARDED_BY(mutex_);
  // Keys whose object waits to be moved elsewhere: nothing may be written there before.
  std::multiset<std::string> relocation_sources_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> busy_keys_ ABSL_GUARDED_BY(mutex_);
  uint64_t next_job_id_ ABSL_GUARDED_BY(mutex_) =
      0;  // begins anywhere, so that no start repeats ids
  bool sweeping_deletes_ ABSL_GUARDED_BY(mutex_) = false;
  bool sweeping_orphans_ ABSL_GUARDED_BY(mutex_) = false;
  bool deletes_pending_ ABSL_GUARDED_BY(mutex_) = true;
  bool orphans_pending_ ABSL_GUARDED_BY(mutex_) = true;
  int64_t next_sweep_ms_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t next_ttl_check_ms_ ABSL_GUARDED_BY(mutex_) = 0;
};

// Shorthands for building entries.
template <typename F>
journal::JournalEntry MakeEntry(F&& fill) {
  journal::JournalEntry entry;
  fill(entry);
  return entry;
}

}  // namespace spillway
