// The native client: whole files in and out. Built on the API seams, so that simulation can run it
// over anything. Calls block.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "api/master_api.h"
#include "api/worker_api.h"
#include "client/small_file_writer.h"
#include "common/clock.h"
#include "common/random.h"
#include "common/shared_bytes.h"

namespace spillway {

struct WriteOptions {
  CreateFileOptions create;
  bool persist = true;  // ASYNC_THROUGH: ask for persistence when complete
  bool operator==(const WriteOptions&) const = default;
};

struct FileContent {
  std::string path;
  SharedBytes data;
};

// Gives the next bytes of a file, empty at its end.
using ByteSource = std::function<StatusOr<SharedBytes>()>;
using ByteSink = std::function<Status(std::string_view)>;

// Thread-safe.
class FileSystem {
 public:
  // How long a write or read rides over workers that are gone.
  static constexpr int64_t kRideOverMs = 60'000;
  static constexpr int64_t kFirstPauseMs = 50;
  static constexpr int64_t kPauseMsMax = 500;

  // None is owned. local_host is this host's name among the workers', or empty.
  FileSystem(MasterApi* master, WorkerConnector* workers, Clock* clock, Random* random,
             std::string local_host);

  MasterApi* master() { return master_; }

  // Creates path with source's bytes and completes it; every block is on as many workers as the
  // write type asks for before this returns. A failed write leaves no file behind.
  Status WriteFile(const std::string& path, const WriteOptions& options, const ByteSource& source);

  // Many files at once, each with options and an operation id of its own, in no order: small ones
  // share calls. A status for each, as WriteFile would give it.
  std::vector<Status> WriteFiles(const std::vector<FileContent>& files,
                                 const WriteOptions& options);

  // Hands bytes [offset, offset + length) to sink; length < 0: to the end.
  Status ReadFile(const FileStatus& file, int64_t offset, int64_t length, const ByteSink& sink,
                  bool cache = true);

 private:
  static constexpr int64_t kWorkersKnownMs = 1000;

  // The file block by block.
  Status WriteLong(const std::string& path, const WriteOptions& options, const ByteSource& source);
  // Sets *diverted to what was read already if the file is to be written through instead.
  Status WriteBlocks(const std::string& path, const FileStatus& file, const WriteOptions& options,
                     const ByteSource& source, int64_t* length,
                     std::optional<SharedBytes>* diverted);
  // With cache, the bytes go to workers' blocks too.
  Status WriteThroughFile(const std::string& path, const FileStatus& file,
                          const WriteOptions& options, bool cache, const ByteSource& source,
                          int64_t* length);
  // count live workers on distinct hosts, the local one first, none of those avoided; who is live
  // is asked every kWorkersKnownMs. RESOURCE_EXHAUSTED if there are fewer.
  StatusOr<std::vector<WorkerInfo>> ChooseWorkers(int count,
                                                  const std::set<std::string>& avoid_hosts = {});
  // The same, waiting a while for workers to come back.
  StatusOr<std::vector<WorkerInfo>> AwaitWorkers(int count,
                                                 const std::set<std::string>& avoid_hosts);
  Status ReadBlock(const FileStatus& file, const BlockInfo& block, int64_t block_offset,
                   int64_t offset, int64_t length, bool cache, const ByteSink& sink);
  // One round over the replicas and the understore; *taken grows by what the sink got.
  Status TryReadBlock(const FileStatus& file, const BlockInfo& block, int64_t block_offset,
                      int64_t offset, int64_t length, bool cache, const ByteSink& sink,
                      int64_t* taken);

  StatusOr<std::vector<WorkerInfo>> LiveWorkers(bool afresh);
  // One of them has failed: ask again.
  void ForgetWorkers();

  friend class ReplicatedBlock;
  friend class SmallFileWriter;

  MasterApi* const master_;
  WorkerConnector* const workers_;
  Clock* const clock_;
  Random* const random_;
  const std::string local_host_;
  absl::Mutex mutex_;
  std::vector<WorkerInfo> live_ ABSL_GUARDED_BY(mutex_);
  int64_t live_at_ms_ ABSL_GUARDED_BY(mutex_) = 0;
  // Goes first: a late answer may come until then, and uses the rest.
  SmallFileWriter small_files_{this};
};

}  // namespace spillway
