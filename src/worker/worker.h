// The worker's core: takes, serves, uploads and copies blocks. No gRPC, no thread of its own, no
// wall clock. Operations have a file each in ops/; the conversation with the master is in
// background/session.cc.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/synchronization/mutex.h"
#include "api/worker_api.h"
#include "common/clock.h"
#include "common/executor.h"
#include "common/metrics.h"
#include "understore/under_store.h"
#include "worker/ops/block_origins.h"
#include "worker/ops/small_files.h"
#include "worker/store/block_store.h"
#include "worker_session.pb.h"

namespace spillway {

using Done = std::function<void(Status)>;

// Where bytes of a write stream go. Calls come one after another; done may run on another thread
// and always runs. Destroying it without Commit drops what was written.
class WriteTarget {
 public:
  virtual ~WriteTarget() = default;
  // data stays valid until done runs.
  virtual void Append(std::vector<iovec> data, Done done) = 0;
  // Afterwards the bytes are acknowledged: known to the master, or in the understore.
  virtual void Commit(Done done) = 0;
  // Commit is not for a thread that others wait for.
  virtual bool commit_waits_for_disk() const { return false; }
  virtual int64_t length_bytes() const = 0;
  // The understore's etag after Commit, if there is one.
  virtual std::string content_hash() const { return ""; }
};

// How a file that is written through to an object store is cut: a part is kept in memory until it
// is sent, and the store takes so many parts. The first ones are of first_bytes; after each
// parts_of_a_size they are twice as long, up to largest_bytes. Folders take any number of parts of
// first_bytes.
struct ThroughParts {
  int64_t first_bytes = 16 << 20;
  int64_t largest_bytes = 256 << 20;
  size_t parts_of_a_size = 1000;
  size_t parts_max = 10'000;

  // Of the part with that index, from 0, if it is not the last.
  int64_t PartBytes(size_t index) const;
  // Of the longest file: 1,776,000 MiB.
  int64_t FileBytesMax() const;
};

struct WorkerOptions {
  WorkerAddress address;
  int64_t scrub_bytes_per_second = 20 << 20;  // 0: no background scrub
  // A write for which there is no room waits this long for unpersisted blocks to go.
  int64_t write_wait_ms_max = 5 * 60'000;
  int64_t folder_probe_ms = 10'000;  // between looks at the storage folders
  ThroughParts through_parts;
};

struct WorkerContext {
  Clock* clock = nullptr;
  Executor* executor = nullptr;  // for blocking work: uploads, copies, understore reads
  BlockStore* store = nullptr;
  WorkerConnector* peers = nullptr;
  Metrics* metrics = nullptr;
  std::function<StatusOr<std::shared_ptr<UnderStore>>(
      const std::string& uri, const std::map<std::string, std::string>& properties)>
      open_understore;
};

class GuardedBody;

// Thread-safe.
class Worker {
 public:
  Worker(WorkerOptions options, WorkerContext context);
  ~Worker();

  // --- clients
  // A block that is here already may be written again: it is compared, and committed if it is the
  // same, else ALREADY_EXISTS.
  StatusOr<std::unique_ptr<WriteTarget>> WriteBlock(const BlockWriteOptions& options, int tier);
  StatusOr<std::unique_ptr<WriteTarget>> WriteThrough(const FileWriteThroughOptions& options);
  // Commits a block that a short-circuit client wrote into temp's file.
  void CommitLocal(std::shared_ptr<TempBlock> temp, Done done);
  StatusOr<OpenBlock> OpenBlockFile(BlockId id) { return store_->OpenForRead(id); }
  StatusOr<OpenBlock> OpenBlockByPath(BlockId id) { return store_->OpenByPath(id); }
  // Hands a block's range from the understore to sink, on the executor's threads, then runs done
  // there, once. The master says which object it comes from: of what options say of the understore
  // only no_cache counts. Without it the block is kept if the whole of it is read. Some bytes at
  // the end are held back until all are found right, so that only an answer of OK is a whole range:
  //   NOT_FOUND            no complete file has the block
  //   FAILED_PRECONDITION  another object stands there than the one that the file is known by: it
  //                        was replaced or deleted by others. The master is told
  //   DATA_LOSS            the bytes of the whole block do not match the namespace's checksum
  //   UNAVAILABLE          try again: no master, no answer of the store, not in the store yet
  void ReadFromUnderStore(const BlockReadOptions& options, UnderStore::Sink sink, Done done);
  // Brings a block here: from another worker if source names one, else from the understore.
  void CacheBlock(BlockId id, const std::optional<WorkerAddress>& source, Done done);
  Status RemoveBlock(BlockId id);
  // Everything that is not pinned goes.
  void FreeAll();
  // A reader met bytes that do not match: the block is looked at, and removed if it is corrupt.
  void SuspectBlock(BlockId id);
  BlockStore* store() { return store_; }
  SmallFiles* small_files() { return &small_files_; }

