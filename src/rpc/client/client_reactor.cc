#include "rpc/client/client_reactor.h"

namespace spillway {

ClientReactor::~ClientReactor() {
  if (queue_ != nullptr) queue_->LetGo();
}

void ClientReactor::Prepare(grpc::GenericStub* stub, grpc::ClientContext* context,
                            const std::string& method) {
  context->set_initial_metadata_corked(true);  // the first write takes it along
  queue_ = CallQueue::Hold();
  stream_ = stub->PrepareCall(context, method, queue_->completions());
}

void ClientReactor::StartCall() {
  begun_ = true;
  queue_->Run([this] {
    stream_->StartCall(nullptr);
    // They are counted already.
    if (first_write_ != nullptr) Write(first_write_, first_is_last_);
    if (first_read_ != nullptr) stream_->Read(first_read_, TagOf(&read_));
  });
}

void ClientReactor::StartRead(grpc::ByteBuffer* into) {
  ++outstanding_;
  if (begun_) {
    queue_->Run([this, into] { stream_->Read(into, TagOf(&read_)); });
  } else {
    first_read_ = into;
  }
}

void ClientReactor::StartWrite(const grpc::ByteBuffer* message, bool last) {
  ++outstanding_;
  if (begun_) {
    queue_->Run([this, message, last] { Write(message, last); });
  } else {
    first_write_ = message;
    first_is_last_ = last;
  }
}

void ClientReactor::Write(const grpc::ByteBuffer* message, bool last) {
  grpc::WriteOptions options;
  if (last) options.set_last_message();
  stream_->Write(*message, options, TagOf(&written_));
}

void ClientReactor::StartWritesDone() {
  ++outstanding_;
  queue_->Run([this] { stream_->WritesDone(TagOf(&writes_done_)); });
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
  if (--outstanding_ == 0) queue_->Run([this] { stream_->Finish(&status_, TagOf(&finished_)); });
}

}  // namespace spillway
