#include "common/names.h"

#include "common/path.h"
#include "common/status.h"

namespace spillway {
namespace {

constexpr size_t kQuotedBytesMax = 200;

bool IsControl(unsigned char c) { return c < 0x20 || c == 0x7f; }

std::string Quoted(std::string_view text) {
  const bool cut = text.size() > kQuotedBytesMax;
  return Printable(std::string(text.substr(0, kQuotedBytesMax))) + (cut ? "..." : "");
}

// The first byte that begins no code point; text.size() if there is none.
size_t FirstBadByte(std::string_view text) {
  uint32_t point = 0;
  size_t at = 0;
  while (at < text.size()) {
    const size_t size = CodePointBytes(text.substr(at), &point);
    if (size == 0) return at;
    at += size;
  }
  return at;
}

}  // namespace

size_t CodePointBytes(std::string_view text, uint32_t* point) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  if (text.empty()) return 0;
  const unsigned char first = byte(0);
  if (first < 0x80) {
    *point = first;
    return 1;
  }
  const size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < size) return 0;
  *point = first & (0xff >> (size + 1));
  for (size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    *point = *point << 6 | (byte(i) & 0x3f);
  }
  const bool surrogate = *point >= 0xd800 && *point < 0xe000;
  const bool overlong = (size == 3 && *point < 0x800) || (size == 4 && *point < 0x10000);
  return surrogate || overlong || *point > 0x10ffff ? 0 : size;
}

bool IsValidUtf8(std::string_view text) { return FirstBadByte(text) == text.size(); }

absl::Status CheckText(std::string_view what, std::string_view text, size_t bytes_max) {
  if (text.size() > bytes_max) {
    return InvalidArgument("{} \"{}\" is refused: it has {} bytes, {} are the most. Give less.",
                           what, Quoted(text), text.size(), bytes_max);
  }
  if (const size_t zero = text.find('\0'); zero != std::string_view::npos) {
    return InvalidArgument("{} \"{}\" is refused: byte {} is a NUL. Leave it out.", what,
                           Quoted(text), zero);
  }
  if (const size_t bad = FirstBadByte(text); bad != text.size()) {
    return InvalidArgument(
        "{} \"{}\" is refused: byte {} (0x{:02x}) is not UTF-8. Encode it as UTF-8.", what,
        Quoted(text), bad, static_cast<unsigned char>(text[bad]));
  }
  return absl::OkStatus();
}

absl::Status CheckName(std::string_view name) {
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string_view::npos) {
    return InvalidArgument(
        "The name \"{}\" is refused: it cannot be one in a path. Choose another.", Quoted(name));
  }
  return CheckText("The name", name, kNameBytesMax);
}

absl::Status CheckNewPath(std::string_view path) {
  if (path.find('\\') == std::string_view::npos) return absl::OkStatus();
  return InvalidArgument(
      "The name \"{}\" is refused: Alluxio's clients take a backslash for a slash. Choose "
      "another.",
      Quoted(path));
}

std::string Printable(std::string text, bool keep_lines) {
  const auto plain = [&](unsigned char c) {
    return !IsControl(c) || (keep_lines && (c == '\n' || c == '\t'));
  };
  const auto escape = [](unsigned char c) { return fmt::format("\\x{:02x}", c); };
  size_t at = 0;
  while (at < text.size() && text[at] >= 0x20 && text[at] < 0x7f) ++at;
  if (at == text.size()) return text;  // as almost always
  std::string out = text.substr(0, at);
  while (at < text.size()) {
    uint32_t point = 0;
    const size_t size = CodePointBytes(std::string_view(text).substr(at), &point);
    if (size == 0 || (size == 1 && !plain(static_cast<unsigned char>(text[at])))) {
      out += escape(static_cast<unsigned char>(text[at++]));
    } else {
      out.append(text, at, size);
      at += size;
    }
  }
  return out;
}

std::string_view Utf8Prefix(std::string_view text, size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

}  // namespace spillway
