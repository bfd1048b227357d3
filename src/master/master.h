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

  // Whether path has to be compared with the understore before an operation that accepts what is
  // interval_ms old (-1: any age), as NeedsSync has asked for it too.
  bool SyncIsDue(const std::string& path, SyncDepth depth, int64_t interval_ms);
  // Makes the namespace at and below path as the understore has it where others have changed it:
  // what is new appears, what has another content is loaded anew, what is gone disappears. What the
  // understore does not have yet stays as it is. Ends early with CANCELLED when stopped says so.
  // Blocks.
  Status SyncMetadata(const std::string& path, SyncDepth depth, SyncCounts* counts,
                      const std::function<bool()>& stopped = nullptr);
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
  // How many of these are still to come.
  size_t StillToLoad(const std::vector<BlockId>& blocks);
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
  // Shows an understore at path, which must not exist while its parent must. Asks the understore:
  // blocks.
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
  // Sent under the lock, as every change of the mounts is: the newest comes last.
  void SendMounts(const Session& session);

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
  void Format(StateTxn& txn) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // --- state/paths.cc
  Lookup Find(StateTxn& txn, const std::string& path) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // NOT_FOUND unless path exists.
  StatusOr<Lookup> FindExisting(StateTxn& txn, const std::string& path)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // An existing path that caller may get to.
  StatusOr<Lookup> FindReachable(StateTxn& txn, const Caller& caller, const std::string& path)
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
  Status CheckOwner(const Caller& caller, const state::Inode& inode, const std::string& path) const;
  Status CheckWritable(const ResolvedKey& resolved, const std::string& path)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // --- state/file_status.cc
  FileStatus MakeStatus(StateTxn& txn, const state::Inode& inode, const std::string& path,
                        bool blocks) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  BlockInfo MakeBlockInfo(const state::Inode& inode, int64_t index)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // --- ops/
  state::Inode NewFile(StateTxn& txn, const Caller& caller, const state::Inode& parent,
                       const std::string& name, const CreateFileOptions& options,
                       const WholeFile* whole) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Whether files and bytes more may be below the directories of chain, but for those within of
  // which they are already.
  static Status CheckQuota(const std::vector<state::Inode>& chain, int64_t files, int64_t bytes,
                           const std::vector<state::Inode>& already = {});
  Status CheckKey(const ResolvedKey& resolved, const std::string& path)
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
  // Deletes one inode (its children are gone already). With keep_object nothing changes in S3.
  void DeleteOne(StateTxn& txn, const state::Inode& inode, const std::string& path,
                 bool keep_object, Removed* removed) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AfterRemoved(const Removed& removed) ABSL_LOCKS_EXCLUDED(mutex_);
  // With overwrite, the file that stands at path is deleted; its object stays until it is replaced.
  StatusOr<state::Inode> CreateOrReplace(StateTxn& txn, const Caller& caller,
                                         const std::string& path, const CreateFileOptions& options,
                                         int64_t length_bytes, const WholeFile* whole,
                                         Removed* removed) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
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
  Status CheckMount(StateTxn& txn, const Caller& caller, const std::string& path,
                    const std::string& uri) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The mount at exactly path.
  StatusOr<state::Mount> FindMount(const std::string& path) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // What still has to be done in the understore of a mount, described; empty if nothing.
  std::string MountIsBusy(StateTxn& txn, MountId mount, const std::string& path)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  StatusOr<std::shared_ptr<UnderStore>> TryMount(const state::Mount& mount);
  session::MasterMessage MountTableMessage() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void TellMounts() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // *what becomes the name of what is loaded.
  Status LoadFrom(InodeId directory, bool briefly, std::string* what) ABSL_LOCKS_EXCLUDED(mutex_);
  Status AddLoadedPage(InodeId directory, MountId mount, const ListPage& page, bool last);
  // The last component; empty for what cannot be a name.
  static std::string NameOfKey(const std::string& key);
  // Deleted or moved as far as the namespace goes, but the understore may still list it.
  bool IsLeaving(StateTxn& txn, MountId mount, const std::string& key, bool directory)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AddLoadedFolder(StateTxn& txn, const state::Inode& parent, const std::string& name)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  state::Inode LoadedFile(StateTxn& txn, const state::Inode& parent, const std::string& name,
                          const ObjectInfo& object) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // --- ops/sync.cc
  struct SyncedFolder;
  // What path's first component that may have come or gone is now.
  Status SyncEntry(const std::string& path, SyncDepth depth, SyncCounts* counts)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // All children, or only that one.
  Status SyncFolder(InodeId directory, const std::string* only, SyncCounts* counts)
      ABSL_LOCKS_EXCLUDED(mutex_);
  Status CompareFolder(const SyncedFolder& folder, const std::string* only, SyncCounts* counts)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void ComparePage(const SyncedFolder& folder, const ListPage& page, SyncCounts* counts)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void RemoveMissing(const SyncedFolder& folder, const std::set<std::string>& seen,
                     const std::string* only, SyncCounts* counts) ABSL_LOCKS_EXCLUDED(mutex_);
  // As it stands in the understore since before that time; nothing of it is under way.
  bool IsSettled(const state::Inode& inode, const std::string& key, int64_t before_ms)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Another content than the inode's stands at its key.
  static bool HasChanged(const state::Inode& inode, const ObjectInfo& object);
  // True if the inode is gone.
  bool RemoveGone(StateTxn& txn, const state::Inode& inode, const std::string& path,
                  int64_t before_ms, Removed* removed, SyncCounts* counts)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // --- ops/copy_file.cc
  StatusOr<state::Inode> BeginCopy(StateTxn& txn, FileCopy* copy, const std::string& source,
                                   const std::string& target, Removed* removed)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The copy that block's file, which is not complete yet, is made by.
  FileCopy* FindCopyOf(BlockId block) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Completes what has all its blocks, gives up what cannot be copied.
  void SettleCopies() ABSL_LOCKS_EXCLUDED(mutex_);
  void SettleCopy(InodeId target) ABSL_LOCKS_EXCLUDED(mutex_);

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
  // It waits for healing only because somebody asked for a load or a copy: nothing is missing.
  bool IsOnlyAskedFor(StateTxn& txn, BlockId block) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CheckCopiesOf(const state::Inode& inode) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void TrimSurplus(BlockId block, int most) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Starts what healing may be started.
  void Heal() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool StartHeal(StateTxn& txn, BlockId block) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  session::ReplicateBlock ReplicateCommand(StateTxn& txn, const state::Inode& inode, int64_t index,
                                           const std::vector<WorkerEntry*>& sources)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // None if nobody has room, or if those who have are busy, which is told then.
  WorkerEntry* ChooseHealTarget(BlockId block, int64_t length_bytes, const HealEntry& entry,
                                bool* busy) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void FailHealsWith(WorkerId worker) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ReleaseHeal(const HealEntry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // What is under way for block is of no interest any more.
  void DropHeal(BlockId block) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
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
};

}  // namespace spillway
