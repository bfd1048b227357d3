// A call whose other side is played: by tests, and by fuzzers.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "rpc/server_reactor.h"

namespace spillway {

// Answers nothing by itself. What the reactor does against its contract is kept in misuse().
// Operations may come from any thread, reactions are played on one.
class PlayedStream : public ServerStream {
 public:
  void Read(grpc::ByteBuffer* into) override {
    absl::MutexLock lock(&mutex_);
    Check(!status_, "a read after the end");
    Check(reading_ == nullptr, "two reads at a time");
    reading_ = into;
  }
  void Write(const grpc::ByteBuffer* message) override {
    absl::MutexLock lock(&mutex_);
    Check(!status_, "a write after the end");
    Check(!writing_, "two writes at a time");
    writing_ = true;
    written_.push_back(*message);
  }
  void ConfirmEnd(const grpc::ByteBuffer*) override {
    absl::MutexLock lock(&mutex_);
    Check(!status_, "a question after the end");
    Check(!writing_, "a question while something is written");
    confirming_ = true;
  }
  void WriteAndFinish(const grpc::ByteBuffer* message, const grpc::Status& status) override {
    {
      absl::MutexLock lock(&mutex_);
      written_.push_back(*message);
    }
    Finish(status);
  }
  void Finish(const grpc::Status& status) override {
    absl::MutexLock lock(&mutex_);
    Check(!status_, "finished twice");
    status_ = status;
  }

  bool reads() const {
    absl::MutexLock lock(&mutex_);
    return reading_ != nullptr;
  }
  // False if nobody waits for a message.
  bool Say(ServerReactor* reactor, const grpc::ByteBuffer& message) {
    if (!TakeRead(&message)) return false;
    reactor->OnReadDone(true);
    return true;
  }
  // False if nothing is being written.
  bool Answer(ServerReactor* reactor, bool ok) {
    if (!Take(&writing_)) return false;
    reactor->OnWriteDone(ok);
    return true;
  }
  // Half-close, or a broken stream: a reactor cannot tell.
  void EndOfMessages(ServerReactor* reactor) {
    if (TakeRead(nullptr)) reactor->OnReadDone(false);
  }
  void Confirm(ServerReactor* reactor, bool ok) {
    if (Take(&confirming_)) reactor->OnEndConfirmed(ok);
  }

  std::optional<grpc::Status> status() const {
    absl::MutexLock lock(&mutex_);
    return status_;
  }
  std::vector<grpc::ByteBuffer> written() const {
    absl::MutexLock lock(&mutex_);
    return written_;
  }
  std::string misuse() const {
    absl::MutexLock lock(&mutex_);
    return misuse_;
  }

 private:
  void Check(bool holds, const char* misuse) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!holds && misuse_.empty()) misuse_ = misuse;
  }
  bool Take(bool* flag) {
    absl::MutexLock lock(&mutex_);
    return std::exchange(*flag, false);
  }
  bool TakeRead(const grpc::ByteBuffer* message) {
    absl::MutexLock lock(&mutex_);
    if (reading_ == nullptr) return false;
    grpc::ByteBuffer* const into = std::exchange(reading_, nullptr);
    if (message != nullptr) *into = *message;
    return true;
  }

  mutable absl::Mutex mutex_;
  grpc::ByteBuffer* reading_ ABSL_GUARDED_BY(mutex_) = nullptr;
  bool writing_ = false;
  bool confirming_ = false;
  std::vector<grpc::ByteBuffer> written_ ABSL_GUARDED_BY(mutex_);
  std::optional<grpc::Status> status_ ABSL_GUARDED_BY(mutex_);
  std::string misuse_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace spillway
