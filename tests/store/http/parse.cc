#include "store/http/parse.h"

#include "absl/strings/ascii.h"
#include "store/world.h"

namespace spillway::strict {
namespace {

bool ParseRequestLine(const std::string& line, HttpRequest* request) {
  const size_t first = line.find(' ');
  const size_t second = first == std::string::npos ? first : line.find(' ', first + 1);
  if (second == std::string::npos || line.substr(second + 1) != "HTTP/1.1") return false;
  request->method = line.substr(0, first);
  request->target = line.substr(first + 1, second - first - 1);
  for (const char c : request->target) {
    if (static_cast<unsigned char>(c) <= ' ' || static_cast<unsigned char>(c) >= 0x7F) return false;
  }
  const size_t question = std::min(request->target.find('?'), request->target.size());
  request->path = request->target.substr(0, question);
  if (question < request->target.size()) request->query = request->target.substr(question + 1);
  return !request->method.empty() && !request->target.empty();
}

bool ParseHeader(const std::string& line, HttpRequest* request) {
  const size_t colon = line.find(':');
  if (colon == std::string::npos || colon == 0) return false;
  const std::string name = absl::AsciiStrToLower(line.substr(0, colon));
  if (name.find_first_of(" \t") != std::string::npos) return false;
  std::string value = line.substr(colon + 1);
  absl::StripAsciiWhitespace(&value);
  request->headers.emplace_back(name, value);
  return true;
}

}  // namespace

void ParseHead(const std::string& head, HttpRequest* request) {
  bool first = true;
  for (size_t at = 0; at < head.size();) {
    const size_t end = head.find("\r\n", at);
    const std::string line = head.substr(at, end - at);
    at = end + 2;
    if (!(first ? ParseRequestLine(line, request) : ParseHeader(line, request))) {
      request->malformed = "This line cannot be read: " + line;
      return;
    }
    first = false;
  }
  if (!request->Has("host")) request->malformed = "There is no Host header.";
  request->has_length = request->Has("content-length");
  if (!request->has_length) return;
  const auto length = ParseNumber(request->Get("content-length"));
  if (!length) {
    request->malformed = "Content-Length is not a number.";
  } else {
    request->length = *length;
  }
}

}  // namespace spillway::strict
