#include "rpc/client/master_client.h"

#include <algorithm>

#include "grpc/meta_master.pb.h"
#include "rpc/buffers.h"
#include "rpc/client/client_reactor.h"
#include "rpc/convert.h"
#include "rpc/service_names.h"
#include "rpc/status_map.h"
#include "small_files.pb.h"

namespace spillway {
namespace {

const std::string kFsCalls = CallsOf(kFileSystemService);
const std::string kBlock = "/alluxio.grpc.block.BlockMasterClientService/";
const std::string kAdminCalls = CallsOf(kAdminService);
const std::string kSmallFileCalls = CallsOf(kSmallFileService);
const std::string kMeta = "/alluxio.grpc.meta.MetaMasterClientService/";
constexpr int64_t kBacklogTimeoutMs = 15 * 60'000;

// Reads a listing, message by message.
class ListStream : public ClientReactor {
 public:
  Status Run(AuthenticatedChannel* channel, const fswire::ListStatusPRequest& request,
             const std::function<Status(const FileStatus&)>& visit) {
    SPILLWAY_RETURN_IF_ERROR(channel->Prepare(&context_));
    Prepare(channel->stub(), &context_, kFsCalls + "ListStatus");
    const grpc::ByteBuffer out = ToBuffer(request);
    AddHold();  // reads are started from this thread
    StartWriteLast(&out);
    StartRead(&incoming_);
    StartCall();
    Status failed;
    while (true) {
      grpc::ByteBuffer message;
      {
        absl::MutexLock lock(&mutex_);
        mutex_.Await(absl::Condition(
            +[](ListStream* s) { return s->arrived_ || s->ended_; }, this));
        if (!arrived_) break;
        message.Swap(&incoming_);
        arrived_ = false;
      }
      fswire::ListStatusPResponse response;
      if (!FromBuffer(message, &response)) failed = Internal("The listing cannot be read.");
      for (const auto& info : response.fileinfos()) {
        if (failed.ok()) failed = visit(ToFileStatus(info));
      }
      if (!failed.ok()) context_.TryCancel();
      StartRead(&incoming_);
    }
    RemoveHold();
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(&done_));
    return failed.ok() ? FromGrpc(status_) : failed;
  }

  void OnReadDone(bool ok) override {
    absl::MutexLock lock(&mutex_);
    (ok ? arrived_ : ended_) = true;
  }
  void OnDone(const grpc::Status& status) override {
    absl::MutexLock lock(&mutex_);
    status_ = status;
    done_ = true;
  }

 private:
  grpc::ClientContext context_;
  grpc::ByteBuffer incoming_;
  absl::Mutex mutex_;
  bool arrived_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::Status status_ ABSL_GUARDED_BY(mutex_);
};

class MasterClient : public MasterApi {
 public:
  MasterClient(std::shared_ptr<MasterCaller> caller, Random* random, const LookOptions& look)
      : caller_(std::move(caller)), random_(random), look_(look) {}

  StatusOr<FileStatus> CreateFile(const std::string& path,
                                  const CreateFileOptions& options) override {
    fswire::CreateFilePRequest request;
    request.set_path(path);
    FillOptions(options, request.mutable_options());
    SetOperationId(options.operation_id, request.mutable_options()->mutable_commonoptions());
    fswire::CreateFilePResponse response;
    SPILLWAY_RETURN_IF_ERROR(Call(kFsCalls + "CreateFile", request, &response));
    return ToFileStatus(response.fileinfo());
  }

  StatusOr<BlockId> NewBlockId(const std::string& path, InodeId file, int64_t index,
                               bool may_write_through) override {
    admin::NewBlockIdRequest request;
    request.set_path(path);
    request.set_may_write_through(may_write_through);
    request.set_file_id(file.value());
    request.set_index(index);
    admin::NewBlockIdResponse response;
    // The answer may be held back for long: unpersisted data has to go first.
    SPILLWAY_RETURN_IF_ERROR(
        Call(kAdminCalls + "NewBlockId", request, &response, kBacklogTimeoutMs));
    if (response.write_through())
      return Status(StatusCode::kAborted, "Write the file through to the store.");
    return BlockId(response.block_id());
  }

