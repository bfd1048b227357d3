#include "understore/s3/answer.h"

#include <algorithm>
#include <array>

#include "understore/s3/s3_client.h"
#include "understore/s3/send.h"

namespace spillway {
namespace {

constexpr const char* kErrorPayload = "spillway/s3-error";
constexpr const char* kNoEtag = "\"\"";  // of what has none, for example a folder

struct KnownCode {
  const char* s3_code;
  int http_code;
};
constexpr KnownCode kKnownCodes[] = {
    {"AccessDenied", 403},
    {"BadDigest", 400},
    {"ConditionalRequestConflict", 409},
    {"EntityTooLarge", 400},
    {"EntityTooSmall", 400},
    {"InternalError", 500},
    {"InvalidArgument", 400},
    {"InvalidDigest", 400},
    {"InvalidObjectState", 403},
    {"InvalidPart", 400},
    {"InvalidPartOrder", 400},
    {"InvalidRange", 416},
    {"InvalidRequest", 400},
    {"KeyTooLongError", 400},
    {"MalformedXML", 400},
    {"MethodNotAllowed", 405},
    {"NoSuchBucket", 404},
    {"NoSuchKey", 404},
    {"NoSuchUpload", 404},
    {"NotImplemented", 501},
    {"OperationAborted", 409},
    {"PreconditionFailed", 412},
    {"RequestTimeout", 400},
    {"ServiceUnavailable", 503},
    {"SlowDown", 503},
    {"XAmzContentChecksumMismatch", 400},
    {"XAmzContentSHA256Mismatch", 400},
};

bool IsThrottle(const std::string& code) {
  return code == "SlowDown" || code == "RequestLimitExceeded" || code == "TooManyRequests" ||
         code == "ThrottlingException" || code == "BandwidthLimitExceeded";
}

StatusCode CodeOf(int http_code, const std::string& code) {
  if (IsThrottle(code) || http_code == 429) return StatusCode::kResourceExhausted;
  if (code == "BadDigest" || code == "InvalidDigest" || code == "XAmzContentSHA256Mismatch" ||
      code == "XAmzContentChecksumMismatch") {
    return StatusCode::kDataLoss;
  }
  if (code == "RequestTimeout" || code == "RequestTimeTooSkewed" || code == "InternalError") {
    return StatusCode::kUnavailable;
  }
  if (IsCredentialsRefusal(code)) return StatusCode::kPermissionDenied;
  switch (http_code) {
    case 301:
    case 307:
    case 400:
    case 405:
    case 411:
    case 416:
      return StatusCode::kInvalidArgument;
    case 401:
    case 403:
      return StatusCode::kPermissionDenied;
    case 404:
      return StatusCode::kNotFound;
    case 408:
      return StatusCode::kUnavailable;
    case 409:
      return code == "ConditionalRequestConflict" || code == "OperationAborted"
                 ? StatusCode::kUnavailable
                 : StatusCode::kFailedPrecondition;
    case 412:
      return StatusCode::kFailedPrecondition;
    case 501:
      return StatusCode::kUnknown;
    default:
      return http_code >= 500 ? StatusCode::kUnavailable : StatusCode::kUnknown;
  }
}

bool IsOfKind(const std::string& text, FieldKind kind) {
  switch (kind) {
    case FieldKind::kText:
      return !text.empty();
    case FieldKind::kEtag:
      return IsEtag(text);
    case FieldKind::kSize:
      return ParseDecimal(text, kObjectBytesMax).has_value();
    case FieldKind::kBool:
      return text == "true" || text == "false";
    case FieldKind::kTime:
      return ParseIsoTimeMs(text).has_value();
    case FieldKind::kHttpTime:
      return ParseHttpTimeMs(text).has_value();
  }
  return false;
}

// Empty, or the name of the first field that is not as it must be.
template <typename F>
std::string FirstBadField(const std::vector<FieldRule>& fields, F&& text_of) {
  for (const FieldRule& field : fields) {
    const std::string text = text_of(field.name);
    const bool none = text.empty() || (field.kind == FieldKind::kEtag && text == kNoEtag);
    if (none ? field.required : !IsOfKind(text, field.kind)) return field.name;
  }
  return "";
}

// pugixml ends a text where this stands, and the rest of a name would be lost.
bool HoldsNul(const std::string& body) {
  if (body.find('\0') != std::string::npos) return true;
  for (size_t at = body.find("&#"); at != std::string::npos; at = body.find("&#", at + 2)) {
    size_t digit = at + 2;
    if (digit < body.size() && (body[digit] == 'x' || body[digit] == 'X')) ++digit;
    const size_t end = body.find_first_not_of('0', digit);
    if (end != std::string::npos && end > digit && body[end] == ';') return true;
  }
  return false;
}

std::string WhyNoDocument(const AnswerRule& rule, Answer* answer) {
  const std::string& body = answer->http.body;
  if (body.empty()) return "no document";
  if (HoldsNul(body)) return "a NUL in the document";
  const unsigned flags = pugi::parse_default | pugi::parse_ws_pcdata_single;
  if (!answer->doc.load_buffer(body.data(), body.size(), flags, pugi::encoding_utf8))
    return "not XML";
  answer->root = answer->doc.document_element();
  const std::string root = answer->root.name();
  const bool right = rule.root == std::string_view(kAnyRoot) ? !root.empty() && root != "Error"
                                                             : root == rule.root;
  if (!right) return "not the document of this call";
  const auto in = [](const pugi::xml_node& node) {
    return [&node](const char* name) { return TextOf(node, name); };
  };
  if (const std::string bad = FirstBadField(rule.fields, in(answer->root)); !bad.empty())
    return "missing or malformed " + bad;
  for (const ElementRule& element : rule.elements) {
    for (const pugi::xml_node& node : answer->root.children(element.name)) {
      if (const std::string bad = FirstBadField(element.fields, in(node)); !bad.empty())
        return fmt::format("missing or malformed {} of {}", bad, element.name);
    }
  }
  return "";
}

}  // namespace

std::string Answer::header(const char* name) const {
  const auto it = http.headers.find(name);
  return it == http.headers.end() ? "" : it->second;
}

std::string WhyNoAnswer(const AnswerRule& rule, Answer* answer) {
  if (std::find(rule.codes.begin(), rule.codes.end(), answer->http.code) == rule.codes.end())
    return "another status than a success of this call has";
  const auto header = [&](const char* name) { return answer->header(name); };
  if (const std::string bad = FirstBadField(rule.headers, header); !bad.empty())
    return "missing or malformed header " + bad;
  if (rule.empty_body && !answer->http.body.empty()) return "a body where none belongs";
  return rule.root == nullptr ? "" : WhyNoDocument(rule, answer);
}

std::string WhyNoRefusal(const std::string& method, const HttpResponse& response) {
  const int code = response.code;
  if (code < 300 || code > 599) return "an unknown status";
  if (code / 100 == 3 && code != 301 && code != 307) return "a redirection";
  // Whatever stands in front of a store may fail or refuse to pass a request on.
  if ((code >= 500 && code != 501) || code == 401 || code == 403 || code == 429) return "";
  if (method == "HEAD") {
    const auto type = response.headers.find("content-type");
    const bool page = type != response.headers.end() && type->second.rfind("text/html", 0) == 0;
    return page ? "a web page" : "";
  }
  if (response.body.empty() || ParseS3Error(code, response.body)) return "";
  return "an error without S3's document";
}

std::optional<S3Error> ParseS3Error(int http_code, const std::string& body) {
  pugi::xml_document doc;
  if (!doc.load_buffer(body.data(), body.size())) return std::nullopt;
  const pugi::xml_node root = doc.child("Error");
  std::string code = TextOf(root, "Code");
  if (code.empty()) return std::nullopt;
  return S3Error{http_code, Glimpse(code), Glimpse(TextOf(root, "Message"), 300)};
}

int HttpCodeOf(const std::string& s3_code) {
  for (const KnownCode& known : kKnownCodes) {
    if (s3_code == known.s3_code) return known.http_code;
  }
  return 500;
}

Status StatusOfS3Error(const S3Error& error, const std::string& what) {
  Status status = MakeStatus(CodeOf(error.http_code, error.code), "{}: S3 answers {} {} {}", what,
                             error.http_code, error.code, error.message);
  status.SetPayload(kErrorPayload, absl::Cord(fmt::format("{} {}", error.http_code, error.code)));
  return status;
}

S3Error S3ErrorOf(const Status& status) {
  S3Error error;
  const auto payload = status.GetPayload(kErrorPayload);
  if (!payload) return error;
  const std::string text(*payload);
  const size_t blank = text.find(' ');
  error.http_code = static_cast<int>(ParseDecimal(text.substr(0, blank)).value_or(0));
  error.code = text.substr(blank + 1);
  error.message = Message(status);
  return error;
}

Status StatusFromS3(int http_code, const std::string& body, const std::string& what) {
  S3Error error = ParseS3Error(http_code, body).value_or(S3Error{http_code, "", ""});
  if (error.code.empty() && http_code == 503) error.code = "ServiceUnavailable";
  return StatusOfS3Error(error, what);
}

}  // namespace spillway
