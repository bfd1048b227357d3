#include "common/executor.h"

#include <pthread.h>

#include <deque>
#include <map>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "common/clock.h"
#include "common/timed_event.h"

namespace spillway {

struct ThreadPool::State {
  explicit State(std::string name_in, int max) : name(std::move(name_in)), threads_max(max) {}

  const std::string name;
  const int threads_max;
  absl::Mutex mutex;
  absl::CondVar work_cv;
  SystemClock clock;
  TimedEvent timers_changed;
  std::deque<Task> queue ABSL_GUARDED_BY(mutex);
  std::multimap<int64_t, Task> timers ABSL_GUARDED_BY(mutex);
  std::vector<std::thread> threads ABSL_GUARDED_BY(mutex);
  bool timer_thread_started ABSL_GUARDED_BY(mutex) = false;
  int idle ABSL_GUARDED_BY(mutex) = 0;
  bool stopping ABSL_GUARDED_BY(mutex) = false;

  void Enqueue(Task task) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    queue.push_back(std::move(task));
    const int workers = static_cast<int>(threads.size()) - (timer_thread_started ? 1 : 0);
    if (idle < static_cast<int>(queue.size()) && workers < threads_max) {
      threads.emplace_back([this] { WorkLoop(); });
    }
    work_cv.Signal();
  }

  void WorkLoop() {
    pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
    absl::MutexLock lock(&mutex);
    while (true) {
      while (queue.empty() && !stopping) {
        ++idle;
        work_cv.Wait(&mutex);
        --idle;
      }
      if (stopping) return;
      Task task = std::move(queue.front());
      queue.pop_front();
      mutex.Unlock();
      task();
      task = nullptr;
      mutex.Lock();
    }
  }

  void TimerLoop() {
    pthread_setname_np(pthread_self(), (name.substr(0, 12) + ".t").c_str());
    absl::MutexLock lock(&mutex);
    while (!stopping) {
      const int64_t wait_ms =
          timers.empty() ? INT64_MAX : timers.begin()->first - clock.MonotonicMs();
      if (wait_ms > 0) {
        const int64_t due_ms = timers.empty() ? INT64_MAX : timers.begin()->first;
        timers_changed.Await(
            &mutex,
            [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
              return stopping || (!timers.empty() && timers.begin()->first < due_ms);
            },
            wait_ms);
        continue;
      }
      Task task = std::move(timers.begin()->second);
      timers.erase(timers.begin());
      Enqueue(std::move(task));
    }
  }
};

ThreadPool::ThreadPool(std::string name, int threads_max)
    : state_(std::make_shared<State>(std::move(name), threads_max)) {}

ThreadPool::~ThreadPool() { Shutdown(); }

void ThreadPool::Post(Task task) {
  absl::MutexLock lock(&state_->mutex);
  if (state_->stopping) return;
  state_->Enqueue(std::move(task));
}

void ThreadPool::PostAfter(int64_t delay_ms, Task task) {
  absl::MutexLock lock(&state_->mutex);
  if (state_->stopping) return;
  if (!state_->timer_thread_started) {
    state_->timer_thread_started = true;
    state_->threads.emplace_back([state = state_.get()] { state->TimerLoop(); });
  }
  state_->timers.emplace(state_->clock.MonotonicMs() + delay_ms, std::move(task));
  state_->timers_changed.Notify();
}

const std::string& ThreadPool::name() const { return state_->name; }

size_t ThreadPool::queued() const {
  absl::MutexLock lock(&state_->mutex);
  return state_->queue.size();
}

void ThreadPool::Shutdown() {
  std::vector<std::thread> threads;
  std::deque<Task> dropped;
  std::multimap<int64_t, Task> dropped_timers;
  {
    absl::MutexLock lock(&state_->mutex);
    state_->stopping = true;
    threads.swap(state_->threads);
    dropped.swap(state_->queue);
    dropped_timers.swap(state_->timers);
    state_->work_cv.SignalAll();
    state_->timers_changed.Notify();
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace spillway
