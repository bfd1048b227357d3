// Of FileSystemMasterClientService, the mount table.
#include "common/config.h"
#include "common/path.h"
#include "rpc/convert.h"
#include "rpc/master/loading.h"
#include "rpc/master/master_services.h"
#include "rpc/service_names.h"

namespace spillway {
namespace {

MountOptions ToOptions(const fswire::MountPOptions& options) {
  return {options.readonly(),
          options.shared(),
          {options.properties().begin(), options.properties().end()}};
}

template <typename Request, typename Response>
void Register(
    RpcService* service, const MasterServiceContext& context, const char* method,
    std::function<Outcome<Nothing>(const Caller&, const std::string&, const Request&)> op) {
  service->Unary<Request, Response>(
      kFileSystemService, method,
      [context, op](const CallContext& call, const Request& request, Reply<Response> reply) {
        const auto path = NormalizePath(request.alluxiopath());
        if (!path.ok()) return reply(path.status());
        context.executor->Post([context, op, request, reply, path = *path, caller = call.caller] {
          // What the understore has at the path's parent decides whether it can be one.
          if (Status status = LoadNow(context, {path}, Loading()); !status.ok())
            return reply(status);
          FinishWhenDurable(
              context.master, op(caller, path, request), [](Nothing&) { return Response(); },
              reply);
        });
      });
}

}  // namespace

void RegisterMounts(RpcService* service, const MasterServiceContext& context) {
  Master* master = context.master;
  Register<fswire::MountPRequest, fswire::MountPResponse>(
      service, context, "Mount",
      [master](const Caller& caller, const std::string& path,
               const fswire::MountPRequest& request) -> Outcome<Nothing> {
        const std::string uri = NormalizeUnderStoreUri(request.ufspath());
        if (uri.empty()) return {InvalidArgument("An understore URI is needed."), LogIndex()};
        return master->Mount(caller, path, uri, ToOptions(request.options()));
      });
  Register<fswire::UpdateMountPRequest, fswire::UpdateMountPResponse>(
      service, context, "UpdateMount",
      [master](const Caller& caller, const std::string& path,
               const fswire::UpdateMountPRequest& request) {
        return master->UpdateMount(caller, path, ToOptions(request.options()));
      });
  Register<fswire::UnmountPRequest, fswire::UnmountPResponse>(
      service, context, "Unmount",
      [master](const Caller& caller, const std::string& path, const fswire::UnmountPRequest&) {
        return master->Unmount(caller, path);
      });
  service->Unary<fswire::GetMountTablePRequest, fswire::GetMountTablePResponse>(
      kFileSystemService, "GetMountTable", [master](const CallContext&, const auto&, auto reply) {
        fswire::GetMountTablePResponse response;
        for (const MountInfo& mount : master->GetMounts()) {
          auto& info = (*response.mutable_mountpoints())[mount.path];
          info.set_ufsuri(mount.uri);
          info.set_ufstype(mount.type);
          info.set_readonly(mount.read_only);
          info.set_shared(mount.shared);
          info.set_mountid(mount.id.value());
          for (const auto& [key, value] : mount.properties)
            (*info.mutable_properties())[key] = IsCredential(key) ? "******" : value;
        }
        reply(response);
      });
}

}  // namespace spillway
