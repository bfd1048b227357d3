// Value types shared by master, worker and client. The wire's own spelling stays in rpc/.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/ids.h"

namespace spillway {

struct WorkerAddress {
  std::string host;
  int data_port = 0;
  int web_port = 0;
  std::string rack;
  std::string zone;
  bool operator==(const WorkerAddress&) const = default;
};

struct TierUsage {
  std::string alias;
  int64_t capacity_bytes = 0;
  int64_t used_bytes = 0;
  int64_t pinned_bytes = 0;  // not evictable
};

enum class WorkerState { kLive, kLost, kDecommissioned };

struct WorkerInfo {
  WorkerId id;
  WorkerAddress address;
  WorkerState state = WorkerState::kLive;
  std::vector<TierUsage> tiers;
  int64_t start_time_ms = 0;
  int64_t last_contact_ms_ago = 0;
  int64_t block_count = 0;
  int64_t capacity_bytes() const {
    int64_t sum = 0;
    for (const TierUsage& tier : tiers) sum += tier.capacity_bytes;
    return sum;
  }
  int64_t pinned_bytes() const {
    int64_t sum = 0;
    for (const TierUsage& tier : tiers) sum += tier.pinned_bytes;
    return sum;
  }
  int64_t used_bytes() const {
    int64_t sum = 0;
    for (const TierUsage& tier : tiers) sum += tier.used_bytes;
    return sum;
  }
};

struct BlockLocation {
  WorkerId worker_id;
  WorkerAddress address;
  std::string tier_alias;
};

struct BlockInfo {
  BlockId id;
  int64_t length_bytes = 0;
  std::vector<BlockLocation> locations;
};

enum class PersistenceState { kNotPersisted, kToBePersisted, kPersisted, kLost };
const char* PersistenceStateName(PersistenceState state);  // as Alluxio spells it

enum class WriteType { kMustCache, kCacheThrough, kThrough, kAsyncThrough };
std::optional<WriteType> ParseWriteType(const std::string& name);
const char* NameOf(WriteType type);  // MUST_CACHE, ...

enum class TtlAction { kDelete, kFree, kDeleteAlluxio };

// The numbers are those of the wire and of the state store.
enum class AclEntryType { kOwner, kNamedUser, kOwningGroup, kNamedGroup, kMask, kOther };

struct AclEntry {
  AclEntryType type = AclEntryType::kOwner;
  std::string subject;  // of named users and groups
  int bits = 0;         // 4 read, 2 write, 1 execute
  bool is_default = false;
  bool operator==(const AclEntry&) const = default;
};

// REPLACE: all entries; MODIFY: these only; REMOVE: these, whatever their bits; REMOVE_ALL: what
// goes beyond the mode; REMOVE_DEFAULT: what children begin with.
enum class AclAction { kReplace, kModify, kRemove, kRemoveAll, kRemoveDefault };

// Everything a client may know of a file or directory.
struct FileStatus {
  InodeId id;
  std::string name;
  std::string path;
  std::string understore_path;
  int64_t length_bytes = 0;  // directories: number of children
  int64_t block_size_bytes = 0;
  int64_t creation_time_ms = 0;
  int64_t last_modification_time_ms = 0;
  int64_t last_access_time_ms = 0;
  bool completed = false;
  bool is_directory = false;
  bool pinned = false;
  bool cacheable = true;
  bool mount_point = false;
  std::string owner;
  std::string group;
  int mode = 0;
  PersistenceState persistence_state = PersistenceState::kNotPersisted;
  MountId mount_id;
  int64_t ttl_ms = -1;
  TtlAction ttl_action = TtlAction::kFree;
  int replication_min = 0;
  int replication_max = -1;
  int durable_replicas = 1;
  int64_t generation = 0;
  std::string etag;
  int in_cluster_percentage = 0;
  int in_memory_percentage = 0;
  std::map<std::string, std::string> xattr;
  std::vector<AclEntry> acl;          // named users and groups, and the mask
  std::vector<AclEntry> default_acl;  // of directories: all entries
  std::vector<BlockInfo> blocks;
};

// Chosen by a client for one logical operation; a retry carries it again.
struct OperationId {
  uint64_t most_significant = 0;
  uint64_t least_significant = 0;
  bool operator==(const OperationId&) const = default;
};

struct CreateFileOptions {
  int64_t block_size_bytes = 64 << 20;
  bool recursive = false;
  bool overwrite = false;
  int mode = 0644;
  int replication_min = 0;
  int replication_max = -1;
  int durable_replicas = 1;
  WriteType write_type = WriteType::kAsyncThrough;
  int64_t persistence_wait_time_ms = 0;  // -1: only on request
  int64_t ttl_ms = -1;
  TtlAction ttl_action = TtlAction::kFree;
  std::map<std::string, std::string> xattr;
  std::optional<OperationId> operation_id;
  bool operator==(const CreateFileOptions&) const = default;
};

struct CompleteFileOptions {
  std::optional<InodeId> file;  // FAILED_PRECONDITION if the path is another file by now
  std::optional<int64_t> understore_length;  // written through to the understore by the client
  std::optional<int64_t> length_bytes;       // written; DATA_LOSS if its blocks have another length
  bool persist = false;                      // ask for the file to be persisted
  int64_t persistence_wait_time_ms = 0;
  std::optional<OperationId> operation_id;
};

struct CreateDirectoryOptions {
  bool recursive = false;
  bool allow_exists = false;
  int mode = 0755;
  WriteType write_type = WriteType::kMustCache;
  int64_t ttl_ms = -1;
  TtlAction ttl_action = TtlAction::kFree;
  std::map<std::string, std::string> xattr;
  std::optional<OperationId> operation_id;
};

enum class LoadType { kNever, kOnce, kAlways };

struct ListOptions {
  bool recursive = false;
  LoadType load_type = LoadType::kOnce;
  std::string start_after;  // path below the listed one; listing begins behind it
  int64_t limit = 0;        // 0: no limit
  bool blocks = true;       // fill FileStatus::blocks
};

struct RemoveOptions {
  bool recursive = false;
  bool alluxio_only = false;
  bool delete_mount_point = false;
  bool unchecked = false;
  std::optional<OperationId> operation_id;
};

struct RenameOptions {
  bool persist = false;
  std::optional<OperationId> operation_id;
};

struct SetAttributeOptions {
  std::optional<bool> pinned;
  std::optional<std::string> owner;
  std::optional<std::string> group;
  std::optional<int> mode;
  bool recursive = false;
  std::optional<int> replication_min;
  std::optional<int> replication_max;
  std::optional<int64_t> ttl_ms;
  std::optional<TtlAction> ttl_action;
  std::map<std::string, std::string> xattr;
  bool set_xattr = false;
  enum class XattrStrategy { kTruncate, kUnionReplace, kUnionPreserve, kDeleteKeys };
  XattrStrategy xattr_strategy = XattrStrategy::kTruncate;
  std::optional<OperationId> operation_id;
};

// What may be below a directory, and what is; 0 is no limit.
struct Quota {
  std::string path;
  int64_t files_max = 0;
  int64_t bytes_max = 0;
  int64_t files = 0;
  int64_t bytes = 0;
};

struct MountOptions {
  bool read_only = false;
  bool shared = false;  // everybody may read and write there
  std::map<std::string, std::string> properties;
};

struct MountInfo {
  MountId id;
  std::string path;
  std::string uri;
  std::string type;
  bool read_only = false;
  bool shared = false;
  std::map<std::string, std::string> properties;
};

struct ClusterInfo {
  std::string master_address;
  std::string cluster_id;
  std::string version;
  int rpc_port = 0;
  int web_port = 0;
  int64_t start_time_ms = 0;
  int64_t uptime_ms = 0;
  bool safe_mode = false;
};

// Where a file stands on its way to the store.
struct PersistInfo {
  std::string path;
  std::string state;  // PERSISTED, LOST, and of unpersisted ones: WAITING, RUNNING, FAILING,
                      // BLOCKED (a marker, by what it waits for), TEMPORARY (on a path that is
                      // never persisted), ON_REQUEST
  int64_t generation = 0;
  int64_t dirty_since_ms = 0;  // 0: not dirty
  int64_t attempts = 0;
  std::string last_error;
  std::string waits_for;
  std::string etag;
  std::optional<uint32_t> crc32c;
  int64_t persisted_at_ms = 0;
  int copies = 0;  // of the block with the fewest
  int copies_wanted = 0;
  int64_t length_bytes = 0;
  int64_t eta_ms = -1;
};

// What a barrier waits for.
struct PersistProgress {
  int64_t cut = 0;  // files completed before it are meant
  int64_t files_left = 0;
  int64_t bytes_left = 0;
  int64_t never_files = 0;
  std::string oldest_path;
  std::string oldest_error;
};

enum class JobState { kRunning, kCompleted, kFailed, kCanceled };
const char* NameOf(JobState state);  // RUNNING, ...

// How far something is that a user has asked the cluster for and follows by its id.
struct JobReport {
  // A job names so many files at most of those that it is done with; it counts them all.
  static constexpr size_t kNamesMax = 100'000;

