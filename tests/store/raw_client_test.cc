#include "store/raw_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/strings/ascii.h"
#include "common/clock.h"
#include "fmt/format.h"
#include "store/xml.h"
#include "understore/s3/sigv4.h"

namespace spillway::strict {
namespace {

std::string ReadAll(int fd) {
  std::string out;
  char piece[65536];
  for (ssize_t n = 0; (n = read(fd, piece, sizeof(piece))) > 0;) out.append(piece, n);
  return out;
}

std::string Unchunk(const std::string& body, bool* whole) {
  std::string out;
  for (size_t at = 0; at < body.size();) {
    const size_t end = body.find("\r\n", at);
    if (end == std::string::npos) return out;
    const size_t size = std::stoul(body.substr(at, end - at), nullptr, 16);
    if (size == 0) *whole = true;
    if (size == 0 || end + 2 + size > body.size()) return out;
    out += body.substr(end + 2, size);
    at = end + 2 + size + 2;
  }
  return out;
}

void ParseAnswer(RawAnswer* answer) {
  std::string rest = answer->raw;
  while (rest.starts_with("HTTP/1.1 100")) rest = rest.substr(rest.find("\r\n\r\n") + 4);
  const size_t end = rest.find("\r\n\r\n");
  if (end == std::string::npos || !rest.starts_with("HTTP/1.1 ")) return;
  answer->status = std::stoi(rest.substr(9, 3));
  for (size_t at = rest.find("\r\n") + 2; at < end + 2;) {
    const size_t line_end = rest.find("\r\n", at);
    const size_t colon = rest.find(": ", at);
    answer->headers[absl::AsciiStrToLower(rest.substr(at, colon - at))] =
        rest.substr(colon + 2, line_end - colon - 2);
    at = line_end + 2;
  }
  answer->body = rest.substr(end + 4);
  if (answer->headers.count("transfer-encoding") > 0) {
    answer->body = Unchunk(answer->body, &answer->whole);
  } else {
    const auto length = answer->headers.find("content-length");
    answer->whole =
        length != answer->headers.end() && length->second == std::to_string(answer->body.size());
  }
}

}  // namespace

std::string RawAnswer::Code() const {
  const auto root = ReadXml(body);
  return root && root->name == "Error" ? root->ChildText("Code") : "";
}

RawAnswer SendRaw(int port, const std::string& bytes) {
  RawAnswer answer;
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  const timeval limit{20, 0};  // a server that forgets to answer fails the test
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) {
    for (size_t at = 0; at < bytes.size();) {
      const ssize_t n = send(fd, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
      if (n <= 0) break;
      at += static_cast<size_t>(n);
    }
    answer.raw = ReadAll(fd);
  }
  close(fd);
  ParseAnswer(&answer);
  return answer;
}

std::string SignedRequest(int port, const RawRequest& request) {
  SystemClock clock;
  SigningInput input;
  input.method = request.method;
  input.path = request.virtual_host ? "/" + request.key : "/" + request.bucket;
  if (!request.virtual_host && !request.key.empty()) input.path += "/" + request.key;
  input.query = request.query;
  input.region = request.region;
  input.time_ms = request.time_ms == 0 ? clock.NowMs() : request.time_ms;
  input.payload_hash = request.payload_hash;
  input.headers = request.headers;
  input.headers["host"] = fmt::format(
      "{}:{}", request.virtual_host ? request.bucket + ".localhost" : "127.0.0.1", port);
  input.headers["x-amz-date"] = AmzDate(input.time_ms);
  input.headers["x-amz-content-sha256"] = input.payload_hash;
  const std::string query = CanonicalQuery(request.query);
  std::string bytes = request.method + " " + UriEncode(input.path, true) +
                      (query.empty() ? "" : "?" + query) + " HTTP/1.1\r\n";
  for (const auto& [name, value] : input.headers) bytes += name + ": " + value + "\r\n";
  for (const auto& [name, value] : request.unsigned_headers) bytes += name + ": " + value + "\r\n";
  bytes += "Authorization: " + SignV4(input, {request.access_key, request.secret_key, ""}) + "\r\n";
  if (request.with_length && (request.method == "PUT" || request.method == "POST"))
    bytes += fmt::format("Content-Length: {}\r\n", request.body.size());
  if (!request.keep_alive) bytes += "Connection: close\r\n";
  return bytes + "\r\n" + request.body;
}

}  // namespace spillway::strict
