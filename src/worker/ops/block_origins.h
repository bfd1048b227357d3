// Questions to the master, from which object of an understore a block comes. Each is answered once:
// by the master, or with UNAVAILABLE when the session ends or no answer comes in time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>

#include "absl/synchronization/mutex.h"
#include "common/ids.h"
#include "common/status.h"
#include "worker_session.pb.h"

namespace spillway {

// OK if a worker can act upon the answer: what a stranger would call an origin is INTERNAL, what
// the master could not name has the master's code.
Status CheckOrigin(const session::BlockOrigin& origin);

// Whether both name the same version of the same object.
bool IsSameObject(const session::BlockOrigin& a, const session::BlockOrigin& b);

// Thread-safe. Answers run without any lock, on whatever thread brings them.
class BlockOrigins {
 public:
  static constexpr int64_t kWaitMs = 5000;

  // OK with the master's answer, whatever its code.
  using Answer = std::function<void(StatusOr<session::BlockOrigin>)>;

  // The question, to be sent in the session that goes on.
  session::GetBlockOrigin Ask(BlockId block, int64_t now_ms, Answer answer);
  void OnAnswer(const session::BlockOrigin& origin);
  // Answers all that wait, or those that have waited for kWaitMs.
  void FailAll(const Status& why);
  void Expire(int64_t now_ms);

 private:
  struct Question {
    int64_t asked_at_ms = 0;
    Answer answer;
  };
  absl::Mutex mutex_;
  uint64_t next_ ABSL_GUARDED_BY(mutex_) = 1;
  std::map<uint64_t, Question> waiting_ ABSL_GUARDED_BY(mutex_);  // oldest first
};

}  // namespace spillway
