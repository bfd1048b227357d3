// Names of the gRPC services. Those of alluxio.grpc are what the stock client calls.
#pragma once

namespace spillway {

inline constexpr char kFileSystemService[] = "alluxio.grpc.file.FileSystemMasterClientService";
inline constexpr char kBlockMasterService[] = "alluxio.grpc.block.BlockMasterClientService";
inline constexpr char kJobMasterService[] = "alluxio.grpc.job.JobMasterClientService";
inline constexpr char kBlockWorkerService[] = "alluxio.grpc.block.BlockWorker";
inline constexpr char kAdminService[] = "spillway.admin.AdminService";
inline constexpr char kSmallFileService[] = "spillway.smallfiles.SmallFileService";

}  // namespace spillway