  // --- the session with the master
  // Sends a message; false if the session is gone.
  using Sender = std::function<void(session::WorkerMessage)>;
  void SessionUp(Sender sender, int64_t start_time_ms);
  void SessionDown();
  // The process ends: what waits for the master is answered with UNAVAILABLE.
  void Stop();
  void OnMessage(const session::MasterMessage& message);
  bool registered();
  // How long the oldest heartbeat has gone without an answer.
  int64_t silent_ms();
  // The process is told to stop: the master gives it nothing new and moves away what is needed.
  void Leave();
  // Nothing here is needed any more, or there is no master to ask.
  bool safe_to_leave();
  // Heartbeat, evictions; every heartbeat interval or so.
  void Tick();

 private:
  friend class BlockTarget;
  friend class RepeatedTarget;
  friend class ThroughTarget;
  // Stores a block and tells the master; what that refuses is removed.
  void CommitWritten(TempBlock& temp, Done done);
  // Tells the master of a stored block; done runs with its answer. Outlives broken sessions.
  void CommitToMaster(const StoredBlock& block, Done done);
  void Send(session::WorkerMessage message) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // False if that session is over.
  bool SendIn(uint64_t session_number, session::WorkerMessage message) ABSL_LOCKS_EXCLUDED(mutex_);
  // Told to the master as removed, with what was evicted.
  void TellRemoved() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Told to the master if they have changed since they were told in this session.
  void TellFolders() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ChangeLostFile(const session::ChangeLostFile& change);
  void VerifyBlocks(std::vector<BlockId> ids);
  // Verifies some blocks in the background.
  void Scrub();
  // Tries again the writes that wait for room.
  void RetryWaiting();
  bool LeaseHolds() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Persist(const session::PersistCommand& command);
  // Only within the session that asked: later the key may be another worker's.
  struct UploadOutcome {
    StatusOr<PutResult> result = Internal("not put");
    bool from_store = false;
    bool unsent = false;  // the store never had all of the request
    int64_t duration_ms = 0;
    std::optional<uint32_t> crc32c;  // of the bytes that were to be sent, once it is known
  };
  struct SmallUpload {
    session::PersistCommand command;
    uint64_t session_number = 0;
  };
  static constexpr int64_t kTogetherBytesMax = 128 << 10;
  void UploadSmall();
  void UploadTogether(const std::vector<SmallUpload>& batch);
  void Answer(const session::PersistCommand& command, const UploadOutcome& outcome);
  UploadOutcome DoPersist(const session::PersistCommand& command, uint64_t session_number);
  // After an attempt that the store was asked for at begin_ms.
  void EndUpload(const session::PersistCommand& command, uint64_t session_number,
                 StatusOr<PutResult> result, int64_t begin_ms, UploadOutcome* outcome);
  Status MayUpload(const session::PersistCommand& command, uint64_t session_number);
  static StatusOr<PutResult> Upload(UnderStore& store, const session::PersistCommand& command,
                                    const PutOptions& options, BodySource& body);
  // Reads fail once the upload is not wanted any more. The command must outlive it. *crc32c becomes
  // the checksum of all of it.
  StatusOr<std::unique_ptr<GuardedBody>> BodyOf(const session::PersistCommand& command,
                                                uint64_t session_number,
                                                std::optional<uint32_t>* crc32c);
  StatusOr<std::unique_ptr<BodySource>> GatherBody(const session::PersistCommand& command);
  // Bytes [offset, offset + length) of a block from one of its holders.
  Status FetchBlock(const session::BlockSource& source, int64_t offset, int64_t length,
                    const UnderStore::Sink& sink);
  // A copy of a block from one of its holders, checked. Names those whose bytes were wrong.
  StatusOr<StoredBlock> CopyFromHolders(const session::ReplicateBlock& command,
                                        std::vector<session::WorkerAddress>* bad);
  void CopyFromUnderStore(const session::ReplicateBlock& command,
                          std::vector<session::WorkerAddress> bad);
  void EndReplicate(const session::ReplicateBlock& command,
                    const std::vector<session::WorkerAddress>& bad,
                    const StatusOr<StoredBlock>& stored);
  void Replicate(const session::ReplicateBlock& command);
  Status CacheFromPeer(BlockId id, const WorkerAddress& source, const session::BlockOrigin& origin,
                       const Done& done);

