// Where work runs. Cores post to an Executor and never start a thread themselves.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace spillway {

using Task = std::function<void()>;

// Thread-safe. Tasks posted before Shutdown run; later ones are dropped.
class Executor {
 public:
  virtual ~Executor() = default;
  virtual void Post(Task task) = 0;
  virtual void PostAfter(int64_t delay_ms, Task task) = 0;
};

// Up to threads_max threads, started when there is work and kept; one more thread for timers.
class ThreadPool : public Executor {
 public:
  ThreadPool(std::string name, int threads_max);
  ~ThreadPool() override;
  void Post(Task task) override;
  void PostAfter(int64_t delay_ms, Task task) override;
  const std::string& name() const;
  // Tasks that wait for a thread.
  size_t queued() const;
  // Waits for tasks that run, drops those that wait. Idempotent.
  void Shutdown();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace spillway
