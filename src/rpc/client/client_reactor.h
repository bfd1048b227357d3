// The client's end of a call.
#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>

#include <atomic>
#include <memory>
#include <string>

#include "rpc/call_queue.h"

namespace spillway {

// A call with messages both ways. Its contract is that of grpc::ClientBidiReactor: operations that
// are started before StartCall begin with it; they may be started from reactions, and from any
// thread that holds the call. Reactions run one after the other. OnDone comes last, when nothing is
// under way and nobody holds the call; the reactor may be deleted then, not before.
class ClientReactor {
 public:
  ClientReactor() = default;
  ClientReactor(const ClientReactor&) = delete;
  ClientReactor& operator=(const ClientReactor&) = delete;

  virtual void OnReadDone(bool) {}
  virtual void OnWriteDone(bool) {}
  virtual void OnDone(const grpc::Status& status) = 0;

 protected:
  virtual ~ClientReactor();
  // The context outlives the call. The server hears of the call with the first write.
  void Prepare(grpc::GenericStub* stub, grpc::ClientContext* context, const std::string& method);
  void StartCall();
  void StartRead(grpc::ByteBuffer* into);
  void StartWrite(const grpc::ByteBuffer* message) { StartWrite(message, false); }
  // With the end of writes.
  void StartWriteLast(const grpc::ByteBuffer* message) { StartWrite(message, true); }
  void StartWritesDone();
  void AddHold() { ++outstanding_; }
  void RemoveHold() { OneLess(); }

 private:
  struct Event : CallEvent {
    Event(ClientReactor* r, void (ClientReactor::*t)(bool)) : reactor(r), then(t) {}
    void OnEvent(bool ok) override { (reactor->*then)(ok); }
    ClientReactor* const reactor;
    void (ClientReactor::*const then)(bool);
  };

  void StartWrite(const grpc::ByteBuffer* message, bool last);
  void Write(const grpc::ByteBuffer* message, bool last);
  void AfterRead(bool ok);
  void AfterWrite(bool ok);
  void AfterWritesDone(bool) { OneLess(); }
  void AfterFinish(bool);
  void OneLess();

  CallQueue* queue_ = nullptr;  // held from Prepare on
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream_;
  Event read_{this, &ClientReactor::AfterRead};
  Event written_{this, &ClientReactor::AfterWrite};
  Event writes_done_{this, &ClientReactor::AfterWritesDone};
  Event finished_{this, &ClientReactor::AfterFinish};
  bool begun_ = false;
  // Of before the call began.
  grpc::ByteBuffer* first_read_ = nullptr;
  const grpc::ByteBuffer* first_write_ = nullptr;
  bool first_is_last_ = false;
  // Operations under way, and holds.
  std::atomic<int> outstanding_{0};
  grpc::Status status_;
};

}  // namespace spillway
