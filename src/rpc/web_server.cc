#include "rpc/web_server.h"

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <thread>

#include "rpc/acceptor.h"

namespace spillway {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Tcp = asio::ip::tcp;
using Pages = std::map<std::string, std::function<WebPage()>>;

constexpr auto kTimeout = std::chrono::seconds(5);
constexpr uint32_t kWebHeaderBytesMax = 8 << 10;
constexpr size_t kBufferBytesMax = 16 << 10;
// Those who ask are few: a metrics collector, and somebody who looks.
constexpr ConnectionLimits kLimits{64, 48, 5000, 10'000};

// One connection, one request.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Tcp::socket socket, const Pages* pages) : stream_(std::move(socket)), pages_(pages) {}

  void Begin() {
    stream_.expires_after(kTimeout);
    parser_.header_limit(kWebHeaderBytesMax);
    parser_.body_limit(0);
    http::async_read(stream_, buffer_, parser_,
                     [self = shared_from_this()](beast::error_code error, size_t) {
                       if (!error) self->Answer();
                     });
  }

 private:
  void Answer() {
    const auto& request = parser_.get();
    std::string target(request.target().data(), request.target().size());
    target.resize(std::min(target.size(), target.find('?')));
    const auto page = pages_->find(target);
    WebPage answer{404, "text/plain; charset=utf-8", "not found: try /metrics or /healthz\n"};
    if (page != pages_->end()) answer = page->second();
    if (request.method() != http::verb::get && request.method() != http::verb::head) {
      answer = {405, "text/plain; charset=utf-8", "only GET is answered\n"};
    }
    response_.result(static_cast<unsigned>(answer.code));
    response_.set(http::field::content_type, answer.content_type);
    response_.set(http::field::server, "spillway");
    response_.body() = request.method() == http::verb::head ? "" : std::move(answer.body);
    response_.keep_alive(false);
    response_.prepare_payload();
    stream_.expires_after(kTimeout);
    http::async_write(stream_, response_, [self = shared_from_this()](beast::error_code, size_t) {
      beast::error_code ignored;
      self->stream_.socket().shutdown(Tcp::socket::shutdown_send, ignored);
    });
  }

  beast::tcp_stream stream_;
  const Pages* const pages_;
  beast::flat_buffer buffer_{kBufferBytesMax};
  http::request_parser<http::empty_body> parser_;
  http::response<http::string_body> response_;
};

class BeastServer : public WebServer {
 public:
  BeastServer(Pages pages, std::unique_ptr<Acceptor> acceptor)
      : pages_(std::move(pages)), acceptor_(std::move(acceptor)) {
    thread_ = std::thread([this] { io_.run(); });
    acceptor_->Start([this](int fd) { Take(fd); });
  }
  ~BeastServer() override {
    acceptor_->Stop();
    io_.stop();
    thread_.join();
  }
  int port() const override { return acceptor_->port(); }

 private:
  void Take(int fd) {
    asio::post(io_, [this, owned = Descriptor(fd)]() mutable {
      // Only asio's own operations on addresses need the protocol, and there are none.
      Tcp::socket socket(io_);
      beast::error_code error;
      socket.assign(Tcp::v4(), owned.get(), error);
      if (error) return;
      owned.Release();
      std::make_shared<Connection>(std::move(socket), &pages_)->Begin();
    });
  }

  const Pages pages_;
  asio::io_context io_;
  const asio::executor_work_guard<asio::io_context::executor_type> runs_{io_.get_executor()};
  const std::unique_ptr<Acceptor> acceptor_;
  std::thread thread_;
};

}  // namespace

StatusOr<std::unique_ptr<WebServer>> StartWebServer(const std::string& host, int port, Pages pages,
                                                    Metrics* metrics) {
  AcceptorOptions options;
  options.name = "web";
  options.limits = kLimits;
  options.wildcard = Wildcard::kAsWritten;
  options.metrics = metrics;
  SPILLWAY_ASSIGN_OR_RETURN(auto acceptor, Acceptor::Listen(host, port, std::move(options)));
  return std::make_unique<BeastServer>(std::move(pages), std::move(acceptor));
}

}  // namespace spillway
