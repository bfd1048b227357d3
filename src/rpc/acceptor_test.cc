#include "rpc/acceptor.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "absl/synchronization/mutex.h"
#include "common/clock.h"
#include "rpc/frame_meter.h"

namespace spillway {
namespace {

constexpr int kWaitMs = 10'000;
constexpr char kPreface[] = "hello, server";

Descriptor Connect(int port, const std::string& from = "127.0.0.1") {
  Descriptor fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in source{};
  source.sin_family = AF_INET;
  inet_pton(AF_INET, from.c_str(), &source.sin_addr);
  sockaddr_in target = source;
  inet_pton(AF_INET, "127.0.0.1", &target.sin_addr);
  target.sin_port = htons(static_cast<uint16_t>(port));
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&source), sizeof(source)) != 0 ||
      ::connect(fd.get(), reinterpret_cast<sockaddr*>(&target), sizeof(target)) != 0)
    fd.Reset(-1);
  return fd;
}

void Say(const Descriptor& fd, const std::string& text) {
  EXPECT_EQ(::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(text.size()));
}

// Whether the other side ends the connection in time.
bool Ends(const Descriptor& fd) {
  pollfd wait{fd.get(), POLLIN, 0};
  char byte = 0;
  return ::poll(&wait, 1, kWaitMs) == 1 && ::recv(fd.get(), &byte, 1, 0) <= 0;
}

PeerAddress PeerOfClient(const Descriptor& client) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  ::getsockname(client.get(), reinterpret_cast<sockaddr*>(&address), &size);
  return PeerOf(address);
}

// Answers every connection that is handed over with one byte, and keeps it.
class Greeter {
 public:
  explicit Greeter(ConnectionLimits limits, const std::string& preface = kPreface) {
    AcceptorOptions options;
    options.name = "test";
    options.limits = limits;
    options.preface = preface;
    options.metrics = &metrics_;
    acceptor_ = *Acceptor::Listen("127.0.0.1", 0, options);
    acceptor_->Start([this](int fd) {
      absl::MutexLock lock(&mutex_);
      taken_.emplace_back(fd);
      (void)!::write(fd, "!", 1);
    });
  }
  ~Greeter() { acceptor_->Stop(); }

  int port() const { return acceptor_->port(); }
  Acceptor* acceptor() { return acceptor_.get(); }
  Descriptor Greeted(const std::string& from = "127.0.0.1") {
    Descriptor fd = Connect(port(), from);
    Say(fd, kPreface);
    EXPECT_TRUE(IsGreeted(fd));
    return fd;
  }
  static bool IsGreeted(const Descriptor& fd) {
    pollfd wait{fd.get(), POLLIN, 0};
    char byte = 0;
    return ::poll(&wait, 1, kWaitMs) == 1 && ::recv(fd.get(), &byte, 1, 0) == 1 && byte == '!';
  }
  void LogIn(const Descriptor& client) { acceptor_->connections()->Know(PeerOfClient(client)); }
  // Reads from the first connection as gRPC does.
  ssize_t ReadTaken() {
    absl::MutexLock lock(&mutex_);
    pollfd wait{taken_[0].get(), POLLIN, 0};
    ::poll(&wait, 1, kWaitMs);
    char bytes[4096];
    iovec into{bytes, sizeof(bytes)};
    msghdr message{};
    message.msg_iov = &into;
    message.msg_iovlen = 1;
    return ::recvmsg(taken_[0].get(), &message, 0);
  }
  // As gRPC does when a connection has ended.
  void CloseTaken() {
    absl::MutexLock lock(&mutex_);
    taken_.clear();
  }
  std::string metrics() { return metrics_.Serialize(); }

 private:
  Metrics metrics_;
  absl::Mutex mutex_;
  std::vector<Descriptor> taken_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Acceptor> acceptor_;
};

ConnectionLimits Few(int all, int per_peer) {
  ConnectionLimits limits;
  limits.all = all;
  limits.per_peer = per_peer;
  limits.silence_ms = 60'000;
  limits.stranger_ms = 60'000;
  return limits;
}

TEST(AcceptorTest, connectionThatBeginsRight_isHandedOver) {
  Greeter greeter(Few(4, 4));
  const Descriptor client = Connect(greeter.port());
  Say(client, std::string(kPreface).substr(0, 5));
  Say(client, std::string(kPreface).substr(5));
  EXPECT_TRUE(Greeter::IsGreeted(client));
}

