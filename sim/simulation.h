// A cluster in one thread: the real master and worker cores over in-memory disk, network and store,
// driven by a seeded schedule with faults, against an oracle of everything acknowledged. The same
// seed gives the same run.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/memory_file_env.h"
#include "common/step_executor.h"
#include "master/master.h"
#include "understore/memory/memory_under_store.h"
#include "worker/worker.h"

namespace spillway::sim {

// Thrown by no one: a violation ends the run with its text.
struct Verdict {
  bool ok = true;
  std::string what;
  int64_t acknowledged = 0;
  int64_t crashes = 0;
  int64_t store_faults = 0;
};

class Simulation : public WorkerSender, public UnderStoreOpener {
 public:
  explicit Simulation(uint64_t seed);
  ~Simulation() override;
  // Runs steps random events, then lets everything heal and checks the final state.
  Verdict Run(int steps);

 private:
  struct Node {
    std::string host;
    MemoryFileEnv env;
    StepExecutor executor;
    std::unique_ptr<BlockStore> store;
    std::unique_ptr<Worker> worker;
    Master::Session session;
    bool connected = false;
    std::deque<session::WorkerMessage> up;    // on their way to the master
    std::deque<session::MasterMessage> down;  // on their way to the worker
  };
  struct Expected {
    std::string data;
  };

  void Send(WorkerId worker, Epoch epoch, session::MasterMessage message) override;
  StatusOr<std::shared_ptr<UnderStore>> Open(
      const std::string& uri, const std::map<std::string, std::string>& properties) override;

  void StartMaster();
  void CrashMaster();
  void StartWorker(Node& node);
  void CrashWorker(Node& node);
  void Connect(Node& node);
  void DeliverUp(Node& node);
  void DeliverDown(Node& node);
  // Everything that can run without a fault runs.
  void Settle();

  void Step();
  void WriteFile(const std::string& path, bool overwrite);
  void Rename(const std::string& source, const std::string& target);
  void Remove(const std::string& path);
  bool AwaitDurable(LogIndex index);
  std::string RandomPath();

  void CheckReplicas();
  void CheckFinal();
  void Violation(const std::string& what);

  const Caller root_{"root", {"root"}};
  SeededRandom random_;
  ManualClock clock_;
  std::shared_ptr<MemoryUnderStore> understore_;
  MasterOptions options_;
  MemoryStateStore state_;
  StepExecutor master_executor_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<Master> master_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::map<std::string, Expected> files_;  // acknowledged, path -> content
  Verdict verdict_;
};

}  // namespace spillway::sim
