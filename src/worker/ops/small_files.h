// Small files taken whole: their blocks are stored here and by peers, then the master makes the
// files in one step. Until it has answered nobody else knows of the blocks. What was certainly not
// made is dropped at once, here and by the peers; of what may have been made the master decides.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "api/worker_api.h"
#include "common/clock.h"
#include "small_files.pb.h"
#include "worker/store/block_store.h"
#include "worker_session.pb.h"

namespace spillway {

// Thread-safe. Calls nothing outside with its lock held.
class SmallFiles {
 public:
  using PutDone = std::function<void(StatusOr<smallfiles::PutFilesResponse>)>;
  struct Context {
    Clock* clock = nullptr;
    BlockStore* store = nullptr;
    WorkerConnector* peers = nullptr;
    // Sends a message to the master; false unless that session is still up.
    std::function<bool(uint64_t session, session::WorkerMessage)> send;
    // Asks the master whether it knows the block; runs done with what it says.
    std::function<void(const StoredBlock&, std::function<void(Status)> done)> ask;
  };

  explicit SmallFiles(Context context) : context_(std::move(context)) {}

  void PutFiles(const smallfiles::PutFilesRequest& request, const std::string& user,
                const std::vector<std::string>& groups, PutDone done);
  // A peer's share.
  StatusOr<smallfiles::StoreBlocksResponse> StoreBlocks(
      const smallfiles::StoreBlocksRequest& request);

  // The session with the master. Begun when all that the worker held before is reported. True if
  // ids are to be asked for at once.
  bool Begin(uint64_t session, WorkerId worker, Epoch epoch);
  void End();
  void OnReserved(const session::ReservedIds& reserved);
  void OnAck(const session::PutFilesAck& ack);
  void Tick();

 private:
  struct Put;
  struct PeerNews {
    WorkerAddress address;
    std::vector<BlockId> settled;
    std::vector<BlockId> dropped;
  };

  StatusOr<StoredBlock> Store(BlockId id, const std::string& data);
  // The first of so many ids in a row.
  StatusOr<int64_t> TakeContainers(int count, uint64_t* session);
  void StoreOwn(const std::shared_ptr<Put>& put, const smallfiles::PutFilesRequest& request);
  // One of those that keep the files has answered; the last one's answer goes on.
  void OneStored(const std::shared_ptr<Put>& put);
  void SendToPeers(const std::shared_ptr<Put>& put);
  void PeerStored(const std::shared_ptr<Put>& put, size_t peer,
                  const StatusOr<smallfiles::StoreBlocksResponse>& answer);
  void AskMaster(const std::shared_ptr<Put>& put);
  // The master's word on the files that it was asked to make; null: it was not asked.
  void Finish(const std::shared_ptr<Put>& put, const session::PutFilesAck* ack);
  void TakeNews(const WorkerAddress& peer, smallfiles::StoreBlocksRequest* request);
  void HearNews(const smallfiles::StoreBlocksRequest& request);

  const Context context_;
  absl::Mutex mutex_;
  uint64_t session_ ABSL_GUARDED_BY(mutex_) = 0;  // 0: none
  WorkerId worker_ ABSL_GUARDED_BY(mutex_);
  Epoch epoch_ ABSL_GUARDED_BY(mutex_);
  int64_t next_container_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t containers_left_ ABSL_GUARDED_BY(mutex_) = 0;
  bool used_ ABSL_GUARDED_BY(mutex_) = false;
  bool reserving_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t next_request_ ABSL_GUARDED_BY(mutex_) = 1;
  std::map<uint64_t, std::shared_ptr<Put>> asked_ ABSL_GUARDED_BY(mutex_);
  // What peers have yet to hear, by host and port.
  std::map<std::string, PeerNews> news_ ABSL_GUARDED_BY(mutex_);
  // Stored for another worker, which has not said yet what became of the file: since when.
  absl::flat_hash_map<BlockId, int64_t> unsettled_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace spillway
