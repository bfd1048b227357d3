// BlockMasterClientService.
#include <algorithm>

#include "rpc/convert.h"
#include "rpc/master/master_services.h"
#include "rpc/service_names.h"

namespace spillway {
namespace {

blockwire::BlockMasterInfo MakeInfo(Master* master) {
  blockwire::BlockMasterInfo info;
  int64_t capacity = 0;
  int64_t used = 0;
  for (const WorkerInfo& worker : master->GetWorkerReport()) {
    if (worker.state != WorkerState::kLive) {
      info.set_lostworkernum(info.lostworkernum() + 1);
      continue;
    }
    info.set_liveworkernum(info.liveworkernum() + 1);
    capacity += worker.capacity_bytes();
    used += worker.used_bytes();
    for (const TierUsage& tier : worker.tiers) {
      (*info.mutable_capacitybytesontiers())[tier.alias] += tier.capacity_bytes;
      (*info.mutable_usedbytesontiers())[tier.alias] += tier.used_bytes;
    }
  }
  info.set_liveworkernum(info.liveworkernum());
  info.set_lostworkernum(info.lostworkernum());
  info.set_decommissionedworkernum(0);
  info.set_capacitybytes(capacity);
  info.set_usedbytes(used);
  info.set_freebytes(capacity - used);
  return info;
}

bool Wanted(const blockwire::GetWorkerReportPOptions& options, const WorkerInfo& worker) {
  switch (options.workerrange()) {
    case blockwire::LIVE:
      return worker.state == WorkerState::kLive;
    case blockwire::LOST:
      return worker.state == WorkerState::kLost;
    case blockwire::DECOMMISSIONED:
      return worker.state == WorkerState::kDecommissioned;
    case blockwire::SPECIFIED:
      return std::any_of(
          options.addresses().begin(), options.addresses().end(), [&](const std::string& address) {
            return address == worker.address.host ||
                   address == fmt::format("{}:{}", worker.address.host, worker.address.data_port);
          });
    default:
      return true;
  }
}

// As the admin service does it.
Status LetGo(Master* master, const Caller& caller, const std::string& host, bool undo) {
  SPILLWAY_RETURN_IF_ERROR(MustBeSuperUser(master, caller));
  return master->DecommissionWorker(host, /*data_port=*/0, undo).status();
}

template <typename Options, typename Response>
void RegisterLetGo(RpcService* service, Master* master, const char* method, bool undo) {
  service->Unary<Options, Response>(
      kBlockMasterService, method,
      [master, undo](const CallContext& call, const auto& request, auto reply) {
        const Status status = LetGo(master, call.caller, request.workerhostname(), undo);
        if (!status.ok()) return reply(status);
        reply(Response());
      });
}

}  // namespace

void RegisterBlockMasterService(RpcService* service, const MasterServiceContext& context) {
  Master* master = context.master;
  service->Unary<blockwire::GetBlockInfoPRequest, blockwire::GetBlockInfoPResponse>(
      kBlockMasterService, "GetBlockInfo",
      [master](const CallContext&, const auto& request, auto reply) {
        FinishWhenDurable(
            master, master->GetBlockInfo(BlockId(request.blockid())),
            [](BlockInfo& info) {
              blockwire::GetBlockInfoPResponse response;
              FillBlockInfo(info, response.mutable_blockinfo());
              return response;
            },
            reply);
      });
  service->Unary<blockwire::GetBlockMasterInfoPOptions, blockwire::GetBlockMasterInfoPResponse>(
      kBlockMasterService, "GetBlockMasterInfo",
      [master](const CallContext&, const auto&, auto reply) {
        blockwire::GetBlockMasterInfoPResponse response;
        *response.mutable_blockmasterinfo() = MakeInfo(master);
        reply(response);
      });
  service->Unary<blockwire::GetCapacityBytesPOptions, blockwire::GetCapacityBytesPResponse>(
      kBlockMasterService, "GetCapacityBytes",
      [master](const CallContext&, const auto&, auto reply) {
        blockwire::GetCapacityBytesPResponse response;
        response.set_bytes(MakeInfo(master).capacitybytes());
        reply(response);
      });
  service->Unary<blockwire::GetUsedBytesPOptions, blockwire::GetUsedBytesPResponse>(
      kBlockMasterService, "GetUsedBytes", [master](const CallContext&, const auto&, auto reply) {
        blockwire::GetUsedBytesPResponse response;
        response.set_bytes(MakeInfo(master).usedbytes());
        reply(response);
      });
  service->Unary<blockwire::GetWorkerInfoListPOptions, blockwire::GetWorkerInfoListPResponse>(
      kBlockMasterService, "GetWorkerInfoList",
      [master](const CallContext&, const auto&, auto reply) {
        const auto workers = master->GetWorkers();
        if (!workers.ok()) return reply(workers.status());
        blockwire::GetWorkerInfoListPResponse response;
        for (const WorkerInfo& worker : *workers)
          FillWorkerInfo(worker, response.add_workerinfos());
        reply(response);
      });
  service->Unary<blockwire::GetWorkerReportPOptions, blockwire::GetWorkerInfoListPResponse>(
      kBlockMasterService, "GetWorkerReport",
      [master](const CallContext&, const auto& request, auto reply) {
        blockwire::GetWorkerInfoListPResponse response;
        for (const WorkerInfo& worker : master->GetWorkerReport()) {
          if (Wanted(request, worker)) FillWorkerInfo(worker, response.add_workerinfos());
        }
        reply(response);
      });
  service->Unary<blockwire::GetWorkerLostStoragePOptions, blockwire::GetWorkerLostStoragePResponse>(
      kBlockMasterService, "GetWorkerLostStorage", [](const CallContext&, const auto&, auto reply) {
        reply(blockwire::GetWorkerLostStoragePResponse());
      });
  RegisterLetGo<blockwire::DecommissionWorkerPOptions, blockwire::DecommissionWorkerPResponse>(
      service, master, "DecommissionWorker", false);
  RegisterLetGo<blockwire::RemoveDisabledWorkerPOptions, blockwire::RemoveDisabledWorkerPResponse>(
      service, master, "RemoveDisabledWorker", true);
  service->Refuse(kBlockMasterService, "RemoveDecommissionedWorker");  // 2.9.3 alone has it
}

}  // namespace spillway