TEST(AcceptorTest, connectionThatBeginsWrong_isClosed) {
  Greeter greeter(Few(4, 4));
  const Descriptor client = Connect(greeter.port());
  Say(client, "GET / HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(Ends(client));
}

TEST(AcceptorTest, silentConnection_isClosedAfterItsTime) {
  ConnectionLimits limits = Few(4, 4);
  limits.silence_ms = 1;
  Greeter greeter(limits);
  const Descriptor client = Connect(greeter.port());
  EXPECT_TRUE(Ends(client));
}

TEST(AcceptorTest, strangerWhoDoesNotLogIn_isCutOffAfterItsTime) {
  ConnectionLimits limits = Few(4, 4);
  limits.stranger_ms = 1;
  Greeter greeter(limits);
  const Descriptor stranger = greeter.Greeted();
  EXPECT_TRUE(Ends(stranger));
}

TEST(AcceptorTest, silentCrowd_doesNotKeepOthersOut) {
  Greeter greeter(Few(8, 4));
  std::vector<Descriptor> crowd;
  for (int i = 0; i < 100; ++i) crowd.push_back(Connect(greeter.port()));
  const Descriptor client = greeter.Greeted();
  EXPECT_TRUE(Ends(crowd[0]));
  EXPECT_LE(greeter.acceptor()->connections()->count(), 4);
}

TEST(AcceptorTest, crowdOfStrangers_doesNotDriveOutWhoHasLoggedIn) {
  Greeter greeter(Few(8, 4));
  const Descriptor known = greeter.Greeted();
  greeter.LogIn(known);
  std::vector<Descriptor> crowd;
  for (int i = 0; i < 20; ++i) crowd.push_back(greeter.Greeted());
  EXPECT_TRUE(Ends(crowd[0]));
  pollfd wait{known.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&wait, 1, 0), 0) << "the connection has ended";
}

TEST(AcceptorTest, onePeersConnections_leaveRoomForAnother) {
  Greeter greeter(Few(6, 4));
  std::vector<Descriptor> known;
  for (int i = 0; i < 4; ++i) {
    known.push_back(greeter.Greeted());
    greeter.LogIn(known.back());
  }
  EXPECT_TRUE(Ends(Connect(greeter.port())));
  const Descriptor other = greeter.Greeted("127.0.0.2");
  EXPECT_NE(greeter.metrics().find("reason=\"too_many\"} 1"), std::string::npos)
      << greeter.metrics();
}

TEST(AcceptorTest, placesOfConnectionsThatTheirOwnerClosed_areFree) {
  Greeter greeter(Few(4, 4));
  for (int round = 0; round < 3; ++round) {
    std::vector<Descriptor> known;
    for (int i = 0; i < 4; ++i) {
      known.push_back(greeter.Greeted());
      greeter.LogIn(known.back());
    }
    greeter.CloseTaken();
  }
}

TEST(AcceptorTest, peerWhoseCallsCostTooMuch_isCutOffAndWaits) {
  Greeter greeter(Few(4, 4));
  const Descriptor client = greeter.Greeted("127.0.0.3");
  greeter.LogIn(client);
  const PeerAddress peer = PeerOfClient(client);
  const int64_t now_ms = SystemClock().MonotonicMs();
  for (int i = 0; i < 999; ++i) greeter.acceptor()->connections()->Blame(peer, now_ms);
  EXPECT_LT(PunishedUntilMs(peer), now_ms + kPenaltyMs);
  greeter.acceptor()->connections()->Blame(peer, now_ms);
  EXPECT_TRUE(Ends(client));
  EXPECT_EQ(PunishedUntilMs(peer), now_ms + kPenaltyMs);
  greeter.Greeted("127.0.0.3");  // later
}

TEST(AcceptorTest, resetsOfAStranger_endItsConnection) {
  std::string resets = "the rest of 24";
  resets.resize(24 - std::strlen(kPreface));
  for (int i = 0; i < 60; ++i) resets += std::string("\0\0\4\3\0\0\0\0\1....", 13);
  for (const bool logins : {true, false}) {
    ConnectionLimits limits = Few(4, 4);
    if (!logins) limits.stranger_ms = 0;
    Greeter greeter(limits);
    const Descriptor client = greeter.Greeted("127.0.0.4");
    Say(client, resets);
    // In two pieces perhaps: the acceptor took nothing away.
    ssize_t n = 0;
    for (ssize_t got = 0; got < static_cast<ssize_t>(std::strlen(kPreface) + resets.size());) {
      n = greeter.ReadTaken();
      if (n < 0) break;
      got += n;
    }
    EXPECT_EQ(n < 0, logins);
  }
}

