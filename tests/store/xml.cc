#include "store/xml.h"

#include <cstdint>

#include "store/digest.h"

namespace spillway::strict {
namespace {

constexpr int kDepthMax = 32;

// Whether XML 1.0 has the character (its production [2]).
bool IsXmlChar(uint32_t point) {
  return point == 0x9 || point == 0xA || point == 0xD || (point >= 0x20 && point < 0xD800) ||
         (point >= 0xE000 && point <= 0xFFFD) || (point >= 0x10000 && point <= 0x10FFFF);
}

bool AllXmlChars(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x80 && !IsXmlChar(byte)) return false;
    // U+FFFE and U+FFFF
    if (text.substr(i, 3) == "\xEF\xBF\xBE" || text.substr(i, 3) == "\xEF\xBF\xBF") return false;
  }
  return true;
}

void AppendUtf8(uint32_t point, std::string* out) {
  if (point < 0x80) {
    *out += static_cast<char>(point);
    return;
  }
  const int tail = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
  const uint32_t lead = tail == 1 ? 0xC0 : tail == 2 ? 0xE0 : 0xF0;
  *out += static_cast<char>(lead | (point >> (6 * tail)));
  for (int i = tail - 1; i >= 0; --i) *out += static_cast<char>(0x80 | (point >> (6 * i) & 0x3F));
}

class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool Document(XmlNode* root) {
    if (rest_.starts_with("\xEF\xBB\xBF")) rest_.remove_prefix(3);
    if (rest_.starts_with("<?xml")) {
      const size_t end = rest_.find("?>");
      if (end == std::string_view::npos) return false;
      rest_.remove_prefix(end + 2);
    }
    return Skip() && Element(root, 0) && Skip() && rest_.empty();
  }

 private:
  void Blanks() {
    while (!rest_.empty() && std::string_view(" \t\r\n").find(rest_[0]) != std::string_view::npos)
      rest_.remove_prefix(1);
  }
  // Blanks and comments.
  bool Skip() {
    for (Blanks(); rest_.starts_with("<!--"); Blanks()) {
      const size_t end = rest_.find("--", 4);
      if (end == std::string_view::npos || rest_.substr(end, 3) != "-->") return false;
      rest_.remove_prefix(end + 3);
    }
    return true;
  }
  bool Take(std::string_view token) {
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }
  std::string Name() {
    size_t n = 0;
    while (n < rest_.size()) {
      const auto c = static_cast<unsigned char>(rest_[n]);
      const bool letter =
          (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == ':' || c >= 0x80;
      if (!letter && (n == 0 || !((c >= '0' && c <= '9') || c == '-' || c == '.'))) break;
      ++n;
    }
    const std::string name(rest_.substr(0, n));
    rest_.remove_prefix(n);
    return name;
  }
  bool Attributes(XmlNode* node) {
    while (true) {
      const std::string_view before = rest_;
      Blanks();
      if (rest_.empty()) return false;
      if (rest_[0] == '>' || rest_.starts_with("/>")) return true;
      if (before.size() == rest_.size()) return false;  // no blank in front
      const std::string_view start = rest_;
      if (Name().empty()) return false;
      Blanks();
      if (!Take("=")) return false;
      Blanks();
      if (rest_.empty() || (rest_[0] != '"' && rest_[0] != '\'')) return false;
      const size_t end = rest_.find(rest_[0], 1);
      if (end == std::string_view::npos) return false;
      std::string value;
      if (!Decode(rest_.substr(1, end - 1), &value)) return false;
      rest_.remove_prefix(end + 1);
      node->attributes += " " + std::string(start.substr(0, start.size() - rest_.size()));
    }
  }
  static bool Reference(std::string_view name, std::string* out) {
    if (name == "amp") return *out += '&', true;
    if (name == "lt") return *out += '<', true;
    if (name == "gt") return *out += '>', true;
    if (name == "quot") return *out += '"', true;
    if (name == "apos") return *out += '\'', true;
    if (name.size() < 2 || name[0] != '#' || name.size() > 9) return false;
    const bool hex = name[1] == 'x';
    uint32_t point = 0;
    const std::string_view digits = name.substr(hex ? 2 : 1);
    if (digits.empty()) return false;
    for (const char c : digits) {
      const size_t value = std::string_view("0123456789abcdef").find(c | (hex ? 0x20 : 0));
      if (value == std::string_view::npos || value >= (hex ? 16u : 10u)) return false;
      point = point * (hex ? 16 : 10) + static_cast<uint32_t>(value);
    }
    if (!IsXmlChar(point)) return false;
    AppendUtf8(point, out);
    return true;
  }
  static bool Decode(std::string_view raw, std::string* out) {
    if (raw.find('<') != std::string_view::npos || raw.find("]]>") != std::string_view::npos)
      return false;
    for (size_t i = 0; i < raw.size(); ++i) {
      if (raw[i] == '\r') {  // line ends are one line feed
        if (i + 1 >= raw.size() || raw[i + 1] != '\n') *out += '\n';
        continue;
      }
      if (raw[i] != '&') {
        *out += raw[i];
        continue;
      }
      const size_t end = raw.find(';', i);
      if (end == std::string_view::npos || !Reference(raw.substr(i + 1, end - i - 1), out))
        return false;
      i = end;
    }
    return true;
  }
  bool Content(XmlNode* node, int depth) {
    while (!rest_.starts_with("</")) {
      if (rest_.starts_with("<!--")) {
        if (!Skip()) return false;
      } else if (Take("<![CDATA[")) {
        const size_t end = rest_.find("]]>");
        if (end == std::string_view::npos) return false;
        node->text += rest_.substr(0, end);
        rest_.remove_prefix(end + 3);
      } else if (rest_.starts_with("<")) {
        node->children.emplace_back();
        if (!Element(&node->children.back(), depth + 1)) return false;
      } else {
        const size_t end = rest_.find('<');
        if (end == std::string_view::npos || !Decode(rest_.substr(0, end), &node->text))
          return false;
        rest_.remove_prefix(end);
      }
    }
    return true;
  }
  bool Element(XmlNode* node, int depth) {
    if (depth > kDepthMax || !Take("<")) return false;
    node->name = Name();
    if (node->name.empty() || !Attributes(node)) return false;
    if (Take("/>")) return true;
    if (!Take(">") || !Content(node, depth) || !Take("</") || Name() != node->name) return false;
    Blanks();
    return Take(">");
  }
  std::string_view rest_;
};

