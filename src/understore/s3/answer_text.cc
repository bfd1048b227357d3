// Texts and numbers in answers: what a stranger wrote.
#include <ctime>

#include "common/names.h"
#include "understore/s3/answer.h"

namespace spillway {
namespace {

constexpr int64_t kTimeMsMax = 253402300799999;  // the end of the year 9999

std::optional<int64_t> TimeMs(const char* format, const std::string& text, std::string* rest) {
  std::tm utc{};
  const char* end = strptime(text.c_str(), format, &utc);
  if (end == nullptr) return std::nullopt;
  *rest = end;
  const int64_t ms = static_cast<int64_t>(timegm(&utc)) * 1000;
  if (ms < 0 || ms > kTimeMsMax) return std::nullopt;
  return ms;
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string TextOf(const pugi::xml_node& node) {
  std::string text;
  for (const pugi::xml_node& child : node.children()) {
    if (child.type() == pugi::node_pcdata || child.type() == pugi::node_cdata)
      text += child.value();
  }
  return text;
}

std::optional<int64_t> ParseDecimal(std::string_view text, int64_t max) {
  if (text.empty() || text.size() > 19) return std::nullopt;
  uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<uint64_t>(c - '0');
  }
  if (value > static_cast<uint64_t>(max)) return std::nullopt;
  return static_cast<int64_t>(value);
}

std::optional<int64_t> ParseIsoTimeMs(const std::string& text) {
  std::string rest;
  const auto seconds = TimeMs("%Y-%m-%dT%H:%M:%S", text, &rest);
  if (!seconds) return std::nullopt;
  if (rest.empty() || rest == "Z" || rest == "+00:00") return seconds;
  if (rest[0] != '.') return std::nullopt;
  const size_t end = rest.find_first_not_of("0123456789", 1);
  const std::string zone = end == std::string::npos ? "" : rest.substr(end);
  if (end == 1 || (zone != "" && zone != "Z" && zone != "+00:00")) return std::nullopt;
  return *seconds;
}

std::optional<int64_t> ParseHttpTimeMs(const std::string& text) {
  std::string rest;
  return TimeMs("%a, %d %b %Y %H:%M:%S", text, &rest);
}

bool IsEtag(std::string_view text) {
  if (text.rfind("W/", 0) == 0) text.remove_prefix(2);
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"')
    text = text.substr(1, text.size() - 2);
  if (text.empty() || text.size() > 1024) return false;
  for (const char c : text) {
    if (c <= 0x20 || c >= 0x7f || c == '"') return false;
  }
  return true;
}

bool IsUtf8(std::string_view text) { return IsValidUtf8(text); }

bool FitsXml(std::string_view text) {
  uint32_t point = 0;
  while (!text.empty()) {
    const size_t size = CodePointBytes(text, &point);
    if (size == 0) return false;
    const bool control = point < 0x20 && point != '\t' && point != '\n' && point != '\r';
    if (control || point == 0xfffe || point == 0xffff) return false;
    text.remove_prefix(size);
  }
  return true;
}

std::optional<std::string> UriDecode(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = HexDigit(text[i + 1]);
      const int low = HexDigit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

std::string Glimpse(std::string_view text, size_t most) {
  std::string out(text.substr(0, most));
  for (char& c : out) {
    if (c < 0x20 || c > 0x7e) c = '.';
  }
  return out;
}

}  // namespace spillway
