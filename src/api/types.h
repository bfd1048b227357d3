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

enum class TtlAction { kDelete, kFree, kDeleteAlluxio };

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
};

struct CompleteFileOptions {
  std::optional<int64_t> understore_length;  // written through to the understore by the client
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

// Where a worker finds a block that it does not hold.
struct UnderStoreRange {
  MountId mount_id;
  std::string uri;  // full understore path of the file
  int64_t offset_in_file = 0;
  int64_t block_length_bytes = 0;  // of the whole block
  bool no_cache = false;
};

}  // namespace spillway