TEST(ConnectionsTest, addressThatBringsStrangersAllTheTime_waits) {
  ConnectionLimits limits = Few(1000, 1000);
  limits.strangers_per_second = 3;
  Connections connections(limits);
  std::vector<int> gone;
  std::vector<Descriptor> sockets;
  int64_t now_ms = SystemClock().MonotonicMs();
  PeerAddress peer;
  peer.ip = ParsePeer("ipv4:127.0.77.1:1")->ip;
  const auto come = [&](bool logs_in) {
    sockets.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ++peer.port;
    ASSERT_TRUE(connections.Add(sockets.back().get(), peer, now_ms, &gone));
    connections.HandOver(sockets.back().get(), now_ms);
    if (logs_in) connections.Know(peer);
  };
  for (int i = 0; i < 20; ++i) come(/*logs_in=*/true);
  for (int i = 0; i < 3; ++i) come(/*logs_in=*/false);
  now_ms += 1000;
  for (int i = 0; i < 3; ++i) come(/*logs_in=*/false);
  EXPECT_LT(PunishedUntilMs(peer), now_ms);
  come(/*logs_in=*/false);
  EXPECT_EQ(PunishedUntilMs(peer), now_ms + kPenaltyMs);
}

TEST(AcceptorTest, portInUse_isSaid) {
  Greeter greeter(Few(4, 4));
  for (const std::string host : {"127.0.0.1", "0.0.0.0", "::"}) {
    const auto second = Acceptor::Listen(host, greeter.port(), {});
    ASSERT_FALSE(second.ok()) << host;
    EXPECT_NE(Message(second.status()).find(std::to_string(greeter.port())), std::string::npos);
  }
}

TEST(AcceptorTest, hostsAreNamesAndNumbersOfBothFamilies) {
  for (const std::string host : {"localhost", "127.0.0.9", "0.0.0.0", "::", "[::]"}) {
    const auto acceptor = Acceptor::Listen(host, 0, {});
    ASSERT_TRUE(acceptor.ok()) << acceptor.status();
    EXPECT_GT((*acceptor)->port(), 0);
  }
  EXPECT_FALSE(Acceptor::Listen("192.0.2.1", 0, {}).ok()) << "not of this machine";
}

TEST(AcceptorTest, peersAreReadAsGrpcWritesThem) {
  EXPECT_EQ(ParsePeer("ipv4:127.0.0.1:80")->port, 80);
  EXPECT_EQ(ParsePeer("ipv6:%5B::1%5D:443")->ip[15], 1);
  EXPECT_EQ(ParsePeer("ipv6:[fe80::1%25eth0]:9")->ip[0], 0xfe);
  EXPECT_EQ(ParsePeer("ipv6:[::ffff:1.2.3.4]:9")->ip, ParsePeer("ipv4:1.2.3.4:9")->ip);
  for (const std::string text :
       {"", "unix:/x", "ipv4:1.2.3:4", "ipv4:1.2.3.4", "ipv4:1.2.3.4:99999"})
    EXPECT_FALSE(ParsePeer(text)) << text;
}

// In a process of its own, because the limit is the process's. 0 if all went well.
int RunOutOfDescriptors() {
  const rlimit limit{64, 64};
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return 10;
  Greeter greeter(Few(1000, 1000));
  Descriptor waits(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in target{};
  target.sin_family = AF_INET;
  target.sin_port = htons(static_cast<uint16_t>(greeter.port()));
  inet_pton(AF_INET, "127.0.0.1", &target.sin_addr);
  std::vector<Descriptor> all;
  for (int fd = 0; (fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0;) all.emplace_back(fd);
  if (errno != EMFILE) return 11;
  if (::connect(waits.get(), reinterpret_cast<sockaddr*>(&target), sizeof(target)) != 0) return 12;
  if (!Ends(waits)) return 13;  // refused, and at once
  all.clear();
  const Descriptor client = Connect(greeter.port());
  if (client.get() < 0) return 14;
  Say(client, kPreface);
  return Greeter::IsGreeted(client) ? 0 : 15;
}

TEST(AcceptorTest, processWithoutDescriptors_refusesAndServesLater) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) ::_exit(RunOutOfDescriptors());
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace spillway
