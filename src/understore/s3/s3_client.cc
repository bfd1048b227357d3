#include "understore/s3/s3_client.h"

#include <pugixml.hpp>

#include "absl/strings/escaping.h"
#include "understore/s3/send.h"

namespace spillway {
namespace {

constexpr int64_t kSlowestBytesPerMs = 1024;  // 1 MB/s: below it a transfer has failed

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

}  // namespace

Status StatusFromS3(int http_code, const std::string& body, const std::string& what) {
  pugi::xml_document doc;
  std::string code;
  std::string text;
  if (doc.load_buffer(body.data(), body.size())) {
    code = doc.child("Error").child_value("Code");
    text = doc.child("Error").child_value("Message");
  }
  if (code.empty() && http_code == 503) code = "ServiceUnavailable";
  return MakeStatus(CodeOf(http_code, code), "{}: S3 answers {} {} {}", what, http_code, code,
                    text);
}

std::string StripEtag(const std::string& etag) {
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"')
    return etag.substr(1, etag.size() - 2);
  return etag;
}

std::optional<uint32_t> ParseCrc32cBase64(const std::string& text) {
  std::string bytes;
  if (!absl::Base64Unescape(text, &bytes) || bytes.size() != 4) return std::nullopt;
  uint32_t crc = 0;
  for (const char c : bytes) crc = (crc << 8) | static_cast<unsigned char>(c);
  return crc;
}

std::string XmlEscape(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\r':
        out += "&#13;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

S3Client::S3Client(S3Settings settings, std::unique_ptr<HttpClient> http,
                   std::unique_ptr<CredentialsProvider> credentials, Clock* clock)
    : settings_(std::move(settings)),
      http_(std::move(http)),
      credentials_(std::move(credentials)),
      clock_(clock),
      place_({settings_.scheme, settings_.host, settings_.path_style, settings_.region},
             settings_.bucket) {}

void S3Client::AddConditions(const PutOptions& options,
                             std::map<std::string, std::string>* headers) const {
  if (!conditional_writes()) return;
  if (options.if_absent) (*headers)["if-none-match"] = "*";
  if (!options.if_match.empty()) (*headers)["if-match"] = "\"" + options.if_match + "\"";
}

StatusOr<HttpResponse> S3Client::SendOnce(const S3Request& request, const Attempt& attempt) {
  const S3Place& place = attempt.place;
  const S3Credentials& credentials = attempt.credentials;
  SigningInput input;
  input.method = request.method;
  input.path = place.path_style ? "/" + settings_.bucket : "";
  input.path += "/" + request.key;
  if (place.path_style && request.key.empty()) input.path.pop_back();
  input.query = request.query;
  input.region = place.region;
  input.time_ms = clock_->NowMs() + attempt.skew_ms;
  input.payload_hash = kUnsignedPayload;
  input.headers = request.headers;
  const std::string host = place.path_style ? place.host : settings_.bucket + "." + place.host;
  input.headers["host"] = host;
  input.headers["x-amz-date"] = AmzDate(input.time_ms);
  input.headers["x-amz-content-sha256"] = input.payload_hash;
  if (!credentials.session_token.empty())
    input.headers["x-amz-security-token"] = credentials.session_token;

  HttpRequest http;
  http.method = request.method;
  http.url = place.scheme + "://" + host + UriEncode(input.path, true);
  const std::string query = CanonicalQuery(request.query);
  if (!query.empty()) http.url += "?" + query;
  for (const auto& header : input.headers) http.headers.push_back(header);
  http.headers.emplace_back("authorization", SignV4(input, credentials));
  http.body = request.body;
  http.sink = request.sink;
  const int64_t payload =
      request.body != nullptr ? request.body->size_bytes() : request.payload_bytes;
  http.timeout_ms = settings_.request_timeout_ms + payload / kSlowestBytesPerMs;
  return http_->Perform(http);
}

StatusOr<HttpResponse> S3Client::Send(const S3Request& request) {
  std::string note;
  SPILLWAY_ASSIGN_OR_RETURN(HttpResponse response, SendUntilSettled(request, &note));
  if (response.code / 100 == 2) return response;
  Status status = StatusFromS3(response.code, response.body,
                               request.method + " s3://" + settings_.bucket + "/" + request.key);
  if (!note.empty()) status = MakeStatus(status.code(), "{} ({})", Message(status), note);
  const bool conditional =
      request.headers.count("if-none-match") + request.headers.count("if-match") > 0;
  if (conditional && response.code == 501) {
    conditional_works_ =
        false;  // the store does not know conditional writes; the caller tries again
    return Unavailable("{} (going on without conditional writes)", Message(status));
  }
  return status;
}

}  // namespace spillway