  // --- ops/read_understore.cc
  struct ColdRead;
  // answer runs with the master's answer, or UNAVAILABLE without a master.
  void GetOrigin(BlockId id, BlockOrigins::Answer answer) ABSL_LOCKS_EXCLUDED(mutex_);
  // Blocks, then runs read's done, perhaps later.
  void ReadKnown(std::shared_ptr<ColdRead> read, const session::BlockOrigin& origin);
  Status ReadObject(ColdRead& read, const session::BlockOrigin& origin);
  // Tells the master; returns what the reader hears.
  Status ObjectHasChanged(BlockId id, const session::BlockOrigin& origin);
  StatusOr<std::shared_ptr<UnderStore>> UnderStoreOf(MountId mount);
  // The key of a full understore path within its mount.
  StatusOr<std::string> KeyOf(MountId mount, const std::string& uri);
  void Registered(const session::Registered& registered);
  void RemoveBlocks(const session::RemoveBlocks& command);
  void FailStaleCommits();
  void SendHeld(const std::vector<StoredBlock>& blocks) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const WorkerOptions options_;
  Clock* const clock_;
  Executor* const executor_;
  BlockStore* const store_;
  WorkerConnector* const peers_;
  Metrics* const metrics_;
  const decltype(WorkerContext::open_understore) open_understore_;
  SmallFiles small_files_;
  BlockOrigins origins_;

  struct WaitingWrite {
    int64_t deadline_ms = 0;
    std::function<bool(bool last)> attempt;  // true: it is over, one way or the other
  };
  void WaitForRoom(WaitingWrite write) ABSL_LOCKS_EXCLUDED(mutex_);

  struct PendingCommit {
    session::CommitBlock message;
    Done done;
  };
  absl::Mutex mutex_;
  Sender sender_ ABSL_GUARDED_BY(mutex_);
  bool registered_ ABSL_GUARDED_BY(mutex_) = false;
  // An upload may begin until then: the master, hearing nothing for longer, gives it to another.
  int64_t lease_ms_ ABSL_GUARDED_BY(mutex_) = 0;  // 0: no lease in this session
  int64_t lease_until_ms_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t session_began_ms_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t heartbeat_sequence_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<uint64_t, int64_t> heartbeats_ ABSL_GUARDED_BY(mutex_);  // not answered: when sent
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  bool leaving_ ABSL_GUARDED_BY(mutex_) = false;
  bool safe_to_leave_ ABSL_GUARDED_BY(mutex_) = false;
  bool scrubbing_ ABSL_GUARDED_BY(mutex_) = false;
  int64_t scrubbed_at_ms_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t probed_at_ms_ ABSL_GUARDED_BY(mutex_) = 0;
  // What the master was told of them in this session.
  std::string told_folders_ ABSL_GUARDED_BY(mutex_);
  std::vector<WaitingWrite> waiting_ ABSL_GUARDED_BY(mutex_);
  std::atomic<bool> anything_waits_{false};  // waiting_ has something
  uint64_t session_number_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t next_request_ ABSL_GUARDED_BY(mutex_) = 1;
  std::map<uint64_t, PendingCommit> commits_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_set<uint64_t> cancelled_ ABSL_GUARDED_BY(mutex_);
  // By job and part. Results that no session took wait for the next one.
  std::map<std::pair<uint64_t, uint32_t>, session::RunningUpload> uploads_ ABSL_GUARDED_BY(mutex_);
  std::deque<SmallUpload> small_uploads_ ABSL_GUARDED_BY(mutex_);
  bool uploading_small_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<session::PersistResult> unsent_results_ ABSL_GUARDED_BY(mutex_);
  struct OpenMount {
    std::string uri;
    std::map<std::string, std::string> properties;
    std::shared_ptr<UnderStore> store;
  };
  std::map<MountId, OpenMount> mounts_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace spillway
