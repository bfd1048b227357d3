// The master's core: namespace operations, the soft state of workers, and what has to be done in
// the background. One lock orders all changes; it is never held across a sync, a network or
// understore call. No thread of its own, no wall clock, no gRPC.
//
// Each operation has a file in ops/, each duty one in background/.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "master/background/heal_queue.h"
#include "master/background/persist_lane.h"
#include "master/cluster/cluster_state.h"
#include "master/cluster/listing_cache.h"
#include "master/master_types.h"
#include "master/state/state_txn.h"

namespace spillway {

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
  // The same for what an operation that adds path must know, but OK without it if the understore
  // does not answer for a few seconds: what it holds at path shows then when path is persisted.
  // Blocks.
  Status LoadForCreate(const std::string& path);

  // Operations of clients.
  Outcome<FileStatus> CreateFile(const Caller& caller, const std::string& path,
                                 const CreateFileOptions& options);
  // A block of a file known by its id: a new one if index is the next, the same again if it is the
  // last one. Stock clients name the path only, and get a new one each time.
  struct BlockOfFile {
    InodeId file;
    int64_t index = 0;
  };
  Outcome<BlockId> NewBlockId(const Caller& caller, const std::string& path,
                              const std::optional<BlockOfFile>& block = std::nullopt);
  // Deletes a file that was never completed, with its object if maybe_published.
  Outcome<Nothing> AbandonFile(const Caller& caller, InodeId file, bool maybe_published);
  Outcome<Nothing> CompleteFile(const Caller& caller, const std::string& path,
                                const CompleteFileOptions& options,
                                const std::string& content_hash = "");
  // Makes files without data, each in one step.
  Outcome<smallfiles::PutFilesResponse> PutEmptyFiles(const Caller& caller,
                                                      const smallfiles::PutFilesRequest& request);
  Outcome<Nothing> CreateDirectory(const Caller& caller, const std::string& path,
                                   const CreateDirectoryOptions& options);
  Outcome<FileStatus> GetStatus(const Caller& caller, const std::string& path);
  Outcome<std::vector<FileStatus>> ListStatus(const Caller& caller, const std::string& path,
                                              const ListOptions& options, size_t entries_max,
                                              ListCursor* cursor);
  // A folder's listing as it was sent and kept, if it is still right and caller may see it.
  Outcome<std::optional<SharedBytes>> CachedListing(const Caller& caller, const std::string& path);
  void KeepListing(const ListCursor& cursor, SharedBytes listing);
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
  bool IsSuperUser(const Caller& caller) const;
  Outcome<Nothing> CheckAccess(const Caller& caller, const std::string& path, int bits);
  Outcome<std::string> GetFilePath(InodeId id);
  Outcome<BlockInfo> GetBlockInfo(BlockId id);
  Outcome<std::string> ReverseResolve(const std::string& uri);
  std::vector<MountInfo> GetMounts();
  // Live workers; UNAVAILABLE in safe mode.
  StatusOr<std::vector<WorkerInfo>> GetWorkers();
  std::vector<WorkerInfo> GetWorkerReport();
  // Nothing new goes to the worker and its copies do not count any more; undo takes that back. Call
  // again to see what is left. NOT_FOUND if no such worker is known; port 0: any.
  StatusOr<Decommission> DecommissionWorker(const std::string& host, int data_port, bool undo);
  std::string cluster_id();
  // An answered heartbeat allows uploads to begin for so long: less than it takes to be lost.
  int64_t upload_lease_ms() const { return options_.worker_timeout_ms * 2 / 3; }
  int64_t start_time_ms() const { return start_time_ms_; }
  bool InSafeMode();
  // Cluster-wide path configuration.
  std::map<std::string, std::map<std::string, std::string>> PathProperties();
  Outcome<Nothing> SetPathProperties(const Caller& caller, const std::string& path,
                                     const std::map<std::string, std::string>& properties,
                                     const std::vector<std::string>& removed_keys, bool remove_all);

