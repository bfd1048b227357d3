// FileSystemMasterClientService.
#include "common/path.h"
#include "rpc/convert.h"
#include "rpc/master/list_reactor.h"
#include "rpc/master/master_services.h"

namespace spillway {
namespace {

const char* const kService = "alluxio.grpc.file.FileSystemMasterClientService";

// Loads what path needs from the understore, off the RPC threads, then runs op.
void WithLoaded(const MasterServiceContext& context, std::vector<std::string> paths, bool children,
                std::function<void(Status)> then) {
  const auto missing = [master = context.master, paths, children]() -> std::optional<InodeId> {
    for (const std::string& path : paths) {
      if (const auto directory = master->DirectoryToLoad(path, children)) return directory;
    }
    return std::nullopt;
  };
  if (!missing()) return then(absl::OkStatus());
  context.executor->Post([master = context.master, missing, then = std::move(then)] {
    for (auto directory = missing(); directory; directory = missing()) {
      if (Status status = master->LoadDirectory(*directory); !status.ok()) return then(status);
    }
    then(absl::OkStatus());
  });
}

// What a request needs to know of the understore before it is carried out.
enum class Load {
  kPath,
  kIfItAnswers,  // the path, but it is carried out without if the understore is away
};

void WithLoaded(const MasterServiceContext& context, const std::string& path, Load load,
                std::function<void(Status)> then) {
  if (load != Load::kIfItAnswers) {
    return WithLoaded(context, std::vector<std::string>{path}, /*children=*/false, std::move(then));
  }
  if (!context.master->DirectoryToLoad(path, false)) return then(absl::OkStatus());
  context.executor->Post([master = context.master, path, then = std::move(then)] {
    then(master->LoadForCreate(path));
  });
}

// What is written through cannot do without the understore anyway.
template <typename Request>
Load LoadToAdd(const Request& request) {
  const WriteType type = ToOptions(request.options()).write_type;
  const bool through = type == WriteType::kCacheThrough || type == WriteType::kThrough;
  return through ? Load::kPath : Load::kIfItAnswers;
}

template <typename Request>
Load LoadPath(const Request&) {
  return Load::kPath;
}

// An operation on one path: normalize, load, run, reply when durable.
template <typename Request, typename Response, typename T>
void PathMethod(RpcService* service, const MasterServiceContext& context, const char* method,
                std::function<Outcome<T>(const Caller&, const std::string&, const Request&)> op,
                std::function<Response(T&)> convert,
                Load (*load)(const Request&) = LoadPath<Request>) {
  service->Unary<Request, Response>(
      kService, method,
      [context, op = std::move(op), convert = std::move(convert), load](
          const CallContext& call, const Request& request, Reply<Response> reply) {
        auto path = NormalizePath(request.path());
        if (!path.ok()) return reply(path.status());
        WithLoaded(context, *path, load(request),
                   [context, op, convert, request, reply, path = *path,
                    caller = call.caller](const Status& loaded) {
                     if (!loaded.ok()) return reply(loaded);
                     FinishWhenDurable(context.master, op(caller, path, request), convert, reply);
                   });
      });
}

template <typename Response>
std::function<Response(Nothing&)> Empty() {
  return [](Nothing&) { return Response(); };
}

void RegisterWrites(RpcService* service, const MasterServiceContext& context) {
  Master* master = context.master;
  PathMethod<fswire::CreateFilePRequest, fswire::CreateFilePResponse, FileStatus>(
      service, context, "CreateFile",
      [master](const Caller& caller, const std::string& path,
               const fswire::CreateFilePRequest& request) {
        return master->CreateFile(caller, path, ToOptions(request.options()));
      },
      [](FileStatus& status) {
        fswire::CreateFilePResponse response;
        FillFileInfo(status, response.mutable_fileinfo());
        FillAcl(status, response.mutable_fileinfo()->mutable_acl());
        return response;
      },
      LoadToAdd<fswire::CreateFilePRequest>);
  service->Unary<fswire::GetNewBlockIdForFilePRequest, fswire::GetNewBlockIdForFilePResponse>(
      kService, "GetNewBlockIdForFile",
      [master](const CallContext& call, const auto& request, auto reply) {
        const auto path = NormalizePath(request.path());
        if (!path.ok()) return reply(path.status());
        master->AdmitBlock(*path, false, [=, caller = call.caller, path = *path](Status admitted) {
          if (!admitted.ok()) return reply(admitted);
          FinishWhenDurable(
              master, master->NewBlockId(caller, path),
              [](BlockId& id) {
                fswire::GetNewBlockIdForFilePResponse response;
                response.set_id(id.value());
                return response;
              },
              reply);
        });
      });
  PathMethod<fswire::CompleteFilePRequest, fswire::CompleteFilePResponse, Nothing>(
      service, context, "CompleteFile",
      [master](const Caller& caller, const std::string& path,
               const fswire::CompleteFilePRequest& request) {
        return master->CompleteFile(caller, path, ToOptions(request.options()),
                                    request.options().contenthash());
      },
      Empty<fswire::CompleteFilePResponse>());
  PathMethod<fswire::CreateDirectoryPRequest, fswire::CreateDirectoryPResponse, Nothing>(
      service, context, "CreateDirectory",
      [master](const Caller& caller, const std::string& path,
               const fswire::CreateDirectoryPRequest& request) {
        return master->CreateDirectory(caller, path, ToOptions(request.options()));
      },
      Empty<fswire::CreateDirectoryPResponse>(), LoadToAdd<fswire::CreateDirectoryPRequest>);
  PathMethod<fswire::SetAttributePRequest, fswire::SetAttributePResponse, Nothing>(
      service, context, "SetAttribute",
      [master](const Caller& caller, const std::string& path,
               const fswire::SetAttributePRequest& request) {
        return master->SetAttribute(caller, path, ToOptions(request.options()));
      },
      Empty<fswire::SetAttributePResponse>());
  PathMethod<fswire::FreePRequest, fswire::FreePResponse, Nothing>(
      service, context, "Free",
      [master](const Caller& caller, const std::string& path, const fswire::FreePRequest& request) {
        return master->Free(caller, path, request.options().recursive(),
                            request.options().forced());
      },
      Empty<fswire::FreePResponse>());
  PathMethod<fswire::ScheduleAsyncPersistencePRequest, fswire::ScheduleAsyncPersistencePResponse,
             Nothing>(
      service, context, "ScheduleAsyncPersistence",
      [master](const Caller& caller, const std::string& path,
               const fswire::ScheduleAsyncPersistencePRequest& request) {
        return master->SchedulePersist(caller, path, request.options().persistencewaittime());
      },
      Empty<fswire::ScheduleAsyncPersistencePResponse>());
}

// A delete must know what the understore holds below, or it would leave it there.
void LoadSubtreeThenRemove(const MasterServiceContext& context, const Caller& caller,
                           const std::string& path, const fswire::DeletePRequest& request,
                           Reply<fswire::DeletePResponse> reply) {
  Master* master = context.master;
  const RemoveOptions options = ToOptions(request.options());
  const auto remove = [master, caller, path, options, reply] {
    FinishWhenDurable(master, master->Remove(caller, path, options),
                      Empty<fswire::DeletePResponse>(), reply);
  };
  if (!options.recursive) return remove();
  const auto first_unloaded = [master, caller, path]() -> std::optional<InodeId> {
    ListCursor cursor;
    ListOptions list;
    list.recursive = true;
    list.blocks = false;
    while (!cursor.done && !cursor.load) {
      const auto page = master->ListStatus(caller, path, list, 1000, &cursor);
      if (!page.result.ok()) return std::nullopt;  // the operation itself will say why
    }
    return cursor.load;
  };
  if (!first_unloaded()) return remove();
  context.executor->Post([master, first_unloaded, remove, reply] {
    for (auto directory = first_unloaded(); directory; directory = first_unloaded()) {
      if (Status status = master->LoadDirectory(*directory); !status.ok()) return reply(status);
    }
    remove();
  });
}

void RegisterRemoveAndRename(RpcService* service, const MasterServiceContext& context) {
  service->Unary<fswire::DeletePRequest, fswire::DeletePResponse>(
      kService, "Remove", [context](const CallContext& call, const auto& request, auto reply) {
        auto path = NormalizePath(request.path());
        if (!path.ok()) return reply(path.status());
        WithLoaded(
            context, {*path}, true,
            [context, request, reply, path = *path, caller = call.caller](const Status& loaded) {
              if (!loaded.ok()) return reply(loaded);
              LoadSubtreeThenRemove(context, caller, path, request, reply);
            });
      });
  service->Unary<fswire::RenamePRequest, fswire::RenamePResponse>(
      kService, "Rename", [context](const CallContext& call, const auto& request, auto reply) {
        auto source = NormalizePath(request.path());
        auto target = NormalizePath(request.dstpath());
        if (!source.ok()) return reply(source.status());
        if (!target.ok()) return reply(target.status());
        WithLoaded(context, {*source, *target}, false,
                   [context, request, reply, source = *source, target = *target,
                    caller = call.caller](const Status& loaded) {
                     if (!loaded.ok()) return reply(loaded);
                     RenameOptions options;
                     options.persist = request.options().persist();
                     options.operation_id = ToOperationId(request.options().commonoptions());
                     FinishWhenDurable(context.master,
                                       context.master->Rename(caller, source, target, options),
                                       Empty<fswire::RenamePResponse>(), reply);
                   });
      });
}

void RegisterReads(RpcService* service, const MasterServiceContext& context) {
  Master* master = context.master;
  PathMethod<fswire::GetStatusPRequest, fswire::GetStatusPResponse, FileStatus>(
      service, context, "GetStatus",
      [master](const Caller& caller, const std::string& path, const auto&) {
        return master->GetStatus(caller, path);
      },
      [](FileStatus& status) {
        fswire::GetStatusPResponse response;
        FillFileInfo(status, response.mutable_fileinfo());
        FillAcl(status, response.mutable_fileinfo()->mutable_acl());
        return response;
      });
  PathMethod<fswire::CheckAccessPRequest, fswire::CheckAccessPResponse, Nothing>(
      service, context, "CheckAccess",
      [master](const Caller& caller, const std::string& path,
               const fswire::CheckAccessPRequest& request) {
        return master->CheckAccess(caller, path, static_cast<int>(request.options().bits()) - 1);
      },
      Empty<fswire::CheckAccessPResponse>());
  service->Unary<fswire::ExistsPRequest, fswire::ExistsPResponse>(
      kService, "Exists", [context](const CallContext& call, const auto& request, auto reply) {
        const auto path = NormalizePath(request.path());
        if (!path.ok())
          return reply(fswire::ExistsPResponse());  // never throws for what cannot exist
        WithLoaded(context, {*path}, false,
                   [context, reply, path = *path, caller = call.caller](const Status& loaded) {
                     if (!loaded.ok()) return reply(loaded);
                     FinishWhenDurable(
                         context.master, context.master->Exists(caller, path),
                         [](bool& exists) {
                           fswire::ExistsPResponse response;
                           response.set_exists(exists);
                           return response;
                         },
                         reply);
                   });
      });
}

// What is asked without a path.
void RegisterLookups(RpcService* service, const MasterServiceContext& context) {
  Master* master = context.master;
  service->Unary<fswire::GetFilePathPRequest, fswire::GetFilePathPResponse>(
      kService, "GetFilePath", [master](const CallContext&, const auto& request, auto reply) {
        FinishWhenDurable(
            master, master->GetFilePath(InodeId(request.fileid())),
            [](std::string& path) {
              fswire::GetFilePathPResponse response;
              response.set_path(path);
              return response;
            },
            reply);
      });
  service->Unary<fswire::ReverseResolvePRequest, fswire::ReverseResolvePResponse>(
      kService, "ReverseResolve", [master](const CallContext&, const auto& request, auto reply) {
        FinishWhenDurable(
            master, master->ReverseResolve(NormalizeUnderStoreUri(request.ufsuri())),
            [](std::string& path) {
              fswire::ReverseResolvePResponse response;
              response.set_alluxiopath(path);
              return response;
            },
            reply);
      });
  service->Unary<fswire::GetMountTablePRequest, fswire::GetMountTablePResponse>(
      kService, "GetMountTable", [master](const CallContext&, const auto&, auto reply) {
        fswire::GetMountTablePResponse response;
        for (const MountInfo& mount : master->GetMounts()) {
          auto& info = (*response.mutable_mountpoints())[mount.path];
          info.set_ufsuri(mount.uri);
          info.set_ufstype(mount.type);
          info.set_readonly(mount.read_only);
          info.set_shared(mount.shared);
          info.set_mountid(mount.id.value());
          info.mutable_properties()->insert(mount.properties.begin(), mount.properties.end());
        }
        reply(response);
      });
  service->Unary<fswire::GetSyncPathListPRequest, fswire::GetSyncPathListPResponse>(
      kService, "GetSyncPathList", [](const CallContext&, const auto&, auto reply) {
        reply(fswire::GetSyncPathListPResponse());
      });
  service->Unary<fswire::CheckConsistencyPRequest, fswire::CheckConsistencyPResponse>(
      kService, "CheckConsistency", [](const CallContext&, const auto&, auto reply) {
        reply(InvalidArgument("checkConsistency is not offered by Spillway yet."));
      });
}

}  // namespace

void RegisterFileSystemService(RpcService* service, const MasterServiceContext& context) {
  RegisterWrites(service, context);
  RegisterRemoveAndRename(service, context);
  RegisterReads(service, context);
  RegisterLookups(service, context);
  RegisterListing(service, context);
  for (const char* method :
       {"Mount", "Unmount", "UpdateMount", "UpdateUfsMode", "SetAcl", "StartSync", "StopSync",
        "GetStateLockHolders", "NeedsSync", "submitJob", "StopJob", "GetJobProgress",
        "SyncMetadata", "SyncMetadataAsync", "GetSyncProgress", "CancelSyncMetadata"}) {
    service->Refuse(kService, method);
  }
}

}  // namespace spillway
