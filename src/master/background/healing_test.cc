// Lost copies are made again, surplus ones removed, markers kept last, backlogs slowed down.
#include "api/block_digest.h"
#include "master/master_fixture.h"

namespace spillway {
namespace {

class HealingTest : public MasterFixture {
 protected:
  HealingTest() {
    for (const char* host : {"w1", "w2", "w3", "w4"}) workers_.push_back(AddWorker(host));
    sender_.sent.clear();
  }

  struct Copy {
    WorkerId target;
    session::ReplicateBlock command;
  };
  std::vector<Copy> TakeCopies() {
    std::vector<Copy> copies;
    for (const auto& [worker, message] : sender_.sent) {
      if (message.has_replicate_block()) copies.push_back({worker, message.replicate_block()});
    }
    sender_.sent.clear();
    return copies;
  }
  Master::Session SessionOf(WorkerId id) {
    for (const auto& session : sessions_) {
      if (session.worker == id) return session;
    }
    return {};
  }
  void Finish(const Copy& copy, const Status& status = absl::OkStatus()) {
    const auto session = SessionOf(copy.target);
    const BlockId block(static_cast<int64_t>(copy.command.block().block_id()));
    if (status.ok()) {
      EXPECT_TRUE(master_
                      ->CommitBlock(session, Report(block, copy.command.block().length_bytes(),
                                                    copy.command.block().crc32c()))
                      .ok());
    }
    session::ReplicateResult result;
    result.set_block_id(copy.command.block().block_id());
    result.set_code(static_cast<int>(status.code()));
    result.set_message(Message(status));
    master_->ReplicateDone(session, result);
    executor_.RunAll();
  }
  // The worker dies: its session breaks and nobody hears of it any more.
  void Kill(const Master::Session& session) {
    master_->SessionClosed(session);
    sessions_.erase(std::find_if(sessions_.begin(), sessions_.end(),
                                 [&](const auto& s) { return s.worker == session.worker; }));
    AdvanceMs(1100);
  }
  size_t Copies(const std::string& path) {
    return master_->GetStatus(root_, path).result->blocks[0].locations.size();
  }
  CreateFileOptions Durable(int copies) {
    CreateFileOptions options;
    options.durable_replicas = copies;
    options.persistence_wait_time_ms = -1;
    return options;
  }
  bool Removes(WorkerId worker, BlockId block) {
    for (const auto& [to, message] : sender_.sent) {
      if (to != worker || !message.has_remove_blocks()) continue;
      for (const uint64_t id : message.remove_blocks().block_ids()) {
        if (id == static_cast<uint64_t>(block.value())) return true;
      }
    }
    return false;
  }