  StatusOr<std::vector<PersistInfo>> GetPersistInfo(
      const std::vector<std::string>& paths) override {
    admin::GetPersistInfoRequest request;
    for (const std::string& path : paths) request.add_paths(path);
    admin::GetPersistInfoResponse response;
    SPILLWAY_RETURN_IF_ERROR(Call(kAdminCalls + "GetPersistInfo", request, &response));
    std::vector<PersistInfo> infos;
    for (const auto& info : response.infos()) infos.push_back(ToPersistInfo(info));
    return infos;
  }

  StatusOr<PersistProgress> GetPersistProgress(const std::string& path, int64_t cut) override {
    admin::GetPersistProgressRequest request;
    request.set_path(path);
    request.set_cut(cut);
    admin::GetPersistProgressResponse response;
    SPILLWAY_RETURN_IF_ERROR(Call(kAdminCalls + "GetPersistProgress", request, &response));
    return PersistProgress{response.cut(),         response.files_left(),  response.bytes_left(),
                           response.never_files(), response.oldest_path(), response.oldest_error()};
  }

  StatusOr<std::vector<StoreInfo>> GetStoreReport(int64_t entries_max) override {
    admin::GetStoreReportRequest request;
    request.set_entries_max(entries_max);
    admin::GetStoreReportResponse response;
    SPILLWAY_RETURN_IF_ERROR(Call(kAdminCalls + "GetStoreReport", request, &response));
    std::vector<StoreInfo> stores;
    for (const auto& info : response.stores()) stores.push_back(ToStoreInfo(info));
    return stores;
  }

  StatusOr<PersistReport> GetPersistReport(int64_t entries_max) override {
    admin::GetPersistReportRequest request;
    request.set_entries_max(entries_max);
    admin::GetPersistReportResponse response;
    SPILLWAY_RETURN_IF_ERROR(Call(kAdminCalls + "GetPersistReport", request, &response));
    return ToPersistReport(response);
  }

  StatusOr<HealthReport> GetHealthReport(int64_t entries_max) override {
    admin::GetHealthReportRequest request;
    request.set_entries_max(entries_max);
    admin::GetHealthReportResponse response;
    SPILLWAY_RETURN_IF_ERROR(Call(kAdminCalls + "GetHealthReport", request, &response));
    return ToHealthReport(response);
  }

  StatusOr<Decommission> DecommissionWorker(const std::string& host, int data_port,
                                            bool undo) override {
    admin::DecommissionWorkerRequest request;
    request.set_host(host);
    request.set_data_port(data_port);
    request.set_undo(undo);
    admin::DecommissionWorkerResponse response;
    SPILLWAY_RETURN_IF_ERROR(Call(kAdminCalls + "DecommissionWorker", request, &response));
    return Decommission{response.live(), response.blocks_at_stake(), response.blocks()};
  }

  Status ChangeLostFile(const std::string& host, int data_port, const LostFile& file,
                        LostFileAction action) override {
    admin::ChangeLostFileRequest request;
    request.set_host(host);
    request.set_data_port(data_port);
    request.set_folder(file.folder);
    request.set_name(file.name);
    request.set_drop(action == LostFileAction::kDrop);
    admin::ChangeLostFileResponse response;
    return Call(kAdminCalls + "ChangeLostFile", request, &response);
  }

  StatusOr<std::string> Backup(const std::string& folder) override {
    admin::BackupRequest request;
    request.set_folder(folder);
    admin::BackupResponse response;
    SPILLWAY_RETURN_IF_ERROR(Call(kAdminCalls + "Backup", request, &response, kBacklogTimeoutMs));
    return response.folder();
  }

  Status AbandonFile(InodeId file, bool maybe_published) override {
    admin::AbandonFileRequest request;
    request.set_file_id(file.value());
    request.set_maybe_published(maybe_published);
    admin::AbandonFileResponse response;
    return Call(kAdminCalls + "AbandonFile", request, &response);
  }

  Status CompleteFile(const std::string& path, const CompleteFileOptions& options) override {
    admin::CompleteFileRequest request;
    request.set_path(path);
    if (options.file) request.set_file_id(options.file->value());
    if (options.understore_length) request.set_understore_length(*options.understore_length);
    if (options.length_bytes) request.set_length_bytes(*options.length_bytes);
    request.set_persist(options.persist);
    request.set_persistence_wait_time_ms(options.persistence_wait_time_ms);
    const OperationId operation = options.operation_id.value_or(NewOperationId());
    request.set_operation_most(operation.most_significant);
    request.set_operation_least(operation.least_significant);
    admin::CompleteFileResponse response;
    return Call(kAdminCalls + "CompleteFile", request, &response);
  }

