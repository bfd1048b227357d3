// A cluster in one thread: the real master and worker cores over in-memory disk, network and store,
// driven by a seeded schedule with faults, against an oracle of everything acknowledged. The same
// seed gives the same run.
//
//   simulation.cc  the processes and what travels between them
//   client.cc      what users do, and when they hold it to be done
//   native.cc      the native client's core, and its connections
//   faults.cc      what goes wrong, and the schedule
//   stranger.cc    who else writes to the store, and what the store cannot do
//   hostile.cc     names and numbers that cannot be
//   oracle.cc      what must hold at every step and in the end
//   conflicts.cc   what must hold where others have been
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/faulty_file_env.h"
#include "common/memory_file_env.h"
#include "common/step_executor.h"
#include "master/master.h"
#include "understore/memory/memory_under_store.h"
#include "worker/worker.h"

namespace spillway::sim {

struct Verdict {
  bool ok = true;
  std::string what;
};

// What was met, over all runs.
struct Tally {
  int64_t acknowledged = 0, renames = 0, deletes = 0, markers = 0;
  int64_t syncs = 0, copies = 0;
  int64_t master_stops = 0, master_crashes = 0, worker_stops = 0, worker_crashes = 0;
  int64_t disks_lost = 0, power_losses = 0, flipped_bits = 0, full_disks = 0, failing_folders = 0;
  int64_t file_faults = 0, restored_files = 0, dropped_files = 0;
  int64_t partitions = 0, broken_sessions = 0, stale_messages = 0, repeated_operations = 0;
  int64_t cut_streams = 0;  // of writes
  int64_t store_faults = 0, store_outages = 0, heals = 0;
  int64_t native_writes = 0, native_failures = 0, native_reads = 0;  // by the native client's core
  int64_t small_puts = 0;                         // answered calls that take files whole
  int64_t lacking_stores = 0, open_windows = 0;   // seeds
  int64_t foreign_puts = 0, foreign_deletes = 0;  // by others, to the store
  int64_t tampered = 0;                           // of ours, destroyed by others
  int64_t late_effects = 0, refused_keys = 0;
  int64_t unguarded_losses = 0;  // of others' objects, through conditions that the store lacks
  int64_t conflicts = 0;         // files in the end
  int64_t foreign_reads = 0;
  int64_t hostile = 0;  // names and numbers that cannot be
};

// What may be met at the store, beside its faults.
struct Strangers {
  bool others = true;        // who write there
  bool late_effects = true;  // calls that time out and are carried out later
  bool refusals = true;      // single keys that it refuses
  bool lacking = true;       // features that it does not have
  bool hostile = true;       // who say what cannot be
};

class Simulation : public WorkerSender, public UnderStoreOpener {
 public:
  Simulation(uint64_t seed, Tally* tally, const Strangers& strangers);
  ~Simulation() override;
  // Runs steps random events, then lets everything heal and checks the final state.
  Verdict Run(int steps);

 private:
  struct ClientWrite;
  class MasterLink;
  class WorkerLink;
  class ClientWorkers;
  class ClientClock;
  struct Native;
  struct Node {
    std::string host;
    MemoryFileEnv env;
    FaultyFileEnv faulty{&env};  // what its worker sees
    // Of some files one operation fails.
    struct FileFault {
      bool armed = false;
      FileOp op = FileOp::kOpen;
      uint64_t salt = 0;
      uint64_t one_in = 1;
      Status status;
    } fault;
    StepExecutor executor;
    std::unique_ptr<BlockStore> store;
    std::unique_ptr<Worker> worker;
    int lives = 0;  // started so often
    Master::Session session;
    bool connected = false;
    bool partitioned = false;  // messages neither way; both sides believe in the session
    bool closed = false;       // by the master: the worker hears of it next
    // Given up by their clients while the last Append waits for room.
    struct Waiting {
      std::shared_ptr<bool> ended;
      std::unique_ptr<WriteTarget> target;
    };
    std::vector<Waiting> targets;
    std::vector<std::shared_ptr<ClientWrite>> writes;  // of native clients
    bool full = false;
    bool failing = false;
    std::deque<session::WorkerMessage> up;    // on their way to the master
    std::deque<session::MasterMessage> down;  // on their way to the worker
    // Sent in an earlier session and still on their way.
    std::deque<std::pair<Master::Session, session::WorkerMessage>> stale;
  };
  struct Expected {
    std::string data;
    int64_t sequence = 0;  // when it came to its path, in the order of acknowledgement
  };
  class Peers;
  // What the store and others do to us.
  struct Strangeness {
    uint64_t foreign_one_in = 0;  // background events; 0: nobody else writes
    bool late_effects = false;
    bool refusals = false;
    bool withdraws = false;  // in the end the others take away what is in our way
    bool hostile = false;    // names and numbers that cannot be
    bool odd_names = false;  // clients give files names that can be, just about
  };
  // What a client destroys in the store by an operation on a path.
  struct Will {
    std::string key;
    std::string etag;                // of the object that the namespace knows there
    std::vector<std::string> below;  // etags of those that it knows below, should it be a directory
    bool anything = false;           // whatever stands there: its folder was never looked into
  };
  struct RefusedKey {
    std::string kind;
    std::string key;
    int64_t until_ms = 0;
  };

