// Counts what an HTTP/2 peer sends, without looking into it. gRPC 1.51 keeps the headers of a call
// until their end, wherever that is, and answers whatever is asked: it has no bounds of its own for
// frames that cost their sender next to nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "rpc/connections.h"

namespace spillway {

// Of one connection, from its first byte on. Not thread-safe.
class FrameMeter {
 public:
  // The headers of one call, as they are sent.
  static constexpr uint32_t kBlockBytesMax = 64 << 10;
  static constexpr uint32_t kBlockFramesMax = 64;
  // A second. Readers that stop in the middle reset their streams; stock clients measure the round
  // trip by a ping for every piece that they get. Who has not logged in does neither.
  static constexpr uint32_t kResetsMax = 2000;
  static constexpr uint32_t kResetsOfStrangersMax = 50;
  static constexpr uint32_t kSettingsMax = 100;
  static constexpr uint32_t kIdleFramesMax = 20'000;  // pings, and what carries nothing
  static constexpr uint32_t kIdleFramesOfStrangersMax = 1000;
  // In all, before anybody has logged in: the headers of the calls that may be begun.
  static constexpr uint64_t kBytesOfStrangersMax = 1 << 20;

  // How many calls may have been begun on a connection before anybody has logged in on it, if all
  // such connections of the process together have begun so many: a client needs two, and its
  // threads come all at once.
  static constexpr uint32_t CallsOfStrangerMax(int64_t of_all) {
    return of_all < 2048 ? 1000 : of_all < 4096 ? 8 : 2;
  }

  // False if the peer has gone beyond a bound, now or before.
  bool Feed(const uint8_t* data, size_t size, int64_t now_ms, bool known);
  uint32_t calls() const { return calls_; }  // begun

 private:
  static constexpr size_t kHeadBytes = 9;
  void OnFrame(bool known);

  bool good_ = true;
  uint32_t skip_ = 24;  // bytes until the next frame begins: first those that every client sends
  std::array<uint8_t, kHeadBytes> head_{};
  size_t head_size_ = 0;
  uint32_t calls_ = 0;
  uint64_t strange_bytes_ = 0;  // before anybody was known
  uint32_t block_bytes_ = 0;
  uint32_t block_frames_ = 0;
  int64_t second_ms_ = 0;  // when the counts began
  uint32_t resets_ = 0;
  uint32_t settings_ = 0;
  uint32_t idle_ = 0;
};

// What is read from fd, by recvmsg and without flags, goes through a new meter from now on, until
// the descriptor is somebody else's; after a bound reading fails with ECONNRESET. Only where this
// program's recvmsg is the one that gRPC calls: in programs that link its shared library.
// Thread-safe, but for calls with the same fd.
void MeterFrames(int fd);
// Somebody has logged in there.
void MeterAsKnown(int fd);
// The connection is closed, or about to be.
void MeterNoMore(int fd);
// Connections that were ended so since the last question.
int TakeEndedByMeter();

// An address whose connection was ended for what it sent waits for so long before its next one is
// served. Addresses with the same hash wait with it.
constexpr int64_t kPenaltyMs = 1000;
void Punish(const PeerAddress& peer, int64_t now_ms);
// When its penalty ends.
int64_t PunishedUntilMs(const PeerAddress& peer);

}  // namespace spillway
