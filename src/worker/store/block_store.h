// Blocks on the worker's tiers. A block is a file whose name holds id, length and CRC32C
// (docs/formats/blocks.md); it appears by rename when it is committed, so that a crash leaves
// temp blocks, which are removed at start, or whole blocks, which are found again.
//
// A file is removed only if it is known that nobody needs it: the block was removed or evicted, or
// the write that made it has not ended. What does not match its name is set aside (lost_files.cc).
// What cannot be opened stays and is tried again (folders.cc, which also says what a folder's state
// means).
//
// Space is taken as bytes arrive and given back at once when a write ends without commit. Pinned
// blocks are never evicted; others go in least-recently-used order when space is needed.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/synchronization/mutex.h"
#include "api/types.h"
#include "common/file_env.h"
#include "common/memory_file_env.h"
#include "common/status.h"
#include "worker/store/folder_scan.h"
#include "worker/store/free_files.h"
#include "worker/store/piece_sums.h"
#include "worker/store/stored_block.h"

namespace spillway {

struct StorageDirOptions {
  std::string path;
  int64_t quota_bytes = 0;
};

// What a committed block has survived when it is acknowledged.
enum class AckDurability {
  kMemory,     // in this process: lost with it
  kPageCache,  // in the kernel's memory (or tmpfs): survives the process, not the machine
  kFsync,      // on the device: survives the machine
};

struct StorageTierOptions {
  std::string alias;
  std::vector<StorageDirOptions> dirs;
  AckDurability durability = AckDurability::kPageCache;
};

struct BlockStoreOptions {
  std::vector<StorageTierOptions> tiers;
  int high_watermark_percent = 95;
  int low_watermark_percent = 85;
  // Files of removed blocks of at least this size are written again where blocks need not be
  // synced; until then they take what blocks leave free of their folder's quota.
  int64_t recycled_bytes_min = 256 << 10;
  // Calls of AgeFreeFiles that the file of a removed block outlives. The folder's quota was granted
  // to the worker anyway, and asking the kernel for pages again is dear.
  int free_file_ticks = 60;
  std::string worker_name;  // host:port, for error texts
  // Is told by Open how far it is. Runs without lock.
  std::function<void(const std::string&)> on_progress;
};

class BlockStore;

// A block being written. Not thread-safe. Destroying it without Commit removes it.
class TempBlock {
 public:
  ~TempBlock();
  // RESOURCE_EXHAUSTED when no space can be had; the block then stays as it was.
  Status Append(std::span<const iovec> data);
  // The last Append failed because the device is full, not the quota.
  bool device_full() const { return device_full_; }
  // False if data cannot be had even in an empty folder; of a device with less room than its quota,
  // that is for now.
  bool MayFit(std::span<const iovec> data) const { return BytesWith(data) <= QuotaBytes(false); }
  bool MayEverFit(std::span<const iovec> data) const { return BytesWith(data) <= QuotaBytes(true); }
  // Makes the block visible here. The pin holds from this moment.
  StatusOr<StoredBlock> Commit();
  bool waits_for_disk() const;
  int64_t length_bytes() const { return sums_.size_bytes(); }
  uint32_t crc32c() const { return sums_.crc32c(); }
  // For short-circuit clients, who write the file themselves, instead of Append; empty if it is in
  // memory only.
  std::string SharePath();
  // Takes bytes more than are written. RESOURCE_EXHAUSTED as above.
  Status Reserve(int64_t bytes);
  // Adopts what a short-circuit client has written: reads it for its length and CRC32C.
  Status AdoptWritten();

 private:
  friend class BlockStore;
  TempBlock() = default;
  int64_t BytesWith(std::span<const iovec> data) const;
  int64_t QuotaBytes(bool configured) const;
  Status Recycle(int64_t bytes);
  // Its folder was given up meanwhile.
  Status GivenUp() const;
  // Reports the folder; returns what the writer hears.
  Status Failed(const Status& status);

  BlockStore* store_ = nullptr;
  BlockId id_;
  int tier_ = 0;
  size_t dir_ = 0;
  bool pin_ = false;
  bool done_ = false;
  bool in_memory_ = false;
  bool device_full_ = false;
  bool shared_ = false;      // somebody has its path
  uint64_t generation_ = 0;  // of its folder, when it was begun
  bool recycled_ = false;
  std::string path_;
  std::unique_ptr<File> file_;
  PieceSums sums_;     // of what is written
  int64_t taken_ = 0;  // bytes of the directory's quota
};

// A committed block, readable as long as this lives even if it is removed meanwhile. Reads of file
// fail with DATA_LOSS where bytes do not match their checksum: then Verify settles what to do.
struct OpenBlock {
  StoredBlock info;
  std::string path;  // if it was asked for; empty if it is in memory only
  std::unique_ptr<File> file;
};

// Thread-safe.
class BlockStore {
 public:
  BlockStore(BlockStoreOptions options, FileEnv* env);
  ~BlockStore();

