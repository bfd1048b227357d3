#include "rpc/acceptor.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/clock.h"
#include "common/format.h"
#include "common/log.h"
#include "rpc/frame_meter.h"

namespace spillway {
namespace {

constexpr uint32_t kBegins = EPOLLIN | EPOLLRDHUP;
constexpr int kEventsAtOnce = 128;
constexpr int kAcceptsAtOnce = 64;
constexpr int64_t kTickMs = 1000;
constexpr int64_t kBackOffMs = 50;
constexpr int64_t kLogIntervalMs = 10'000;
constexpr const char* kReasons[] = {"too_many", "no_descriptor",    "preface",
                                    "silent",   "calls_taken_back", "frames"};

Descriptor OpenReserve() { return Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

// The peer hears of it at once, and nothing of the connection stays.
void Reset(int fd) {
  const linger at_once{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  ::close(fd);
}

void SetLowWater(int fd, int bytes) {
  ::setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof(bytes));
}

bool IsTransient(int error) {
  switch (error) {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
    case EPERM:
      return true;
    default:
      return false;
  }
}

}  // namespace

StatusOr<std::unique_ptr<Acceptor>> Acceptor::Listen(const std::string& host, int port,
                                                     AcceptorOptions options) {
  SPILLWAY_ASSIGN_OR_RETURN(Listening listening, ListenOn(host, port, options.wildcard));
  std::unique_ptr<Acceptor> acceptor(new Acceptor(std::move(options), std::move(listening)));
  if (acceptor->epoll_.get() < 0 || acceptor->wake_.get() < 0 || acceptor->reserve_.get() < 0)
    return Unavailable("Cannot listen on {}:{}: no descriptor is left.", host, port);
  return acceptor;
}

Acceptor::Acceptor(AcceptorOptions options, Listening listening)
    : options_(std::move(options)),
      listening_(std::move(listening)),
      connections_(options_.limits),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      reserve_(OpenReserve()) {
  if (options_.metrics == nullptr) return;
  for (int i = 0; i < static_cast<int>(Why::kCount); ++i) {
    refused_[i] = &options_.metrics->Counter("spillway_connections_refused_total",
                                             "Connections that were closed to keep others served.",
                                             {{"port", options_.name}, {"reason", kReasons[i]}});
  }
  open_ = &options_.metrics->Gauge("spillway_connections", "Open connections.",
                                   {{"port", options_.name}});
}

void Acceptor::Start(std::function<void(int fd)> take) {
  take_ = std::move(take);
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), options_.name.c_str());
    Serve();
  });
}

void Acceptor::Stop() {
  if (thread_.joinable()) {
    const uint64_t one = 1;
    while (::write(wake_.get(), &one, sizeof(one)) < 0 && errno == EINTR) {
    }
    thread_.join();
  }
  listening_.sockets.clear();
}

void Acceptor::Serve() {
  SystemClock clock;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = wake_.get();
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event);
  Listens(true);
  ticked_ms_ = clock.MonotonicMs();
  epoll_event events[kEventsAtOnce];
  for (bool stopped = false; !stopped;) {
    const int timeout_ms = backs_off_until_ms_ > 0 || !punished_.empty()
                               ? static_cast<int>(kBackOffMs)
                           : connections_.count() == 0 ? -1
                                                       : static_cast<int>(kTickMs);
    const int n = ::epoll_wait(epoll_.get(), events, kEventsAtOnce, timeout_ms);
    for (int i = 0; i < n; ++i) {
      const int fd = events[i].data.fd;
      const bool listener =
          std::any_of(listening_.sockets.begin(), listening_.sockets.end(),
                      [fd](const Descriptor& socket) { return socket.get() == fd; });
      if (fd == wake_.get()) {
        stopped = true;
      } else if (!listener) {
        OnReadable(fd);
      }
    }
    // After what came on connections: what is closed to make room has no event left then.
    for (const Descriptor& socket : listening_.sockets) {
      const bool ready = std::any_of(events, events + std::max(n, 0), [&](const epoll_event& e) {
        return e.data.fd == socket.get();
      });
      if (ready) AcceptFrom(socket.get());
    }
    LetGo(clock.MonotonicMs());
    Tick(clock.MonotonicMs());
  }
  std::vector<int> silent;
  connections_.RemoveSilent(&silent);
  for (const int fd : silent) ::close(fd);
}

void Acceptor::Listens(bool on) {
  for (const Descriptor& socket : listening_.sockets) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = socket.get();
    ::epoll_ctl(epoll_.get(), on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, socket.get(), &event);
  }
}

