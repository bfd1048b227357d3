// What the machine itself allows, with nothing of Spillway in between:
//
// raw_limits sockets STREAMS SIZE SECONDS FOLDER   one buffer into so many sockets, each ending in
//                                                  files of FOLDER: MB/s of one stream
// raw_limits fsync SECONDS FOLDER                  appends of 512 bytes, each synced: per second
// raw_limits puts ENDPOINT FILES SIZE IN_FLIGHT ACCESS SECRET   objects by the S3 module alone,
// into
//                                                  bucket "bucket": seconds
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "common/clock.h"
#include "common/config.h"
#include "common/format.h"
#include "common/random.h"
#include "understore/under_store.h"

namespace spillway {
namespace {

constexpr size_t kPieceBytes = 1 << 20;

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

[[noreturn]] void Fail(const std::string& what) {
  std::cerr << "raw_limits: " << what << "\n";
  std::exit(1);
}

// Two ends of a TCP connection over loopback.
std::pair<int, int> Connected() {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener, raw, size) != 0 || ::listen(listener, 1) != 0) Fail("cannot listen");
  ::getsockname(listener, raw, &size);
  const int out = ::socket(AF_INET, SOCK_STREAM, 0);
  if (::connect(out, raw, size) != 0) Fail("cannot connect");
  const int in = ::accept(listener, nullptr, nullptr);
  ::close(listener);
  return {out, in};
}

// Takes files of so many bytes from the socket until it ends; each is removed when it is whole.
void Receive(int in, int64_t file_bytes, const std::string& path) {
  std::vector<char> buffer(kPieceBytes);
  int64_t in_file = 0;
  int fd = -1;
  while (true) {
    const size_t want = static_cast<size_t>(
        std::min<int64_t>(static_cast<int64_t>(buffer.size()), file_bytes - in_file));
    const ssize_t n = ::read(in, buffer.data(), want);
    if (n <= 0) break;
    if (fd < 0) fd = ::open(path.c_str(), O_CREAT | O_WRONLY | O_TRUNC, 0644);
    if (::pwrite(fd, buffer.data(), static_cast<size_t>(n), in_file) != n) Fail("cannot write");
    in_file += n;
    if (in_file < file_bytes) continue;
    in_file = 0;
    ::close(std::exchange(fd, -1));
    ::unlink(path.c_str());
  }
  if (fd >= 0) ::close(fd);
  ::unlink(path.c_str());
  ::close(in);
}

int Sockets(int streams, int64_t size, double seconds, const std::string& folder) {
  std::vector<int> out;
  std::vector<std::thread> receivers;
  for (int i = 0; i < streams; ++i) {
    const auto [to, from] = Connected();
    out.push_back(to);
    receivers.emplace_back([from = from, size, path = fmt::format("{}/stream-{}", folder, i)] {
      Receive(from, size, path);
    });
  }
  const std::string piece(std::min<size_t>(kPieceBytes, static_cast<size_t>(size)), 'x');
  const double begin = Now();
  int64_t sent = 0;
  while (Now() < begin + seconds) {
    for (const int fd : out) {
      for (size_t at = 0; at < piece.size();) {
        const ssize_t n = ::write(fd, piece.data() + at, piece.size() - at);
        if (n <= 0) Fail("cannot send");
        at += static_cast<size_t>(n);
      }
    }
    sent += static_cast<int64_t>(piece.size());
  }
  for (const int fd : out) ::close(fd);
  for (std::thread& receiver : receivers) receiver.join();
  std::cout << fmt::format("{{\"mb_per_second\": {:.3f}}}\n",
                           static_cast<double>(sent) / 1e6 / (Now() - begin));
  return 0;
}

int Fsync(double seconds, const std::string& folder) {
  const std::string path = folder + "/synced";
  const int fd = ::open(path.c_str(), O_CREAT | O_WRONLY | O_TRUNC, 0644);
  const std::string record(512, 'x');
  const double begin = Now();
  int64_t count = 0;
  for (; Now() < begin + seconds; ++count) {
    if (::write(fd, record.data(), record.size()) < 0 || ::fdatasync(fd) != 0) Fail("cannot sync");
  }
  ::close(fd);
  ::unlink(path.c_str());
  std::cout << fmt::format("{{\"per_second\": {:.1f}}}\n",
                           static_cast<double>(count) / (Now() - begin));
  return 0;
}

class Same : public BodySource {
 public:
  explicit Same(int64_t size) : size_(size) {}
  int64_t size_bytes() const override { return size_; }
  Status Read(int64_t, void* data, int64_t size) override {
    std::fill_n(static_cast<char*>(data), size, 'x');
    return absl::OkStatus();
  }

 private:
  const int64_t size_;
};

int Puts(const std::string& endpoint, int files, int64_t size, int in_flight,
         const std::string& access, const std::string& secret) {
  const std::map<std::string, std::string> properties{
      {"alluxio.underfs.s3.endpoint", endpoint},
      {"s3a.accessKeyId", access},
      {"s3a.secretKey", secret},
      {"alluxio.underfs.s3.disable.dns.buckets", "true"}};
  const Configuration site;
  SystemClock clock;
  SystemRandom random;
  const auto opened =
      OpenUnderStore("s3://bucket/raw", properties, {&site, &clock, &random, nullptr});
  if (!opened.ok()) Fail(std::string(opened.status().message()));
  UnderStore* const store = opened->get()->once();
  std::atomic<int> next = 0;
  std::vector<std::thread> threads;
  const double begin = Now();
  for (int t = 0; t < in_flight; ++t) {
    threads.emplace_back([&] {
      for (int i = next++; i < files; i = next++) {
        Same body(size);
        const auto put = store->Put(fmt::format("{}/{}", size, i), body, PutOptions());
        if (!put.ok()) Fail(std::string(put.status().message()));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::cout << fmt::format("{{\"seconds\": {:.3f}}}\n", Now() - begin);
  return 0;
}

int Main(const std::vector<std::string>& words) {
  if (words.size() == 5 && words[0] == "sockets")
    return Sockets(std::stoi(words[1]), std::stoll(words[2]), std::stod(words[3]), words[4]);
  if (words.size() == 3 && words[0] == "fsync") return Fsync(std::stod(words[1]), words[2]);
  if (words.size() == 7 && words[0] == "puts") {
    return Puts(words[1], std::stoi(words[2]), std::stoll(words[3]), std::stoi(words[4]), words[5],
                words[6]);
  }
  Fail(
      "sockets STREAMS SIZE SECONDS FOLDER | fsync SECONDS FOLDER | puts ENDPOINT FILES SIZE "
      "IN_FLIGHT ACCESS SECRET");
}

}  // namespace
}  // namespace spillway

int main(int argc, char** argv) { return spillway::Main({argv + 1, argv + argc}); }
