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

#include "master/master_state.h"
#include "master/master_types.h"
#include "master/state/state_txn.h"

namespace spillway {

// Thread-safe.
class Master : private MasterState {
 public:
  Master(MasterOptions options, MasterContext context);
  ~Master();

  // Formats an empty store or checks an old one, then takes up what was left to do.
  // FAILED_PRECONDITION for a foreign or newer store or another root understore.
  Status Start();
  void Stop();  // the process ends: what waits here gets UNAVAILABLE, now and later

  // Runs done when everything up to index is durable.
  void WhenDurable(LogIndex index, std::function<void()> done) {
    journal_->WhenDurable(index, std::move(done));
  }

  // The directory that must be loaded from the understore before path can be answered for, if any.
  // With children, the children of path count too.
  std::optional<InodeId> DirectoryToLoad(const std::string& path, bool children);
  Status LoadDirectory(InodeId directory, const PassiveTtl& ttl = {});  // its children; blocks
  // The same for what an operation that adds path must know, but OK without it if the understore
  // does not answer for a few seconds: what it holds there shows when path is persisted. Blocks.
  Status LoadForCreate(const std::string& path);
  // The directories at and below path that are not loaded; the same for all of them, which move
  // with it. UNAVAILABLE, to be asked again, if that takes long.
  std::vector<InodeId> UnloadedBelow(const std::string& path);
  Status LoadForRename(const std::string& path);

  // Whether path has to be compared with the understore before an operation that accepts what is
  // interval_ms old (-1: any age), as NeedsSync has asked for it too.
  bool SyncIsDue(const std::string& path, SyncDepth depth, int64_t interval_ms);
  // Makes the namespace at and below path as the understore has it where others have changed it:
  // what is new appears, what has another content is loaded anew, what is gone disappears. What the
  // understore does not have yet stays as it is. CANCELLED as soon as stopped says so. Blocks.
  Status SyncMetadata(const std::string& path, SyncDepth depth, SyncCounts* counts,
                      const std::function<bool()>& stopped = nullptr, const PassiveTtl& ttl = {});
  // The next operation on path or below it compares first.
  Outcome<Nothing> NeedsSync(const Caller& caller, const std::string& path);
  // Persisted files at and below path that the understore does not have as they are. Blocks.
  Outcome<std::vector<std::string>> CheckConsistency(const Caller& caller, const std::string& path);

