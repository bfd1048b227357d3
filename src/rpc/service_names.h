// Names of the gRPC services. Those of alluxio.grpc are what the stock client calls.
#pragma once

#include <string>

namespace spillway {

inline constexpr char kFileSystemService[] = "alluxio.grpc.file.FileSystemMasterClientService";
inline constexpr char kBlockMasterService[] = "alluxio.grpc.block.BlockMasterClientService";
inline constexpr char kJobMasterService[] = "alluxio.grpc.job.JobMasterClientService";
inline constexpr char kBlockWorkerService[] = "alluxio.grpc.block.BlockWorker";
inline constexpr char kAdminService[] = "spillway.admin.AdminService";
inline constexpr char kSmallFileService[] = "spillway.smallfiles.SmallFileService";

// What the full name of each of its methods begins with.
inline std::string CallsOf(const char* service) { return std::string("/") + service + "/"; }

}  // namespace spillway
