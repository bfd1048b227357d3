// The master as clients see it. Calls block; errors are canonical codes with Alluxio's texts.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "api/types.h"
#include "common/status.h"

namespace spillway {

namespace smallfiles {
class PutFilesRequest;
class PutFilesResponse;
}  // namespace smallfiles

// Thread-safe. Paths are absolute namespace paths.
class MasterApi {
 public:
  virtual ~MasterApi() = default;
  virtual StatusOr<FileStatus> CreateFile(const std::string& path,
                                          const CreateFileOptions& options) = 0;
  // file is path's, or FAILED_PRECONDITION: somebody has replaced it. index counts its blocks from
  // 0; asked again for the last one, its id is the same.
  // With may_write_through, ABORTED if the cluster is so full of unpersisted data that the file
  // should be written through to the store instead.
  virtual StatusOr<BlockId> NewBlockId(const std::string& path, InodeId file, int64_t index,
                                       bool may_write_through) = 0;
  virtual Status CompleteFile(const std::string& path, const CompleteFileOptions& options) = 0;
  // Takes away a file that its writer gave up before it was complete. A complete one stays.
  virtual Status AbandonFile(InodeId file, bool maybe_published) = 0;
  // Makes files without data, each in one step (proto/spillway/small_files.proto).
  virtual StatusOr<smallfiles::PutFilesResponse> PutEmptyFiles(
      const smallfiles::PutFilesRequest& request) = 0;
  virtual Status CreateDirectory(const std::string& path,
                                 const CreateDirectoryOptions& options) = 0;
  virtual StatusOr<FileStatus> GetStatus(const std::string& path) = 0;
  // Visits entries in order, batch by batch; a failing visitor ends the listing with its status.
  virtual Status ListStatus(const std::string& path, const ListOptions& options,
                            const std::function<Status(const FileStatus&)>& visit) = 0;
  virtual Status Remove(const std::string& path, const RemoveOptions& options) = 0;
  virtual Status Rename(const std::string& source, const std::string& target,
                        const RenameOptions& options) = 0;
  virtual Status SetAttribute(const std::string& path, const SetAttributeOptions& options) = 0;
  virtual Status Free(const std::string& path, bool recursive, bool forced) = 0;
  virtual Status SchedulePersist(const std::string& path, int64_t wait_time_ms) = 0;
  // Of those paths that are files.
  virtual StatusOr<std::vector<PersistInfo>> GetPersistInfo(
      const std::vector<std::string>& paths) = 0;
  // The barrier: call with cut 0, then with the cut that came back until no file is left.
  virtual StatusOr<PersistProgress> GetPersistProgress(const std::string& path, int64_t cut) = 0;
  virtual StatusOr<PersistReport> GetPersistReport(int64_t entries_max) = 0;
  // One for each mount.
  virtual StatusOr<std::vector<StoreInfo>> GetStoreReport(int64_t entries_max) = 0;
  virtual StatusOr<HealthReport> GetHealthReport(int64_t entries_max) = 0;
  virtual StatusOr<Decommission> DecommissionWorker(const std::string& host, int data_port,
                                                    bool undo) = 0;
  // Writes a backup of the master's state below folder, on the master's host; returns where.
  virtual StatusOr<std::string> Backup(const std::string& folder) = 0;
  virtual StatusOr<BlockInfo> GetBlockInfo(BlockId id) = 0;
  virtual StatusOr<std::vector<WorkerInfo>> GetWorkers() = 0;
  virtual StatusOr<std::vector<MountInfo>> GetMounts() = 0;
  virtual StatusOr<ClusterInfo> GetClusterInfo() = 0;
  // Lost workers too.
  virtual StatusOr<std::vector<WorkerInfo>> GetWorkerReport() = 0;
  // Asks a worker to do something with a file that it has set aside; the health report shows
  // whether it did.
  virtual Status ChangeLostFile(const std::string& host, int data_port, const LostFile& file,
                                LostFileAction action) = 0;
};

}  // namespace spillway
