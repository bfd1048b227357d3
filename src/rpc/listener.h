// Sockets that listen.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "common/status.h"

namespace spillway {

// Owns a descriptor.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    Reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~Descriptor() { Reset(-1); }

  int get() const { return fd_; }
  int Release() { return std::exchange(fd_, -1); }
  void Reset(int fd);

 private:
  int fd_ = -1;
};

// Of the socket that is open there; 0 if none is. It tells whether a descriptor is still the one
// that was known by its number.
uint64_t SocketInode(int fd);

enum class Wildcard {
  kBothFamilies,  // 0.0.0.0 takes IPv6 too, as gRPC's own listener does
  kAsWritten
};

struct Listening {
  std::vector<Descriptor> sockets;  // non-blocking
  int port = 0;
};

// Listens on every address that host has: a number of either family, with or without brackets, or a
// name. Port 0 means any free one, the same for all. UNAVAILABLE naming the port if it is in use,
// or if no address of host is of this machine. Ports are not shared with other processes.
StatusOr<Listening> ListenOn(const std::string& host, int port, Wildcard wildcard);

}  // namespace spillway
