// A worker core between a master that is played here, in-memory twins of disk and understore, and
// no peers.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "api/unused_worker_api.h"
#include "common/checksum.h"
#include "common/memory_file_env.h"
#include "common/step_executor.h"
#include "understore/memory/memory_under_store.h"
#include "worker/worker.h"

namespace spillway {

// Other workers, who hold what blocks says and take nothing; none if it is null.
class PlayedPeers : public WorkerConnector {
 public:
  std::shared_ptr<WorkerApi> Connect(const WorkerAddress&) override {
    return std::make_shared<Peer>(this);
  }
  const std::map<int64_t, std::string>* blocks = nullptr;
  int64_t bytes_read = 0;

 private:
  class Stream : public BlockReadStream {
   public:
    explicit Stream(std::string data) : data_(std::move(data)) {}
    StatusOr<std::string_view> Next() override {
      return std::exchange(ended_, true) ? std::string_view() : std::string_view(data_);
    }

   private:
    const std::string data_;
    bool ended_ = false;
  };
  class Peer : public UnusedWorkerApi {
   public:
    explicit Peer(PlayedPeers* peers) : peers_(peers) {}
    StatusOr<std::unique_ptr<BlockReadStream>> ReadBlock(const BlockReadOptions& options) override {
      if (peers_->blocks == nullptr) return Unavailable("no peer");
      const auto it = peers_->blocks->find(options.block_id.value());
      if (it == peers_->blocks->end()) return NotFound("not here");
      const std::string data = it->second.substr(static_cast<size_t>(options.offset),
                                                 static_cast<size_t>(options.length_bytes));
      peers_->bytes_read += static_cast<int64_t>(data.size());
      return std::unique_ptr<BlockReadStream>(std::make_unique<Stream>(data));
    }

   private:
    PlayedPeers* const peers_;
  };
};

class WorkerFixture : public testing::Test {
 protected:
  WorkerFixture() : understore_(std::make_shared<MemoryUnderStore>()), opened_(understore_) {
    BlockStoreOptions options;
    options.tiers = {{"MEM", {{"/mem", 64 << 20}}}};
    store_ = std::make_unique<BlockStore>(options, &env_);
    EXPECT_TRUE(store_->Open().ok());
    StartWorker({});
  }

  // A process over the same disk.
  void StartWorker(const WorkerOptions& options) {
    worker_.reset();
    worker_ = std::make_unique<Worker>(
        options, WorkerContext{&clock_, &executor_, store_.get(), &peers_, nullptr,
                               [this](const std::string&, const auto&) { return opened_; }});
    Connect();
  }

  void Connect() {
    worker_->SessionUp(
        [this](session::WorkerMessage message) { sent_.push_back(std::move(message)); }, 0);
    session::MasterMessage mounts;
    auto* mount = mounts.mutable_mount_table()->add_mounts();
    mount->set_mount_id(1);
    mount->set_uri("s3://bucket");
    worker_->OnMessage(mounts);
    session::MasterMessage registered;
    registered.mutable_registered()->set_cluster_id("cluster");
    worker_->OnMessage(registered);
  }

  void Ack(uint64_t request, StatusCode code = StatusCode::kOk) {
    session::MasterMessage ack;
    ack.mutable_commit_ack()->set_request_id(request);
    ack.mutable_commit_ack()->set_code(static_cast<int>(code));
    worker_->OnMessage(ack);
  }

  // Writes a block; the commit waits for the master.
  void Write(int64_t id, std::string data, Status* result) {
    auto target = worker_->WriteBlock({BlockId(id), 0, true}, 0);
    ASSERT_TRUE(target.ok()) << target.status();
    (*target)->Append({iovec{data.data(), data.size()}},
                      [](const Status& status) { ASSERT_TRUE(status.ok()); });
    (*target)->Commit([result](const Status& status) { *result = status; });
  }

  const session::WorkerMessage* Last(session::WorkerMessage::MessageCase kind) {
    for (auto it = sent_.rbegin(); it != sent_.rend(); ++it) {
      if (it->message_case() == kind) return &*it;
    }
    return nullptr;
  }

  session::PersistCommand Command(const std::string& key, int64_t block, const std::string& data) {
    session::PersistCommand command;
    command.set_job_id(9);
    command.set_mount_id(1);
    command.set_key(key);
    command.set_length_bytes(static_cast<int64_t>(data.size()));
    command.set_crc_known(true);
    command.set_crc32c(Crc32c(data));
    auto* source = command.add_blocks();
    source->set_block_id(static_cast<uint64_t>(block));
    source->set_length_bytes(static_cast<int64_t>(data.size()));
    return command;
  }

  const session::PersistResult& Persist(const session::PersistCommand& command) {
    session::MasterMessage message;
    *message.mutable_persist() = command;
    worker_->OnMessage(message);
    executor_.RunAll();
    return Last(session::WorkerMessage::kPersistResult)->persist_result();
  }

  ManualClock clock_;
  StepExecutor executor_;
  MemoryFileEnv env_;
  PlayedPeers peers_;
  std::shared_ptr<MemoryUnderStore> understore_;
  std::shared_ptr<UnderStore> opened_;  // what the worker opens instead
  std::unique_ptr<BlockStore> store_;
  std::unique_ptr<Worker> worker_;
  std::vector<session::WorkerMessage> sent_;
};

inline const Status kPending = MakeStatus(StatusCode::kUnknown, "pending");

}  // namespace spillway