  // --- simulation.cc
  void Send(WorkerId worker, Epoch epoch, session::MasterMessage message) override;
  void Close(WorkerId worker, Epoch epoch) override;
  StatusOr<std::shared_ptr<UnderStore>> Open(
      const std::string& uri, const std::map<std::string, std::string>& properties) override;
  // Time, and what executors have for later.
  void AdvanceMs(int64_t delta_ms);
  void StartMaster();
  void CrashMaster();
  void StartWorker(Node& node, bool may_fail);
  void CrashWorker(Node& node);
  void Connect(Node& node);
  void Disconnect(Node& node);
  void DeliverUp(Node& node);
  void Deliver(Node& node, const Master::Session& session, const session::WorkerMessage& message);
  void PutFiles(const Master::Session& session, const session::PutFiles& request);
  void DeliverDown(Node& node);
  void TickWorker(Node& node);
  // Everything that can run without a fault runs, for so many half seconds.
  void Settle(int rounds);
  // Until what a store refused is asked for again (30 s), and what waited for that is done, too.
  void SettleAll();

  // --- client.cc
  void WriteFile(const std::string& path, bool overwrite);
  void DoWriteFile(const std::string& path, bool overwrite);
  bool WriteBlock(const std::string& path, std::string piece);
  void Rename(const std::string& source, const std::string& target);
  void Remove(const std::string& path);
  void CopyAny();
  void Copied(InodeId file, const std::string& data);
  // Compares the namespace with the store, while everything else goes on.
  void Sync();
  bool AwaitDurable(LogIndex index);
  std::string RandomPath();
  std::string RandomData(size_t size);

  // --- native.cc
  void StartNativeClient();
  OperationId NewOperationId();
  void RunOn(Node& node, const std::function<bool()>& happened);
  void RunOnFor(int64_t ms);
  void NativeWrite();
  void NativeWriteOne(const std::string& path, bool overwrite);
  // Small ones share requests. The paths differ.
  void NativeWriteMany(const std::set<std::string>& paths, bool overwrite);
  void NativeWrote(const std::string& path, const std::string& data, const Status& status);
  void NativeRead();
  Status ReadWhole(const FileStatus& file, std::string* data);
  static void LoseWrites(Node& node);
  static void ForgetWrites(Node& node);

  // --- faults.cc
  void Step();
  void Background();
  // Some background events, between two steps of a client.
  void Shake();
  void NetworkFault(Node& node);
  // A client is killed while it writes an object through this worker.
  void CutThrough(Node& node);
  void DiskFault(Node& node);
  void ArmFileFault(Node& node);
  // Of what the worker has set aside, blocks are made again where that is possible, the rest goes.
  void TendLostFiles(Node& node);
  void StoreFault();

  // --- stranger.cc
  void DrawStranger(uint64_t seed, const Strangers& strangers);
  void DrawProfile(Random& random);
  // Others put or delete an object.
  void Foreign();
  std::string ForeignKey();
  void PutAsOther(const std::string& key);
  void StrangeEvent();
  void DelayEffects();
  void RefuseKey();
  void AcceptAllKeys();
  Will WillOf(const std::string& path, bool overwrite);
  void Carried(const Will& will);
  // Nothing that was acknowledged at path counts from here on.
  void Forget(const std::string& path);
  // completed: when the master did it. Not remembered if something else has come to the path since.
  void Acknowledge(const std::string& path, const std::string& data, int64_t completed);

  // --- hostile.cc
  // Somebody says something absurd.
  void Hostile();
  void HostileCall();
  void HostileReport(Node& node);
  session::WorkerMessage HostileResult();
  void HostilePut(Node& node);
  void HostileCommand(Node& node);
  void HostileWrite(Node& node);
  static std::string OddName(const std::string& name);
  // Of an object that no path names.
  std::string UnnameableKey();
  static bool CanBeNamed(const std::string& key);
  int64_t NoNumber();

