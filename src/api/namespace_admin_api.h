// What administrators do to the namespace, over and above MasterApi. Calls block; errors are
// canonical codes with the master's texts.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "api/damaged.h"
#include "api/types.h"
#include "common/status.h"

namespace spillway {

// How far a comparison with the understore is.
struct SyncProgress {
  std::string state;  // RUNNING, SUCCEEDED, FAILED, CANCELED
  std::string counts;
  std::string error;
  int64_t duration_ms = 0;
};

struct StartedLoad {
  int64_t job_id = 0;
  bool before = false;  // it is being loaded already, by that job
};

using Properties = std::map<std::string, std::string>;

// Thread-safe. Paths are absolute namespace paths.
class NamespaceAdminApi {
 public:
  virtual ~NamespaceAdminApi() = default;
  virtual Status Mount(const std::string& path, const std::string& uri,
                       const MountOptions& options) = 0;
  virtual Status UpdateMount(const std::string& path, const MountOptions& options) = 0;
  virtual Status Unmount(const std::string& path) = 0;
  virtual Status SetAcl(const std::string& path, AclAction action,
                        const std::vector<AclEntry>& entries, bool recursive) = 0;
  virtual Status NeedsSync(const std::string& path) = 0;
  // Persisted files that the understore does not have as they are.
  virtual StatusOr<std::vector<std::string>> CheckConsistency(const std::string& path) = 0;
  // Loads what the understore has and the namespace does not know; with force compares all of it.
  virtual Status LoadMetadata(const std::string& path, bool recursive, bool force) = 0;
  // The same in the background, by an id.
  virtual StatusOr<int64_t> StartSync(const std::string& path, bool recursive) = 0;
  virtual StatusOr<SyncProgress> GetSyncProgress(int64_t id) = 0;
  virtual StatusOr<bool> CancelSync(int64_t id) = 0;
  // Limits of files, and of their bytes, below a directory; 0 is no limit.
  virtual Status SetQuota(const std::string& path, int64_t files_max, int64_t bytes_max) = 0;
  virtual StatusOr<std::vector<Quota>> ListQuotas(const std::string& path) = 0;
  // Lets the workers load path, to have so many copies of each block.
  virtual StatusOr<StartedLoad> StartLoad(const std::string& path, int copies) = 0;
  virtual StatusOr<std::string> GetLoadProgress(const std::string& path, bool json) = 0;
  virtual StatusOr<bool> StopLoad(const std::string& path) = 0;
  // Lets the workers copy a file or a tree, of which target takes the place of source's name; the
  // job's id. Of options: overwrite, mode, write type, replication, persistence wait time.
  virtual StatusOr<int64_t> StartCopy(const std::string& source, const std::string& target,
                                      const CreateFileOptions& options) = 0;
  // With names, those of the files that are done.
  virtual StatusOr<JobReport> GetJob(int64_t id, bool names) = 0;
  virtual Status CancelJob(int64_t id) = 0;
  virtual StatusOr<std::vector<JobReport>> ListJobs() = 0;
  virtual StatusOr<std::string> GetFilePath(InodeId id) = 0;
  virtual StatusOr<DamagedReport> GetDamaged(int64_t entries_max) = 0;
  // A damaged record's bytes; dropping it, which says what was done.
  virtual StatusOr<std::string> ExportRecord(const std::string& name) = 0;
  virtual StatusOr<std::string> DropRecord(const std::string& name) = 0;
  // Defaults of client properties below paths.
  virtual StatusOr<std::map<std::string, Properties>> GetPathProperties() = 0;
  virtual Status SetPathProperties(const std::string& path, const Properties& properties) = 0;
  // No keys: all of them.
  virtual Status RemovePathProperties(const std::string& path,
                                      const std::vector<std::string>& keys) = 0;
};

}  // namespace spillway
