// The master's end of the worker sessions.
#include "absl/container/flat_hash_map.h"
#include "rpc/master/master_services.h"
#include "rpc/session_queue.h"

namespace spillway {

// Whether somebody waits for what the worker does about it.
static bool IsUrgent(const session::MasterMessage& message) {
  return !message.has_persist() && !message.has_pin_blocks();
}

// One worker's stream. Writes are queued; the reactor lives until the stream has ended.
class SessionReactor : public ServerReactor, public std::enable_shared_from_this<SessionReactor> {
 public:
  SessionReactor(ServerStream* call, Master* master, SessionTable* table)
      : ServerReactor(call), master_(master), table_(table) {}

  void Begin() {
    self_ = shared_from_this();
    StartRead(&incoming_);
  }

  void Send(const session::MasterMessage& message) {
    std::string encoded = SessionQueue::Encode(message);
    absl::MutexLock lock(&mutex_);
    if (finished_) return;
    const SessionQueue::Then then = queue_.Push(std::move(encoded), IsUrgent(message));
    if (then == SessionQueue::Then::kWrite) StartWrite(queue_.Next());
    if (then == SessionQueue::Then::kWait) queue_.AfterPatience(weak_from_this());
  }

  void WriteWaiting() {
    absl::MutexLock lock(&mutex_);
    if (!finished_ && queue_.Due()) StartWrite(queue_.Next());
  }

  void Close(const Status& status) {
    absl::MutexLock lock(&mutex_);
    if (finished_) return;
    finished_ = true;
    Finish(ToGrpc(status));
  }

  void OnReadDone(bool ok) override {
    session::WorkerMessages all;
    if (!ok) return Close(absl::OkStatus());
    if (!FromBuffer(incoming_, &all))
      return Close(InvalidArgument("Unreadable message in a worker's session"));
    for (const auto& message : all.messages()) Handle(message);
    absl::MutexLock lock(&mutex_);
    if (!finished_) StartRead(&incoming_);
  }

  void OnWriteDone(bool ok) override {
    absl::MutexLock lock(&mutex_);
    if (!ok || finished_) return;
    if (const auto* next = queue_.Next()) StartWrite(next);
  }

  void OnCancel() override { Close(Unavailable("the session is broken")); }
  void OnDone() override;

 private:
  void Handle(const session::WorkerMessage& message);
  void Register(const session::Register& request);

