// Completion queues with one thread each, on which all that happens to their calls is carried out.
#pragma once

#include <grpcpp/alarm.h>
#include <grpcpp/completion_queue.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"

namespace spillway {

// What a completion queue hands back.
class CallEvent {
 public:
  virtual ~CallEvent() = default;
  virtual void OnEvent(bool ok) = 0;
};
inline void* TagOf(CallEvent* event) { return event; }

// Thread-safe. Lives until its owner and every call on it have let it go.
class CallQueue {
 public:
  // Begins a thread of that name (at most 15 letters) that is an event thread. The caller owns what
  // it gets until Release. Calls that clients begin elsewhere in the process may go to it meanwhile
  // if it is shared.
  static CallQueue* Start(std::unique_ptr<grpc::CompletionQueue> queue, const char* name,
                          bool shared);
  // Waits for the thread's end unless clients have calls on it; those end where they are.
  void Release();

  // The queue for a client's call, held: this thread's own, else a shared one, else one of a few
  // that last as long as the process.
  static CallQueue* Hold();
  void LetGo();

  grpc::CompletionQueue* completions() { return queue_.get(); }
  // Carries operation out on the queue's thread, at once if that is this one, in the order of the
  // calls. An operation starts something in gRPC and does nothing else. Two threads that start
  // something on one connection at a time cost each other a switch to a third.
  void Run(absl::AnyInvocable<void()> operation);

 private:
  class Mail : public CallEvent {
   public:
    explicit Mail(CallQueue* queue) : queue_(queue) {}
    void OnEvent(bool) override { queue_->OnWoken(); }

   private:
    CallQueue* const queue_;
  };

  explicit CallQueue(std::unique_ptr<grpc::CompletionQueue> queue) : queue_(std::move(queue)) {}
  ~CallQueue() = default;
  void Serve();
  void OnWoken();
  void RunMail();

  const std::unique_ptr<grpc::CompletionQueue> queue_;
  std::thread thread_;
  // The owner and the calls.
  std::atomic<int> holders_{1};
  std::atomic<bool> orphan_{false};

  absl::Mutex mutex_;
  std::vector<absl::AnyInvocable<void()>> mail_ ABSL_GUARDED_BY(mutex_);
  std::atomic<bool> has_mail_{false};
  // The alarm is set and its event has not come.
  bool waking_ ABSL_GUARDED_BY(mutex_) = false;
  Mail mail_event_{this};
  grpc::Alarm alarm_;
};

}  // namespace spillway
