#include <ctime>

#include "fmt/format.h"
#include "store/world.h"
#include "store/xml.h"

namespace spillway::strict {
namespace {

std::string Time(int64_t time_ms, const char* format) {
  const std::time_t seconds = time_ms / 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[64];
  return std::string(text, std::strftime(text, sizeof(text), format, &utc));
}

}  // namespace

Answer ErrorAnswer(const std::string& code, const std::string& message,
                   const std::vector<std::pair<std::string, std::string>>& fields) {
  const S3Error* error = ErrorByCode(code);
  Answer answer;
  answer.status = error == nullptr ? 400 : error->status;
  answer.error_code = code;
  if (answer.status == 304) return answer;
  std::string xml(kXmlDeclaration);
  xml += "<Error>" + XmlTag("Code", code) +
         XmlTag("Message", !message.empty()   ? message
                           : error != nullptr ? error->message
                                              : code);
  for (const auto& [name, value] : fields) xml += XmlTag(name, value);
  xml += "</Error>";
  answer.headers.emplace_back("Content-Type", "application/xml");
  answer.body = Rope(xml);
  return answer;
}

Answer XmlAnswer(const std::string& xml_without_declaration) {
  Answer answer;
  answer.headers.emplace_back("Content-Type", "application/xml");
  answer.body = Rope(std::string(kXmlDeclaration) + xml_without_declaration);
  return answer;
}

std::string IsoTime(int64_t time_ms) {
  return Time(time_ms, "%Y-%m-%dT%H:%M:%S") + fmt::format(".{:03}Z", time_ms % 1000);
}

std::string HttpTime(int64_t time_ms) { return Time(time_ms, "%a, %d %b %Y %H:%M:%S GMT"); }

std::string Quoted(const std::string& etag) { return "\"" + etag + "\""; }

std::string Unquoted(const std::string& etag) {
  return etag.size() >= 2 && etag.front() == '"' && etag.back() == '"'
             ? etag.substr(1, etag.size() - 2)
             : etag;
}

std::optional<int64_t> ParseNumber(const std::string& text) {
  if (text.empty() || text.size() > 18 ||
      text.find_first_not_of("0123456789") != std::string::npos) {
    return std::nullopt;
  }
  return std::stoll(text);
}

}  // namespace spillway::strict
