// The one door through which answers of S3 come in. Each call describes what makes an answer to it;
// anything else is none, whatever its status code says.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <pugixml.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "understore/s3/http_client.h"

namespace spillway {

// The longest object that is believed.
inline constexpr int64_t kObjectBytesMax = 64LL << 40;

enum class FieldKind {
  kText,      // not empty
  kEtag,      // visible ASCII, with or without quotes
  kSize,      // decimal digits, 0 to kObjectBytesMax
  kBool,      // true or false
  kTime,      // 2009-10-12T17:50:30.000Z
  kHttpTime,  // Mon, 12 Oct 2009 17:50:30 GMT
};

// A header of an answer or an element of its document. One that is not required may be missing or
// empty, but must be of its kind if it is there.
struct FieldRule {
  const char* name;
  FieldKind kind;
  bool required = true;
};

// Elements of this name below the document's element.
struct ElementRule {
  const char* name;
  std::vector<FieldRule> fields;
};

// A document's element of any name but Error.
inline constexpr const char* kAnyRoot = "*";

struct AnswerRule {
  const char* call;        // in metrics and texts
  std::vector<int> codes;  // of a success
  std::vector<FieldRule> headers;
  const char* root = nullptr;  // the document's element; null: the body must be empty or is free
  std::vector<FieldRule> fields;
  std::vector<ElementRule> elements;
  // 200 may be sent before the outcome is known: then the document is an error's.
  bool late_errors = false;
  bool empty_body = false;  // a body makes it no answer
};

struct Answer {
  HttpResponse http;
  pugi::xml_document doc;
  pugi::xml_node root;
  std::string header(const char* name) const;
};

// What S3 says about a request that it refuses.
struct S3Error {
  int http_code = 0;
  std::string code;  // "NoSuchKey"; empty if the answer has no document
  std::string message;
};

// Empty if response is an answer to rule's call (answer's document is filled in then); otherwise
// says why it is none. Its code is 2xx.
std::string WhyNoAnswer(const AnswerRule& rule, Answer* answer);
// The same of any other code.
std::string WhyNoRefusal(const std::string& method, const HttpResponse& response);
// Nothing if body is not an error's document.
std::optional<S3Error> ParseS3Error(int http_code, const std::string& body);
// The HTTP code that S3 sends with an error of this code; 500 for one that is not known.
int HttpCodeOf(const std::string& s3_code);
// The status that an error stands for. It carries the error with it.
Status StatusOfS3Error(const S3Error& error, const std::string& what);
// http_code is 0 if status is no answer of S3.
S3Error S3ErrorOf(const Status& status);

// All text of a node: a comment in it does not end it.
std::string TextOf(const pugi::xml_node& node);
inline std::string TextOf(const pugi::xml_node& node, const char* child) {
  return TextOf(node.child(child));
}
// Decimal digits alone, at most max.
std::optional<int64_t> ParseDecimal(std::string_view text, int64_t max = INT64_MAX);
std::optional<int64_t> ParseIsoTimeMs(const std::string& text);
std::optional<int64_t> ParseHttpTimeMs(const std::string& text);
bool IsEtag(std::string_view text);
bool IsUtf8(std::string_view text);
// True if XML 1.0 has a way to write text.
bool FitsXml(std::string_view text);
// "%41+" is "A "; nothing if an escape is cut off.
std::optional<std::string> UriDecode(std::string_view text);
// The first bytes of text, for logs: what cannot be printed becomes a dot.
std::string Glimpse(std::string_view text, size_t most = 80);

}  // namespace spillway