  // Operations of clients.
  Outcome<FileStatus> CreateFile(const Caller& caller, const std::string& path,
                                 const CreateFileOptions& options);
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
  Outcome<Nothing> SetAcl(const Caller& caller, const std::string& path, AclAction action,
                          const std::vector<AclEntry>& entries, bool recursive);
  // Limits what is below a directory; 0 is no limit. RESOURCE_EXHAUSTED for who goes beyond.
  Outcome<Nothing> SetQuota(const Caller& caller, const std::string& path, int64_t files_max,
                            int64_t bytes_max);
  Outcome<std::vector<Quota>> ListQuotas(const Caller& caller, const std::string& path);
  // Asks workers for copies of each block of a file; returns the blocks that have fewer now.
  Outcome<std::vector<BlockId>> LoadFile(const Caller& caller, const std::string& path, int copies);
  // How many of these are still to come. Those that will not are in failed, each once.
  size_t StillToLoad(const std::vector<BlockId>& blocks, FailedLoads* failed);
  void CancelLoad(const std::vector<BlockId>& blocks);
  // Makes target with the content of source, a complete file; the workers copy, block by block, in
  // blocks of source's size. done runs when target is complete with all its copies and durable, or
  // with why it is not, and then there is no target. A restart of the master forgets it. The
  // target's id, by which it may be abandoned, if there is one.
  std::optional<InodeId> CopyFile(const Caller& caller, const std::string& source,
                                  const std::string& target, const CreateFileOptions& options,
                                  FileCopy::Done done);
  Outcome<Nothing> Free(const Caller& caller, const std::string& path, bool recursive, bool forced);
  // How many components of path's end a marker pattern matches; 0: it is no marker.
  int MarkerDepth(const std::string& path) const;
  Outcome<Nothing> SchedulePersist(const Caller& caller, const std::string& path,
                                   int64_t wait_time_ms);
  bool IsSuperUser(const Caller& caller) const;
  Outcome<Nothing> CheckAccess(const Caller& caller, const std::string& path, int bits);
  Outcome<std::string> GetFilePath(InodeId id);
  Outcome<BlockInfo> GetBlockInfo(BlockId id);
  Outcome<std::string> ReverseResolve(const std::string& uri);
  std::vector<MountInfo> GetMounts();
  // Shows an understore at path, which must not exist while its parent must. Asks it: blocks.
  Outcome<Nothing> Mount(const Caller& caller, const std::string& path, const std::string& uri,
                         const MountOptions& options);
  // Other options for the mount at path. Blocks.
  Outcome<Nothing> UpdateMount(const Caller& caller, const std::string& path,
                               const MountOptions& options);
  // Takes a mount out of the namespace; the understore keeps what it has. UNAVAILABLE, to be asked
  // again, as long as it does not have everything that was acknowledged.
  Outcome<Nothing> Unmount(const Caller& caller, const std::string& path);
  // Live workers; UNAVAILABLE in safe mode.
  StatusOr<std::vector<WorkerInfo>> GetWorkers();
  std::vector<WorkerInfo> GetWorkerReport();
  // Nothing new goes to the worker and its copies do not count any more; undo takes that back. Call
  // again to see what is left. NOT_FOUND if no such worker is known; port 0: any.
  StatusOr<Decommission> DecommissionWorker(const std::string& host, int data_port, bool undo);
  // UNAVAILABLE if the worker is not there, NOT_FOUND if it or the file is not known.
  Status ChangeLostFile(const std::string& host, int data_port, const LostFile& file,
                        LostFileAction action);
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
  // done runs with the object that holds a block, once that is durable; not if the session is over.
  void GetBlockOrigin(const Session& session, const session::GetBlockOrigin& request,
                      std::function<void(session::BlockOrigin)> done);
  void ObjectChanged(const Session& session, const session::ObjectChanged& changed);
  void FoldersAre(const Session& session, const session::Folders& folders);
  void PersistDone(const Session& session, const session::PersistResult& result);
  void ReplicateDone(const Session& session, const session::ReplicateResult& result);
  void SessionClosed(const Session& session);
  // Sent under the lock, as every change of the mounts is: the newest comes last.
  void SendMounts(const Session& session);

  void Tick();  // background duties; called every 100 ms or so
  PersistSummary GetPersistSummary();
  std::vector<PersistInfo> GetPersistInfo(const Caller& caller,
                                          const std::vector<std::string>& paths);
  // What is left of everything below path that was completed before cut; 0 is now.
  StatusOr<PersistProgress> GetPersistProgress(const Caller& caller, const std::string& path,
                                               int64_t cut);
  PersistReport GetPersistReport(size_t entries_max);
  std::vector<StoreInfo> GetStoreReport(size_t entries_max);
  HealthReport GetHealthReport(size_t entries_max);
  DamagedReport GetDamaged(size_t entries_max);
  // A damaged record's bytes as they stand; dropping it for good. What was done with it.
  StatusOr<std::string> ExportRecord(const std::string& name);
  Outcome<std::string> DropRecord(const std::string& name);
  // Runs done when a new block of path may be written: at once, or later as the backlog of
  // unpersisted data shrinks. ABORTED if the caller had better write through; RESOURCE_EXHAUSTED
  // after backlog_wait_ms_max.
  void AdmitBlock(const std::string& path, bool may_write_through,
                  std::function<void(Status)> done);

 private:
  friend class MasterInvariants;  // background/invariants.h
  void Format(StateTxn& txn) HOLDING_MUTEX;
  // --- state/paths.cc
  Lookup Find(StateTxn& txn, const std::string& path) HOLDING_MUTEX;
  // NOT_FOUND unless path exists.
  StatusOr<Lookup> FindExisting(StateTxn& txn, const std::string& path) HOLDING_MUTEX;
  // An existing path that caller may get to.
  StatusOr<Lookup> FindReachable(StateTxn& txn, const Caller& caller,
                                 const std::string& path) HOLDING_MUTEX;
  StatusOr<ResolvedKey> Resolve(const std::string& path) HOLDING_MUTEX;
  std::shared_ptr<UnderStore> UnderStoreOf(MountId mount) HOLDING_MUTEX;
  Status OpenMounts(StateTxn& txn) HOLDING_MUTEX;
  static Status CheckSound(const Lookup& lookup);
  // DATA_LOSS if records below are damaged; the others are visited.
  Status VisitSubtree(StateTxn& txn, const state::Inode& inode, const std::string& path,
                      const std::function<void(const state::Inode&, const std::string&)>& visit)
      HOLDING_MUTEX;
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
  Status CheckOwner(const Caller& caller, const state::Inode& inode, const std::string& path) const;
  Status CheckWritable(const ResolvedKey& resolved, const std::string& path) HOLDING_MUTEX;
  // --- state/file_status.cc
  FileStatus MakeStatus(StateTxn& txn, const state::Inode& inode, const std::string& path,
                        bool blocks) HOLDING_MUTEX;
  BlockInfo MakeBlockInfo(const state::Inode& inode, int64_t index) HOLDING_MUTEX;

