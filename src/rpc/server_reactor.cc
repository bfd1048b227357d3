#include "rpc/server_reactor.h"

#include <algorithm>

#include "common/clock.h"
#include "rpc/connections.h"
#include "rpc/service.h"

namespace spillway {

void LiveCalls::Begun(ServerCall* call) {
  absl::MutexLock lock(&mutex_);
  open_.insert(call);
}

void LiveCalls::Over(ServerCall* call) {
  absl::MutexLock lock(&mutex_);
  if (open_.erase(call) > 0 && open_.empty()) over_.Notify();
}

bool LiveCalls::IsOpen(ServerCall* call) {
  absl::MutexLock lock(&mutex_);
  return open_.contains(call);
}

void LiveCalls::Stop(bool last) {
  absl::MutexLock lock(&mutex_);
  for (ServerCall* call : open_) call->Stop(last);
}

bool LiveCalls::AwaitOver(int64_t ms) {
  absl::MutexLock lock(&mutex_);
  return over_.Await(
      &mutex_, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return open_.empty(); }, ms);
}

std::vector<std::string> LiveCalls::Methods() {
  absl::MutexLock lock(&mutex_);
  std::vector<std::string> methods;
  for (const ServerCall* call : open_) methods.push_back(call->method());
  std::sort(methods.begin(), methods.end());
  return methods;
}

void ServerCall::Read(grpc::ByteBuffer* into) {
  ++outstanding_;
  source_.queue->Run([this, into] { stream_.Read(into, TagOf(&read_)); });
}

void ServerCall::Write(const grpc::ByteBuffer* message) {
  ++outstanding_;
  source_.queue->Run([this, message] {
    headers_sent_ = true;
    stream_.Write(*message, TagOf(&written_));
  });
}

// When the transport tells that there are no more messages it knows why. If the stream was broken
// nothing can be sent on it any more, and it says so; if the client ended it, it can.
void ServerCall::ConfirmEnd(const grpc::ByteBuffer* message) {
  ++outstanding_;
  source_.queue->Run([this, message] {
    if (headers_sent_) return stream_.Write(*message, TagOf(&confirmed_));
    headers_sent_ = true;
    stream_.SendInitialMetadata(TagOf(&confirmed_));
  });
}

void ServerCall::WriteAndFinish(const grpc::ByteBuffer* message, const grpc::Status& status) {
  end_ = status;
  source_.queue->Run([this, message] {
    stream_.WriteAndFinish(*message, grpc::WriteOptions(), end_, TagOf(&finished_));
  });
}

void ServerCall::Finish(const grpc::Status& status) {
  end_ = status;
  source_.queue->Run([this] { stream_.Finish(end_, TagOf(&finished_)); });
}

void ServerCall::Trust() {
  if (const auto peer = ParsePeer(context_.peer())) source_.connections->Know(*peer);
}

// A call that is taken back unanswered costs its sender less than it costs here.
void ServerCall::Blame() {
  const auto peer = ParsePeer(context_.peer());
  if (peer) source_.connections->Blame(*peer, SystemClock().MonotonicMs());
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
  begun_us_ = SystemClock().MonotonicUs();
  reactor_ = source_.service->CreateReactor(this);
  source_.live->Begun(this);
}

ServerCall::~ServerCall() {
  source_.live->Over(this);
  source_.live->Add(-1);
}

// Both this and the end of the call happen on the queue's thread.
void ServerCall::Stop(bool last) {
  source_.queue->Run([this, live = source_.live, last] {
    if (live->IsOpen(this)) reactor_->OnStop(last);
  });
}

void ServerCall::OnRead(bool ok) {
  reactor_->OnReadDone(ok);
  EventOver();
}

void ServerCall::OnWritten(bool ok) {
  reactor_->OnWriteDone(ok);
  EventOver();
}

void ServerCall::OnConfirmed(bool ok) {
  reactor_->OnEndConfirmed(ok);
  EventOver();
}

void ServerCall::OnFinished(bool) { EventOver(); }

void ServerCall::OnGone(bool) {
  if (context_.IsCancelled()) {
    if (!headers_sent_) Blame();
    reactor_->OnCancel();
  }
  EventOver();
}

void ServerCall::EventOver() {
  if (--outstanding_ > 0) return;
  reactor_->OnDone();
  const double seconds = static_cast<double>(SystemClock().MonotonicUs() - begun_us_) / 1e6;
  source_.service->Over(method(), seconds, end_.ok() && !context_.IsCancelled());
  delete this;
}

}  // namespace spillway