  // Creates folders, removes temp blocks, finds committed ones (pinned until the master says
  // otherwise). A folder that cannot be read is tried again by ProbeFolders. FAILED_PRECONDITION
  // for a folder of a newer format, or of another cluster than the others.
  Status Open();
  // The cluster that this storage belongs to; empty if none yet.
  std::string cluster_id();
  // Writes it to every folder that serves; the others get it when they work again.
  Status SetClusterId(const std::string& cluster_id);

  // ALREADY_EXISTS if the block is here or being written here.
  StatusOr<std::unique_ptr<TempBlock>> Create(BlockId id, int tier, bool pin);
  StatusOr<OpenBlock> OpenForRead(BlockId id);
  // For short-circuit clients, who read the file themselves.
  StatusOr<OpenBlock> OpenByPath(BlockId id);
  bool Has(BlockId id);
  // The tier's blocks come from a device, or are synced to it: what reads or commits one is not for
  // a thread that others wait for.
  bool WaitsForDisk(int tier) const {
    const StorageTierOptions& options = options_.tiers[static_cast<size_t>(tier)];
    return options.alias != "MEM" || options.durability == AckDurability::kFsync;
  }
  // OK if it is not here. FAILED_PRECONDITION for a pinned one unless it may go too. If its file
  // cannot be removed now, the block is gone all the same; the file's space counts until it is.
  Status Remove(BlockId id, bool pinned_too = true);
  void SetPinned(const std::vector<BlockId>& ids, bool pinned);
  // Reads the block and compares it with its checksum. DATA_LOSS if it differs: it is set aside
  // then, and told like an evicted one. OK if it is not here.
  Status Verify(BlockId id);
  // The next blocks to verify, longest unverified first, of about so many bytes. Those found at
  // start come before all others.
  std::vector<BlockId> NextToVerify(int64_t bytes);
  // Blocks being written.
  std::vector<BlockId> Writing();
  // An operation that would change the folder failed: nothing new goes to it. What it holds is at
  // risk unless the folder is only read-only.
  void ReportFailure(int tier, size_t dir, const Status& why);
  // Looks at all folders: the state of each is found out anew, files that could not be read or
  // removed are tried again. Blocks of a folder that has failed are told like evicted ones, those
  // of one that works again like blocks that came to be at risk.
  void ProbeFolders();
  std::vector<FolderInfo> Folders();
  // Files that were set aside, the first so many of each folder.
  std::vector<LostFile> LostFiles(size_t files_max);
  // Makes a block of a file that was set aside, if it is one: its name, length and checksum are
  // compared. It is told like a block that came to be at risk. ALREADY_EXISTS if the block is here.
  Status RestoreLost(const std::string& folder, const std::string& name);
  // Removes a file that was set aside.
  Status DropLost(const std::string& folder, const std::string& name);
  // Gives up files of removed blocks that were not written again since the last but two calls.
  void AgeFreeFiles();
  // Blocks that came to be at risk, or safe again, or verified for the first time, since the last
  // call.
  std::vector<StoredBlock> TakeRiskChanges();
  // Runs when space was given back; at most one. Called without lock, on any thread.
  void OnSpaceFreed(std::function<void()> callback);
  std::vector<StoredBlock> All();
  std::vector<TierUsage> Usage();
  // Blocks evicted since the last call; the master is told of them.
  std::vector<BlockId> TakeEvicted();
  // Brings tiers from above the high to the low watermark.
  void EvictToWatermark();
  // INTERNAL with what is broken, if what is counted is not the sum of its parts. For tests.
  Status CheckInvariants();

 private:
  friend class TempBlock;
  struct Dir {
    std::string path;
    int64_t quota_bytes = 0;  // less than configured while the device has less
    int64_t configured_bytes = 0;
    int64_t used_bytes = 0;
    int64_t clean_bytes = 0;  // of blocks that may be evicted
    std::list<BlockId> lru;   // those, oldest first
    FreeFiles free;           // not used_bytes; gives way to them
    FolderState state = FolderState::kFailed;
    std::string why;      // if it does not serve
    bool opened = false;  // it was read by this process: it is not made anew
    bool has_cluster = false;
    uint64_t generation = 0;                   // counts how often its blocks were taken out
    std::map<std::string, UnreadFile> unread;  // by name in blocks/
    int64_t unread_bytes = 0;
    std::map<std::string, LostFile> lost;  // by name in lost/
    int64_t lost_bytes = 0;
    absl::flat_hash_set<BlockId> doubtful;  // could not be read

    bool serves() const { return state == FolderState::kServing; }
    bool at_risk() const { return state == FolderState::kAtRisk; }
    // Of its quota, by whatever is there and must not be evicted, or may be.
    int64_t taken_bytes() const {
      return used_bytes + unread_bytes + lost_bytes + free.left_bytes();
    }
  };
  struct Entry {
    StoredBlock block;
    size_t dir = 0;
    std::list<BlockId>::iterator lru;          // in its folder's list, if it is not pinned
    std::list<BlockId>::iterator scrub_order;  // in scrub_order_
    std::shared_ptr<const PieceSums> sums;     // null until it is verified, if found at start
    // Each open file holds it: without others the file may be written again.
    std::shared_ptr<const bool> readers = std::make_shared<const bool>(true);
    bool shared = false;  // its path was given away: nobody knows who reads it
  };

