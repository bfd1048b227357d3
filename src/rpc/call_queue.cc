#include "rpc/call_queue.h"

#include <algorithm>

#include "rpc/event_thread.h"

namespace spillway {
namespace {

constexpr unsigned kOwnQueuesMax = 4;

thread_local CallQueue* current = nullptr;

// The queues that calls begun on other threads go to, in turn.
class Shared {
 public:
  static Shared& Get() {
    static auto* const shared = new Shared();  // outlives every thread
    return *shared;
  }

  void Add(CallQueue* queue) {
    absl::MutexLock lock(&mutex_);
    queues_.push_back(queue);
  }
  void Remove(CallQueue* queue) {
    absl::MutexLock lock(&mutex_);
    queues_.erase(std::remove(queues_.begin(), queues_.end(), queue), queues_.end());
  }
  template <typename Take>
  CallQueue* Next(const Take& take) {
    absl::MutexLock lock(&mutex_);
    if (queues_.empty() && own_.empty()) StartOwn();
    auto& from = queues_.empty() ? own_ : queues_;
    CallQueue* const queue = from[next_++ % from.size()];
    take(queue);
    return queue;
  }

 private:
  void StartOwn() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const unsigned count = std::clamp(std::thread::hardware_concurrency() / 2, 1u, kOwnQueuesMax);
    while (own_.size() < count)
      own_.push_back(
          CallQueue::Start(std::make_unique<grpc::CompletionQueue>(), "rpc-client", false));
  }

  absl::Mutex mutex_;
  std::vector<CallQueue*> queues_ ABSL_GUARDED_BY(mutex_);
  std::vector<CallQueue*> own_ ABSL_GUARDED_BY(mutex_);  // never released
  size_t next_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace

CallQueue* CallQueue::Start(std::unique_ptr<grpc::CompletionQueue> completions, const char* name,
                            bool shared) {
  auto* const queue = new CallQueue(std::move(completions));
  queue->thread_ = std::thread([queue, name] {
    BecomeEventThread(name);
    queue->Serve();
  });
  if (shared) Shared::Get().Add(queue);
  return queue;
}

void CallQueue::Release() {
  Shared::Get().Remove(this);
  std::thread thread = std::move(thread_);
  if (--holders_ > 0) return thread.detach();
  queue_->Shutdown();
  thread.join();
  delete this;
}

CallQueue* CallQueue::Hold() {
  const auto take = [](CallQueue* queue) { ++queue->holders_; };
  if (current == nullptr) return Shared::Get().Next(take);
  take(current);
  return current;
}

void CallQueue::LetGo() {
  if (--holders_ > 0) return;
  orphan_ = true;
  queue_->Shutdown();
}

void CallQueue::Serve() {
  current = this;
  void* tag = nullptr;
  bool ok = false;
  while (queue_->Next(&tag, &ok)) static_cast<CallEvent*>(tag)->OnEvent(ok);
  if (orphan_) delete this;
}

void CallQueue::Run(absl::AnyInvocable<void()> operation) {
  if (current == this) {
    if (has_mail_) RunMail();  // what came before goes before
    return operation();
  }
  absl::MutexLock lock(&mutex_);
  mail_.push_back(std::move(operation));
  has_mail_ = true;
  if (std::exchange(waking_, true)) return;
  alarm_.Set(queue_.get(), gpr_inf_past(GPR_CLOCK_MONOTONIC), TagOf(&mail_event_));
}

void CallQueue::OnWoken() {
  {
    absl::MutexLock lock(&mutex_);
    waking_ = false;
  }
  RunMail();
}

void CallQueue::RunMail() {
  std::vector<absl::AnyInvocable<void()>> mail;
  {
    absl::MutexLock lock(&mutex_);
    mail.swap(mail_);
    has_mail_ = false;
  }
  for (auto& operation : mail) operation();
}

}  // namespace spillway
