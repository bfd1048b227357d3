#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/write_batch.h>

#include "common/clock.h"
#include "common/metrics.h"
#include "journal/state_store.h"

namespace spillway {
namespace {

constexpr size_t kBlockCacheBytes = 64 << 20;
constexpr int kBlockCacheShardBits = 2;
constexpr size_t kWriteBufferBytes = 32 << 20;

rocksdb::Slice ToSlice(std::string_view text) { return rocksdb::Slice(text.data(), text.size()); }
std::string_view ToView(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

Status FromRocks(const rocksdb::Status& status, const std::string& what) {
  if (status.ok()) return absl::OkStatus();
  StatusCode code = StatusCode::kInternal;
  if (status.IsCorruption()) code = StatusCode::kDataLoss;
  if (status.IsNoSpace()) code = StatusCode::kResourceExhausted;
  if (status.IsIOError() && status.ToString().find("lock") != std::string::npos) {
    code = StatusCode::kFailedPrecondition;
  }
  return MakeStatus(code, "{}: {}", what, status.ToString());
}

class RocksDbStateStore : public StateStore {
 public:
  RocksDbStateStore(std::unique_ptr<rocksdb::DB> db, std::string path, Metrics* metrics)
      : db_(std::move(db)), path_(std::move(path)) {
    if (metrics == nullptr) return;
    sync_seconds_ = &metrics->Seconds("spillway_master_journal_sync_seconds",
                                      "One commit of changes, until it is on the disk.");
  }

  StatusOr<std::optional<std::string>> Get(std::string_view key) override {
    std::string value;
    const rocksdb::Status status = db_->Get(rocksdb::ReadOptions(), ToSlice(key), &value);
    if (status.IsNotFound()) return std::optional<std::string>();
    if (!status.ok()) return FromRocks(status, "Cannot read state store " + path_);
    return std::optional<std::string>(std::move(value));
  }

  Status Scan(std::string_view begin, std::string_view end, const Visitor& visit) override {
    rocksdb::ReadOptions options;
    const rocksdb::Slice upper = ToSlice(end);
    options.iterate_upper_bound = &upper;
    const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(options));
    for (it->Seek(ToSlice(begin)); it->Valid(); it->Next()) {
      if (!visit(ToView(it->key()), ToView(it->value()))) break;
    }
    return FromRocks(it->status(), "Cannot scan state store " + path_);
  }

  Status Commit(const StateBatch& batch) override {
    rocksdb::WriteBatch writes;
    for (const auto& [key, value] : batch) {
      if (value) {
        writes.Put(key, *value);
      } else {
        writes.Delete(key);
      }
    }
    rocksdb::WriteOptions options;
    options.sync = true;
    const int64_t start_us = clock_.MonotonicUs();
    const rocksdb::Status status = db_->Write(options, &writes);
    if (sync_seconds_ != nullptr)
      sync_seconds_->Observe(static_cast<double>(clock_.MonotonicUs() - start_us) / 1e6);
    return FromRocks(status, "Cannot write state store " + path_);
  }

  Status Checkpoint(const std::string& path) override {
    rocksdb::Checkpoint* raw = nullptr;
    SPILLWAY_RETURN_IF_ERROR(
        FromRocks(rocksdb::Checkpoint::Create(db_.get(), &raw), "Cannot back up " + path_));
    const std::unique_ptr<rocksdb::Checkpoint> checkpoint(raw);
    return FromRocks(checkpoint->CreateCheckpoint(path), "Cannot write backup " + path);
  }

 private:
  const std::unique_ptr<rocksdb::DB> db_;
  const std::string path_;
  SystemClock clock_;
  prometheus::Histogram* sync_seconds_ = nullptr;  // missing: not measured
};

}  // namespace

StatusOr<std::unique_ptr<StateStore>> OpenRocksDbStateStore(const std::string& path, bool create,
                                                            Metrics* metrics) {
  rocksdb::Options options;
  options.create_if_missing = create;
  options.write_buffer_size = kWriteBufferBytes;
  options.max_write_buffer_number = 2;
  // Most keys that are asked for and missing are names that are about to be made.
  options.memtable_whole_key_filtering = true;
  options.memtable_prefix_bloom_size_ratio = 0.05;
  options.max_open_files = 256;
  options.keep_log_file_num = 2;
  options.max_total_wal_size = 128 << 20;
  options.level_compaction_dynamic_level_bytes = true;
  options.paranoid_checks = true;
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(kBlockCacheBytes, kBlockCacheShardBits);
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.cache_index_and_filter_blocks = true;
  // In small parts: a filter of a whole file would not fit into a part of the cache, and be read
  // again from the file by every Get.
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.partition_filters = true;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(options, path, &db);
  if (!status.ok()) return FromRocks(status, "Cannot open state store " + path);
  return std::unique_ptr<StateStore>(
      std::make_unique<RocksDbStateStore>(std::unique_ptr<rocksdb::DB>(db), path, metrics));
}

}  // namespace spillway
