// The master's services, bound to its core.
#pragma once

#include <memory>
#include <string>

#include "common/config.h"
#include "common/executor.h"
#include "master/master.h"
#include "rpc/service.h"

namespace spillway {

struct MasterJobs;

struct MasterServiceContext {
  Master* master = nullptr;
  Executor* executor = nullptr;  // for loading from the understore
  const Configuration* config = nullptr;
  Clock* clock = nullptr;
  std::string host;
  int rpc_port = 0;
  int web_port = 0;
  // Writes a backup below a folder; returns where.
  std::function<StatusOr<std::string>(const std::string&)> backup;
  // For callers who do not say how old what is known of the understore may be; -1 is any age.
  int64_t sync_interval_ms = -1;
  MasterJobs* jobs = nullptr;
};

// The WorkerSender of the master core: queues messages on the sessions' streams. Thread-safe.
class SessionTable : public WorkerSender {
 public:
  SessionTable();
  ~SessionTable() override;
  void Send(WorkerId worker, Epoch epoch, session::MasterMessage message) override;
  void Close(WorkerId worker, Epoch epoch) override;
  // Ends all sessions, before the server is shut down.
  void CloseAll();

  class Stream;

 private:
  friend class SessionReactor;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// PERMISSION_DENIED for anybody else.
Status MustBeSuperUser(Master* master, const Caller& caller);

// Spillway's own service for its clients and operators.
void RegisterAdminService(RpcService* service, const MasterServiceContext& context);
void RegisterFileSystemService(RpcService* service, const MasterServiceContext& context);
void RegisterMounts(RpcService* service, const MasterServiceContext& context);
void RegisterLoads(RpcService* service, const MasterServiceContext& context);
void RegisterJobMaster(RpcService* service, const MasterServiceContext& context);
void RegisterJobs(RpcService* service, const MasterServiceContext& context);
void RegisterSync(RpcService* service, const MasterServiceContext& context);
void RegisterBlockMasterService(RpcService* service, const MasterServiceContext& context);
void RegisterMetaServices(RpcService* service, const MasterServiceContext& context);
void RegisterWorkerSessionService(RpcService* service, Master* master, SessionTable* sessions);
// getServiceVersion, for whatever service hosts.
void RegisterVersionService(RpcService* service);

// Runs op once what it needs is loaded, and replies when its result is durable.
template <typename T, typename Convert, typename R>
void FinishWhenDurable(Master* master, Outcome<T> outcome, Convert convert, R reply) {
  const LogIndex index = outcome.wait_for;
  master->WhenDurable(
      index, [result = std::move(outcome.result), convert = std::move(convert), reply]() mutable {
        if (!result.ok()) return reply(result.status());
        reply(convert(*result));
      });
}

}  // namespace spillway