  // --- oracle.cc
  // What is counted is the sum of its parts, in every process.
  void CheckInvariants();
  // Every acknowledged file is there, of its length, and its bytes are in the store or on a disk.
  void CheckNow();
  void CheckFinal();
  bool AllArePersisted();
  bool WaitsForLost(const std::string& path);
  void CheckFinalFile(const std::string& path, const Expected& expected, const FileStatus& status);
  // What is published in the store while it is.
  void OnChange(const StoreChange& change);
  void CheckMarker(const std::string& key, const std::string& data);
  bool IsGoodCopy(const std::string& host, BlockId block, const std::string& data);
  // Good copies of a block on disks, of nodes in reach only or of all.
  int GoodCopies(BlockId block, const std::string& data, bool live_only);
  // Every acknowledged block that is not in the store has all its copies, sound and in reach, and
  // the master knows of no others: the cluster must survive the loss of any one.
  bool Healthy();
  bool InStore(const std::string& data) const;
  void Violation(const std::string& what);

  // --- conflicts.cc
  void OnDestroyed(const StoreChange& change);
  std::vector<FileStatus> AllFiles();
  std::string ContentOf(const FileStatus& status);
  // Finds the files that others, or keys that the store refuses, keep from their place.
  void FindStuck();
  bool IsStuck(const std::string& path) const { return stuck_.count(path) > 0; }
  void CheckStuckFile(const std::string& path, const Expected& expected, const FileStatus& status);
  // Everything but what is stuck is settled.
  void CheckSettled();
  // The namespace shows, after a sync, what others did.
  void CheckForeign();
  void CheckForeignFile(const FileStatus& status);

  const Caller root_{"root", {"root"}};
  Tally* const tally_;
  SeededRandom random_;
  SeededRandom stops_;  // of its own: what else a seed draws stays as it is
  SeededRandom hostile_;
  ManualClock clock_;
  std::shared_ptr<MemoryUnderStore> understore_;
  std::unique_ptr<Peers> peers_;
  MasterOptions options_;
  MemoryStateStore state_;
  StepExecutor master_executor_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<Master> master_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::shared_ptr<Native> native_;
  std::map<std::string, Expected> files_;   // acknowledged, path -> content
  int64_t changes_ = 0;                     // of names; the stamps of the next two
  std::map<std::string, int64_t> touched_;  // path -> when another file may have come there
  std::map<std::string, int64_t> native_completed_;  // path -> when a native write was complete
  std::map<std::string, int64_t> marker_sequences_;  // content of each marker ever acknowledged
  std::map<std::string, std::string> published_;     // keys and their contents in the store
  std::set<std::string> contents_;                   // of all files that clients wrote, whole
  std::set<BlockId> begun_blocks_;                   // by clients' streams
  std::set<BlockId> ended_blocks_;  // of those: a client has ended its stream itself
  bool client_killed_ = false;      // it asks for nothing any more
  int64_t sequence_ = 0;
  int64_t outage_until_ms_ = 0;
  bool shaking_ = false;
  bool syncing_ = false;           // the master is in the middle of it and cannot be crashed
  std::set<std::string> removed_;  // acknowledged, and not made anew since
  bool calm_ = false;              // no more faults
  const bool one_master_;          // it is never crashed: what it leaks stays
  Strangeness strange_;
  std::optional<RefusedKey> refused_;
  std::map<std::string, std::string> versions_;  // etag -> content, of every object ever
  std::set<std::string> foreign_etags_;
  std::set<std::string> given_up_;       // etags that the namespace knew and a client destroyed
  std::set<std::string> given_up_keys_;  // whatever stood there
  // Path and content of what others destroyed while it was, or was to be, acknowledged.
  std::set<std::pair<std::string, std::string>> tampered_;
  std::map<std::string, std::string> stuck_;  // path -> why
  std::set<std::string> stuck_contents_;
  std::set<std::string> stuck_keys_;  // where the objects of stuck files stand meanwhile
  // Others' contents that others took away: of an unanswered copy nobody can tell whose it is.
  std::set<std::string> sources_gone_;
  int damages_ = 0;                      // copies destroyed
  std::optional<int> damages_at_write_;  // when the write under way began
  uint64_t copies_begun_ = 0;
  std::map<uint64_t, int> copies_under_way_;  // damages_ when each began
  Verdict verdict_;
};

inline constexpr int kWorkers = 4;
inline constexpr int kReplicas = 2;
inline constexpr int64_t kBlockBytes = 64;
inline constexpr int64_t kQuotaBytes = 3 << 10;
inline constexpr int64_t kLateEffectMsMax = 2000;

// Others' contents can be told from ours.
bool IsForeign(const std::string& data);

}  // namespace spillway::sim
