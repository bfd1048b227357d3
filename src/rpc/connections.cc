#include "rpc/connections.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "rpc/frame_meter.h"
#include "rpc/listener.h"

namespace spillway {
namespace {

// A look at one costs a third of a microsecond: no more than a hundredth of the time goes into it.
constexpr int64_t kLooksPerMs = 32;

// Whoever owns the descriptor may close it at any time, and another file may get its number: what
// is shut down is therefore held by a second descriptor, and looked at first.
void ShutDownSocket(int fd, uint64_t inode) {
  if (SocketInode(fd) != inode) return;
  const int held = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (held < 0) return;
  if (SocketInode(held) == inode) ::shutdown(held, SHUT_RDWR);
  ::close(held);
}

// Clients take calls back when a reader stops in the middle (it has got something then), or when
// they give up waiting.
constexpr int kBlamesMax = 1000;
constexpr int64_t kBlamesMs = 1000;
constexpr int64_t kStrangersMs = 1000;

}  // namespace

PeerAddress PeerOf(const sockaddr_storage& address) {
  PeerAddress peer;
  if (address.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof(v4));
    peer.ip[10] = peer.ip[11] = 0xff;
    std::memcpy(&peer.ip[12], &v4.sin_addr, 4);
    peer.port = ntohs(v4.sin_port);
  } else if (address.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof(v6));
    std::memcpy(peer.ip.data(), &v6.sin6_addr, 16);
    peer.port = ntohs(v6.sin6_port);
  }
  return peer;
}

std::optional<PeerAddress> ParsePeer(const std::string& text) {
  const std::string plain =
      absl::StrReplaceAll(text, {{"%5B", "["}, {"%5D", "]"}, {"%5b", "["}, {"%5d", "]"}});
  absl::string_view rest = plain;
  const bool v4 = absl::ConsumePrefix(&rest, "ipv4:");
  if (!v4 && !absl::ConsumePrefix(&rest, "ipv6:")) return std::nullopt;
  const size_t colon = rest.rfind(':');
  if (colon == absl::string_view::npos) return std::nullopt;
  int port = 0;
  if (!absl::SimpleAtoi(rest.substr(colon + 1), &port) || port < 0 || port > 65535)
    return std::nullopt;
  std::string host(rest.substr(0, colon));
  host = std::string(absl::StripSuffix(absl::StripPrefix(host, "["), "]"));
  host.resize(std::min(host.size(), host.find('%')));  // the interface
  PeerAddress peer;
  peer.port = static_cast<uint16_t>(port);
  if (v4) peer.ip[10] = peer.ip[11] = 0xff;
  if (::inet_pton(v4 ? AF_INET : AF_INET6, host.c_str(), &peer.ip[v4 ? 12 : 0]) != 1)
    return std::nullopt;
  return peer;
}

bool Connections::Add(int fd, const PeerAddress& peer, int64_t now_ms, std::vector<int>* gone) {
  absl::MutexLock lock(&mutex_);
  // Its number is free only because what had it is closed.
  if (const auto it = entries_.find(fd); it != entries_.end()) Forget(it);
  if (entries_.size() >= static_cast<size_t>(limits_.all)) ForgetClosed(now_ms);
  if (const auto it = peers_.find(peer.ip);
      it != peers_.end() && it->second.count >= limits_.per_peer) {
    ForgetClosed(now_ms);
    const auto again = peers_.find(peer.ip);
    if (again != peers_.end() && again->second.count >= limits_.per_peer &&
        !MakeRoom(&again->second.waiting, gone))
      return false;
  }
  if (entries_.size() >= static_cast<size_t>(limits_.all) && !MakeRoom(&waiting_, gone))
    return false;
  const uint64_t number = next_++;
  entries_[fd] = Entry{SocketInode(fd), peer, now_ms, number, Standing::kSilent};
  by_peer_[peer] = fd;
  Peer& of_peer = peers_[peer.ip];
  ++of_peer.count;
  of_peer.waiting[number] = fd;
  waiting_[number] = fd;
  return true;
}

bool Connections::MakeRoom(std::map<uint64_t, int>* waiting, std::vector<int>* gone) {
  if (waiting->empty()) return false;
  End(entries_.find(waiting->begin()->second), gone);
  return true;
}

void Connections::End(Entries::iterator it, std::vector<int>* gone) {
  if (it->second.standing == Standing::kSilent) {
    gone->push_back(it->first);
  } else {
    ShutDownSocket(it->first, it->second.inode);
  }
  Forget(it);
}

void Connections::Forget(Entries::iterator it) {
  const Entry& entry = it->second;
  if (entry.standing == Standing::kStranger) MeterNoMore(it->first);
  waiting_.erase(entry.number);
  if (const auto at = by_peer_.find(entry.peer); at != by_peer_.end() && at->second == it->first)
    by_peer_.erase(at);
  const auto peer = peers_.find(entry.peer.ip);
  peer->second.waiting.erase(entry.number);
  if (--peer->second.count == 0) peers_.erase(peer);
  entries_.erase(it);
}

