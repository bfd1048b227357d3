#include "rpc/server_reactor.h"

#include "rpc/service.h"

namespace spillway {

void ServerReactor::StartRead(grpc::ByteBuffer* into) {
  ++call_->outstanding_;
  call_->source_.queue->Run(
      [call = call_, into] { call->stream_.Read(into, TagOf(&call->read_)); });
}

void ServerReactor::StartWrite(const grpc::ByteBuffer* message) {
  ++call_->outstanding_;
  call_->source_.queue->Run(
      [call = call_, message] { call->stream_.Write(*message, TagOf(&call->written_)); });
}

void ServerReactor::StartWriteAndFinish(const grpc::ByteBuffer* message,
                                        const grpc::Status& status) {
  call_->end_ = status;
  call_->source_.queue->Run([call = call_, message] {
    call->stream_.WriteAndFinish(*message, grpc::WriteOptions(), call->end_,
                                 TagOf(&call->finished_));
  });
}

void ServerReactor::Finish(const grpc::Status& status) {
  call_->end_ = status;
  call_->source_.queue->Run(
      [call = call_] { call->stream_.Finish(call->end_, TagOf(&call->finished_)); });
}

ServerCall::ServerCall(const Source& source) : source_(source) {
  source_.live->Add(1);
  context_.AsyncNotifyWhenDone(TagOf(&gone_));
  source_.acceptor->RequestCall(&context_, &stream_, source_.completions, source_.completions,
                                TagOf(&accepted_));
}

std::string ServerCall::Metadata(const std::string& key) const {
  const auto& metadata = context_.client_metadata();
  const auto it = metadata.find(key);
  return it == metadata.end() ? "" : std::string(it->second.data(), it->second.size());
}

void ServerCall::OnAccepted(bool ok) {
  if (!ok) {
    delete this;  // the server stops
    return;
  }
  Accept(source_);
  reactor_ = source_.service->CreateReactor(this);
}

void ServerCall::OnRead(bool ok) {
  reactor_->OnReadDone(ok);
  EventOver();
}

void ServerCall::OnWritten(bool ok) {
  reactor_->OnWriteDone(ok);
  EventOver();
}

void ServerCall::OnFinished(bool) { EventOver(); }

void ServerCall::OnGone(bool) {
  if (context_.IsCancelled()) reactor_->OnCancel();
  EventOver();
}

void ServerCall::EventOver() {
  if (--outstanding_ > 0) return;
  reactor_->OnDone();
  delete this;
}

}  // namespace spillway
