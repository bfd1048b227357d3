// Between the wire's messages and our value types. Every spelling that differs is settled here.
#pragma once

#include "admin.pb.h"
#include "api/types.h"
#include "grpc/block_master.pb.h"
#include "grpc/common.pb.h"
#include "grpc/file_system_master.pb.h"
#include "proto/dataserver/protocol.pb.h"

namespace spillway {

// The client version whose behaviour is kept; clients of other versions warn and go on.
inline constexpr const char* kAlluxioVersion = "2.9.3";

namespace wire = alluxio::grpc;
namespace fswire = alluxio::grpc::file;
namespace blockwire = alluxio::grpc::block;

// Wire mode bits are POSIX bits + 1, per class.
int ToMode(const wire::PMode& mode);
wire::PMode FromMode(int mode);

void FillAddress(const WorkerAddress& address, wire::WorkerNetAddress* out);
WorkerAddress ToAddress(const wire::WorkerNetAddress& address);
void FillBlockInfo(const BlockInfo& info, wire::BlockInfo* out);
BlockInfo ToBlockInfo(const wire::BlockInfo& info);
// Without the ACL if it is no more than the mode, which clients take it for then: where it is not
// asked for one by one, making it of each entry would cost them a fifth of a listing.
void FillFileInfo(const FileStatus& status, fswire::FileInfo* out);
void FillAcls(const FileStatus& status, fswire::FileInfo* out);
fswire::PAclEntry FromAclEntry(const AclEntry& entry);
AclEntry ToAclEntry(const fswire::PAclEntry& entry);
FileStatus ToFileStatus(const fswire::FileInfo& info);
void FillWorkerInfo(const WorkerInfo& info, blockwire::WorkerInfo* out);
WorkerInfo ToWorkerInfo(const blockwire::WorkerInfo& info);

std::optional<OperationId> ToOperationId(const fswire::FileSystemMasterCommonPOptions& options);
CreateFileOptions ToOptions(const fswire::CreateFilePOptions& options);
void FillOptions(const CreateFileOptions& options, fswire::CreateFilePOptions* out);
CompleteFileOptions ToOptions(const fswire::CompleteFilePOptions& options);
CreateDirectoryOptions ToOptions(const fswire::CreateDirectoryPOptions& options);
void FillOptions(const CreateDirectoryOptions& options, fswire::CreateDirectoryPOptions* out);
RemoveOptions ToOptions(const fswire::DeletePOptions& options);
SetAttributeOptions ToOptions(const fswire::SetAttributePOptions& options);
void FillOptions(const SetAttributeOptions& options, fswire::SetAttributePOptions* out);
std::optional<UnderStoreRange> ToRange(
    const alluxio::proto::dataserver::OpenUfsBlockOptions& options);

// Spillway's own protocol.
void FillPersistInfo(const PersistInfo& info, admin::PersistInfo* out);
PersistInfo ToPersistInfo(const admin::PersistInfo& in);
void FillStoreInfo(const StoreInfo& info, admin::StoreInfo* out);
StoreInfo ToStoreInfo(const admin::StoreInfo& in);
void FillPersistReport(const PersistReport& report, admin::GetPersistReportResponse* out);
PersistReport ToPersistReport(const admin::GetPersistReportResponse& in);
void FillHealthReport(const HealthReport& report, admin::GetHealthReportResponse* out);
HealthReport ToHealthReport(const admin::GetHealthReportResponse& in);

void FillJob(const JobReport& report, admin::Job* out);
JobReport ToJob(const admin::Job& job);

}  // namespace spillway
