// What goes in and out of the master's core, and the records of its background duties.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/synchronization/mutex.h"
#include "api/damaged.h"
#include "api/types.h"
#include "common/clock.h"
#include "common/config.h"
#include "common/executor.h"
#include "common/metrics.h"
#include "common/random.h"
#include "journal/journal.h"
#include "master/background/persist_lane.h"
#include "master/cluster/cluster_state.h"
#include "master/state/own_objects.h"
#include "master/state/state_txn.h"
#include "understore/under_store.h"
#include "worker_session.pb.h"

namespace spillway {

// A mount's StoreProfile as a property, for whoever opens the store.
inline constexpr const char* kProfileProperty = "spillway.underfs.s3.profile";

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
  // Ends the session: the worker, if it still lives, begins a new one.
  virtual void Close(WorkerId worker, Epoch epoch) = 0;
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
  // Globs of the last components of paths: such a file is persisted after everything completed
  // before it below the directory that holds the pattern's first component.
  std::vector<std::string> marker_patterns;
  int64_t worker_timeout_ms = 3000;
  int64_t worker_suspect_ms = 1000;  // a broken session counts as lost after this
  int64_t safe_mode_ms_max = 5000;
  int64_t lost_worker_deletion_ms = 30 * 60'000;
  int64_t part_size_bytes = 64 << 20;
  int persist_jobs_max = 512;
  int64_t persist_retry_ms_max = 30'000;
  int64_t ttl_check_interval_ms = 3'600'000;
  int64_t persist_bytes_per_second_max = 0;  // 0: no limit
  // After a worker is lost an upload that it had begun may still arrive at the store this long.
  int64_t upload_fence_ms = 5000;
  // A call to the store that was never answered may still have its effect this long.
  int64_t unknown_outcome_ms = 10 * 60'000;
  int heals_per_worker_max = 32;
  int64_t heal_bytes_in_flight_max = 256 << 20;  // per target
  int64_t audit_interval_ms = 60'000;            // between looks at all replicated files
  int64_t incomplete_file_lease_ms = 4 * 3'600'000;
  // Unpersisted bytes: none, all and nobody waits below soft; between soft and hard new blocks are
  // slowed down; above hard they wait until there is room again.
  int backlog_soft_percent = 70;
  int backlog_hard_percent = 90;
  int64_t backlog_wait_ms_max = 10 * 60'000;
  int64_t dirty_bytes_max = 0;                           // of the whole cluster; 0: no limit
  std::map<std::string, int64_t> dirty_bytes_max_below;  // by path
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

// Where a path leads.
struct Lookup {
  std::vector<state::Inode> chain;  // from the root to the deepest that exists
  std::vector<std::string> names;   // components of the path
  bool damaged = false;             // the next of them is there, and cannot be read
  bool found() const { return chain.size() == names.size() + 1; }
  const state::Inode& last() const { return chain.back(); }
};

// How far down a comparison with the understore goes.
enum class SyncDepth { kPath, kChildren, kAll };

// The TTL of files that an operation on path brings into the namespace from the understore
// (alluxio.user.file.create.ttl of who asks): of path alone, of the files in it, or of all below.
// What a folder's listing brings beside them has none.
struct PassiveTtl {
  int64_t ttl_ms = -1;
  TtlAction action = TtlAction::kFree;
  std::string path;
  SyncDepth depth = SyncDepth::kPath;

  bool Covers(const std::string& file) const;
};

struct Synced {
  int64_t at_ms = 0;
  SyncDepth depth = SyncDepth::kPath;
};

// What a comparison with the understore has changed.
struct SyncCounts {
  int64_t added = 0;
  int64_t changed = 0;
  int64_t removed = 0;
  int64_t seen = 0;  // entries of the understore
};

// One listing under way: where to go on.
struct ListCursor {
  std::string after;  // path below the listed one, "" at the beginning
  bool done = false;
  std::optional<InodeId> load;  // a directory that has to be loaded first
  // Those that cannot be: what is known of them is listed, and the listing goes on.
  std::set<InodeId> unloadable;
  // to_keep: a whole folder in one page will be kept (KeepListing); its id, and the ticket, or 0.
  bool to_keep = false;
  InodeId folder;
  uint64_t ticket = 0;
  PassiveTtl ttl;  // of what is loaded for it
};

// Who says that an upload failed: its cause decides what is slowed down.
enum class FailureOrigin { kWorker, kStore };

// An object that could not be deleted, or whose key is looked at again later.
struct DeleteWait {
  int attempts = 0;
  int64_t next_ms = 0;  // monotonic
  Status cause;
  std::string foreign_etag;  // of an object that was looked at and is somebody else's
};

// How the delete of an object ended.
struct DeleteOutcome {
  Status status;
  std::string foreign_etag;  // of what was left alone, if it is known
};

struct PersistTask {
  InodeId inode;
  int64_t generation = 0;
  state::PersistKind kind = state::UPLOAD;
  int64_t requested_at_ms = 0;
  int64_t due_at_ms = 0;
  int attempts = 0;
  Status last_error;
  std::string waits_for;  // what a marker waits for
  PersistLane* lane = nullptr;
  bool queued = false;  // in its lane; not before the job is durable
  LogIndex durable_at;
  InodeId directory;                    // parent
  std::optional<InodeId> marker_scope;  // a commit marker: everything below goes first
  int64_t length_bytes = 0;
  std::vector<std::string> limited_below;  // paths whose limit of dirty bytes counts it
  // While under way.
  bool running = false;
  bool parked = false;  // the path is on the blacklist
  // An attempt was begun, perhaps before a crash: an object may stand at the path's key whatever
  // was answered.
  bool maybe_published = false;
  // Until then (wall clock) an attempt that was never answered may still have its effect.
  int64_t unknown_until_ms = 0;
  // What the next attempt says of the key, if looking there has shown it.
  std::optional<PutOptions> condition;
  uint64_t job_id = 0;
  MountId mount_id;
  std::string key;
  std::string upload_id;
  int64_t upload_begun_at_ms = 0;  // not before that (wall clock)
  std::vector<WorkerId> workers;   // that still have something to send
  std::vector<UploadedPart> parts;
  size_t parts_expected = 0;
  int64_t part_bytes = 0;     // of every part but the last
  int copies_in_flight = 0;   // RELOCATE by parts
  int parts_begun = 0;        // RELOCATE by parts
  Status copy_failure;        // why the copy by parts ends without an object
  int complete_attempts = 0;  // that were not answered
  uint32_t crc32c = 0;
  bool crc_known = false;
  std::string source;  // RELOCATE: busy name of the object's present key
  std::string source_key;
  bool checksum_asked = false;    // of the source
  std::string foreign_etag;       // of an object at the key that is somebody else's
  int64_t blocked_since_ms = -1;  // monotonic; by its own key or by order, not by the store

