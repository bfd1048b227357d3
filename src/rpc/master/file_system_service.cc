// FileSystemMasterClientService.
#include <algorithm>

#include "common/path.h"
#include "rpc/convert.h"
#include "rpc/master/list_reactor.h"
#include "rpc/master/loading.h"
#include "rpc/master/master_services.h"
#include "rpc/service_names.h"

namespace spillway {
namespace {

// What is written through cannot do without the understore anyway; the rest is carried out without
// what it holds if it is away.
template <typename Request>
Loading LoadToAdd(const MasterServiceContext& context, const Request& request) {
  Loading loading = LoadingOf(context, request.options());
  const WriteType type = ToOptions(request.options()).write_type;
  loading.if_it_answers = type != WriteType::kCacheThrough && type != WriteType::kThrough;
  return loading;
}

template <typename Request>
Loading LoadPath(const MasterServiceContext& context, const Request& request) {
  return LoadingOf(context, request.options());
}

// An operation on one path: normalize, load, run, reply when durable.
template <typename Request, typename Response, typename T>
void PathMethod(RpcService* service, const MasterServiceContext& context, const char* method,
                std::function<Outcome<T>(const Caller&, const std::string&, const Request&)> op,
                std::function<Response(T&)> convert,
                Loading (*load)(const MasterServiceContext&, const Request&) = LoadPath<Request>) {
  service->Unary<Request, Response>(
      kFileSystemService, method,
      [context, op = std::move(op), convert = std::move(convert), load](
          const CallContext& call, const Request& request, Reply<Response> reply) {
        auto path = NormalizePath(request.path());
        if (!path.ok()) return reply(path.status());
        WithLoaded(context, {*path}, load(context, request),
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
        FillAcls(status, response.mutable_fileinfo());
        return response;
      },
      LoadToAdd<fswire::CreateFilePRequest>);
  service->Unary<fswire::GetNewBlockIdForFilePRequest, fswire::GetNewBlockIdForFilePResponse>(
      kFileSystemService, "GetNewBlockIdForFile",
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
}

void RegisterAttributes(RpcService* service, const MasterServiceContext& context) {
  Master* master = context.master;
  PathMethod<fswire::SetAttributePRequest, fswire::SetAttributePResponse, Nothing>(
      service, context, "SetAttribute",
      [master](const Caller& caller, const std::string& path,
               const fswire::SetAttributePRequest& request) {
        return master->SetAttribute(caller, path, ToOptions(request.options()));
      },
      Empty<fswire::SetAttributePResponse>());
  PathMethod<fswire::SetAclPRequest, fswire::SetAclPResponse, Nothing>(
      service, context, "SetAcl",
      [master](const Caller& caller, const std::string& path,
               const fswire::SetAclPRequest& request) {
        std::vector<AclEntry> entries;
        for (const auto& entry : request.entries()) entries.push_back(ToAclEntry(entry));
        return master->SetAcl(caller, path, static_cast<AclAction>(request.action()), entries,
                              request.options().recursive());
      },
      Empty<fswire::SetAclPResponse>());
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
  const auto first_unloaded = [master, caller, path,
                               all = options.recursive]() -> std::optional<InodeId> {
    if (!all) return master->DirectoryToLoad(path, true);
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

// A folder takes along what the understore holds below it, too, or that would stay behind.
void LoadSubtreeThenRename(const MasterServiceContext& context, const Caller& caller,
                           const std::string& source, const std::string& target,
                           const fswire::RenamePRequest& request,
                           Reply<fswire::RenamePResponse> reply) {
  Master* master = context.master;
  RenameOptions options;
  options.persist = request.options().persist();
  options.operation_id = ToOperationId(request.options().commonoptions());
  const auto rename = [master, caller, source, target, options, reply] {
    FinishWhenDurable(master, master->Rename(caller, source, target, options),
                      Empty<fswire::RenamePResponse>(), reply);
  };
  if (master->UnloadedBelow(source).empty()) return rename();
  context.executor->Post([master, source, rename, reply] {
    if (Status status = master->LoadForRename(source); !status.ok()) return reply(status);
    rename();
  });
}

// What the understores of mounts at and below path hold stays.
void UnmountThenRemove(const MasterServiceContext& context, const Caller& caller,
                       const std::string& path, const fswire::DeletePRequest& request,
                       Reply<fswire::DeletePResponse> reply) {
  context.executor->Post([context, caller, path, request, reply] {
    auto mounts = context.master->GetMounts();
    std::sort(mounts.begin(), mounts.end(),
              [](const auto& a, const auto& b) { return a.path.size() > b.path.size(); });
    for (const MountInfo& mount : mounts) {
      if (!IsWithin(mount.path, path)) continue;
      auto unmounted = context.master->Unmount(caller, mount.path);
      if (!unmounted.result.ok()) return reply(unmounted.result.status());
      if (mount.path == path)
        return FinishWhenDurable(context.master, std::move(unmounted),
                                 Empty<fswire::DeletePResponse>(), reply);
    }
    LoadSubtreeThenRemove(context, caller, path, request, reply);
  });
}

void RegisterRemoveAndRename(RpcService* service, const MasterServiceContext& context) {
  service->Unary<fswire::DeletePRequest, fswire::DeletePResponse>(
      kFileSystemService, "Remove",
      [context](const CallContext& call, const auto& request, auto reply) {
        auto path = NormalizePath(request.path());
        if (!path.ok()) return reply(path.status());
        if (request.options().deletemountpoint() && *path != "/")
          return UnmountThenRemove(context, call.caller, *path, request, reply);
        Loading loading = LoadingOf(context, request.options());
        loading.children = true;
        WithLoaded(
            context, {*path}, loading,
            [context, request, reply, path = *path, caller = call.caller](const Status& loaded) {
              if (!loaded.ok()) return reply(loaded);
              LoadSubtreeThenRemove(context, caller, path, request, reply);
            });
      });
  service->Unary<fswire::RenamePRequest, fswire::RenamePResponse>(
      kFileSystemService, "Rename",
      [context](const CallContext& call, const auto& request, auto reply) {
        auto source = NormalizePath(request.path());
        auto target = NormalizePath(request.dstpath());
        if (!source.ok()) return reply(source.status());
        if (!target.ok()) return reply(target.status());
        WithLoaded(context, {*source, *target}, LoadingOf(context, request.options()),
                   [context, request, reply, source = *source, target = *target,
                    caller = call.caller](const Status& loaded) {
                     if (!loaded.ok()) return reply(loaded);
                     LoadSubtreeThenRename(context, caller, source, target, request, reply);
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
        FillAcls(status, response.mutable_fileinfo());
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
      kFileSystemService, "Exists",
      [context](const CallContext& call, const auto& request, auto reply) {
        const auto path = NormalizePath(request.path());
        if (!path.ok())
          return reply(fswire::ExistsPResponse());  // never throws for what cannot exist
        WithLoaded(context, {*path}, LoadingOf(context, request.options()),
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
      kFileSystemService, "GetFilePath",
      [master](const CallContext&, const auto& request, auto reply) {
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
      kFileSystemService, "ReverseResolve",
      [master](const CallContext&, const auto& request, auto reply) {
        FinishWhenDurable(
            master, master->ReverseResolve(NormalizeUnderStoreUri(request.ufsuri())),
            [](std::string& path) {
              fswire::ReverseResolvePResponse response;
              response.set_alluxiopath(path);
              return response;
            },
            reply);
      });
}

}  // namespace

void RegisterFileSystemService(RpcService* service, const MasterServiceContext& context) {
  RegisterWrites(service, context);
  RegisterAttributes(service, context);
  RegisterRemoveAndRename(service, context);
  RegisterReads(service, context);
  RegisterLookups(service, context);
  RegisterListing(service, context);
  // Nothing here is held for long enough to be asked about.
  service->Unary<fswire::GetStateLockHoldersPRequest, fswire::GetStateLockHoldersPResponse>(
      kFileSystemService, "GetStateLockHolders", [](const CallContext&, const auto&, auto reply) {
        reply(fswire::GetStateLockHoldersPResponse());
      });
  RegisterMounts(service, context);
  RegisterSync(service, context);
  RegisterLoads(service, context);
  service->Refuse(kFileSystemService, "UpdateUfsMode");
}

}  // namespace spillway
