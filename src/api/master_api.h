// The master as clients see it. Calls block; errors are canonical codes with Alluxio's texts.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "api/types.h"
#include "common/status.h"

namespace spillway {

// Thread-safe. Paths are absolute namespace paths.
class MasterApi {
 public:
  virtual ~MasterApi() = default;
  virtual StatusOr<FileStatus> CreateFile(const std::string& path,
                                          const CreateFileOptions& options) = 0;
  virtual StatusOr<BlockId> NewBlockId(const std::string& path) = 0;
  virtual Status CompleteFile(const std::string& path, const CompleteFileOptions& options) = 0;
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
  virtual StatusOr<BlockInfo> GetBlockInfo(BlockId id) = 0;
  virtual StatusOr<std::vector<WorkerInfo>> GetWorkers() = 0;
  virtual StatusOr<std::vector<MountInfo>> GetMounts() = 0;
  virtual StatusOr<ClusterInfo> GetClusterInfo() = 0;
  // Lost workers too.
  virtual StatusOr<std::vector<WorkerInfo>> GetWorkerReport() = 0;
};

}  // namespace spillway
