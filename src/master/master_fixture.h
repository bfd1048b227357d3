// A master core over in-memory twins, for tests: time, sync and the network move when told.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <utility>

#include "common/checksum.h"
#include "common/step_executor.h"
#include "master/master.h"
#include "master/master_twins.h"
#include "understore/memory/memory_under_store.h"

namespace spillway {

class RecordingSender : public WorkerSender {
 public:
  void Send(WorkerId worker, Epoch, session::MasterMessage message) override {
    sent.emplace_back(worker, std::move(message));
  }
  void Close(WorkerId worker, Epoch) override { closed.push_back(worker); }
  std::vector<WorkerId> closed;
  std::deque<std::pair<WorkerId, session::MasterMessage>> sent;
};

class MasterFixture : public testing::Test {
 protected:
  MasterFixture() : understore_(std::make_shared<MemoryUnderStore>()), opener_(understore_) {
    options_.root_uri = "s3://bucket";
    understore_->set_clock(&clock_);
    options_.superuser = "root";
    StartMaster();
    EXPECT_TRUE(Load("/").ok());
  }

  void StartMaster() {
    journal_ = std::make_unique<Journal>(store_.get(), &executor_,
                                         LastLogIndex(store_.get(), &executor_).value());
    master_ = std::make_unique<Master>(
        options_,
        MasterContext{&clock_, &random_, &executor_, journal_.get(), &sender_, &opener_, nullptr});
    const Status status = master_->Start();
    ASSERT_TRUE(status.ok()) << status;
    executor_.RunAll();
  }

  // kill -9: what was not synced is gone.
  void CrashAndRestart() {
    master_.reset();
    journal_.reset();
    executor_.Drop();
    sender_.sent.clear();
    sessions_.clear();
    StartMaster();
  }

  Status Load(const std::string& path) {
    while (const auto directory = master_->DirectoryToLoad(path, true)) {
      SPILLWAY_RETURN_IF_ERROR(master_->LoadDirectory(*directory));
      executor_.RunAll();
    }
    return absl::OkStatus();
  }

  Master::Session AddWorker(const std::string& host,
                            const std::vector<session::BlockReport>& held = {},
                            const std::vector<session::RunningUpload>& running = {}) {
    session::Register request;
    for (const auto& upload : running) *request.add_running_uploads() = upload;
    request.mutable_address()->set_host(host);
    request.mutable_address()->set_data_port(29999);
    auto* tier = request.add_tiers();
    tier->set_alias("MEM");
    tier->set_capacity_bytes(1 << 30);
    StatusOr<Master::Session> session = Internal("not answered");
    master_->RegisterWorker(request,
                            [&](StatusOr<Master::Session> answer) { session = std::move(answer); });
    executor_.RunAll();
    EXPECT_TRUE(session.ok()) << session.status();
    session::BlocksHeld blocks;
    for (const auto& block : held) *blocks.add_blocks() = block;
    blocks.set_last(true);
    master_->BlocksHeld(*session, blocks);
    sessions_.push_back(*session);
    return *session;
  }

  // What files and objects of this length hold, unless a test says otherwise.
  static std::string Data(int64_t length) { return std::string(static_cast<size_t>(length), 'x'); }

  static session::BlockReport Report(BlockId block, int64_t length,
                                     std::optional<uint32_t> known = std::nullopt) {
    const uint32_t crc = known.value_or(Crc32c(Data(length)));
    session::BlockReport report;
    report.set_block_id(static_cast<uint64_t>(block.value()));
    report.set_length_bytes(length);
    report.set_crc32c(crc);
    report.set_crc_known(true);
    report.set_pinned(true);
    return report;
  }

  // Puts an object as somebody else would, or as a worker does that was told to; its etag.
  std::string PutObject(const std::string& key, const std::string& data) {
    StringBody body(data);
    const auto put = understore_->Put(key, body, {});
    EXPECT_TRUE(put.ok());
    return put.ok() ? put->etag : "";
  }