  StatusOr<smallfiles::PutFilesResponse> PutEmptyFiles(
      const smallfiles::PutFilesRequest& request) override {
    smallfiles::PutFilesResponse response;
    SPILLWAY_RETURN_IF_ERROR(Call(kSmallFileCalls + "PutFiles", request, &response));
    return response;
  }

  Status CreateDirectory(const std::string& path, const CreateDirectoryOptions& options) override {
    fswire::CreateDirectoryPRequest request;
    request.set_path(path);
    FillOptions(options, request.mutable_options());
    SetOperationId(options.operation_id, request.mutable_options()->mutable_commonoptions());
    fswire::CreateDirectoryPResponse response;
    return Call(kFsCalls + "CreateDirectory", request, &response);
  }

  StatusOr<FileStatus> GetStatus(const std::string& path) override {
    fswire::GetStatusPRequest request;
    request.set_path(path);
    SetLookOptions(request.mutable_options());
    fswire::GetStatusPResponse response;
    SPILLWAY_RETURN_IF_ERROR(Call(kFsCalls + "GetStatus", request, &response));
    return ToFileStatus(response.fileinfo());
  }

  Status ListStatus(const std::string& path, const ListOptions& options,
                    const std::function<Status(const FileStatus&)>& visit) override {
    fswire::ListStatusPRequest request;
    request.set_path(path);
    request.mutable_options()->set_recursive(options.recursive);
    SetLookOptions(request.mutable_options());
    bool visited = false;
    return caller_->WithRetry([&](AuthenticatedChannel* channel) {
      if (visited)
        return Status(StatusCode::kUnknown, "The master went away in the middle of a listing.");
      return ListStream().Run(channel, request, [&](const FileStatus& status) {
        visited = true;
        return visit(status);
      });
    });
  }

  Status Remove(const std::string& path, const RemoveOptions& options) override {
    fswire::DeletePRequest request;
    request.set_path(path);
    request.mutable_options()->set_recursive(options.recursive);
    request.mutable_options()->set_alluxioonly(options.alluxio_only);
    request.mutable_options()->set_unchecked(options.unchecked);
    request.mutable_options()->set_deletemountpoint(options.delete_mount_point);
    SetOperationId(options.operation_id, request.mutable_options()->mutable_commonoptions());
    fswire::DeletePResponse response;
    return Call(kFsCalls + "Remove", request, &response);
  }

  Status Rename(const std::string& source, const std::string& target,
                const RenameOptions& options) override {
    fswire::RenamePRequest request;
    request.set_path(source);
    request.set_dstpath(target);
    request.mutable_options()->set_persist(options.persist);
    SetOperationId(options.operation_id, request.mutable_options()->mutable_commonoptions());
    fswire::RenamePResponse response;
    return Call(kFsCalls + "Rename", request, &response);
  }

  Status SetAttribute(const std::string& path, const SetAttributeOptions& options) override {
    fswire::SetAttributePRequest request;
    request.set_path(path);
    FillOptions(options, request.mutable_options());
    SetOperationId(options.operation_id, request.mutable_options()->mutable_commonoptions());
    fswire::SetAttributePResponse response;
    return Call(kFsCalls + "SetAttribute", request, &response);
  }

  Status Free(const std::string& path, bool recursive, bool forced) override {
    fswire::FreePRequest request;
    request.set_path(path);
    request.mutable_options()->set_recursive(recursive);
    request.mutable_options()->set_forced(forced);
    fswire::FreePResponse response;
    return Call(kFsCalls + "Free", request, &response);
  }

  Status SchedulePersist(const std::string& path, int64_t wait_time_ms) override {
    fswire::ScheduleAsyncPersistencePRequest request;
    request.set_path(path);
    request.mutable_options()->set_persistencewaittime(wait_time_ms);
    fswire::ScheduleAsyncPersistencePResponse response;
    return Call(kFsCalls + "ScheduleAsyncPersistence", request, &response);
  }

