#include "rpc/client/client_reactor.h"

#include <algorithm>
#include <thread>
#include <vector>

#include "rpc/event_thread.h"

namespace spillway {
namespace {

constexpr unsigned kQueuesMax = 4;

void Serve(grpc::CompletionQueue* queue) {
  BecomeEventThread("rpc-client");
  void* tag = nullptr;
  bool ok = false;
  while (queue->Next(&tag, &ok)) static_cast<ClientEvent*>(tag)->OnEvent(ok);
}

class Queues {
 public:
  Queues() : queues_(std::clamp(std::thread::hardware_concurrency() / 2, 1u, kQueuesMax)) {
    for (auto& queue : queues_) {
      queue = std::make_unique<grpc::CompletionQueue>();
      std::thread([queue = queue.get()] { Serve(queue); }).detach();
    }
  }
  grpc::CompletionQueue* Next() { return queues_[next_++ % queues_.size()].get(); }

 private:
  std::vector<std::unique_ptr<grpc::CompletionQueue>> queues_;
  std::atomic<size_t> next_{0};
};

}  // namespace

grpc::CompletionQueue* ClientQueue() {
  static auto* const queues = new Queues();  // its threads run until the process ends
  return queues->Next();
}

void ClientReactor::Prepare(grpc::GenericStub* stub, grpc::ClientContext* context,
                            const std::string& method) {
  context->set_initial_metadata_corked(true);  // the first write takes it along
  stream_ = stub->PrepareCall(context, method, ClientQueue());
}

void ClientReactor::StartCall() {
  begun_ = true;
  stream_->StartCall(nullptr);
  // They are counted already.
  if (first_write_ != nullptr) {
    grpc::WriteOptions options;
    if (first_is_last_) options.set_last_message();
    stream_->Write(*first_write_, options, &written_);
  }
  if (first_read_ != nullptr) stream_->Read(first_read_, &read_);
}

void ClientReactor::StartRead(grpc::ByteBuffer* into) {
  ++outstanding_;
  if (begun_) {
    stream_->Read(into, &read_);
  } else {
    first_read_ = into;
  }
}

void ClientReactor::StartWrite(const grpc::ByteBuffer* message, bool last) {
  ++outstanding_;
  if (begun_) {
    grpc::WriteOptions options;
    if (last) options.set_last_message();
    stream_->Write(*message, options, &written_);
  } else {
    first_write_ = message;
    first_is_last_ = last;
  }
}

void ClientReactor::StartWritesDone() {
  ++outstanding_;
  stream_->WritesDone(&writes_done_);
}

void ClientReactor::AfterRead(bool ok) {
  OnReadDone(ok);
  OneLess();
}

void ClientReactor::AfterWrite(bool ok) {
  OnWriteDone(ok);
  OneLess();
}

void ClientReactor::AfterFinish(bool) {
  stream_.reset();  // it lies in the call's memory, which goes with the context
  OnDone(status_);
}

void ClientReactor::OneLess() {
  if (--outstanding_ == 0) stream_->Finish(&status_, &finished_);
}

}  // namespace spillway
