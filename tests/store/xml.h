// XML as S3 speaks it: elements, text and attributes; no DTD. The reader takes nothing that XML 1.0
// forbids.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace spillway::strict {

struct XmlNode {
  std::string name;
  std::string attributes;  // as written, with a blank in front; empty if there are none
  std::string text;        // of this element alone, decoded
  std::vector<XmlNode> children;

  const XmlNode* Child(std::string_view child) const;
  // The text of the first child so named; empty if there is none.
  std::string ChildText(std::string_view child) const;
};

// Nothing unless text is one well-formed document of legal characters.
std::optional<XmlNode> ReadXml(std::string_view text);
std::string WriteXml(const XmlNode& root);
// Characters that XML 1.0 cannot carry are written as numeric references, as AWS does.
std::string XmlText(std::string_view text);
// "<name>text</name>"
std::string XmlTag(std::string_view name, std::string_view text);
inline constexpr std::string_view kXmlDeclaration = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

}  // namespace spillway::strict