  std::vector<Master::Session> workers_;
};

TEST_F(HealingTest, workerLost_copiesAreMadeAgain) {
  WriteFile("/f", 10, {workers_[0], workers_[1], workers_[2]}, Durable(3));
  sender_.sent.clear();
  Kill(workers_[0]);
  EXPECT_EQ(Copies("/f"), 2u);
  const auto copies = TakeCopies();
  ASSERT_EQ(copies.size(), 1u);
  EXPECT_EQ(copies[0].target, workers_[3].worker) << "the only host without a copy";
  EXPECT_EQ(copies[0].command.block().holders_size(), 2);
  EXPECT_TRUE(copies[0].command.pinned());
  EXPECT_EQ(master_->GetHealthReport(10).degraded_blocks, 1);
  Finish(copies[0]);
  EXPECT_EQ(Copies("/f"), 3u);
  EXPECT_EQ(master_->GetHealthReport(10).degraded_blocks, 0);
}

TEST_F(HealingTest, fewestCopiesFirst) {
  WriteFile("/two", 10, {workers_[0], workers_[1], workers_[2]}, Durable(3));
  WriteFile("/one", 10, {workers_[0], workers_[1]}, Durable(2));
  options_.heals_per_worker_max = 1;
  sender_.sent.clear();
  Kill(workers_[0]);
  const auto copies = TakeCopies();
  ASSERT_GE(copies.size(), 2u);
  const auto status = *master_->GetStatus(root_, "/one").result;
  EXPECT_EQ(copies[0].command.block().block_id(),
            static_cast<uint64_t>(status.blocks[0].id.value()));
}

TEST_F(HealingTest, manySmallBlocks_eachEndMakesPlaceForTheNext) {
  for (int i = 0; i < 300; ++i)
    WriteFile("/f" + std::to_string(i), 10, {workers_[0], workers_[1], workers_[2]}, Durable(3));
  sender_.sent.clear();
  Kill(workers_[0]);
  size_t made = 0;
  // No time passes: only the ends of copies drive it.
  for (auto copies = TakeCopies(); !copies.empty(); copies = TakeCopies()) {
    EXPECT_LE(copies.size(), 32u) << "at a time";
    for (const Copy& copy : copies) {
      Finish(copy);
      ++made;
      for (const Copy& next : TakeCopies()) {
        Finish(next);
        ++made;
      }
    }
  }
  EXPECT_EQ(made, 300u);
  EXPECT_EQ(master_->GetHealthReport(10).degraded_blocks, 0);
}

TEST_F(HealingTest, failedCopy_isTriedElsewhere) {
  WriteFile("/f", 10, {workers_[0], workers_[1]}, Durable(2));
  sender_.sent.clear();
  Kill(workers_[0]);
  auto copies = TakeCopies();
  ASSERT_EQ(copies.size(), 1u);
  const WorkerId first = copies[0].target;
  Finish(copies[0], Unavailable("no"));
  AdvanceMs(500);
  copies = TakeCopies();
  ASSERT_EQ(copies.size(), 1u);
  EXPECT_NE(copies[0].target, first);
  Finish(copies[0]);
  EXPECT_EQ(Copies("/f"), 2u);
}

TEST_F(HealingTest, targetLost_isReplaced) {
  WriteFile("/f", 10, {workers_[0], workers_[1]}, Durable(2));
  sender_.sent.clear();
  Kill(workers_[0]);
  const auto copies = TakeCopies();
  ASSERT_EQ(copies.size(), 1u);
  Kill(SessionOf(copies[0].target));
  AdvanceMs(500);
  const auto again = TakeCopies();
  ASSERT_EQ(again.size(), 1u);
  EXPECT_NE(again[0].target, copies[0].target);
}

TEST_F(HealingTest, allCopiesLost_thenOneReturns_fileRevives) {
  const auto file = WriteFile("/f", 10, {workers_[0]}, Durable(1));
  Kill(workers_[0]);
  EXPECT_EQ(StateOf("/f"), PersistenceState::kLost);
  EXPECT_EQ(master_->GetHealthReport(10).lost_blocks, 1);
  AddWorker("w1", {Report(file.blocks[0].id, 10)});
  EXPECT_EQ(StateOf("/f"), PersistenceState::kToBePersisted);
  EXPECT_EQ(master_->GetHealthReport(10).lost_blocks, 0);
}

TEST_F(HealingTest, returningCopy_makesSurplus_whichGoes) {
  const auto file = WriteFile("/f", 10, {workers_[0], workers_[1]}, Durable(2));
  sender_.sent.clear();
  Kill(workers_[0]);
  Finish(TakeCopies().at(0));
  sender_.sent.clear();
  AddWorker("w1", {Report(file.blocks[0].id, 10)});
  EXPECT_EQ(Copies("/f"), 2u);
  bool removed = false;
  for (const auto& session : sessions_)
    removed = removed || Removes(session.worker, file.blocks[0].id);
  EXPECT_TRUE(removed);
}

TEST_F(HealingTest, copyThatDiffersFromTheJournal_doesNotCount) {
  const auto file = WriteFile("/f", 10, {workers_[0], workers_[1]}, Durable(2));
  Kill(workers_[0]);
  sender_.sent.clear();
  const auto back = AddWorker("w1", {Report(file.blocks[0].id, 10, /*crc=*/99)});
  EXPECT_TRUE(Removes(back.worker, file.blocks[0].id));
  EXPECT_EQ(Copies("/f"), 1u);
}

TEST_F(HealingTest, persisted_isHealedToReplicationMinOnly) {
  CreateFileOptions options;
  options.durable_replicas = 2;
  WriteFile("/f", 10, {workers_[0], workers_[1]}, options);
  const auto command = TakePersist();
  AnswerPersist(SessionOf(persist_worker_), command, absl::OkStatus());
  sender_.sent.clear();
  Kill(workers_[0]);
  EXPECT_TRUE(TakeCopies().empty());
}

TEST_F(HealingTest, racks_areSpread) {
  sender_.sent.clear();
  const auto rack = [&](const std::string& host, const std::string& name) {
    session::Register request;
    request.mutable_address()->set_host(host);
    request.mutable_address()->set_data_port(29999);
    request.mutable_address()->set_rack(name);
    auto* tier = request.add_tiers();
    tier->set_capacity_bytes(1 << 30);
    Master::Session session;
    master_->RegisterWorker(request, [&](StatusOr<Master::Session> s) { session = *s; });
    executor_.RunAll();
    session::BlocksHeld held;
    held.set_last(true);
    master_->BlocksHeld(session, held);
    return session;
  };
  for (auto& session : sessions_)
    session =
        rack("w" + std::to_string(session.worker.value()), session.worker.value() == 4 ? "b" : "a");
  WriteFile("/f", 10, {sessions_[0], sessions_[1]}, Durable(2));
  sender_.sent.clear();
  Kill(sessions_[0]);
  const auto copies = TakeCopies();
  ASSERT_EQ(copies.size(), 1u);
  EXPECT_EQ(copies[0].target, WorkerId(4)) << "the other rack";
}

TEST_F(HealingTest, restart_auditFindsWhatIsMissing) {
  const auto file = WriteFile("/f", 10, {workers_[0], workers_[1]}, Durable(2));
  CrashAndRestart();
  AddWorker("w2", {Report(file.blocks[0].id, 10)});
  AddWorker("w3");
  AddWorker("w4");
  EXPECT_TRUE(TakeCopies().empty()) << "w1 may still come back";
  AdvanceMs(6000);  // the end of safe mode
  AdvanceMs(100);
  EXPECT_EQ(TakeCopies().size(), 1u);
}

TEST_F(HealingTest, badCopyFound_holderIsAskedToVerify) {
  WriteFile("/f", 10, {workers_[0], workers_[1]}, Durable(2));
  sender_.sent.clear();
  Kill(workers_[0]);
  const auto copies = TakeCopies();
  ASSERT_EQ(copies.size(), 1u);
  session::ReplicateResult result;
  result.set_block_id(copies[0].command.block().block_id());
  result.set_code(static_cast<int>(StatusCode::kDataLoss));
  result.add_bad_holders()->set_host("w2");
  result.mutable_bad_holders(0)->set_data_port(29999);
  master_->ReplicateDone(SessionOf(copies[0].target), result);
  bool asked = false;
  for (const auto& [worker, message] : sender_.sent)
    asked = asked || (worker == workers_[1].worker && message.has_verify_blocks());
  EXPECT_TRUE(asked);
}

TEST_F(HealingTest, decommission_copiesAreMadeElsewhere_thenItMayGo) {
  WriteFile("/f", 10, {workers_[0], workers_[1]}, Durable(2));
  sender_.sent.clear();
  auto left = master_->DecommissionWorker("w1", 0, false);
  ASSERT_TRUE(left.ok());
  EXPECT_EQ(left->blocks_at_stake, 1);
  const auto live = master_->GetWorkers();
  EXPECT_EQ(live->size(), 3u) << "nothing new goes there";
  Finish(TakeCopies().at(0));
  EXPECT_EQ(master_->DecommissionWorker("w1", 0, false)->blocks_at_stake, 0);
  CrashAndRestart();
  AddWorker("w1");
  AdvanceMs(6000);
  EXPECT_TRUE(master_->GetWorkers()->empty()) << "remembered";
  EXPECT_TRUE(master_->DecommissionWorker("w1", 0, true).ok());
  EXPECT_EQ(master_->GetWorkers()->size(), 1u);
  EXPECT_EQ(master_->DecommissionWorker("nobody", 0, false).status().code(), StatusCode::kNotFound);
}

TEST_F(HealingTest, reconnect_reportsOnlyWhatDiffers) {
  const auto file = WriteFile("/f", 10, {workers_[0], workers_[1]}, Durable(2));
  BlockDigests digests;
  digests.Add(file.blocks[0].id, 10, Crc32c(Data(10)), true);
  session::Register request;
  request.mutable_address()->set_host("w1");
  request.mutable_address()->set_data_port(29999);
  for (const uint64_t digest : digests.buckets()) request.add_bucket_digests(digest);
  Master::Session session;
  master_->RegisterWorker(request, [&](StatusOr<Master::Session> s) { session = *s; });
  executor_.RunAll();
  EXPECT_TRUE(session.by_buckets);
  EXPECT_TRUE(session.wanted_buckets.empty());
  EXPECT_EQ(Copies("/f"), 2u) << "it counts at once";
}

TEST_F(HealingTest, restart_workersThatAreNotBackAreListedAsLost) {
  CrashAndRestart();
  workers_ = {AddWorker("w1")};
  const auto report = master_->GetWorkerReport();
  ASSERT_EQ(report.size(), 4u);
  EXPECT_EQ(std::count_if(report.begin(), report.end(),
                          [](const auto& worker) { return worker.state == WorkerState::kLost; }),
            3);
}

TEST_F(HealingTest, lateAnswerOfAnOlderUpload_leavesTheKeyToTheNewer) {
  CreateFileOptions options = Durable(2);
  options.persistence_wait_time_ms = 0;
  const auto file = WriteFile("/f", 10, {workers_[0], workers_[1]}, options);
  const auto takePersist = [&] {
    session::PersistCommand command;
    for (int i = 0; i < 20 && command.job_id() == 0; ++i) {
      AdvanceMs(100);
      command = TakePersist();
    }
    return command;
  };
  const auto first = takePersist();
  ASSERT_NE(first.job_id(), 0u);
  const Master::Session teller = SessionOf(persist_worker_);
  const std::string host = teller.worker == workers_[0].worker ? "w1" : "w2";
  Kill(teller);
  const auto second = takePersist();
  ASSERT_NE(second.job_id(), 0u);
  const Master::Session other = SessionOf(persist_worker_);
  // The first comes back, still at its upload, and gives it up.
  session::RunningUpload running;
  running.set_job_id(first.job_id());
  running.set_mount_id(1);
  running.set_key("f");
  const auto back = AddWorker(host, {Report(file.blocks[0].id, 10)}, {running});
  AnswerPersist(back, first, Unavailable("the session is over"));
  ASSERT_TRUE(master_->Remove(root_, "/f", {}).result.ok());
  executor_.RunAll();
  const std::string etag = PutObject("f", Data(10));
  for (int i = 0; i < 10; ++i) AdvanceMs(1000);
  EXPECT_EQ(understore_->Objects().count("f"), 1u) << "the second upload may still publish";
  AnswerPersist(other, second, absl::OkStatus(), etag);
  for (int i = 0; i < 10; ++i) AdvanceMs(1000);
  EXPECT_EQ(understore_->Objects().count("f"), 0u);
}

TEST_F(HealingTest, abandonedFile_goesUnlessItIsCompleteOrAnother) {
  WriteFile("/f", 10, {workers_[0]}, Durable(1));
  const auto complete = *master_->GetStatus(root_, "/f").result;
  EXPECT_TRUE(master_->AbandonFile(root_, complete.id, true).result.ok());
  EXPECT_TRUE(master_->GetStatus(root_, "/f").result.ok()) << "it was acknowledged";
  CreateFileOptions options;
  options.overwrite = true;
  const auto first = *master_->CreateFile(root_, "/f", options).result;
  const auto second = *master_->CreateFile(root_, "/f", options).result;
  EXPECT_EQ(master_->NewBlockId(root_, "/f", BlockOfFile{first.id, 0}).result.status().code(),
            StatusCode::kFailedPrecondition);
  CompleteFileOptions completed;
  completed.file = first.id;
  EXPECT_EQ(master_->CompleteFile(root_, "/f", completed).result.status().code(),
            StatusCode::kFailedPrecondition);
  EXPECT_TRUE(master_->AbandonFile(root_, first.id, false).result.ok());
  EXPECT_TRUE(master_->GetStatus(root_, "/f").result.ok()) << "it is another writer's";
  const auto block = master_->NewBlockId(root_, "/f", BlockOfFile{second.id, 0});
  EXPECT_EQ(*master_->NewBlockId(root_, "/f", BlockOfFile{second.id, 0}).result, *block.result)
      << "asked again, the same block";
  EXPECT_TRUE(master_->AbandonFile(root_, second.id, false).result.ok());
  EXPECT_EQ(master_->GetStatus(root_, "/f").result.status().code(), StatusCode::kNotFound);
}

TEST_F(HealingTest, incompleteFile_isReapedAfterItsLease) {
  options_.incomplete_file_lease_ms = 10'000;
  CrashAndRestart();
  AddWorker("w1");
  AdvanceMs(6000);
  CreateFileOptions options;
  ASSERT_TRUE(master_->CreateFile(root_, "/abandoned", options).result.ok());
  ASSERT_TRUE(master_->CreateFile(root_, "/written", options).result.ok());
  const auto block = master_->NewBlockId(root_, "/written");
  executor_.RunAll();
  for (int i = 0; i < 12; ++i) {
    session::Heartbeat heartbeat;
    heartbeat.add_writing_block_ids(static_cast<uint64_t>(block.result->value()));
    master_->Heartbeat(sessions_.back(), heartbeat);
    AdvanceMs(2000);
  }
  EXPECT_FALSE(*master_->Exists(root_, "/abandoned").result);
  EXPECT_TRUE(*master_->Exists(root_, "/written").result);
}

TEST_F(HealingTest, backlog_holdsNewBlocksBackUntilThereIsRoom) {
  session::Heartbeat full;
  auto* tier = full.add_tiers();
  tier->set_capacity_bytes(1000);
  tier->set_used_bytes(950);
  tier->set_pinned_bytes(950);
  for (const auto& worker : workers_) master_->Heartbeat(worker, full);
  bool admitted = false;
  ASSERT_TRUE(master_->CreateFile(root_, "/f", {}).result.ok());
  master_->AdmitBlock("/f", false, [&](const Status& status) { admitted = status.ok(); });
  Status diverted;
  master_->AdmitBlock("/f", true, [&](const Status& status) { diverted = status; });
  EXPECT_FALSE(admitted);
  EXPECT_EQ(diverted.code(), StatusCode::kAborted) << "one who can writes through";
  master_->Tick();
  EXPECT_FALSE(admitted);
  full.mutable_tiers(0)->set_pinned_bytes(100);
  for (const auto& worker : workers_) master_->Heartbeat(worker, full);
  master_->Tick();
  EXPECT_TRUE(admitted);
}

TEST_F(HealingTest, fileWhoseOnlyHolderWasJustLost_isCompletedWhenItComesBack) {
  for (const bool back : {true, false}) {
    const std::string path = back ? "/back" : "/gone";
    const Master::Session holder = workers_[back ? 0 : 1];
    ASSERT_TRUE(master_->CreateFile(root_, path, Durable(1)).result.ok());
    const auto block = master_->NewBlockId(root_, path);
    ASSERT_TRUE(master_->CommitBlock(holder, Report(*block.result, 10)).ok());
    Kill(holder);
    const auto complete = [&] { return master_->CompleteFile(root_, path, {}).result.status(); };
    EXPECT_EQ(complete().code(), StatusCode::kUnavailable) << "it may be restarting";
    if (back) {
      AddWorker("w1", {Report(*block.result, 10)});
      EXPECT_TRUE(complete().ok());
    } else {
      for (int i = 0; i < 16; ++i) AdvanceMs(1000);
      EXPECT_EQ(complete().code(), StatusCode::kInvalidArgument);
    }
  }
}

}  // namespace
}  // namespace spillway