  // --- ops/
  state::Inode NewFile(StateTxn& txn, const Caller& caller, const state::Inode& parent,
                       const std::string& name, const CreateFileOptions& options,
                       const WholeFile* whole) HOLDING_MUTEX;
  // Whether files and bytes more may be below the directories of chain, but for those within of
  // which they are already.
  static Status CheckQuota(const std::vector<state::Inode>& chain, int64_t files, int64_t bytes,
                           const std::vector<state::Inode>& already = {});
  Status CheckKey(const ResolvedKey& resolved, const std::string& path) HOLDING_MUTEX;
  // Creates what is missing of lookup's parents; returns the parent of the last name.
  StatusOr<state::Inode> CreateParents(StateTxn& txn, const Caller& caller, Lookup* lookup,
                                       const std::string& path, bool recursive) HOLDING_MUTEX;
  state::Inode NewDirectory(StateTxn& txn, const Caller& caller, const state::Inode& parent,
                            const std::string& name, int mode) HOLDING_MUTEX;
  StatusOr<InodeId> DoCompleteFile(StateTxn& txn, const Caller& caller, const std::string& path,
                                   const CompleteFileOptions& options,
                                   const std::string& content_hash,
                                   std::optional<state::PersistJob>* job) HOLDING_MUTEX;
  Status MakeWay(const state::Inode&, WorkerId, const session::BlockReport&) HOLDING_MUTEX;
  void DropCopies(BlockId block, std::optional<WorkerId> spared) HOLDING_MUTEX;
  StatusOr<std::vector<state::BlockRecord>> CommittedBlocks(const state::Inode& inode,
                                                            int64_t* length) HOLDING_MUTEX;
  Status DoCreateDirectory(StateTxn& txn, const Caller& caller, const std::string& path,
                           const CreateDirectoryOptions& options) HOLDING_MUTEX;
  // Deletes one inode (its children are gone already). With keep_object nothing changes in S3.
  void DeleteOne(StateTxn& txn, const state::Inode& inode, const std::string& path,
                 bool keep_object, Removed* removed) HOLDING_MUTEX;
  void AfterRemoved(const Removed& removed) WITHOUT_MUTEX;
  // With overwrite, the file that stands at path is deleted; its object stays until it is replaced.
  StatusOr<state::Inode> CreateOrReplace(StateTxn& txn, const Caller& caller,
                                         const std::string& path, const CreateFileOptions& options,
                                         int64_t length_bytes, const WholeFile* whole,
                                         Removed* removed) HOLDING_MUTEX;
  PutOutcome PutFile(const Session& session, const session::PutFiles& request,
                     const session::PutFiles::File& file, PutEffects* effects);
  PutOutcome PutEmptyFile(const Caller& caller, const smallfiles::NewFileOptions& asked,
                          PutEffects* effects);
  // What came of it if it was carried out before.
  std::optional<PutOutcome> FindPut(StateTxn& txn, const std::string& path,
                                    const CreateFileOptions& options,
                                    PutEffects* effects) HOLDING_MUTEX;
  StatusOr<state::Inode> MakeWhole(StateTxn& txn, const Caller& caller, const std::string& path,
                                   const CreateFileOptions& options, const WholeFile& whole,
                                   PutEffects* effects) HOLDING_MUTEX;
  void AfterPut(PutEffects effects) WITHOUT_MUTEX;
  // Whether a put may be carried out with these holders and this id.
  Status CheckPut(StateTxn& txn, const WorkerEntry& worker, const session::PutFiles& request,
                  const session::PutFiles::File& file,
                  const CreateFileOptions& options) HOLDING_MUTEX;
  // Adds own to what is to be deleted at key; it may come until unknown_until_ms (SteadyMs).
  void ScheduleObjectDelete(StateTxn& txn, MountId mount, const std::string& key,
                            const OwnObjects& own, int64_t unknown_until_ms = 0) HOLDING_MUTEX;
  void ScheduleFolderDelete(StateTxn& txn, MountId mount, const std::string& key) HOLDING_MUTEX;
  void PutPendingDelete(StateTxn& txn, const state::PendingDelete& pending) HOLDING_MUTEX;
  Status DoRename(StateTxn& txn, const Caller& caller, const std::string& source,
                  const std::string& target, const RenameOptions& options,
                  std::vector<state::PersistJob>* jobs) HOLDING_MUTEX;
  void RenameUnderStore(StateTxn& txn, const state::Inode& inode, const std::string& old_path,
                        const std::string& new_path, const RenameOptions& options,
                        std::vector<state::PersistJob>* jobs) HOLDING_MUTEX;
  // What an operation that was carried out before was about; here and below txn knows operations_.
  std::optional<InodeId> FindOperation(StateTxn& txn,
                                       const std::optional<OperationId>& id) HOLDING_MUTEX;
  void RememberOperation(StateTxn& txn, const std::optional<OperationId>& id,
                         InodeId inode) HOLDING_MUTEX;
  Status CheckMount(StateTxn& txn, const Caller& caller, const std::string& path,
                    const std::string& uri) HOLDING_MUTEX;
  // The mount at exactly path.
  StatusOr<state::Mount> FindMount(const std::string& path) HOLDING_MUTEX;
  // What still has to be done in the understore of a mount, described; empty if nothing.
  std::string MountIsBusy(StateTxn& txn, MountId mount, const std::string& path) HOLDING_MUTEX;
  StatusOr<std::shared_ptr<UnderStore>> TryMount(const state::Mount& mount);
  session::MasterMessage MountTableMessage() HOLDING_MUTEX;
  void TellMounts() HOLDING_MUTEX;
  // The folder of that id; *what becomes its name.
  Status LoadFrom(InodeId id, const PassiveTtl& ttl, bool briefly, std::string* what) WITHOUT_MUTEX;
  Status AddLoadedPage(InodeId directory, const ResolvedKey& from, const ListPage& page, bool last,
                       const PassiveTtl& ttl) WITHOUT_MUTEX;
  // Gone as far as the namespace goes, but the understore may list it. object: null for a folder.
  bool IsLeaving(StateTxn& txn, MountId mount, const std::string& key,
                 const ObjectInfo* object) HOLDING_MUTEX;
  void AddLoadedFolder(StateTxn& txn, const state::Inode& parent,
                       const std::string& name) HOLDING_MUTEX;
  state::Inode LoadedFile(StateTxn& txn, const state::Inode& parent, const std::string& path,
                          const ObjectInfo& object, const PassiveTtl& ttl) HOLDING_MUTEX;
  // --- ops/damaged.cc
  std::string RemakeDirectory(StateTxn& txn, const DamagedRecord& record) HOLDING_MUTEX;
  void NoteLeftOut(const std::string& folder, const LeftOut& left, bool first) WITHOUT_MUTEX;
  // --- ops/sync.cc
  struct SyncedFolder;
  // What path's first component that may have come or gone is now.
  Status SyncEntry(const std::string& path, SyncDepth depth, SyncCounts* counts,
                   const PassiveTtl& ttl) WITHOUT_MUTEX;
  // All children, or only that one.
  Status SyncFolder(InodeId directory, const std::string* only, SyncCounts* counts,
                    const PassiveTtl& ttl) WITHOUT_MUTEX;
  Status CompareFolder(SyncedFolder& folder, const std::string* only) WITHOUT_MUTEX;
  void ComparePage(SyncedFolder& folder, const ListPage& page) WITHOUT_MUTEX;
  void RemoveMissing(SyncedFolder& folder, const std::string* only) WITHOUT_MUTEX;
  // As it stands in the understore since before that time; nothing of it is under way.
  bool IsSettled(const state::Inode& inode, const std::string& key,
                 int64_t before_ms) HOLDING_MUTEX;
  // True if the inode is gone.
  bool RemoveGone(StateTxn& txn, const state::Inode& inode, const std::string& path,
                  int64_t before_ms, Removed* removed, SyncCounts* counts) HOLDING_MUTEX;
  // --- ops/copy_file.cc
  StatusOr<state::Inode> BeginCopy(StateTxn& txn, FileCopy* copy, const std::string& source,
                                   const std::string& target, Removed* removed) HOLDING_MUTEX;
  // The copy that block's file, which is not complete yet, is made by.
  FileCopy* FindCopyOf(BlockId block) HOLDING_MUTEX;
  // Completes what has all its blocks, gives up what cannot be copied.
  void SettleCopies() WITHOUT_MUTEX;
  void SettleCopy(InodeId target) WITHOUT_MUTEX;
  // --- background/
  state::PersistJob NewPersistJob(const state::Inode& inode, state::PersistKind kind,
                                  int64_t wait_ms) HOLDING_MUTEX;
  // The job is known at once, so that markers wait for it, and queued once index is durable.
  void AddTask(const state::PersistJob& job, LogIndex index) HOLDING_MUTEX;
  void QueueWhenDurable(const std::vector<state::PersistJob>& jobs, LogIndex index) WITHOUT_MUTEX;
  // Takes up the jobs of before the start, some at a time.
  void LoadJobs(std::string after) WITHOUT_MUTEX;
  PersistLane* LaneOf(const ResolvedKey& resolved) HOLDING_MUTEX;
  bool MaybePublished(StateTxn& txn, InodeId inode) HOLDING_MUTEX;
  int64_t UnknownUntil(StateTxn& txn, InodeId inode) HOLDING_MUTEX;
  void NoteUnknown(PersistTask& task) HOLDING_MUTEX;
  // How long a key is fenced after an unanswered call whose condition the store does not check.
  int64_t unguarded_fence_ms() const;
  bool HasConditions(MountId mount) HOLDING_MUTEX;
  bool MayStillChange(const ResolvedKey& resolved) HOLDING_MUTEX;
  bool MayBeSentFromBefore(const state::PendingDelete& pending) HOLDING_MUTEX;
  void FenceFromBefore(const PersistTask& task, const state::Inode& inode) HOLDING_MUTEX;
  void FenceLateDelete(StateTxn& txn, MountId mount, const std::string& key) HOLDING_MUTEX;
  // Something that has to be persisted before the marker, described; empty if nothing is.
  std::string MarkerWaitsFor(StateTxn& txn, const PersistTask& task) HOLDING_MUTEX;
  bool IsBelow(StateTxn& txn, InodeId directory, InodeId ancestor) HOLDING_MUTEX;
  // An old marker below which key lies waits to be deleted: nothing new goes there before. Markers
  // that moves still read from do not hold a move up, or each could wait for the other.
  bool OldMarkerAbove(MountId mount, const std::string& key, state::PersistKind kind) HOLDING_MUTEX;
  void NotePendingDelete(const state::PendingDelete& pending) HOLDING_MUTEX;
  void ForgetPendingDelete(const state::PendingDelete& pending) HOLDING_MUTEX;
  // An object that waits to be deleted may be a copy of the one at key: that stands until then.
  bool HasUndecidedCopies(MountId mount, const std::string& key) HOLDING_MUTEX;
  // A lost worker may still publish something else at the key with this busy name.
  bool FencedFrom(const std::string& busy, InodeId inode, int64_t generation) HOLDING_MUTEX;
  void CancelTask(InodeId inode) HOLDING_MUTEX;
  void DispatchPersist() HOLDING_MUTEX;
  // Notes too whose source it waits for.
  bool KeyTaken(const PersistTask& task, const ResolvedKey& resolved) HOLDING_MUTEX;
  // Where a move that makes way for others puts its object first.
  static std::string AsideKey(InodeId inode);
  bool MovesAside(PersistTask& task, MountId mount, std::string* key) HOLDING_MUTEX;
  void StartTask(PersistTask& task) HOLDING_MUTEX;
  Status StartUpload(StateTxn& txn, PersistTask& task, const state::Inode& inode,
                     const std::string& path) HOLDING_MUTEX;
  void NoteUpload(StateTxn& txn, const PersistTask& task) HOLDING_MUTEX;
  void StartMultipart(PersistTask& task) HOLDING_MUTEX;
  void SendParts(uint64_t job_id) WITHOUT_MUTEX;
  void PartDone(PersistTask& task, UploadedPart part) HOLDING_MUTEX;
  void CompleteUpload(uint64_t job_id) WITHOUT_MUTEX;
  void CompletionAnswered(PersistTask& task, const StatusOr<PutResult>& result,
                          const std::optional<LookedAt>& looked, int64_t duration_ms) HOLDING_MUTEX;
  PutOptions ConditionOf(StateTxn& txn, const PersistTask& task,
                         const state::Inode& inode) HOLDING_MUTEX;
  OwnObjects BelievedAt(StateTxn& txn, const PersistTask& task,
                        const state::Inode& inode) HOLDING_MUTEX;
  Belief BeliefOf(const PersistTask& task) HOLDING_MUTEX;
  // An attempt met something else than it believed: looks, and decides how to go on. Blocks.
  void ResolveConflict(uint64_t job_id, const Status& why) WITHOUT_MUTEX;
  void StartRelocate(PersistTask& task, const state::Inode& inode, LogIndex after) HOLDING_MUTEX;
  void CopyWhole(uint64_t job_id, bool look_first) WITHOUT_MUTEX;
  void CopyParts(PersistTask& task) HOLDING_MUTEX;
  void CopyOnePart(uint64_t job_id, int number, int attempt) WITHOUT_MUTEX;
  StatusOr<LookedAt> LookAtSource(uint64_t job_id) WITHOUT_MUTEX;
  void TakeSource(const PersistTask& task, const std::string& etag) HOLDING_MUTEX;
  Status LearnChecksum(uint64_t job_id) WITHOUT_MUTEX;
  void SourceGone(PersistTask& task) HOLDING_MUTEX;
  StatusOr<session::PersistCommand> MakePersistCommand(const PersistTask& task,
                                                       const state::Inode& inode,
                                                       int64_t first_block,
                                                       int64_t last_block) HOLDING_MUTEX;
  WorkerEntry* ChooseUploader(const session::PersistCommand& command) HOLDING_MUTEX;
  PersistTask* FindRunning(uint64_t job_id) HOLDING_MUTEX;
  // Ends a cancelled task if job_id is one. outcome: of its last call that could publish.
  void EndZombie(uint64_t job_id, const Status& outcome) HOLDING_MUTEX;
  void RemoveTask(InodeId inode) HOLDING_MUTEX;
  void TaskFailed(PersistTask& task, const Status& why, FailureOrigin origin) HOLDING_MUTEX;
  void TaskSucceeded(PersistTask& task, const std::string& etag, int64_t duration_ms) HOLDING_MUTEX;
  void Requeue(PersistTask& task, int64_t due_at_ms) HOLDING_MUTEX;
  // The task is not under way any more: its key and its workers are free.
  void StopRunning(PersistTask& task) HOLDING_MUTEX;
  Status SendPart(PersistTask& task, const state::Inode& inode, int number) HOLDING_MUTEX;
  // The upload that job had begun is swept and the job forgets it; false if it had begun none.
  bool OrphanUploadOf(StateTxn& txn, state::PersistJob& job) HOLDING_MUTEX;
  // A delete that waits for key, if there is one, is not carried out any more.
  void DropPendingDelete(StateTxn& txn, MountId mount, const std::string& key) HOLDING_MUTEX;
  void OrphanUpload(StateTxn& txn, MountId mount, const std::string& key,
                    const std::string& upload_id, int64_t begun_at_ms) HOLDING_MUTEX;
  bool IsBlacklisted(const std::string& path) const;
  std::string BusyName(MountId mount, const std::string& key) const;
  void FreeKey(const std::string& busy) HOLDING_MUTEX;
  std::vector<state::PendingDelete> NextDeletes(StateTxn& txn, bool* any) HOLDING_MUTEX;
  bool MayDeleteNow(StateTxn& txn, const state::PendingDelete& record) HOLDING_MUTEX;
  SweepPlan PlanSweep() HOLDING_MUTEX;
  void SweepDeletes() WITHOUT_MUTEX;
  size_t DeleteObjects(MountId mount,
                       const std::vector<state::PendingDelete>& records) WITHOUT_MUTEX;
  void CarryOutSweep(const SweepPlan& plan) WITHOUT_MUTEX;
  size_t FinishDeletes(MountId mount, const std::vector<state::PendingDelete>& records,
                       const std::vector<DeleteOutcome>& outcomes) WITHOUT_MUTEX;
  void WaitToDelete(MountId mount, const std::string& key, const DeleteOutcome& o) HOLDING_MUTEX;
  // Finds out what stores can do, where that is not known yet.
  void ProbeStores() HOLDING_MUTEX;
  void ProbeStore(MountId mount) WITHOUT_MUTEX;
  StatusOr<std::shared_ptr<UnderStore>> OpenStore(const state::Mount& mount);
  void SweepOrphans() WITHOUT_MUTEX;
  void CheckWorkers() WITHOUT_MUTEX;
  // --- background/persist_report.cc
  double PersistRate() HOLDING_MUTEX;
  PersistInfo MakePersistInfo(const state::Inode& inode, const std::string& path) HOLDING_MUTEX;
  // --- background/backlog.cc
  double BacklogPressure(const std::string& path) HOLDING_MUTEX;
  void NoteDirty(PersistTask& task, const std::string& path) HOLDING_MUTEX;
  void ForgetDirty(const PersistTask& task) HOLDING_MUTEX;
  double DrainRate() HOLDING_MUTEX;
  void NoteBlockBytes(double bytes) HOLDING_MUTEX;
  bool FirstBlock(const std::string& path) HOLDING_MUTEX;
  bool MayWriteThrough(const std::string& path) HOLDING_MUTEX;
  bool AdmitNow(double pressure, bool first) HOLDING_MUTEX;
  void PumpAdmissions() WITHOUT_MUTEX;
  void ReapIncomplete() WITHOUT_MUTEX;
  // --- background/healing.cc
  // Looks whether block has the copies that its file wants; queues it or trims it if not.
  void CheckCopies(StateTxn& txn, BlockId block) HOLDING_MUTEX;
  void CheckCopies(const state::Inode& inode, int64_t index) HOLDING_MUTEX;
  // It waits for healing only because somebody asked for a load or a copy: nothing is missing.
  bool IsOnlyAskedFor(StateTxn& txn, BlockId block) HOLDING_MUTEX;
  void CheckCopiesOf(const state::Inode& inode) HOLDING_MUTEX;
  void TrimSurplus(BlockId block, int most) HOLDING_MUTEX;
  // Starts what healing may be started.
  void Heal() HOLDING_MUTEX;
  bool StartHeal(StateTxn& txn, BlockId block) HOLDING_MUTEX;
  session::ReplicateBlock ReplicateCommand(StateTxn& txn, const state::Inode& inode, int64_t index,
                                           const std::vector<WorkerEntry*>& sources) HOLDING_MUTEX;
  // None if nobody has room, or if those who have are busy, which is told then.
  WorkerEntry* ChooseHealTarget(BlockId block, int64_t length_bytes, const HealEntry& entry,
                                bool* busy) HOLDING_MUTEX;
  void FailHealsWith(WorkerId worker) HOLDING_MUTEX;
  void ReleaseHeal(const HealEntry& entry) HOLDING_MUTEX;
  // What is under way for block is of no interest any more.
  void DropHeal(BlockId block) HOLDING_MUTEX;
  void EndHeal(BlockId block, const Status& status) HOLDING_MUTEX;
  // Looks at a page of all replicated files; goes on with the next one.
  void Audit() HOLDING_MUTEX;
  void SendVerify(WorkerId worker, BlockId block) HOLDING_MUTEX;
  // Settles what the worker was uploading; running: what it still works on, null if it is lost.
  void SettleUploads(WorkerId worker,
                     const google::protobuf::RepeatedPtrField<session::RunningUpload>* running)
      HOLDING_MUTEX;
  void FinishRegistration(StateTxn& txn, WorkerEntry& worker) HOLDING_MUTEX;
  void FenceUploadsOf(WorkerId worker) HOLDING_MUTEX;
  void MoveAway(WorkerEntry& worker) HOLDING_MUTEX;
  int64_t BlocksAtStake(const WorkerEntry& worker) HOLDING_MUTEX;
  void WorkerLost(WorkerEntry& worker) HOLDING_MUTEX;
  void CheckTtl() WITHOUT_MUTEX;
  void SendRemove(WorkerId worker, const std::vector<BlockId>& blocks) HOLDING_MUTEX;
  void SendPin(WorkerId worker, const std::vector<BlockId>& blocks, bool pinned) HOLDING_MUTEX;
  void UnpinBlocks(const state::Inode& inode) HOLDING_MUTEX;
  void UnpinPersisted() WITHOUT_MUTEX;
};

}  // namespace spillway