  struct Place {
    int tier = 0;
    size_t dir = 0;
  };
  std::vector<Place> Places();
  // Where a new block of the tier, or of one below it, goes; nowhere if no folder takes any.
  std::optional<Place> Choose(int tier) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // --- folders.cc
  // Scans it and takes it into use. FAILED_PRECONDITION if it must not be used.
  Status OpenDir(Place place, const std::function<void(size_t)>& found) ABSL_LOCKS_EXCLUDED(mutex_);
  Status TakeScan(Place place, FolderScan scan) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // A block that was found in the folder. tell: as one that came to be at risk.
  void TakeFound(Place place, StoredBlock block, std::shared_ptr<const PieceSums> sums, bool tell)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // block, whose file in this folder is complete, takes the place of one that was found while it
  // was written.
  void GiveWay(const StoredBlock& block, size_t dir) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void SetState(Place place, FolderState state, const std::string& why)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // What it holds is not held any more; no file is touched.
  void TakeOut(Place place) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Probe(Place place) ABSL_LOCKS_EXCLUDED(mutex_);
  void RetryUnread(Place place) ABSL_LOCKS_EXCLUDED(mutex_);
  // Reads what could not be read once more; it is not held any more if that fails again.
  void RetryDoubtful(Place place) ABSL_LOCKS_EXCLUDED(mutex_);
  Status WriteCluster(Place place, const std::string& id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AddUnread(Dir& dir, const std::string& name, UnreadFile file)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ForgetUnread(Dir& dir, const std::string& name) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // --- lost_files.cc
  // Moves blocks/name to lost/; it becomes an unread file if that fails.
  void SetAside(Dir& dir, FileEnv& env, const std::string& name, int64_t bytes,
                const std::string& why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AddLost(Dir& dir, LostFile file) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The folder of that path, and what is known of the file.
  StatusOr<std::pair<Place, LostFile>> FindLost(const std::string& folder, const std::string& name)
      ABSL_LOCKS_EXCLUDED(mutex_);
  StatusOr<StoredBlock> TakeLost(Place place, const LostFile& file, StoredBlock block,
                                 PieceSums sums) ABSL_LOCKS_EXCLUDED(mutex_);

  // Evicts clean blocks until bytes more are below the quota; none if that is not enough.
  bool MakeRoom(int tier, size_t dir, int64_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Takes bytes of the directory's quota.
  bool Take(int tier, size_t dir, int64_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Dir& DirOf(const Entry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return tiers_[entry.block.tier][entry.dir];
  }
  FileEnv* EnvOf(int tier) const;
  // Sums are null if it was found at start.
  Entry& Insert(const StoredBlock& block, size_t dir, std::shared_ptr<const PieceSums> sums)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Pin(Entry& entry, bool pinned) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Reads of its file are not verified; sums is what they should be compared with.
  StatusOr<OpenBlock> OpenRaw(BlockId id, std::shared_ptr<const PieceSums>* sums)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // A write failed there, or a read.
  void WriteFailed(Place place, const Status& why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ReadFailed(Place place, const Status& why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void NoteRisk(Place place) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The device holds less than the quota: what it holds now is the quota from here on, less some
  // clean blocks. True if that made room.
  bool DeviceFull(int tier, size_t dir, int64_t bytes) ABSL_LOCKS_EXCLUDED(mutex_);
  void SpaceFreed() ABSL_LOCKS_EXCLUDED(mutex_);
  void EvictLocked(BlockId id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Takes the block off all lists, as an evicted one; its file stays.
  void ForgetLocked(BlockId id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool MayRecycle(const Entry& entry) const;
  std::string BlockPath(const Dir& dir, const StoredBlock& block) const;
  Status NoSpace(BlockId id, int64_t bytes) const;

  const BlockStoreOptions options_;
  FileEnv* const env_;
  const std::unique_ptr<FileEnv> memory_env_;  // of tiers that keep blocks in this process
  absl::Mutex mutex_;
  std::string cluster_id_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::vector<Dir>> tiers_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<BlockId, Entry> blocks_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<BlockId, int> writing_ ABSL_GUARDED_BY(mutex_);
  std::list<BlockId> scrub_order_ ABSL_GUARDED_BY(mutex_);  // longest unverified first
  std::vector<StoredBlock> risk_changes_ ABSL_GUARDED_BY(mutex_);
  std::function<void()> space_freed_ ABSL_GUARDED_BY(mutex_);
  std::vector<BlockId> evicted_ ABSL_GUARDED_BY(mutex_);
  bool started_ ABSL_GUARDED_BY(mutex_) = false;  // Open has ended
  uint64_t next_temp_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace spillway
