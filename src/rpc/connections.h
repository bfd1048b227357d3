// The connections that one port has taken, and which of them goes when there are too many. gRPC
// owns a connection's descriptor once it was handed over and tells nobody when it closes it; an
// entry is therefore known by descriptor and inode, and compared with what stands at the descriptor
// now.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"

namespace spillway {

// IPv4 addresses in their IPv6 form.
using IpAddress = std::array<uint8_t, 16>;
struct PeerAddress {
  IpAddress ip{};
  uint16_t port = 0;
  friend bool operator==(const PeerAddress&, const PeerAddress&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const PeerAddress& peer) {
    return H::combine(std::move(h), peer.ip, peer.port);
  }
};
PeerAddress PeerOf(const sockaddr_storage& address);
// Of gRPC's "ipv4:1.2.3.4:5" or "ipv6:%5B::1%5D:5"; nothing of anything else.
std::optional<PeerAddress> ParsePeer(const std::string& text);

struct ConnectionLimits {
  int all = 1024;
  int per_peer = 512;         // by address
  int64_t silence_ms = 5000;  // before a connection's first bytes
  // Before anybody has logged in on a connection; 0: for ever.
  int64_t stranger_ms = 30'000;
  // Connections of one address on which nobody has logged in, begun within a second: who brings
  // more waits for its penalty.
  int strangers_per_second = 200;
};

// Thread-safe. Times are of one monotonic clock.
class Connections {
 public:
  explicit Connections(ConnectionLimits limits) : limits_(limits) {}
  const ConnectionLimits& limits() const { return limits_; }

  // kSilent: has sent nothing yet, the acceptor owns it. kStranger: handed over, nobody has logged
  // in. kKnown: is not closed to make room.
  enum class Standing { kSilent, kStranger, kKnown };

  // Takes a new connection in. False if there is no room: all are known, or as many of that peer's.
  // What had to go for it and was silent is added to *gone, for the caller to close; what had been
  // handed over is shut down.
  bool Add(int fd, const PeerAddress& peer, int64_t now_ms, std::vector<int>* gone);
  // The owner changes; on a port without logins a connection is known then.
  void HandOver(int fd, int64_t now_ms);
  // The caller closes fd itself.
  void Remove(int fd);
  // Somebody has logged in.
  void Know(const PeerAddress& peer);
  // Ends all connections from that address and port. False if there is none.
  bool ShutDown(const PeerAddress& peer);
  // Something that costs more here than there has come from that peer. Too much of it ends the
  // connection.
  void Blame(const PeerAddress& peer, int64_t now_ms);
  // Connections that ended so since the last question.
  int TakeBlamed();
  // Shuts down strangers whose time is over; silent ones are added to *gone and forgotten. Forgets
  // what its owner has closed.
  void Expire(int64_t now_ms, std::vector<int>* gone);

  // All that were not handed over, for the caller to close.
  void RemoveSilent(std::vector<int>* gone);

  int count();

 private:
  struct Entry {
    uint64_t inode = 0;
    PeerAddress peer;
    int64_t since_ms = 0;
    uint64_t number = 0;
    Standing standing = Standing::kSilent;
    int blames = 0;
    int64_t blamed_ms = 0;  // since when they are counted
  };
  struct Peer {
    int count = 0;
    std::map<uint64_t, int> waiting;  // not known: number to fd
  };
  using Entries = absl::flat_hash_map<int, Entry>;

  void CountStranger(const PeerAddress& peer, int64_t now_ms) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Forget(Entries::iterator it) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The oldest of those waiting gives way; false if none waits.
  bool MakeRoom(std::map<uint64_t, int>* waiting, std::vector<int>* gone)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void End(Entries::iterator it, std::vector<int>* gone) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ForgetClosed(int64_t now_ms) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const ConnectionLimits limits_;
  absl::Mutex mutex_;
  Entries entries_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<PeerAddress, int> by_peer_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<IpAddress, Peer> peers_ ABSL_GUARDED_BY(mutex_);
  std::map<uint64_t, int> waiting_ ABSL_GUARDED_BY(mutex_);  // as Peer's, of all
  // Begun in this second, less those who have logged in since.
  absl::flat_hash_map<IpAddress, int> strangers_ ABSL_GUARDED_BY(mutex_);
  int64_t strangers_since_ms_ ABSL_GUARDED_BY(mutex_) = INT64_MIN / 2;
  int blamed_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t next_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t looked_ms_ ABSL_GUARDED_BY(mutex_) = INT64_MIN / 2;
};

}  // namespace spillway