  Master* const master_;
  SessionTable* const table_;
  std::shared_ptr<SessionReactor> self_;
  grpc::ByteBuffer incoming_;
  bool registering_ = false;
  absl::Mutex mutex_;
  SessionQueue queue_ ABSL_GUARDED_BY(mutex_);
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Mutex session_mutex_;
  Master::Session session_ ABSL_GUARDED_BY(session_mutex_);
  bool registered_ ABSL_GUARDED_BY(session_mutex_) = false;
};

struct SessionTable::Impl {
  absl::Mutex mutex;
  std::map<std::pair<WorkerId, Epoch>, std::shared_ptr<SessionReactor>> sessions
      ABSL_GUARDED_BY(mutex);
};

SessionTable::SessionTable() : impl_(std::make_unique<Impl>()) {}
SessionTable::~SessionTable() = default;

void SessionTable::Send(WorkerId worker, Epoch epoch, session::MasterMessage message) {
  std::shared_ptr<SessionReactor> reactor;
  {
    absl::MutexLock lock(&impl_->mutex);
    const auto it = impl_->sessions.find({worker, epoch});
    if (it == impl_->sessions.end()) return;
    reactor = it->second;
  }
  reactor->Send(message);
}

void SessionTable::Close(WorkerId worker, Epoch epoch) {
  std::shared_ptr<SessionReactor> reactor;
  {
    absl::MutexLock lock(&impl_->mutex);
    const auto it = impl_->sessions.find({worker, epoch});
    if (it == impl_->sessions.end()) return;
    reactor = it->second;
  }
  reactor->Close(Unavailable("the worker was silent for too long: begin a new session"));
}

void SessionTable::CloseAll() {
  std::map<std::pair<WorkerId, Epoch>, std::shared_ptr<SessionReactor>> sessions;
  {
    absl::MutexLock lock(&impl_->mutex);
    sessions = impl_->sessions;
  }
  for (const auto& [key, reactor] : sessions) reactor->Close(Unavailable("the master stops"));
}

void SessionReactor::OnDone() {
  Master::Session session;
  bool registered = false;
  {
    absl::MutexLock lock(&session_mutex_);
    session = session_;
    registered = registered_;
  }
  if (registered) {
    {
      absl::MutexLock lock(&table_->impl_->mutex);
      table_->impl_->sessions.erase({session.worker, session.epoch});
    }
    master_->SessionClosed(session);
  }
  self_.reset();
}

void SessionReactor::Register(const session::Register& request) {
  // One that is called by several names would be one of them for ever.
  if (std::exchange(registering_, true))
    return Close(InvalidArgument("A session is of one worker, which registers once."));
  master_->RegisterWorker(request, [self = shared_from_this()](StatusOr<Master::Session> session) {
    if (!session.ok()) return self->Close(session.status());
    {
      absl::MutexLock lock(&self->mutex_);
      if (!self->finished_) self->Trust();
    }
    {
      absl::MutexLock lock(&self->session_mutex_);
      self->session_ = *session;
      self->registered_ = true;
    }
    {
      absl::MutexLock lock(&self->table_->impl_->mutex);
      self->table_->impl_->sessions[{session->worker, session->epoch}] = self;
    }
    self->master_->SendMounts(*session);
    session::MasterMessage message;
    message.mutable_registered()->set_worker_id(session->worker.value());
    message.mutable_registered()->set_epoch(session->epoch.value());
    message.mutable_registered()->set_cluster_id(session->cluster_id);
    message.mutable_registered()->set_by_buckets(session->by_buckets);
    for (const uint32_t bucket : session->wanted_buckets)
      message.mutable_registered()->add_wanted_buckets(bucket);
    message.mutable_registered()->set_lease_ms(self->master_->upload_lease_ms());
    self->Send(message);
  });
}

void SessionReactor::Handle(const session::WorkerMessage& message) {
  using Case = session::WorkerMessage::MessageCase;
  if (message.message_case() == Case::kRegister) return Register(message.register_());
  Master::Session session;
  {
    absl::MutexLock lock(&session_mutex_);
    if (!registered_) return;
    session = session_;
  }
  switch (message.message_case()) {
    case Case::kBlocksHeld:
      return master_->BlocksHeld(session, message.blocks_held());
    case Case::kHeartbeat:
      return master_->Heartbeat(session, message.heartbeat());
    case Case::kBlocksRemoved:
      return master_->BlocksRemoved(session, message.blocks_removed());
    case Case::kPersistResult:
      return master_->PersistDone(session, message.persist_result());
    case Case::kReplicateResult:
      return master_->ReplicateDone(session, message.replicate_result());
    case Case::kGetBlockOrigin:
      return master_->GetBlockOrigin(session, message.get_block_origin(),
                                     [self = shared_from_this()](session::BlockOrigin origin) {
                                       session::MasterMessage answer;
                                       *answer.mutable_block_origin() = std::move(origin);
                                       self->Send(answer);
                                     });
    case Case::kObjectChanged:
      return master_->ObjectChanged(session, message.object_changed());
    case Case::kFolders:
      return master_->FoldersAre(session, message.folders());
    case Case::kReserveIds:
      return master_->ReserveIds(session,
                                 [self = shared_from_this()](const session::ReservedIds& reserved) {
                                   session::MasterMessage answer;
                                   *answer.mutable_reserved_ids() = reserved;
                                   self->Send(answer);
                                 });
    case Case::kPutFiles:
      return master_->PutFiles(session, message.put_files(),
                               [self = shared_from_this()](session::PutFilesAck ack) {
                                 session::MasterMessage answer;
                                 *answer.mutable_put_files_ack() = std::move(ack);
                                 self->Send(answer);
                               });
    case Case::kCommitBlock: {
      const Status status = master_->CommitBlock(session, message.commit_block().block());
      session::MasterMessage answer;
      answer.mutable_commit_ack()->set_request_id(message.commit_block().request_id());
      answer.mutable_commit_ack()->set_code(static_cast<int>(status.code()));
      answer.mutable_commit_ack()->set_message(Message(status));
      return Send(answer);
    }
    default:
      return;
  }
}

void RegisterWorkerSessionService(RpcService* service, Master* master, SessionTable* sessions) {
  const std::string name = "spillway.session.WorkerSessionService";
  service->Exempt(name);
  service->Stream(name, "Session", [master, sessions](const CallContext& context) {
    auto reactor = std::make_shared<SessionReactor>(context.call, master, sessions);
    reactor->Begin();
    return reactor.get();
  });
}

}  // namespace spillway
