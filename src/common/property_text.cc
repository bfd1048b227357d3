#include "common/property_text.h"

#include <algorithm>
#include <cctype>
#include <cstdint>

namespace spillway {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\f'; }

// Takes the next line off text, without its end: \n, \r or \r\n.
std::string_view TakeLine(std::string_view* text) {
  const size_t end = text->find_first_of("\r\n");
  const std::string_view line = text->substr(0, end);
  if (end == std::string_view::npos) {
    text->remove_prefix(text->size());
    return line;
  }
  const bool two = (*text)[end] == '\r' && end + 1 < text->size() && (*text)[end + 1] == '\n';
  text->remove_prefix(end + (two ? 2 : 1));
  return line;
}

std::string_view DropLeadingBlanks(std::string_view line) {
  while (!line.empty() && IsBlank(line[0])) line.remove_prefix(1);
  return line;
}

bool IsComment(std::string_view line) {
  return !line.empty() && (line[0] == '#' || line[0] == '!');
}

// An odd number of backslashes at the end.
bool Continues(std::string_view line) {
  size_t count = 0;
  while (count < line.size() && line[line.size() - 1 - count] == '\\') ++count;
  return count % 2 == 1;
}

// The number of \uXXXX at the front of text, which is taken off; -1 if text does not begin so.
int32_t TakeUnit(std::string_view* text) {
  if (text->size() < 6 || text->substr(0, 2) != "\\u") return -1;
  int32_t unit = 0;
  for (size_t i = 2; i < 6; ++i) {
    const auto c = static_cast<unsigned char>((*text)[i]);
    if (std::isxdigit(c) == 0) return -1;
    unit = unit * 16 + (std::isdigit(c) != 0 ? c - '0' : std::tolower(c) - 'a' + 10);
  }
  text->remove_prefix(6);
  return unit;
}

void AppendUtf8(int32_t code, std::string* out) {
  if (code < 0x80) {
    out->push_back(static_cast<char>(code));
    return;
  }
  int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  const int lead = more == 1 ? 0xC0 : more == 2 ? 0xE0 : 0xF0;
  out->push_back(static_cast<char>(lead | code >> (6 * more)));
  while (more-- > 0) out->push_back(static_cast<char>(0x80 | (code >> (6 * more) & 0x3F)));
}

// Takes \uXXXX, or a pair of them, off the front of text.
Status TakeEscapedCharacter(std::string_view* text, std::string* out) {
  const std::string_view shown = text->substr(0, 6);
  const int32_t unit = TakeUnit(text);
  if (unit < 0) return InvalidArgument("\"{}\" is malformed: \\u needs four hex digits", shown);
  if (unit < 0xD800 || unit > 0xDFFF) {
    AppendUtf8(unit, out);
    return absl::OkStatus();
  }
  const int32_t low = unit < 0xDC00 ? TakeUnit(text) : -1;
  if (low < 0xDC00 || low > 0xDFFF)
    return InvalidArgument("\"{}\" is malformed: it is one half of a surrogate pair", shown);
  AppendUtf8(0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00), out);
  return absl::OkStatus();
}

StatusOr<std::string> Unescape(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    if (text[0] != '\\' || text.size() == 1) {
      out.push_back(text[0]);
      text.remove_prefix(1);
      continue;
    }
    const char next = text[1];
    if (next == 'u') {
      SPILLWAY_RETURN_IF_ERROR(TakeEscapedCharacter(&text, &out));
      continue;
    }
    out.push_back(next == 'n'   ? '\n'
                  : next == 't' ? '\t'
                  : next == 'r' ? '\r'
                  : next == 'f' ? '\f'
                                : next);
    text.remove_prefix(2);
  }
  return out;
}

// The key ends at the first '=', ':' or blank that no backslash escapes.
Status Split(std::string_view logical, PropertyLine* entry) {
  size_t at = 0;
  while (at < logical.size() && logical[at] != '=' && logical[at] != ':' && !IsBlank(logical[at]))
    at += logical[at] == '\\' ? 2 : 1;
  at = std::min(at, logical.size());
  std::string_view value = DropLeadingBlanks(logical.substr(at));
  if (!value.empty() && (value[0] == '=' || value[0] == ':'))
    value = DropLeadingBlanks(value.substr(1));
  SPILLWAY_ASSIGN_OR_RETURN(entry->key, Unescape(logical.substr(0, at)));
  SPILLWAY_ASSIGN_OR_RETURN(entry->value, Unescape(value));
  return absl::OkStatus();
}

}  // namespace

StatusOr<std::vector<PropertyLine>> ParsePropertyText(std::string_view text) {
  std::vector<PropertyLine> entries;
  if (text.substr(0, 3) == "\xEF\xBB\xBF") text.remove_prefix(3);
  int number = 0;
  while (!text.empty()) {
    PropertyLine entry;
    entry.number = ++number;
    std::string_view line = DropLeadingBlanks(TakeLine(&text));
    if (IsComment(line)) continue;
    std::string logical;
    while (Continues(line)) {
      logical += line.substr(0, line.size() - 1);
      if (!text.empty()) ++number;
      line = DropLeadingBlanks(TakeLine(&text));
      if (logical.empty() && IsComment(line)) line = {};
    }
    logical += line;
    if (logical.empty()) continue;
    if (Status status = Split(logical, &entry); !status.ok())
      return InvalidArgument("line {}: {}", entry.number, Message(status));
    entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace spillway