void Connections::ForgetClosed(int64_t now_ms) {
  if (now_ms - looked_ms_ < static_cast<int64_t>(entries_.size()) / kLooksPerMs) return;
  looked_ms_ = now_ms;
  std::vector<int> closed;
  for (const auto& [fd, entry] : entries_) {
    if (entry.standing != Standing::kSilent && SocketInode(fd) != entry.inode) closed.push_back(fd);
  }
  for (const int fd : closed) Forget(entries_.find(fd));
}

void Connections::CountStranger(const PeerAddress& peer, int64_t now_ms) {
  if (now_ms - strangers_since_ms_ >= kStrangersMs) {
    strangers_since_ms_ = now_ms;
    strangers_.clear();
  }
  if (++strangers_[peer.ip] > limits_.strangers_per_second) Punish(peer, now_ms);
}

void Connections::HandOver(int fd, int64_t now_ms) {
  absl::MutexLock lock(&mutex_);
  const auto it = entries_.find(fd);
  if (it == entries_.end()) return;
  it->second.standing = Standing::kStranger;
  if (limits_.stranger_ms > 0) return CountStranger(it->second.peer, now_ms);
  it->second.standing = Standing::kKnown;
  MeterAsKnown(fd);
  waiting_.erase(it->second.number);
  peers_[it->second.peer.ip].waiting.erase(it->second.number);
}

void Connections::Remove(int fd) {
  absl::MutexLock lock(&mutex_);
  if (const auto it = entries_.find(fd); it != entries_.end()) Forget(it);
}

void Connections::Know(const PeerAddress& peer) {
  absl::MutexLock lock(&mutex_);
  const auto at = by_peer_.find(peer);
  if (at == by_peer_.end()) return;
  Entry& entry = entries_[at->second];
  if (const auto it = strangers_.find(peer.ip);
      it != strangers_.end() && entry.standing == Standing::kStranger && it->second > 0)
    --it->second;
  entry.standing = Standing::kKnown;
  MeterAsKnown(at->second);
  waiting_.erase(entry.number);
  peers_[peer.ip].waiting.erase(entry.number);
}

bool Connections::ShutDown(const PeerAddress& peer) {
  absl::MutexLock lock(&mutex_);
  const auto at = by_peer_.find(peer);
  if (at == by_peer_.end()) return false;
  const Entry& entry = entries_[at->second];
  if (entry.standing == Standing::kSilent) return false;
  ShutDownSocket(at->second, entry.inode);
  return true;
}

void Connections::Blame(const PeerAddress& peer, int64_t now_ms) {
  absl::MutexLock lock(&mutex_);
  const auto at = by_peer_.find(peer);
  if (at == by_peer_.end()) return;
  const auto it = entries_.find(at->second);
  Entry& entry = it->second;
  if (now_ms - entry.blamed_ms >= kBlamesMs) {
    entry.blamed_ms = now_ms;
    entry.blames = 0;
  }
  if (++entry.blames < kBlamesMax || entry.standing == Standing::kSilent) return;
  ShutDownSocket(it->first, entry.inode);
  Punish(peer, now_ms);
  Forget(it);
  ++blamed_;
}

int Connections::TakeBlamed() {
  absl::MutexLock lock(&mutex_);
  return std::exchange(blamed_, 0);
}

void Connections::Expire(int64_t now_ms, std::vector<int>* gone) {
  absl::MutexLock lock(&mutex_);
  ForgetClosed(now_ms);
  std::vector<int> late;
  for (const auto& [number, fd] : waiting_) {
    const Entry& entry = entries_[fd];
    const int64_t age_ms = now_ms - entry.since_ms;
    if (age_ms < std::min(limits_.silence_ms,
                          limits_.stranger_ms > 0 ? limits_.stranger_ms : limits_.silence_ms))
      break;  // the rest is younger
    const bool silent = entry.standing == Standing::kSilent;
    if (age_ms >= (silent ? limits_.silence_ms : limits_.stranger_ms)) late.push_back(fd);
  }
  for (const int fd : late) End(entries_.find(fd), gone);
}

void Connections::RemoveSilent(std::vector<int>* gone) {
  absl::MutexLock lock(&mutex_);
  for (const auto& [fd, entry] : entries_) {
    if (entry.standing == Standing::kSilent) gone->push_back(fd);
  }
  for (const int fd : *gone) Forget(entries_.find(fd));
}

int Connections::count() {
  absl::MutexLock lock(&mutex_);
  return static_cast<int>(entries_.size());
}

}  // namespace spillway