  int64_t id = 0;
  std::string kind;         // Migrate (a copy) or Load, as Alluxio names them
  std::string description;  // what of
  JobState state = JobState::kRunning;
  int64_t files = 0;    // found so far
  bool walked = false;  // all are found
  int64_t files_done = 0;
  int64_t files_failed = 0;
  int64_t bytes_done = 0;
  int64_t begun_at_ms = 0;
  int64_t ended_at_ms = 0;  // 0: not yet
  std::vector<std::string> done;
  std::vector<std::pair<std::string, std::string>> failures;  // path, why
};

struct PersistLaneInfo {
  std::string name;
  int64_t waiting = 0;
  int64_t running = 0;
  double requests_per_second = 0;  // 0: no limit known
  bool outage = false;
  std::string last_error;
};

struct PersistReport {
  int64_t waiting = 0;
  int64_t running = 0;
  int64_t parked = 0;
  int64_t dirty_bytes = 0;
  int64_t oldest_age_ms = 0;
  double files_per_second = 0;
  int64_t objects_to_delete = 0;  // at most 1,000 are counted
  std::vector<PersistLaneInfo> lanes;
  std::vector<PersistInfo> entries;  // oldest first
};

// What the store of a mount can do, and what cannot be deleted there.
struct StoreFeatureInfo {
  std::string name;
  std::string support;  // yes, no or unknown
};

struct FailingDelete {
  std::string key;
  int64_t attempts = 0;
  std::string cause;
};

struct StoreInfo {
  std::string path;
  std::string uri;
  std::string type;
  std::vector<StoreFeatureInfo> features;
  int64_t deletes_failing = 0;
  std::vector<FailingDelete> deletes;  // some of them
};

struct HealthEntry {
  std::string path;
  BlockId block;
  int copies = 0;
  int copies_wanted = 0;
  int64_t since_ms = 0;
  bool healing = false;
};

// What a storage folder of a worker can do.
enum class FolderState {
  kServing,
  kReadOnly,  // what it holds is served; it takes nothing new, and nothing there can be removed
  kAtRisk,    // something there failed: it takes nothing new, and copies there do not count
  kFailed,    // it cannot be read: nothing there is held
};

// SERVING, READ_ONLY, AT_RISK or FAILED.
const char* NameOf(FolderState state);

struct FolderInfo {
  std::string path;
  std::string tier;
  FolderState state = FolderState::kServing;
  std::string why;              // if it does not serve
  int64_t unread_files = 0;     // cannot be opened now, are tried again
  int64_t undeleted_files = 0;  // of blocks that are removed
  int64_t lost_files = 0;
  int64_t lost_bytes = 0;
};

// A file that was set aside because it is no whole block, or not certainly the one that it should
// be.
struct LostFile {
  std::string folder;  // path of FolderInfo
  std::string name;
  int64_t bytes = 0;
  std::string why;
};

// Of one worker.
struct WorkerFolders {
  std::string host;
  int data_port = 0;
  std::vector<FolderInfo> folders;
  std::vector<LostFile> lost;  // the first of them
};

enum class LostFileAction { kRestore, kDrop };

struct HealthReport {
  int64_t degraded_blocks = 0;
  int64_t lost_blocks = 0;
  int64_t healing_blocks = 0;
  std::vector<HealthEntry> entries;    // lost ones first
  std::vector<WorkerFolders> workers;  // registered ones
};

// How far a decommissioned worker is from being safe to stop.
struct Decommission {
  bool live = false;
  int64_t blocks_at_stake = 0;  // 0: it may go
  int64_t blocks = 0;
};

// What a client says of a block that a worker may not hold. The worker asks the master where the
// block comes from: of this only no_cache counts there, the rest is for the wire.
struct UnderStoreRange {
  MountId mount_id;
  std::string uri;  // full understore path of the file
  int64_t offset_in_file = 0;
  int64_t block_length_bytes = 0;  // of the whole block
  bool no_cache = false;
};

}  // namespace spillway
