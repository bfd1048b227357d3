// The server's end of a call of any method. Each call runs on the one thread of its completion
// queue: gRPC's own callback interface has at least two threads wait on one queue, and wakes the
// other one for every event that the first has taken.
#pragma once

#include <grpcpp/generic/async_generic_service.h>

#include <atomic>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/synchronization/mutex.h"
#include "common/timed_event.h"
#include "rpc/call_queue.h"

namespace spillway {

class Connections;
class RpcService;

// The transport under one call, as its reactor sees it. The operations are those of ServerReactor,
// whose reactions answer them.
class ServerStream {
 public:
  virtual ~ServerStream() = default;
  virtual void Read(grpc::ByteBuffer* into) = 0;
  virtual void Write(const grpc::ByteBuffer* message) = 0;
  virtual void ConfirmEnd(const grpc::ByteBuffer* message) = 0;
  virtual void WriteAndFinish(const grpc::ByteBuffer* message, const grpc::Status& status) = 0;
  virtual void Finish(const grpc::Status& status) = 0;
  virtual void Trust() {}
};

// Its contract is that of grpc::ServerGenericBidiReactor. Operations may be started from any
// thread, one read and one write at a time, none after Finish or StartWriteAndFinish, which is due
// once. Reactions run one after the other. What is read or written lies in memory of the reactor's.
class ServerReactor {
 public:
  explicit ServerReactor(ServerStream* stream) : stream_(stream) {}
  ServerReactor(const ServerReactor&) = delete;
  ServerReactor& operator=(const ServerReactor&) = delete;

  virtual void OnReadDone(bool) {}
  virtual void OnWriteDone(bool) {}
  virtual void OnEndConfirmed(bool) {}
  // The client is gone or has cancelled; the call is still to be finished.
  virtual void OnCancel() {}
  // The server is told to stop. A call that only waits may be finished; one that is not finished
  // once half of the grace is over is told so again (last) and cancelled at the end of it.
  virtual void OnStop(bool /*last*/) {}
  // Nothing more happens to the call; the reactor may be deleted.
  virtual void OnDone() = 0;

 protected:
  virtual ~ServerReactor() = default;
  void StartRead(grpc::ByteBuffer* into) { stream_->Read(into); }
  void StartWrite(const grpc::ByteBuffer* message) { stream_->Write(message); }
  // After OnReadDone(false), which both a client that has sent everything and one that is gone
  // bring about: OnEndConfirmed(true) follows only if the client ended its messages itself and the
  // call still stood then. OnCancel may come later than either. Nothing may be being written. The
  // client gets its headers by that or, if it has got them already, message.
  void ConfirmEnd(const grpc::ByteBuffer* message) { stream_->ConfirmEnd(message); }
  void StartWriteAndFinish(const grpc::ByteBuffer* message, const grpc::Status& status) {
    stream_->WriteAndFinish(message, status);
  }
  void Finish(const grpc::Status& status) { stream_->Finish(status); }
  // The caller has said who it is: its connection is not closed to make room for another.
  void Trust() { stream_->Trust(); }

 private:
  ServerStream* const stream_;
};

class ServerCall;

// How many calls a server has that are not over, and accepts that wait for one. Thread-safe.
class LiveCalls {
 public:
  void Add(int n) {
    absl::MutexLock lock(&mutex_);
    count_ += n;
  }
  // A call has a reactor now; and has none any more.
  void Begun(ServerCall* call);
  void Over(ServerCall* call);
  bool IsOpen(ServerCall* call);
  // Tells the reactors of all that are open, on their queues' threads, which this one is not.
  void Stop(bool last);
  // False if some are still open after ms milliseconds.
  bool AwaitOver(int64_t ms);
  std::vector<std::string> Methods();  // of those that are open, sorted
  void AwaitNone() {
    absl::MutexLock lock(&mutex_);
    const auto none = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return count_ == 0; };
    mutex_.Await(absl::Condition(&none));
  }

 private:
  absl::Mutex mutex_;
  int count_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::flat_hash_set<ServerCall*> open_ ABSL_GUARDED_BY(mutex_);
  TimedEvent over_;
};

// Owns itself from Accept until it is over.
class ServerCall : public ServerStream {
 public:
  struct Source {
    grpc::AsyncGenericService* acceptor = nullptr;
    grpc::ServerCompletionQueue* completions = nullptr;  // those of queue
    CallQueue* queue = nullptr;
    RpcService* service = nullptr;
    LiveCalls* live = nullptr;
    Connections* connections = nullptr;
  };
  // Takes the next call that comes to the server, and every one after it.
  static void Accept(const Source& source) { new ServerCall(source); }

  const std::string& method() const { return context_.method(); }
  // Tells the reactor, if it still lives by then.
  void Stop(bool last);
  // Empty if there is none.
  std::string Metadata(const std::string& key) const;

 private:
  struct Event : CallEvent {
    Event(ServerCall* c, void (ServerCall::*t)(bool)) : call(c), then(t) {}
    void OnEvent(bool ok) override { (call->*then)(ok); }
    ServerCall* const call;
    void (ServerCall::*const then)(bool);
  };

  explicit ServerCall(const Source& source);
  ~ServerCall() override;

  void Read(grpc::ByteBuffer* into) override;
  void Write(const grpc::ByteBuffer* message) override;
  void ConfirmEnd(const grpc::ByteBuffer* message) override;
  void WriteAndFinish(const grpc::ByteBuffer* message, const grpc::Status& status) override;
  void Finish(const grpc::Status& status) override;
  void Trust() override;
  void Blame();

  void OnAccepted(bool ok);
  void OnRead(bool ok);
  void OnWritten(bool ok);
  void OnConfirmed(bool ok);
  void OnFinished(bool ok);
  void OnGone(bool ok);
  void EventOver();

  const Source source_;
  grpc::GenericServerContext context_;
  grpc::GenericServerAsyncReaderWriter stream_{&context_};
  Event accepted_{this, &ServerCall::OnAccepted};
  Event read_{this, &ServerCall::OnRead};
  Event written_{this, &ServerCall::OnWritten};
  Event confirmed_{this, &ServerCall::OnConfirmed};
  Event finished_{this, &ServerCall::OnFinished};
  Event gone_{this, &ServerCall::OnGone};
  ServerReactor* reactor_ = nullptr;
  int64_t begun_us_ = 0;
  grpc::Status end_;
  bool headers_sent_ = false;  // of the queue's thread
  // Events that will come: the end of the call and of its finishing always do.
  std::atomic<int> outstanding_{2};
};

}  // namespace spillway
