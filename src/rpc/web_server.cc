#include "rpc/web_server.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <thread>

namespace spillway {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Tcp = asio::ip::tcp;
using Pages = std::map<std::string, std::function<WebPage()>>;

constexpr auto kTimeout = std::chrono::seconds(10);
constexpr size_t kRequestBytesMax = 16 << 10;

// One connection, one request.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Tcp::socket socket, const Pages* pages) : stream_(std::move(socket)), pages_(pages) {}

  void Begin() {
    stream_.expires_after(kTimeout);
    parser_.body_limit(kRequestBytesMax);
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
    http::async_write(stream_, response_, [self = shared_from_this()](beast::error_code, size_t) {
      beast::error_code ignored;
      self->stream_.socket().shutdown(Tcp::socket::shutdown_send, ignored);
    });
  }

  beast::tcp_stream stream_;
  const Pages* const pages_;
  beast::flat_buffer buffer_{kRequestBytesMax};
  http::request_parser<http::string_body> parser_;
  http::response<http::string_body> response_;
};

class BeastServer : public WebServer {
 public:
  explicit BeastServer(Pages pages) : pages_(std::move(pages)), acceptor_(io_) {}
  ~BeastServer() override {
    io_.stop();
    if (thread_.joinable()) thread_.join();
  }

  Status Listen(const std::string& host, int port) {
    beast::error_code error;
    const auto address = asio::ip::make_address(host, error);
    if (error) return InvalidArgument("{} is no address to listen on for web pages.", host);
    const Tcp::endpoint endpoint(address, static_cast<uint16_t>(port));
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error)
      return Unavailable("Cannot listen on web port {}:{}: {}", host, port, error.message());
    Accept();
    thread_ = std::thread([this] { io_.run(); });
    return absl::OkStatus();
  }

 private:
  void Accept() {
    acceptor_.async_accept([this](beast::error_code error, Tcp::socket socket) {
      if (!error) std::make_shared<Connection>(std::move(socket), &pages_)->Begin();
      if (error != asio::error::operation_aborted) Accept();
    });
  }

  const Pages pages_;
  asio::io_context io_;
  Tcp::acceptor acceptor_;
  std::thread thread_;
};

}  // namespace

StatusOr<std::unique_ptr<WebServer>> StartWebServer(const std::string& host, int port,
                                                    Pages pages) {
  auto server = std::make_unique<BeastServer>(std::move(pages));
  SPILLWAY_RETURN_IF_ERROR(server->Listen(host, port));
  return std::unique_ptr<WebServer>(std::move(server));
}

}  // namespace spillway
