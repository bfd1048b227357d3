// Takes the connections of a port, within limits, and hands them over when their peer has begun to
// speak. It goes on whatever happens: gRPC's own listener stops for good at the first accept that
// fails, as when the process has no descriptor left.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "common/metrics.h"
#include "common/status.h"
#include "rpc/connections.h"
#include "rpc/listener.h"

namespace spillway {

struct AcceptorOptions {
  std::string name;  // of the thread (at most 15 letters) and in metrics and logs
  ConnectionLimits limits;
  // What every connection must begin with; anything else is closed, and frames are metered. Empty:
  // any byte, and no frames.
  std::string preface;
  Wildcard wildcard = Wildcard::kBothFamilies;
  Metrics* metrics = nullptr;  // may be null
};

class Acceptor {
 public:
  // As ListenOn. Connections wait in the kernel until Start.
  static StatusOr<std::unique_ptr<Acceptor>> Listen(const std::string& host, int port,
                                                    AcceptorOptions options);
  ~Acceptor() { Stop(); }
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  // Begins a thread, which calls take with each connection's descriptor, non-blocking; take owns
  // it.
  void Start(std::function<void(int fd)> take);
  // Closes the port and what was not handed over. Idempotent.
  void Stop();

  int port() const { return listening_.port; }
  Connections* connections() { return &connections_; }

 private:
  enum class Why { kTooMany, kNoDescriptor, kPreface, kSilent, kCalls, kFrames, kCount };

  Acceptor(AcceptorOptions options, Listening listening);
  void Serve();
  void AcceptFrom(int listener);
  // Closes the next connection by means of the descriptor in reserve. False if even that fails.
  bool RefuseOne(int listener);
  void Take(int fd, const sockaddr_storage& address, int64_t now_ms);
  void OnReadable(int fd);
  void Close(int fd, Why why);
  void Count(Why why, int n);
  void Listens(bool on);
  void LetGo(int64_t now_ms);
  void Tick(int64_t now_ms);

  const AcceptorOptions options_;
  Listening listening_;
  Connections connections_;
  std::function<void(int)> take_;
  std::thread thread_;

  // Of the thread.
  Descriptor epoll_;
  Descriptor wake_;
  Descriptor reserve_;
  int64_t backs_off_until_ms_ = 0;
  std::deque<std::pair<int64_t, int>> punished_;  // until when, which
  int64_t ticked_ms_ = 0;
  int64_t logged_ms_ = INT64_MIN / 2;
  uint64_t unlogged_[static_cast<int>(Why::kCount)] = {};
  prometheus::Counter* refused_[static_cast<int>(Why::kCount)] = {};
  prometheus::Gauge* open_ = nullptr;
};

}  // namespace spillway
