// A worker as clients and other workers see it. Calls block.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "api/types.h"
#include "common/shared_bytes.h"
#include "common/status.h"

namespace spillway {

namespace smallfiles {
class PutFilesRequest;
class PutFilesResponse;
class StoreBlocksRequest;
class StoreBlocksResponse;
}  // namespace smallfiles

// One replica of one block being written. Not thread-safe. Destroying it without Commit cancels the
// write, and the worker drops the temp block.
class BlockWriteStream {
 public:
  virtual ~BlockWriteStream() = default;
  // May return before the worker has the data; one buffer may be given to several streams.
  virtual Status Append(const SharedBytes& data) = 0;
  // Seals the block; the master knows of it on return. Begin and wait may be called apart, so that
  // several replicas are committed at the same time.
  virtual void BeginCommit() = 0;
  virtual Status WaitCommitted() = 0;
  // The understore's etag of a file written through, after the commit.
  virtual std::string content_hash() const = 0;
};

// Bytes of a block in order. Not thread-safe. Destroying it early ends the stream.
class BlockReadStream {
 public:
  virtual ~BlockReadStream() = default;
  // The next piece, empty at the end of the range. Valid until the next call.
  virtual StatusOr<std::string_view> Next() = 0;
};

struct BlockWriteOptions {
  BlockId block_id;
  int64_t reserve_bytes = 0;
  bool pin = false;  // evicted only after the master says so
};

struct FileWriteThroughOptions {
  MountId mount_id;
  std::string uri;
  std::string owner;
  std::string group;
  int mode = 0644;
  // What the writer believes of the key, as in PutOptions; the wire carries neither.
  bool if_absent = false;
  std::string if_match;
};

struct BlockReadOptions {
  BlockId block_id;
  int64_t offset = 0;
  int64_t length_bytes = 0;
  std::optional<UnderStoreRange> understore;
};

// Thread-safe.
class WorkerApi {
 public:
  virtual ~WorkerApi() = default;
  virtual StatusOr<std::unique_ptr<BlockWriteStream>> WriteBlock(
      const BlockWriteOptions& options) = 0;
  virtual StatusOr<std::unique_ptr<BlockWriteStream>> WriteThrough(
      const FileWriteThroughOptions& options) = 0;
  virtual StatusOr<std::unique_ptr<BlockReadStream>> ReadBlock(const BlockReadOptions& options) = 0;
  // Small files taken whole (proto/spillway/small_files.proto). These do not block: done runs once,
  // perhaps on another thread or before the call returns.
  virtual void PutFiles(const smallfiles::PutFilesRequest& request,
                        std::function<void(StatusOr<smallfiles::PutFilesResponse>)> done) = 0;
  virtual void StoreBlocks(const smallfiles::StoreBlocksRequest& request,
                           std::function<void(StatusOr<smallfiles::StoreBlocksResponse>)> done) = 0;
  // Drops every copy there that nothing needs: what is persisted and not pinned.
  virtual Status FreeAll() {
    return MakeStatus(StatusCode::kUnimplemented, "This worker cannot be freed from here.");
  }
};

// Connects to workers by address; connections are pooled. Thread-safe.
class WorkerConnector {
 public:
  virtual ~WorkerConnector() = default;
  virtual std::shared_ptr<WorkerApi> Connect(const WorkerAddress& address) = 0;
};

}  // namespace spillway