  // Of an object that holds the content, if it is not known yet.
  void TakeChecksum(const ObjectInfo& object) {
    if (crc_known || !object.crc32c) return;
    crc_known = true;
    crc32c = *object.crc32c;
  }
};

// Until until_ms (monotonic) a lost worker, or a call that was never answered, may still publish
// this generation of the inode at the key; nobody writes another content or deletes there.
struct Fence {
  int64_t until_ms = 0;
  InodeId inode;
  int64_t generation = 0;
};

// A block that waits for the backlog to shrink.
struct Admission {
  std::string path;
  bool first = false;  // of its file
  int64_t deadline_ms = 0;
  std::function<void(Status)> done;
};

// The content of a file that comes to be complete at once. An empty one has no block.
struct WholeFile {
  BlockId block;
  int64_t length_bytes = 0;
  uint32_t crc32c = 0;
};

// A block of a file known by its id: a new one if index is the next, the same again if it is the
// last one. Stock clients name the path only, and get a new one each time.
struct BlockOfFile {
  InodeId file;
  int64_t index = 0;
};

// A worker's session, known by (worker, epoch).
struct WorkerSession {
  WorkerId worker;
  Epoch epoch;
  std::string cluster_id;
  // Only these buckets of the worker's blocks are to be reported (api/block_digest.h).
  bool by_buckets = false;
  std::vector<uint32_t> wanted_buckets;
};

// After-effects of a delete, carried out when it is durable.
struct Removed {
  std::vector<InodeId> files;
  std::vector<std::pair<InodeId, int64_t>> blocks;  // file, number of blocks
};

// What the end of files that are made in one step has to wait for, and what follows it.
struct PutEffects {
  LogIndex after;
  std::vector<state::PersistJob> jobs;
  Removed removed;
};

// What is to be deleted in the understores next.
struct SweepPlan {
  std::map<MountId, std::vector<state::PendingDelete>> markers;  // go first
  std::map<MountId, std::vector<state::PendingDelete>> objects;
  std::map<MountId, std::vector<std::string>> folders;
  LogIndex durable;
  bool any = false;  // there may be more to look at
};

// A file that workers make from the blocks of another.
struct FileCopy {
  // With the file's id once it is complete and durable.
  using Done = std::function<void(StatusOr<InodeId>)>;
  Caller caller;
  CreateFileOptions options;
  InodeId source;
  absl::flat_hash_set<int64_t> missing;  // indexes of blocks that do not have all their copies
  Status status;                         // why it cannot be made
  Done done;
};

// What is known before an attempt to write at a task's key.
struct Belief {
  std::shared_ptr<UnderStore> store;  // null: the file is gone
  std::string key;
  state::OwnObject wanted;   // the content that is to be there
  OwnObjects own;            // what may be replaced
  PutOptions condition;      // what the attempt says
  std::string foreign_etag;  // of an object there that is somebody else's
};

struct PutOutcome {
  Status status;
  bool repeated_operation = false;  // carried out before, with other blocks
};

// For metrics and reports.
struct PersistSummary {
  int64_t waiting = 0;
  int64_t running = 0;
  int64_t parked = 0;
  int64_t oldest_age_ms = 0;
  int64_t dirty_bytes = 0;
  int64_t under_replicated_blocks = 0;
  int64_t lost_blocks = 0;
  double requests_per_second = 0;  // that lanes with a known limit may send
  int64_t lanes_in_outage = 0;
};

}  // namespace spillway
