// A master that answers nothing: a base for parts that offer some of its operations.
#pragma once

#include <string>
#include <vector>

#include "api/master_api.h"
#include "small_files.pb.h"

namespace spillway {

class UnusedMasterApi : public MasterApi {
 public:
  StatusOr<FileStatus> CreateFile(const std::string&, const CreateFileOptions&) override {
    return No();
  }
  StatusOr<BlockId> NewBlockId(const std::string&, InodeId, int64_t, bool) override { return No(); }
  Status CompleteFile(const std::string&, const CompleteFileOptions&) override { return No(); }
  Status AbandonFile(InodeId, bool) override { return No(); }
  StatusOr<smallfiles::PutFilesResponse> PutEmptyFiles(
      const smallfiles::PutFilesRequest&) override {
    return No();
  }
  Status CreateDirectory(const std::string&, const CreateDirectoryOptions&) override {
    return No();
  }
  StatusOr<FileStatus> GetStatus(const std::string&) override { return No(); }
  Status ListStatus(const std::string&, const ListOptions&,
                    const std::function<Status(const FileStatus&)>&) override {
    return No();
  }
  Status Remove(const std::string&, const RemoveOptions&) override { return No(); }
  Status Rename(const std::string&, const std::string&, const RenameOptions&) override {
    return No();
  }
  Status SetAttribute(const std::string&, const SetAttributeOptions&) override { return No(); }
  Status Free(const std::string&, bool, bool) override { return No(); }
  Status SchedulePersist(const std::string&, int64_t) override { return No(); }
  StatusOr<std::vector<PersistInfo>> GetPersistInfo(const std::vector<std::string>&) override {
    return No();
  }
  StatusOr<PersistProgress> GetPersistProgress(const std::string&, int64_t) override {
    return No();
  }
  StatusOr<PersistReport> GetPersistReport(int64_t) override { return No(); }
  StatusOr<std::vector<StoreInfo>> GetStoreReport(int64_t) override { return No(); }
  StatusOr<HealthReport> GetHealthReport(int64_t) override { return No(); }
  StatusOr<Decommission> DecommissionWorker(const std::string&, int, bool) override { return No(); }
  Status ChangeLostFile(const std::string&, int, const LostFile&, LostFileAction) override {
    return No();
  }
  StatusOr<std::string> Backup(const std::string&) override { return No(); }
  StatusOr<BlockInfo> GetBlockInfo(BlockId) override { return No(); }
  StatusOr<std::vector<WorkerInfo>> GetWorkers() override { return No(); }
  StatusOr<std::vector<MountInfo>> GetMounts() override { return No(); }
  StatusOr<ClusterInfo> GetClusterInfo() override { return No(); }
  StatusOr<std::vector<WorkerInfo>> GetWorkerReport() override { return No(); }

 private:
  static Status No() { return MakeStatus(StatusCode::kUnimplemented, "not offered here"); }
};

}  // namespace spillway
