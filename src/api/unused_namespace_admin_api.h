// What is told of a cluster's namespace, when nothing is: a base for parts that offer some of its
// operations.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "api/namespace_admin_api.h"

namespace spillway {

class UnusedNamespaceAdminApi : public NamespaceAdminApi {
 public:
  Status Mount(const std::string&, const std::string&, const MountOptions&) override {
    return Unused();
  }
  Status UpdateMount(const std::string&, const MountOptions&) override { return Unused(); }
  Status Unmount(const std::string&) override { return Unused(); }
  Status SetAcl(const std::string&, AclAction, const std::vector<AclEntry>&, bool) override {
    return Unused();
  }
  Status NeedsSync(const std::string&) override { return Unused(); }
  StatusOr<std::vector<std::string>> CheckConsistency(const std::string&) override {
    return Unused();
  }
  Status LoadMetadata(const std::string&, bool, bool) override { return Unused(); }
  StatusOr<int64_t> StartSync(const std::string&, bool) override { return Unused(); }
  StatusOr<SyncProgress> GetSyncProgress(int64_t) override { return Unused(); }
  StatusOr<bool> CancelSync(int64_t) override { return Unused(); }
  Status SetQuota(const std::string&, int64_t, int64_t) override { return Unused(); }
  StatusOr<std::vector<Quota>> ListQuotas(const std::string&) override { return Unused(); }
  StatusOr<StartedLoad> StartLoad(const std::string&, int) override { return Unused(); }
  StatusOr<std::string> GetLoadProgress(const std::string&, bool) override { return Unused(); }
  StatusOr<bool> StopLoad(const std::string&) override { return Unused(); }
  StatusOr<int64_t> StartCopy(const std::string&, const std::string&,
                              const CreateFileOptions&) override {
    return Unused();
  }
  StatusOr<JobReport> GetJob(int64_t, bool) override { return Unused(); }
  Status CancelJob(int64_t) override { return Unused(); }
  StatusOr<std::vector<JobReport>> ListJobs() override { return Unused(); }
  StatusOr<std::string> GetFilePath(InodeId) override { return Unused(); }
  StatusOr<DamagedReport> GetDamaged(int64_t) override { return Unused(); }
  StatusOr<std::string> ExportRecord(const std::string&) override { return Unused(); }
  StatusOr<std::string> DropRecord(const std::string&) override { return Unused(); }
  StatusOr<std::map<std::string, Properties>> GetPathProperties() override { return Unused(); }
  Status SetPathProperties(const std::string&, const Properties&) override { return Unused(); }
  Status RemovePathProperties(const std::string&, const std::vector<std::string>&) override {
    return Unused();
  }

 private:
  static Status Unused() { return MakeStatus(StatusCode::kUnimplemented, "not offered"); }
};

}  // namespace spillway