void Write(const XmlNode& node, std::string* out) {
  *out += "<" + node.name + node.attributes + ">";
  if (node.children.empty()) *out += XmlText(node.text);
  for (const XmlNode& child : node.children) Write(child, out);
  *out += "</" + node.name + ">";
}

}  // namespace

const XmlNode* XmlNode::Child(std::string_view child) const {
  for (const XmlNode& node : children) {
    if (node.name == child) return &node;
  }
  return nullptr;
}

std::string XmlNode::ChildText(std::string_view child) const {
  const XmlNode* node = Child(child);
  return node == nullptr ? "" : node->text;
}

std::optional<XmlNode> ReadXml(std::string_view text) {
  XmlNode root;
  if (!IsUtf8(text) || !AllXmlChars(text) || !Reader(text).Document(&root)) return std::nullopt;
  return root;
}

std::string WriteXml(const XmlNode& root) {
  std::string out(kXmlDeclaration);
  Write(root, &out);
  return out;
}

std::string XmlText(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '"') {
      out += "&quot;";
    } else if (byte < 0x20 && c != '\n' && c != '\t') {
      out += "&#x" + std::string(1, "0123456789abcdef"[byte >> 4]) +
             std::string(1, "0123456789abcdef"[byte & 15]) + ";";
    } else {
      out += c;
    }
  }
  return out;
}

std::string XmlTag(std::string_view name, std::string_view text) {
  return "<" + std::string(name) + ">" + XmlText(text) + "</" + std::string(name) + ">";
}

}  // namespace spillway::strict