  // The worker session's side.
  using Session = WorkerSession;
  // done runs once the worker is known durably.
  void RegisterWorker(const session::Register& request,
                      std::function<void(StatusOr<Session>)> done);
  void BlocksHeld(const Session& session, const session::BlocksHeld& held);
  void Heartbeat(const Session& session, const session::Heartbeat& heartbeat);
  Status CommitBlock(const Session& session, const session::BlockReport& block);
  // Reserves container ids for files that the worker takes whole; done runs when that is durable.
  void ReserveIds(const Session& session, std::function<void(session::ReservedIds)> done);
  // Makes files that a worker took whole, each in one step; done runs when they are durable.
  void PutFiles(const Session& session, const session::PutFiles& request,
                std::function<void(session::PutFilesAck)> done);
  void BlocksRemoved(const Session& session, const session::BlocksRemoved& removed);
  void PersistDone(const Session& session, const session::PersistResult& result);
  void ReplicateDone(const Session& session, const session::ReplicateResult& result);
  void SessionClosed(const Session& session);
  session::MasterMessage MountTableMessage();

  // Background duties; called every 100 ms or so.
  void Tick();
  PersistSummary GetPersistSummary();
  std::vector<PersistInfo> GetPersistInfo(const Caller& caller,
                                          const std::vector<std::string>& paths);
  // What is left of everything below path that was completed before cut; 0 is now.
  StatusOr<PersistProgress> GetPersistProgress(const Caller& caller, const std::string& path,
                                               int64_t cut);
  PersistReport GetPersistReport(size_t entries_max);
  HealthReport GetHealthReport(size_t entries_max);
  // Runs done when a new block of path may be written: at once, or later as the backlog of
  // unpersisted data shrinks. ABORTED if the caller had better write through; RESOURCE_EXHAUSTED
  // after backlog_wait_ms_max.
  void AdmitBlock(const std::string& path, bool may_write_through,
                  std::function<void(Status)> done);

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
  bool Allows(const Caller& caller, const state::Inode& inode, int bits) const;
  // x on all but the last of lookup's chain.
  Status CheckTraverse(const Caller& caller, const Lookup& lookup, const std::string& path) const;
  static Status ReplacedByAnother(const std::string& path);
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
  StatusOr<state::Inode> DoCreateFile(StateTxn& txn, const Caller& caller, const std::string& path,
                                      const CreateFileOptions& options, const WholeFile* whole)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Creates what is missing of lookup's parents; returns the parent of the last name.
  StatusOr<state::Inode> CreateParents(StateTxn& txn, const Caller& caller, Lookup* lookup,
                                       const std::string& path, bool recursive)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  state::Inode NewDirectory(StateTxn& txn, const Caller& caller, const state::Inode& parent,
                            const std::string& name, int mode)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  StatusOr<InodeId> DoCompleteFile(StateTxn& txn, const Caller& caller, const std::string& path,
                                   const CompleteFileOptions& options,
                                   const std::string& content_hash,
                                   std::optional<state::PersistJob>* job)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool MayComeBack(BlockId block) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
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
  // With overwrite, the file that stands at path is deleted; its object stays until it is replaced.
  StatusOr<state::Inode> CreateOrReplace(StateTxn& txn, const Caller& caller,
                                         const std::string& path, const CreateFileOptions& options,
                                         const WholeFile* whole, Removed* removed)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // What the end of files that are made in one step has to wait for, and what follows it.
  struct PutEffects {
    LogIndex after;
    std::vector<state::PersistJob> jobs;
    Removed removed;
  };
  PutOutcome PutFile(const Session& session, const session::PutFiles& request,
                     const session::PutFiles::File& file, PutEffects* effects);
  PutOutcome PutEmptyFile(const Caller& caller, const smallfiles::NewFileOptions& asked,
                          PutEffects* effects);
  // What came of it if it was carried out before.
  std::optional<PutOutcome> FindPut(StateTxn& txn, const std::string& path,
                                    const CreateFileOptions& options, PutEffects* effects)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  StatusOr<state::Inode> MakeWhole(StateTxn& txn, const Caller& caller, const std::string& path,
                                   const CreateFileOptions& options, const WholeFile& whole,
                                   PutEffects* effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AfterPut(PutEffects effects) ABSL_LOCKS_EXCLUDED(mutex_);
  // Whether a put may be carried out with these holders and this id.
  Status CheckPut(StateTxn& txn, const WorkerEntry& worker, const session::PutFiles& request,
                  const session::PutFiles::File& file, const CreateFileOptions& options)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ScheduleObjectDelete(StateTxn& txn, MountId mount, const std::string& key, bool directory)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Status DoRename(StateTxn& txn, const Caller& caller, const std::string& source,
                  const std::string& target, const RenameOptions& options,
                  std::vector<state::PersistJob>* jobs) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RenameUnderStore(StateTxn& txn, const state::Inode& inode, const std::string& old_path,
                        const std::string& new_path, const RenameOptions& options,
                        std::vector<state::PersistJob>* jobs) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // What an operation that was carried out before was about; here and below txn knows operations_.
  std::optional<InodeId> FindOperation(StateTxn& txn, const std::optional<OperationId>& id)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RememberOperation(StateTxn& txn, const std::optional<OperationId>& id, InodeId inode)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // *what becomes the name of what is loaded.
  Status LoadFrom(InodeId directory, bool briefly, std::string* what) ABSL_LOCKS_EXCLUDED(mutex_);
  Status AddLoadedPage(InodeId directory, MountId mount, const ListPage& page, bool last);

  // --- background/
  state::PersistJob NewPersistJob(const state::Inode& inode, state::PersistKind kind,
                                  int64_t wait_ms) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The job is known at once, so that markers wait for it, and queued once index is durable.
  void AddTask(const state::PersistJob& job, LogIndex index) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void QueueWhenDurable(const std::vector<state::PersistJob>& jobs, LogIndex index)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Takes up the jobs of before the start, some at a time.
  void LoadJobs(std::string after) ABSL_LOCKS_EXCLUDED(mutex_);
  PersistLane* LaneOf(const ResolvedKey& resolved) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // An upload of this file was begun, perhaps before a crash.
  bool MaybePublished(StateTxn& txn, InodeId inode) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // How many components of path's end a marker pattern matches; 0: it is no marker.
  int MarkerDepth(const std::string& path) const;
  // Something that has to be persisted before the marker, described; empty if nothing is.
  std::string MarkerWaitsFor(StateTxn& txn, const PersistTask& task)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool IsBelow(StateTxn& txn, InodeId directory, InodeId ancestor)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // An old marker below which key lies waits to be deleted: nothing new goes there before. Markers
  // that moves still read from do not hold a move up, or each could wait for the other.
  bool OldMarkerAbove(MountId mount, const std::string& key, state::PersistKind kind)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void NoteMarkerDelete(MountId mount, const std::string& key)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ForgetMarkerDelete(MountId mount, const std::string& key)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // A lost worker may still publish something else at the key with this busy name.
  bool FencedFrom(const std::string& busy, InodeId inode, int64_t generation)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CancelTask(InodeId inode) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void DispatchPersist() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Notes too whose source it waits for.
  bool KeyTaken(const PersistTask& task, const ResolvedKey& resolved)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Where a move that makes way for others puts its object first.
  static std::string AsideKey(InodeId inode);
  bool MovesAside(PersistTask& task, MountId mount, std::string* key)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void StartTask(PersistTask& task) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Status StartUpload(StateTxn& txn, PersistTask& task, const state::Inode& inode,
                     const std::string& path) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void NoteUpload(StateTxn& txn, const PersistTask& task) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void StartMultipart(PersistTask& task, int64_t part_bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void SendParts(uint64_t job_id) ABSL_LOCKS_EXCLUDED(mutex_);
  void CompleteUpload(uint64_t job_id) ABSL_LOCKS_EXCLUDED(mutex_);
  void StartRelocate(PersistTask& task, const state::Inode& inode, LogIndex after)
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
  void TaskFailed(PersistTask& task, const Status& why, FailureOrigin origin)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void TaskSucceeded(PersistTask& task, const std::string& etag, int64_t duration_ms)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Requeue(PersistTask& task, int64_t due_at_ms) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The task is not under way any more: its key and its workers are free.
  void StopRunning(PersistTask& task) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Status SendPart(PersistTask& task, const state::Inode& inode, int number, int64_t first_block,
                  int64_t last_block) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The upload that job had begun is swept and the job forgets it; false if it had begun none.
  bool OrphanUploadOf(StateTxn& txn, state::PersistJob& job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // A delete that waits for key, if there is one, is not carried out any more.
  void DropPendingDelete(StateTxn& txn, MountId mount, const std::string& key)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OrphanUpload(StateTxn& txn, MountId mount, const std::string& key,
                    const std::string& upload_id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool IsBlacklisted(const std::string& path) const;
  std::string BusyName(MountId mount, const std::string& key) const;
  void FreeKey(const std::string& busy) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  struct SweepPlan {
    std::map<MountId, std::vector<std::string>> markers;  // go first
    std::map<MountId, std::vector<std::string>> objects;
    std::map<MountId, std::vector<std::string>> folders;
    LogIndex durable;
    bool any = false;  // there may be more to look at
  };
  std::vector<state::PendingDelete> NextDeletes(StateTxn& txn, bool* any)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  SweepPlan PlanSweep() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void SweepDeletes() ABSL_LOCKS_EXCLUDED(mutex_);
  size_t DeleteObjects(MountId mount, const std::vector<std::string>& keys)
      ABSL_LOCKS_EXCLUDED(mutex_);
  Status AbortOrphan(const state::OrphanUpload& upload, UnderStore* store);
  void CarryOutSweep(const SweepPlan& plan) ABSL_LOCKS_EXCLUDED(mutex_);
  void FinishDeletes(MountId mount, const std::vector<std::string>& keys,
                     const std::set<std::string>& failed) ABSL_LOCKS_EXCLUDED(mutex_);
  void SweepOrphans() ABSL_LOCKS_EXCLUDED(mutex_);
  void CheckWorkers() ABSL_LOCKS_EXCLUDED(mutex_);

  // --- background/persist_report.cc
  double PersistRate() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  PersistInfo MakePersistInfo(const state::Inode& inode, const std::string& path)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // --- background/backlog.cc
  double BacklogPressure(const std::string& path) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void NoteDirty(PersistTask& task, const std::string& path) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ForgetDirty(const PersistTask& task) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  double DrainRate() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void NoteBlockBytes(double bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    typical_block_bytes_ = 0.9 * typical_block_bytes_ + 0.1 * bytes;
  }
  bool FirstBlock(const std::string& path) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool MayWriteThrough(const std::string& path) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool AdmitNow(double pressure, bool first) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void PumpAdmissions() ABSL_LOCKS_EXCLUDED(mutex_);
  void ReapIncomplete() ABSL_LOCKS_EXCLUDED(mutex_);

  // --- background/healing.cc
  // Looks whether block has the copies that its file wants; queues it or trims it if not.
  void CheckCopies(StateTxn& txn, BlockId block) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CheckCopies(const state::Inode& inode, int64_t index) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CheckCopiesOf(const state::Inode& inode) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void TrimSurplus(BlockId block, int most) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Starts what healing may be started.
  void Heal() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool StartHeal(StateTxn& txn, BlockId block) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // None if nobody has room, or if those who have are busy, which is told then.
  WorkerEntry* ChooseHealTarget(BlockId block, int64_t length_bytes, const HealEntry& entry,
                                bool* busy) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void FailHealsWith(WorkerId worker) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void EndHeal(BlockId block, const Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Looks at a page of all replicated files; goes on with the next one.
  void Audit() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void SendVerify(WorkerId worker, BlockId block) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Settles what the worker was uploading: running is what it still works on, or null if it is
  // lost.
  void SettleUploads(WorkerId worker,
                     const google::protobuf::RepeatedPtrField<session::RunningUpload>* running)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void FinishRegistration(StateTxn& txn, WorkerEntry& worker) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void FenceUploadsOf(WorkerId worker) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void MoveAway(WorkerEntry& worker) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  int64_t BlocksAtStake(const WorkerEntry& worker) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void WorkerLost(WorkerEntry& worker) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CheckTtl() ABSL_LOCKS_EXCLUDED(mutex_);
  void SendRemove(WorkerId worker, const std::vector<BlockId>& blocks)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void SendPin(WorkerId worker, const std::vector<BlockId>& blocks, bool pinned)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void UnpinBlocks(const state::Inode& inode) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void UnpinPersisted() ABSL_LOCKS_EXCLUDED(mutex_);

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
  OperationIndex operations_ ABSL_GUARDED_BY(mutex_);
  ListingCache listings_ ABSL_GUARDED_BY(mutex_){8 << 20};
  ClusterState cluster_ ABSL_GUARDED_BY(mutex_);
  std::map<MountId, state::Mount> mounts_ ABSL_GUARDED_BY(mutex_);
  std::map<MountId, std::shared_ptr<UnderStore>> opened_ ABSL_GUARDED_BY(mutex_);
  std::map<MountId, int64_t> away_until_ms_ ABSL_GUARDED_BY(mutex_);  // what did not answer
  std::set<WorkerId> awaited_workers_
      ABSL_GUARDED_BY(mutex_);  // known before the start, not back yet
  bool safe_mode_over_ ABSL_GUARDED_BY(mutex_) = false;

  absl::flat_hash_map<InodeId, std::unique_ptr<PersistTask>> tasks_ ABSL_GUARDED_BY(mutex_);
  bool jobs_loaded_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<std::string, std::unique_ptr<PersistLane>> lanes_ ABSL_GUARDED_BY(mutex_);
  // Tasks that are not parked, by directory and generation: what markers wait for.
  std::map<InodeId, absl::btree_set<std::pair<int64_t, InodeId>>> pending_in_
      ABSL_GUARDED_BY(mutex_);
  // Old markers that wait to be deleted, by the folder (its busy name) that they vouch for.
  std::vector<std::vector<std::string>> marker_globs_;  // patterns by component; set once
  std::map<std::string, std::set<std::pair<MountId, std::string>>> marker_deletes_
      ABSL_GUARDED_BY(mutex_);
  // Bytes that may be told to workers before persist_bytes_per_second_max holds back.
  double byte_tokens_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t byte_tokens_at_ms_ ABSL_GUARDED_BY(mutex_) = 0;
  // By busy name.
  std::map<std::string, Fence> fences_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<uint64_t, InodeId> running_ ABSL_GUARDED_BY(mutex_);
  // Cancelled while under way: they keep their key busy until they end.
  absl::flat_hash_map<uint64_t, std::unique_ptr<PersistTask>> zombies_ ABSL_GUARDED_BY(mutex_);
  // Keys whose object waits to be moved elsewhere: nothing may be written there before.
  std::multiset<std::string> relocation_sources_ ABSL_GUARDED_BY(mutex_);
  // Those that another file waits for.
  std::set<std::string> wanted_sources_ ABSL_GUARDED_BY(mutex_);
  // Keys at which something is written or deleted, once for each that does: an upload of before a
  // failover or a lost session may still be under way beside the next one.
  std::multiset<std::string> busy_keys_ ABSL_GUARDED_BY(mutex_);
  uint64_t next_job_id_ ABSL_GUARDED_BY(mutex_) =
      0;  // begins anywhere, so that no start repeats ids
  bool sweeping_deletes_ ABSL_GUARDED_BY(mutex_) = false;
  bool sweeping_orphans_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<std::pair<MountId, std::string>> swept_to_ ABSL_GUARDED_BY(mutex_);
  bool deletes_pending_ ABSL_GUARDED_BY(mutex_) = true;
  bool orphans_pending_ ABSL_GUARDED_BY(mutex_) = true;
  int64_t next_sweep_ms_ ABSL_GUARDED_BY(mutex_) = 0;
  // Files that are being written, by when a worker last said so (monotonic).
  absl::flat_hash_map<InodeId, int64_t> writing_seen_ms_ ABSL_GUARDED_BY(mutex_);
  // Backlog.
  std::deque<Admission> admissions_ ABSL_GUARDED_BY(mutex_);
  double admission_tokens_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t admitted_at_ms_ ABSL_GUARDED_BY(mutex_) = 0;
  double typical_block_bytes_ ABSL_GUARDED_BY(mutex_) = 1 << 20;
  int64_t dirty_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, int64_t> dirty_below_ ABSL_GUARDED_BY(mutex_);
  int64_t drained_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t drain_window_ms_ ABSL_GUARDED_BY(mutex_) = 0;
  double drain_rate_ ABSL_GUARDED_BY(mutex_) = 0;
  std::deque<std::pair<LogIndex, state::Inode>> to_unpin_ ABSL_GUARDED_BY(mutex_);
  std::deque<int64_t> persisted_at_ms_ ABSL_GUARDED_BY(mutex_);  // monotonic, of late
  int64_t next_reap_ms_ ABSL_GUARDED_BY(mutex_) = 0;

  HealQueue heal_ ABSL_GUARDED_BY(mutex_);
  std::optional<InodeId> audit_after_ ABSL_GUARDED_BY(mutex_);  // an audit is under way
  int64_t next_audit_ms_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t next_ttl_check_ms_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace spillway