  StatusOr<BlockInfo> GetBlockInfo(BlockId id) override {
    blockwire::GetBlockInfoPRequest request;
    request.set_blockid(id.value());
    blockwire::GetBlockInfoPResponse response;
    SPILLWAY_RETURN_IF_ERROR(Call(kBlock + "GetBlockInfo", request, &response));
    return ToBlockInfo(response.blockinfo());
  }

  StatusOr<std::vector<WorkerInfo>> GetWorkers() override {
    return Workers("GetWorkerInfoList", blockwire::GetWorkerInfoListPOptions());
  }

  StatusOr<std::vector<WorkerInfo>> GetWorkerReport() override {
    blockwire::GetWorkerReportPOptions request;
    request.set_workerrange(blockwire::ALL);
    return Workers("GetWorkerReport", request);
  }

  StatusOr<std::vector<MountInfo>> GetMounts() override {
    fswire::GetMountTablePResponse response;
    SPILLWAY_RETURN_IF_ERROR(
        Call(kFsCalls + "GetMountTable", fswire::GetMountTablePRequest(), &response));
    std::vector<MountInfo> mounts;
    for (const auto& [path, info] : response.mountpoints()) {
      MountInfo mount;
      mount.path = path;
      mount.uri = info.ufsuri();
      mount.type = info.ufstype();
      mount.read_only = info.readonly();
      mount.shared = info.shared();
      mount.id = MountId(info.mountid());
      mount.properties.insert(info.properties().begin(), info.properties().end());
      mounts.push_back(std::move(mount));
    }
    std::sort(mounts.begin(), mounts.end(),
              [](const auto& a, const auto& b) { return a.path < b.path; });
    return mounts;
  }

  StatusOr<ClusterInfo> GetClusterInfo() override {
    alluxio::grpc::meta::GetMasterInfoPResponse response;
    SPILLWAY_RETURN_IF_ERROR(
        Call(kMeta + "GetMasterInfo", alluxio::grpc::meta::GetMasterInfoPOptions(), &response));
    const auto& info = response.masterinfo();
    ClusterInfo out;
    out.master_address = info.leadermasteraddress();
    out.cluster_id = info.clusterid();
    out.version = info.version();
    out.rpc_port = info.rpcport();
    out.web_port = info.webport();
    out.start_time_ms = info.starttimems();
    out.uptime_ms = info.uptimems();
    out.safe_mode = info.safemode();
    return out;
  }

 private:
  // Without an interval the master has its own.
  template <typename Options>
  void SetLookOptions(Options* options) {
    auto* common = options->mutable_commonoptions();
    if (look_.sync_interval_ms >= 0) common->set_syncintervalms(look_.sync_interval_ms);
    if (look_.ttl_ms >= 0) common->set_ttl(look_.ttl_ms);
  }

  // One id for all attempts of an operation, so that it is carried out once.
  OperationId NewOperationId() { return {random_->NextU64(), random_->NextU64()}; }

  void SetOperationId(const std::optional<OperationId>& given,
                      fswire::FileSystemMasterCommonPOptions* options) {
    const OperationId id = given.value_or(NewOperationId());
    options->mutable_operationid()->set_mostsignificantbits(
        static_cast<int64_t>(id.most_significant));
    options->mutable_operationid()->set_leastsignificantbits(
        static_cast<int64_t>(id.least_significant));
  }

  Status Call(const std::string& method, const google::protobuf::MessageLite& request,
              google::protobuf::MessageLite* response,
              int64_t timeout_ms = MasterCaller::kTimeoutMs) {
    return caller_->Call(method, request, response, timeout_ms);
  }

  StatusOr<std::vector<WorkerInfo>> Workers(const std::string& method,
                                            const google::protobuf::MessageLite& request) {
    blockwire::GetWorkerInfoListPResponse response;
    SPILLWAY_RETURN_IF_ERROR(Call(kBlock + method, request, &response));
    std::vector<WorkerInfo> workers;
    for (const auto& info : response.workerinfos()) workers.push_back(ToWorkerInfo(info));
    return workers;
  }

  const std::shared_ptr<MasterCaller> caller_;
  Random* const random_;
  const LookOptions look_;
};

}  // namespace

std::unique_ptr<MasterApi> MakeMasterClient(std::shared_ptr<MasterCaller> caller, Random* random,
                                            const LookOptions& look) {
  return std::make_unique<MasterClient>(std::move(caller), random, look);
}

}  // namespace spillway
