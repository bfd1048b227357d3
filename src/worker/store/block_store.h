// Blocks on the worker's tiers. A block is a file whose name holds id, length and CRC32C
// (docs/formats/blocks.md); it appears by rename when it is committed, so that a crash leaves
// temp blocks, which are removed at start, or whole blocks, which are found again.
//
// Space is taken as bytes arrive and given back at once when a write ends without commit. Pinned
// blocks are never evicted; others go in least-recently-used order when space is needed.
#pragma once

#include <list>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "api/types.h"
#include "common/file_env.h"
#include "common/status.h"

namespace spillway {

struct StorageDirOptions {
  std::string path;
  int64_t quota_bytes = 0;
};

struct StorageTierOptions {
  std::string alias;
  std::vector<StorageDirOptions> dirs;
};

struct BlockStoreOptions {
  std::vector<StorageTierOptions> tiers;
  bool fsync = false;  // commit returns only when the bytes are on the device
  int high_watermark_percent = 95;
  int low_watermark_percent = 85;
  std::string worker_name;  // host:port, for error texts
};

struct StoredBlock {
  BlockId id;
  int64_t length_bytes = 0;
  uint32_t crc32c = 0;
  int tier = 0;
  bool pinned = false;
};

class BlockStore;

// A block being written. Not thread-safe. Destroying it without Commit removes it.
class TempBlock {
 public:
  ~TempBlock();
  // RESOURCE_EXHAUSTED when no space can be had; the block then stays as it was.
  Status Append(std::span<const iovec> data);
  // Makes the block visible here. The pin holds from this moment.
  StatusOr<StoredBlock> Commit();
  int64_t length_bytes() const { return length_; }
  // For short-circuit clients, who write the file themselves.
  const std::string& path() const { return path_; }
  // Takes bytes more than are written. RESOURCE_EXHAUSTED as above.
  Status Reserve(int64_t bytes);
  // Adopts what a short-circuit client has written: reads it for its length and CRC32C.
  Status AdoptWritten();

 private:
  friend class BlockStore;
  TempBlock() = default;

  BlockStore* store_ = nullptr;
  BlockId id_;
  int tier_ = 0;
  size_t dir_ = 0;
  bool pin_ = false;
  bool done_ = false;
  std::string path_;
  std::unique_ptr<File> file_;
  int64_t length_ = 0;
  int64_t taken_ = 0;  // bytes of the directory's quota
  uint32_t crc_ = 0;
};

// A committed block, readable as long as this lives even if it is removed meanwhile.
struct OpenBlock {
  StoredBlock info;
  std::string path;
  std::unique_ptr<File> file;
};

// Thread-safe.
class BlockStore {
 public:
  BlockStore(BlockStoreOptions options, FileEnv* env);
  ~BlockStore();

  // Creates folders, removes temp blocks, finds committed ones (pinned until the master says
  // otherwise). FAILED_PRECONDITION for a folder of a newer format.
  Status Open();
  // The cluster that this storage belongs to; empty if none yet.
  const std::string& cluster_id() const { return cluster_id_; }
  Status SetClusterId(const std::string& cluster_id);

  // ALREADY_EXISTS if the block is here or being written here.
  StatusOr<std::unique_ptr<TempBlock>> Create(BlockId id, int tier, bool pin);
  StatusOr<OpenBlock> OpenForRead(BlockId id);
  bool Has(BlockId id);
  // OK if it is not here.
  Status Remove(BlockId id);
  void SetPinned(const std::vector<BlockId>& ids, bool pinned);
  std::vector<StoredBlock> All();
  std::vector<TierUsage> Usage();
  // Blocks evicted since the last call; the master is told of them.
  std::vector<BlockId> TakeEvicted();
  // Brings tiers from above the high to the low watermark.
  void EvictToWatermark();

 private:
  friend class TempBlock;
  struct Dir {
    std::string path;
    int64_t quota_bytes = 0;
    int64_t used_bytes = 0;
  };
  struct Entry {
    StoredBlock block;
    size_t dir = 0;
    std::list<BlockId>::iterator lru;
  };

  Status OpenDir(int tier, size_t dir) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Takes bytes of the directory's quota, evicting clean blocks if that is enough.
  bool Take(int tier, size_t dir, int64_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void EvictLocked(BlockId id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::string BlockPath(const Dir& dir, const StoredBlock& block) const;
  Status NoSpace(BlockId id, int64_t bytes) const;

  const BlockStoreOptions options_;
  FileEnv* const env_;
  std::string cluster_id_;
  absl::Mutex mutex_;
  std::vector<std::vector<Dir>> tiers_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<BlockId, Entry> blocks_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<BlockId, int> writing_ ABSL_GUARDED_BY(mutex_);
  std::list<BlockId> lru_ ABSL_GUARDED_BY(mutex_);  // oldest first
  std::vector<BlockId> evicted_ ABSL_GUARDED_BY(mutex_);
  uint64_t next_temp_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace spillway