  // A completed ASYNC_THROUGH file of one block on each of sessions.
  FileStatus WriteFile(const std::string& path, int64_t length,
                       const std::vector<Master::Session>& sessions,
                       CreateFileOptions options = {}) {
    options.recursive = true;
    const auto created = master_->CreateFile(root_, path, options);
    EXPECT_TRUE(created.result.ok()) << created.result.status();
    if (length > 0) {
      const auto block = master_->NewBlockId(root_, path);
      EXPECT_TRUE(block.result.ok());
      for (const auto& session : sessions)
        EXPECT_TRUE(master_->CommitBlock(session, Report(*block.result, length)).ok());
    }
    CompleteFileOptions complete;
    complete.persist = options.persistence_wait_time_ms >= 0;
    const auto completed = master_->CompleteFile(root_, path, complete);
    EXPECT_TRUE(completed.result.ok()) << completed.result.status();
    executor_.RunAll();
    return *master_->GetStatus(root_, path).result;
  }

  // The next upload command, removed from the record; job_id 0 if there is none.
  session::PersistCommand TakePersist() {
    for (auto it = sender_.sent.begin(); it != sender_.sent.end(); ++it) {
      if (!it->second.has_persist()) continue;
      session::PersistCommand command = it->second.persist();
      persist_worker_ = it->first;
      sender_.sent.erase(it);
      return command;
    }
    return {};
  }

  void AnswerPersist(const Master::Session& session, const session::PersistCommand& command,
                     const Status& status, const std::string& etag = "etag", bool unsent = false) {
    session::PersistResult result;
    result.set_unsent(unsent);
    result.set_job_id(command.job_id());
    result.set_part_number(command.part_number());
    result.set_code(static_cast<int>(status.code()));
    result.set_message(Message(status));
    result.set_etag(etag);
    master_->PersistDone(session, result);
    executor_.RunAll();
  }

  void AdvanceMs(int64_t ms) {
    clock_.AdvanceMs(ms);
    session::Heartbeat heartbeat;
    auto* tier = heartbeat.add_tiers();
    tier->set_alias("MEM");
    tier->set_capacity_bytes(1 << 30);
    for (const auto& session : sessions_) master_->Heartbeat(session, heartbeat);
    master_->Tick();
    executor_.RunAll();
  }

  // As a worker does it: with the command's condition and Data of its length.
  void Upload(const Master::Session& session, const session::PersistCommand& command) {
    StringBody body(Data(command.length_bytes()));
    PutOptions options;
    options.if_absent = command.if_absent();
    options.if_match = command.if_match();
    const auto put = understore_->Put(command.key(), body, options);
    AnswerPersist(session, command, put.status(), put.ok() ? put->etag : "");
  }

  void Pass(int64_t ms) {
    for (int64_t at = 0; at < ms; at += 1000) AdvanceMs(1000);
  }

  // A file of two blocks of 100 bytes, to be persisted.
  void WriteTwoBlocks(const std::string& path, const Master::Session& session) {
    ASSERT_TRUE(master_->CreateFile(root_, path, {.block_size_bytes = 100}).result.ok());
    for (int i = 0; i < 2; ++i) {
      const BlockId block = *master_->NewBlockId(root_, path).result;
      ASSERT_TRUE(master_->CommitBlock(session, Report(block, 100)).ok());
    }
    CompleteFileOptions complete;
    complete.persist = true;
    ASSERT_TRUE(master_->CompleteFile(root_, path, complete).result.ok());
  }

  // A file that is in the store.
  void WritePersisted(const std::string& path, int64_t length, const Master::Session& session) {
    WriteFile(path, length, {session});
    Upload(session, TakePersist());
    EXPECT_EQ(StateOf(path), PersistenceState::kPersisted);
  }

  PersistenceState StateOf(const std::string& path) {
    return master_->GetStatus(root_, path).result->persistence_state;
  }

  const Caller root_{"root", {"root"}};
  MasterOptions options_;
  ManualClock clock_;
  SeededRandom random_{1};
  StepExecutor executor_;
  std::unique_ptr<MemoryStateStore> store_ = std::make_unique<MemoryStateStore>();
  RecordingSender sender_;
  std::shared_ptr<MemoryUnderStore> understore_;
  FixedOpener opener_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<Master> master_;
  WorkerId persist_worker_;
  std::vector<Master::Session> sessions_;
};

}  // namespace spillway
