// A worker in memory with one committed block of 1,000 bytes, a mount of a store in memory, and no
// peers: what the fuzzers of streams and of sessions talk to.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/unused_worker_api.h"
#include "common/memory_file_env.h"
#include "common/step_executor.h"
#include "fuzz/input.h"
#include "understore/memory/memory_under_store.h"
#include "worker/worker.h"

namespace spillway::fuzz {

inline constexpr int64_t kQuotaBytes = 1 << 20;

class NoPeers : public WorkerConnector {
 public:
  std::shared_ptr<WorkerApi> Connect(const WorkerAddress&) override {
    return std::make_shared<UnusedWorkerApi>();
  }
};

struct WorkerMachine {
  WorkerMachine() : store(Options(), &env) {
    Require(store.Open().ok());
    worker = std::make_unique<Worker>(
        WorkerOptions(),
        WorkerContext{&clock, &executor, &store, &peers, nullptr,
                      [this](const std::string&, const auto&) { return understore; }});
    worker->SessionUp([this](session::WorkerMessage message) { Hear(message); }, 0);
    session::MasterMessage message;
    auto* mount = message.mutable_mount_table()->add_mounts();
    mount->set_mount_id(1);
    mount->set_uri("s3://bucket");
    worker->OnMessage(message);
    message.mutable_registered()->set_cluster_id("cluster");
    worker->OnMessage(message);
    auto target = worker->WriteBlock({BlockId(1 << 24), 0, true}, 0);
    std::string data(1000, 'x');
    (*target)->Append({iovec{data.data(), data.size()}}, [](const Status&) {});
    (*target)->Commit([](const Status&) {});
    Acknowledge();
  }
  ~WorkerMachine() {
    worker->Stop();
    Settle();
  }
  static BlockStoreOptions Options() {
    BlockStoreOptions options;
    options.tiers = {{"MEM", {{"/no-such-folder", kQuotaBytes}}}};
    return options;
  }
  // What the worker tells its master: commits wait to be acknowledged, no block has an origin.
  void Hear(const session::WorkerMessage& message) {
    if (message.has_commit_block()) commits.push_back(message.commit_block().request_id());
    if (!message.has_get_block_origin()) return;
    session::MasterMessage answer;
    answer.mutable_block_origin()->set_request_id(message.get_block_origin().request_id());
    answer.mutable_block_origin()->set_code(static_cast<int>(StatusCode::kNotFound));
    origins.push_back(answer);
  }
  void Settle() {
    for (int i = 0; i < 1000 && executor.RunOne(); ++i) {
    }
    for (const auto& answer : std::exchange(origins, {})) worker->OnMessage(answer);
    for (int i = 0; i < 1000 && executor.RunOne(); ++i) {
    }
  }
  void Acknowledge() {
    for (const uint64_t request : std::exchange(commits, {})) {
      session::MasterMessage ack;
      ack.mutable_commit_ack()->set_request_id(request);
      worker->OnMessage(ack);
    }
    Settle();
  }
  // Streams that are open have bytes in use that are no block's.
  void CheckUse(bool streams_open) {
    Require(store.CheckInvariants().ok());
    const TierUsage usage = store.Usage()[0];
    Require(usage.used_bytes >= 0 && usage.used_bytes <= kQuotaBytes);
    int64_t blocks = 0;
    for (const StoredBlock& block : store.All()) {
      Require(block.length_bytes >= 0);
      blocks += block.length_bytes;
    }
    Require(streams_open ? blocks <= usage.used_bytes : blocks == usage.used_bytes);
  }

  ManualClock clock;
  StepExecutor executor;
  MemoryFileEnv env;
  NoPeers peers;
  std::shared_ptr<UnderStore> understore = std::make_shared<MemoryUnderStore>();
  BlockStore store;
  std::unique_ptr<Worker> worker;
  std::vector<uint64_t> commits;  // request ids, not yet acknowledged
  std::vector<session::MasterMessage> origins;
};

}  // namespace spillway::fuzz