void Acceptor::AcceptFrom(int listener) {
  SystemClock clock;
  for (int i = 0; i < kAcceptsAtOnce; ++i) {
    sockaddr_storage address{};
    socklen_t size = sizeof(address);
    const int fd = ::accept4(listener, reinterpret_cast<sockaddr*>(&address), &size,
                             SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      Take(fd, address, clock.MonotonicMs());
      continue;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) return;
    if (IsTransient(errno)) continue;
    if ((errno == EMFILE || errno == ENFILE) && RefuseOne(listener)) continue;
    // Nothing helps now: what comes meanwhile waits in the kernel.
    if (backs_off_until_ms_ == 0) Listens(false);
    backs_off_until_ms_ = clock.MonotonicMs() + kBackOffMs;
    return;
  }
}

bool Acceptor::RefuseOne(int listener) {
  if (reserve_.get() < 0) reserve_ = OpenReserve();
  if (reserve_.get() < 0) return false;
  reserve_.Reset(-1);
  const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  if (fd >= 0) Close(fd, Why::kNoDescriptor);
  reserve_ = OpenReserve();
  return fd >= 0;
}

void Acceptor::Take(int fd, const sockaddr_storage& address, int64_t now_ms) {
  std::vector<int> gone;
  const bool taken = connections_.Add(fd, PeerOf(address), now_ms, &gone);
  for (const int old : gone) Close(old, Why::kTooMany);
  if (!taken) return Close(fd, Why::kTooMany);
  if (!options_.preface.empty()) SetLowWater(fd, static_cast<int>(options_.preface.size()));
  epoll_event event{};
  const int64_t until_ms = options_.preface.empty() ? 0 : PunishedUntilMs(PeerOf(address));
  event.events = until_ms > now_ms ? 0 : kBegins;
  event.data.fd = fd;
  if (until_ms > now_ms) punished_.emplace_back(now_ms + kPenaltyMs, fd);
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0) return;
  connections_.Remove(fd);
  Close(fd, Why::kNoDescriptor);
}

// A descriptor may be another connection's by now: that one is listened to a little early then.
void Acceptor::LetGo(int64_t now_ms) {
  while (!punished_.empty() && punished_.front().first <= now_ms) {
    epoll_event event{};
    event.events = kBegins;
    event.data.fd = punished_.front().second;
    if (event.data.fd != wake_.get())
      ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, event.data.fd, &event);
    punished_.pop_front();
  }
}

void Acceptor::OnReadable(int fd) {
  std::string begin(std::max<size_t>(options_.preface.size(), 1), '\0');
  const ssize_t n = ::recv(fd, begin.data(), begin.size(), MSG_PEEK | MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  const bool good = n == static_cast<ssize_t>(begin.size()) &&
                    (options_.preface.empty() || begin == options_.preface);
  if (!good) {
    connections_.Remove(fd);
    // Who only looks whether the port is open is no news.
    if (n <= 0) {
      ::close(fd);
    } else {
      Close(fd, Why::kPreface);
    }
    return;
  }
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  if (!options_.preface.empty()) {
    SetLowWater(fd, 1);
    MeterFrames(fd);  // before anybody is known there
  }
  connections_.HandOver(fd, SystemClock().MonotonicMs());
  take_(fd);
}

void Acceptor::Close(int fd, Why why) {
  Reset(fd);
  Count(why, 1);
}

void Acceptor::Count(Why why, int n) {
  unlogged_[static_cast<int>(why)] += static_cast<uint64_t>(n);
  if (refused_[static_cast<int>(why)] != nullptr) refused_[static_cast<int>(why)]->Increment(n);
}

void Acceptor::Tick(int64_t now_ms) {
  if (backs_off_until_ms_ > 0 && now_ms >= backs_off_until_ms_) {
    backs_off_until_ms_ = 0;
    Listens(true);
  }
  if (now_ms - ticked_ms_ < kTickMs) return;
  ticked_ms_ = now_ms;
  std::vector<int> gone;
  connections_.Expire(now_ms, &gone);
  for (const int fd : gone) Close(fd, Why::kSilent);
  Count(Why::kCalls, connections_.TakeBlamed());
  Count(Why::kFrames, TakeEndedByMeter());
  const int open = connections_.count();
  if (open_ != nullptr) open_->Set(open);
  if (now_ms - logged_ms_ < kLogIntervalMs) return;
  std::string text;
  for (int i = 0; i < static_cast<int>(Why::kCount); ++i) {
    if (unlogged_[i] > 0) text += fmt::format(" {}={}", kReasons[i], unlogged_[i]);
    unlogged_[i] = 0;
  }
  if (text.empty()) return;
  logged_ms_ = now_ms;
  spdlog::warn("{}: connections closed:{}; {} are open", options_.name, text, open);
}

}  // namespace spillway
