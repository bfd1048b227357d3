#include "store/http/server.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <list>
#include <thread>

#include "absl/strings/ascii.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "store/http/parse.h"

namespace asio = boost::asio;
using asio::ip::tcp;

namespace spillway::strict {
namespace {

constexpr size_t kHeadBytesMax = 64 << 10;
constexpr size_t kReadBytes = 256 << 10;

// What stops all waits of a server at once.
struct StopSign {
  absl::Mutex mutex;
  bool stopping ABSL_GUARDED_BY(mutex) = false;
};

class SocketConnection : public Connection {
 public:
  SocketConnection(tcp::socket socket, StopSign* stop) : socket_(std::move(socket)), stop_(stop) {
    boost::system::error_code ignored;  // without the option answers are slower, no more
    socket_.set_option(tcp::no_delay(true), ignored);
  }
  bool Write(std::string_view data) override {
    boost::system::error_code error;
    asio::write(socket_, asio::buffer(data.data(), data.size()), error);
    return !error;
  }
  bool WaitMs(int64_t ms) override {
    absl::MutexLock lock(&stop_->mutex);
    return !stop_->mutex.AwaitWithTimeout(absl::Condition(&stop_->stopping),
                                          absl::Milliseconds(ms));
  }
  // The next request. False at the end of the connection.
  bool Read(int64_t body_bytes_max, HttpRequest* request) {
    size_t end = 0;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (buffer_.size() > kHeadBytesMax) {
        request->malformed = "The headers are too long.";
        return true;
      }
      if (!Fill()) return false;
    }
    ParseHead(buffer_.substr(0, end + 2), request);
    buffer_.erase(0, end + 4);
    if (!request->malformed.empty()) return true;
    if (request->length > body_bytes_max) {
      request->body_too_long = true;
      return true;
    }
    if (request->length > 0 && absl::AsciiStrToLower(request->Get("expect")) == "100-continue" &&
        !Write("HTTP/1.1 100 Continue\r\n\r\n")) {
      return false;
    }
    return ReadBody(request);
  }
  // Ends reads and writes of other threads too.
  void ShutDown() {
    boost::system::error_code ignored;  // the peer may be gone already
    socket_.shutdown(tcp::socket::shutdown_both, ignored);
  }
  // An answer in flight is not lost by closing: what the peer still sends is read, for a while.
  void Linger() {
    boost::system::error_code error;
    socket_.shutdown(tcp::socket::shutdown_send, error);
    socket_.non_blocking(true, error);
    std::string rest(kReadBytes, '\0');
    for (int i = 0; i < 20 && !error; ++i) {
      socket_.read_some(asio::buffer(rest), error);
      if (error == asio::error::would_block && WaitMs(5)) error.clear();
    }
  }

 private:
  bool Fill() {
    std::string piece(16 << 10, '\0');
    boost::system::error_code error;
    const size_t n = socket_.read_some(asio::buffer(piece), error);
    buffer_.append(piece, 0, n);
    return !error;
  }
  bool ReadBody(HttpRequest* request) {
    const auto length = static_cast<size_t>(request->length);
    const size_t ready = std::min(length, buffer_.size());
    request->body = buffer_.substr(0, ready);
    buffer_.erase(0, ready);
    while (request->body.size() < length) {
      const size_t have = request->body.size();
      request->body.resize(have + std::min(length - have, kReadBytes));
      boost::system::error_code error;
      const size_t n = socket_.read_some(
          asio::buffer(request->body.data() + have, request->body.size() - have), error);
      request->body.resize(have + n);
      if (error) return false;
    }
    return true;
  }
  tcp::socket socket_;
  StopSign* const stop_;
  std::string buffer_;
};

class SocketServer : public HttpServer {
 public:
  SocketServer(int64_t body_bytes_max, Handler handler)
      : body_bytes_max_(body_bytes_max), handler_(std::move(handler)), acceptor_(io_) {}
  ~SocketServer() override { Stop(); }

  Status Listen(int port) {
    boost::system::error_code error;
    const tcp::endpoint endpoint(asio::ip::address_v4::loopback(),
                                 static_cast<unsigned short>(port));
    acceptor_.open(tcp::v4(), error);
    if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(512, error);
    if (!error) port_ = acceptor_.local_endpoint(error).port();
    if (error) return Unavailable("Listening on port {}: {}.", port, error.message());
    acceptor_thread_ = std::thread([this] { Accept(); });
    return absl::OkStatus();
  }
  int port() const override { return port_; }
  void Stop() override {
    {
      absl::MutexLock lock(&stop_.mutex);
      if (stop_.stopping) return;
      stop_.stopping = true;
    }
    WakeAcceptor();
    if (acceptor_thread_.joinable()) acceptor_thread_.join();
    std::list<Served> served;
    {
      absl::MutexLock lock(&mutex_);
      for (Served& one : served_) one.connection->ShutDown();
      served.swap(served_);
    }
    for (Served& one : served) one.thread.join();
  }

 private:
  struct Served {
    std::shared_ptr<SocketConnection> connection;
    std::shared_ptr<std::atomic<bool>> done;
    std::thread thread;
  };

  bool Stopping() {
    absl::MutexLock lock(&stop_.mutex);
    return stop_.stopping;
  }
  // accept() does not end when the acceptor is closed by another thread.
  void WakeAcceptor() {
    boost::system::error_code ignored;  // the acceptor has ended by an error of its own
    tcp::socket knock(io_);
    knock.connect(tcp::endpoint(asio::ip::address_v4::loopback(), port_), ignored);
  }
  void Accept() {
    while (!Stopping()) {
      boost::system::error_code error;
      tcp::socket socket(io_);
      acceptor_.accept(socket, error);
      if (error || Stopping()) continue;
      absl::MutexLock lock(&mutex_);
      Reap();
      Served& one = served_.emplace_back();
      one.connection = std::make_shared<SocketConnection>(std::move(socket), &stop_);
      one.done = std::make_shared<std::atomic<bool>>(false);
      one.thread = std::thread([this, connection = one.connection, done = one.done] {
        Serve(*connection);
        *done = true;
      });
    }
    boost::system::error_code ignored;
    acceptor_.close(ignored);
  }
  void Reap() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    for (auto it = served_.begin(); it != served_.end();) {
      if (!*it->done) {
        ++it;
        continue;
      }
      it->thread.join();
      it = served_.erase(it);
    }
  }
  void Serve(SocketConnection& connection) {
    bool open = true;
    while (open && !Stopping()) {
      HttpRequest request;
      if (!connection.Read(body_bytes_max_, &request)) break;
      open = handler_(request, connection) && request.malformed.empty() && !request.body_too_long;
    }
    connection.Linger();
    connection.ShutDown();
  }

  const int64_t body_bytes_max_;
  const Handler handler_;
  asio::io_context io_;
  tcp::acceptor acceptor_;
  unsigned short port_ = 0;
  StopSign stop_;
  std::thread acceptor_thread_;
  absl::Mutex mutex_;
  std::list<Served> served_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(int port, int64_t body_bytes_max,
                                                        Handler handler) {
  auto server = std::make_unique<SocketServer>(body_bytes_max, std::move(handler));
  SPILLWAY_RETURN_IF_ERROR(server->Listen(port));
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace spillway::strict
