#include "store/http/send.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "fmt/format.h"
#include "store/xml.h"

namespace spillway::strict {
namespace {

constexpr int64_t kTrickleMs = 50;

std::string ReasonOf(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 412:
      return "Precondition Failed";
    case 503:
      return "Service Unavailable";
    default:
      return "Status";
  }
}

bool HasBody(int status) { return status >= 200 && status != 204 && status != 304; }

// Takes Content-Length out: an answer of HEAD may name one of its own.
std::string TakeLength(Headers* headers, const std::string& honest) {
  std::string length = honest;
  std::erase_if(*headers, [&](const auto& header) {
    if (absl::AsciiStrToLower(header.first) != "content-length") return false;
    length = header.second;
    return true;
  });
  return length;
}

bool Trickle(std::string_view data, int64_t bytes_per_second, Connection& connection) {
  const int64_t piece = std::max<int64_t>(1, bytes_per_second * kTrickleMs / 1000);
  for (size_t at = 0; at < data.size(); at += piece) {
    if (!connection.WaitMs(1000 * piece / bytes_per_second)) return false;
    if (!connection.Write(data.substr(at, piece))) return false;
  }
  return true;
}

bool SendBody(const Rope& body, const Delivery& delivery, Connection& connection) {
  const Rope sent = delivery.cut_after_bytes >= 0 ? body.Slice(0, delivery.cut_after_bytes) : body;
  return sent.ForEach([&](std::string_view piece) {
    return delivery.bytes_per_second > 0 ? Trickle(piece, delivery.bytes_per_second, connection)
                                         : connection.Write(piece);
  });
}

bool WantsClose(const HttpRequest& request) {
  return absl::AsciiStrToLower(request.Get("connection")) == "close" ||
         !request.malformed.empty() || request.body_too_long;
}

std::string Chunk(std::string_view data) {
  return fmt::format("{:x}\r\n{}\r\n", data.size(), data);
}

std::string Head(int status, const Headers& headers, const std::string& length, bool close) {
  std::string head = fmt::format("HTTP/1.1 {} {}\r\n", status, ReasonOf(status));
  for (const auto& [name, value] : headers) head += name + ": " + value + "\r\n";
  if (!length.empty()) head += "Content-Length: " + length + "\r\n";
  if (close) head += "Connection: close\r\n";
  return head + "\r\n";
}

}  // namespace

std::string HeadOf(int status, const Headers& headers, int64_t length, bool close) {
  return Head(status, headers, length < 0 ? "" : std::to_string(length), close);
}

bool Send(const HttpRequest& request, const Answer& answer, const Delivery& delivery,
          Connection& connection) {
  if (delivery.nothing) return false;
  if (delivery.first_byte_after_ms > 0 && !connection.WaitMs(delivery.first_byte_after_ms))
    return false;
  if (!delivery.garbage.empty()) return connection.Write(delivery.garbage) && false;
  const bool cut = delivery.cut_after_bytes >= 0;
  const bool body_follows = HasBody(answer.status) && request.method != "HEAD";
  int64_t size = answer.body.size();
  // An answer without a body can only be cut off if it promises one.
  if (cut && body_follows) size = std::max(size, delivery.cut_after_bytes + 1);
  Headers headers = answer.headers;
  const std::string honest = std::to_string(size);
  std::string length = TakeLength(&headers, honest);
  if (delivery.without_length || !HasBody(answer.status)) length.clear();
  const bool close = delivery.without_length || cut || answer.status < 200 ||
                     (body_follows && length != honest) || WantsClose(request);
  std::string head = Head(answer.status, headers, length, close);
  if (!body_follows) return connection.Write(head) && !close;
  // A small answer goes out in one piece.
  if (answer.body.size() < (16 << 10) && !cut && delivery.bytes_per_second == 0) {
    return connection.Write(head + answer.body.Flatten()) && !close;
  }
  return connection.Write(head) && SendBody(answer.body, delivery, connection) && !close;
}

bool SendAfterBlanks(const HttpRequest& request, const Delivery& delivery, Connection& connection,
                     const std::function<Answer()>& make) {
  Headers headers{{"Content-Type", "application/xml"}, {"Transfer-Encoding", "chunked"}};
  bool there =
      connection.Write(HeadOf(200, headers, -1, WantsClose(request)) + Chunk(kXmlDeclaration));
  const int64_t every = std::max<int64_t>(1, delivery.blanks_every_ms);
  for (int64_t waited = 0; waited < delivery.blanks_for_ms; waited += every) {
    if (!connection.WaitMs(std::min(every, delivery.blanks_for_ms - waited))) return false;
    there = there && connection.Write(Chunk(" "));
  }
  std::string body = make().body.Flatten();
  if (body.starts_with(kXmlDeclaration)) body.erase(0, kXmlDeclaration.size());
  if (!body.empty()) body = Chunk(body);
  return there && connection.Write(body + "0\r\n\r\n") && !WantsClose(request);
}

}  // namespace spillway::strict
