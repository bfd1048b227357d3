#include "rpc/listener.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "absl/strings/strip.h"

namespace spillway {
namespace {

constexpr int kBacklog = 4096;  // the kernel takes less if it allows less
// What gRPC sets on its own connections: one whose peer takes nothing for so long is closed.
constexpr unsigned kUnansweredMsMax = 20'000;

using AddressList = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

StatusOr<AddressList> Resolve(const std::string& host, int port) {
  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(host.empty() ? nullptr : host.c_str(),
                                  std::to_string(port).c_str(), &hints, &found);
  if (error != 0)
    return Unavailable("Cannot listen on {}:{}: {}", host, port, ::gai_strerror(error));
  return AddressList(found, &::freeaddrinfo);
}

void SetPort(sockaddr* address, int port) {
  if (address->sa_family == AF_INET)
    reinterpret_cast<sockaddr_in*>(address)->sin_port = htons(static_cast<uint16_t>(port));
  if (address->sa_family == AF_INET6)
    reinterpret_cast<sockaddr_in6*>(address)->sin6_port = htons(static_cast<uint16_t>(port));
}

int PortOf(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.ss_family == AF_INET ? reinterpret_cast<sockaddr_in&>(address).sin_port
                                            : reinterpret_cast<sockaddr_in6&>(address).sin6_port);
}

// Its connections inherit what is set here. An error is left in errno.
Descriptor Bind(const addrinfo& at, bool both_families) {
  Descriptor fd(::socket(at.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd.get() < 0) return fd;
  const int on = 1;
  const int six_only = both_families ? 0 : 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, &kUnansweredMsMax,
               sizeof(kUnansweredMsMax));
  if (at.ai_family == AF_INET6)
    ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &six_only, sizeof(six_only));
  if (::bind(fd.get(), at.ai_addr, at.ai_addrlen) != 0 || ::listen(fd.get(), kBacklog) != 0) {
    const int error = errno;
    fd.Reset(-1);
    errno = error;
  }
  return fd;
}

}  // namespace

uint64_t SocketInode(int fd) {
  struct stat info {};
  return ::fstat(fd, &info) == 0 && S_ISSOCK(info.st_mode) ? info.st_ino : 0;
}

void Descriptor::Reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

StatusOr<Listening> ListenOn(const std::string& host, int port, Wildcard wildcard) {
  if (port < 0 || port > 65535) return InvalidArgument("{} is no port.", port);
  std::string name(absl::StripSuffix(absl::StripPrefix(host, "["), "]"));
  const bool any = name == "0.0.0.0" || name == "::";
  const bool both = any && wildcard == Wildcard::kBothFamilies;
  Listening listening;
  listening.port = port;
  int error = 0;
  // The second round is for a machine without IPv6.
  for (int round = both ? 0 : 1; round < 2 && listening.sockets.empty(); ++round) {
    SPILLWAY_ASSIGN_OR_RETURN(const AddressList found, Resolve(round == 0 ? "::" : name, port));
    for (addrinfo* at = found.get(); at != nullptr; at = at->ai_next) {
      SetPort(at->ai_addr, listening.port);
      Descriptor fd = Bind(*at, round == 0);
      if (fd.get() < 0) error = errno;
      if (fd.get() < 0 && error != EADDRINUSE) continue;  // not of this machine
      if (fd.get() < 0)
        return Unavailable("Cannot listen on {}:{}: the port is in use.", host, port);
      listening.port = PortOf(fd.get());
      listening.sockets.push_back(std::move(fd));
    }
  }
  if (listening.sockets.empty())
    return Unavailable("Cannot listen on {}:{}: {}", host, port, std::strerror(error));
  return listening;
}

}  // namespace spillway
