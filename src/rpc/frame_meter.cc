#include "rpc/frame_meter.h"

#include <dlfcn.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <utility>

#include "absl/hash/hash.h"
#include "common/clock.h"
#include "rpc/listener.h"

namespace spillway {
namespace {

enum FrameType : uint8_t {
  kData = 0,
  kHeaders = 1,
  kResetStream = 3,
  kSettings = 4,
  kGoAway = 7,
  kWindowUpdate = 8,
  kContinuation = 9
};
constexpr uint8_t kEndStream = 1;
constexpr uint8_t kAck = 1;
constexpr uint8_t kEndHeaders = 4;

constexpr int kDescriptorsMax = 1 << 20;
constexpr int64_t kSecondMs = 1000;

struct Metered {
  FrameMeter meter;
  bool ended = false;
  uint64_t inode = 0;  // 0: not metered
  PeerAddress peer;
  std::atomic<bool> known{false};
  std::atomic<int64_t> strange_calls{0};  // its part of all
};

// By descriptor. One that has been used stays.
std::atomic<Metered*> metered[kDescriptorsMax];
std::atomic<int> ended{0};
std::atomic<int64_t> strange_calls{0};         // begun where nobody has logged in
std::atomic<int64_t> punished_until_ms[4096];  // by the address's hash

std::atomic<int64_t>& PenaltyOf(const PeerAddress& peer) {
  return punished_until_ms[absl::Hash<IpAddress>()(peer.ip) % std::size(punished_until_ms)];
}

void ForgetCalls(Metered* entry) { strange_calls -= entry->strange_calls.exchange(0); }

bool TakesCalls(Metered* entry, uint32_t begun) {
  entry->strange_calls += begun;
  strange_calls += begun;
  if (entry->known) {
    ForgetCalls(entry);
    return true;
  }
  return begun == 0 || entry->meter.calls() <= FrameMeter::CallsOfStrangerMax(strange_calls);
}

// False if the connection is to end.
bool Account(Metered* entry, int fd, const msghdr& message, size_t size) {
  SystemClock clock;
  const int64_t now_ms = clock.MonotonicMs();
  const uint32_t calls = entry->meter.calls();
  bool good = true;
  for (size_t i = 0; i < message.msg_iovlen && size > 0; ++i) {
    const size_t n = std::min(size, message.msg_iov[i].iov_len);
    good = entry->meter.Feed(static_cast<const uint8_t*>(message.msg_iov[i].iov_base), n, now_ms,
                             entry->known.load(std::memory_order_relaxed));
    size -= n;
  }
  if (good && (entry->known || TakesCalls(entry, entry->meter.calls() - calls))) return true;
  if (SocketInode(fd) != entry->inode) {
    // The descriptor has been closed since, and is that of a connection that is none of ours.
    entry->inode = 0;
    ForgetCalls(entry);
    return true;
  }
  if (!entry->ended) Punish(entry->peer, now_ms);
  if (!std::exchange(entry->ended, true)) ++ended;
  return false;
}

}  // namespace

bool FrameMeter::Feed(const uint8_t* data, size_t size, int64_t now_ms, bool known) {
  if (now_ms - second_ms_ >= kSecondMs) {
    second_ms_ = now_ms;
    resets_ = settings_ = idle_ = 0;
  }
  if (!known && (strange_bytes_ += size) > kBytesOfStrangersMax) good_ = false;
  while (size > 0 && good_) {
    if (skip_ > 0) {
      const size_t n = std::min<size_t>(skip_, size);
      skip_ -= static_cast<uint32_t>(n);
      data += n;
      size -= n;
      continue;
    }
    const size_t n = std::min(kHeadBytes - head_size_, size);
    std::memcpy(&head_[head_size_], data, n);
    head_size_ += n;
    data += n;
    size -= n;
    if (head_size_ < kHeadBytes) break;
    head_size_ = 0;
    OnFrame(known);
  }
  return good_;
}

void FrameMeter::OnFrame(bool known) {
  const uint32_t idle_max = known ? kIdleFramesMax : kIdleFramesOfStrangersMax;
  const uint32_t length = static_cast<uint32_t>(head_[0]) << 16 | head_[1] << 8 | head_[2];
  const uint8_t flags = head_[4];
  skip_ = length;
  switch (head_[3]) {
    case kHeaders:
      ++calls_;
      block_bytes_ = block_frames_ = 0;
      [[fallthrough]];
    case kContinuation:
      block_bytes_ += std::min(length, kBlockBytesMax + 1);
      ++block_frames_;
      if (block_bytes_ > kBlockBytesMax || block_frames_ > kBlockFramesMax) good_ = false;
      if ((flags & kEndHeaders) != 0) block_bytes_ = block_frames_ = 0;
      break;
    case kResetStream:
      if (++resets_ > (known ? kResetsMax : kResetsOfStrangersMax)) good_ = false;
      break;
    case kSettings:
      if ((flags & kAck) != 0) {
        if (++idle_ > idle_max) good_ = false;
      } else if (++settings_ > kSettingsMax)
        good_ = false;
      break;
    case kData:
      if (length > 0 || (flags & kEndStream) != 0) break;
      [[fallthrough]];
    default:
      if (++idle_ > idle_max) good_ = false;
      break;
    case kWindowUpdate:
    case kGoAway:
      break;
  }
}

void MeterFrames(int fd) {
  if (fd < 0 || fd >= kDescriptorsMax) return;
  Metered* entry = metered[fd];
  if (entry == nullptr) entry = new Metered();
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  ::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size);
  ForgetCalls(entry);
  entry->meter = FrameMeter();
  entry->ended = entry->known = false;
  entry->peer = PeerOf(address);
  entry->inode = SocketInode(fd);
  metered[fd] = entry;
}

void MeterAsKnown(int fd) {
  if (fd < 0 || fd >= kDescriptorsMax) return;
  if (Metered* const entry = metered[fd]; entry != nullptr) {
    entry->known = true;
    ForgetCalls(entry);
  }
}

void MeterNoMore(int fd) {
  if (fd < 0 || fd >= kDescriptorsMax) return;
  if (Metered* const entry = metered[fd]; entry != nullptr) ForgetCalls(entry);
}

void Punish(const PeerAddress& peer, int64_t now_ms) { PenaltyOf(peer) = now_ms + kPenaltyMs; }

int64_t PunishedUntilMs(const PeerAddress& peer) { return PenaltyOf(peer); }

int TakeEndedByMeter() { return ended.exchange(0); }

}  // namespace spillway

// gRPC's library finds this one in place of the C library's.
extern "C" ssize_t recvmsg(int fd, msghdr* message, int flags) {
  using Function = ssize_t (*)(int, msghdr*, int);
  static const auto real = reinterpret_cast<Function>(::dlsym(RTLD_NEXT, "recvmsg"));
  const ssize_t n = real(fd, message, flags);
  if (n <= 0 || flags != 0 || fd < 0 || fd >= spillway::kDescriptorsMax) return n;
  spillway::Metered* const entry = spillway::metered[fd].load(std::memory_order_acquire);
  if (entry == nullptr || entry->inode == 0 ||
      spillway::Account(entry, fd, *message, static_cast<size_t>(n)))
    return n;
  errno = ECONNRESET;
  return -1;
}
