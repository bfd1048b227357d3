#include "store/sigv4_verify.h"

#include <algorithm>
#include <cstdlib>
#include <ctime>

#include "store/digest.h"

namespace spillway::strict {
namespace {

constexpr const char* kAlgorithm = "AWS4-HMAC-SHA256";
constexpr const char* kUnsigned = "UNSIGNED-PAYLOAD";

struct Authorization {
  std::string access_key, day, region, service, terminal;
  std::string signed_headers, signature;
};

std::string Trim(const std::string& text) {
  const size_t begin = text.find_first_not_of(' ');
  return begin == std::string::npos ? ""
                                    : text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

std::vector<std::string> Split(const std::string& text, char separator) {
  std::vector<std::string> out{""};
  for (const char c : text) {
    if (c == separator) {
      out.emplace_back();
    } else {
      out.back() += c;
    }
  }
  return out;
}

std::optional<Authorization> ParseAuthorization(const std::string& header) {
  if (!header.starts_with(std::string(kAlgorithm) + " ")) return std::nullopt;
  Authorization out;
  for (const std::string& field : Split(header.substr(std::string(kAlgorithm).size()), ',')) {
    const std::string text = Trim(field);
    const size_t equals = text.find('=');
    if (equals == std::string::npos) return std::nullopt;
    const std::string name = text.substr(0, equals);
    const std::string value = text.substr(equals + 1);
    if (name == "SignedHeaders") {
      out.signed_headers = value;
    } else if (name == "Signature") {
      out.signature = value;
    } else if (name == "Credential") {
      const auto parts = Split(value, '/');
      if (parts.size() != 5) return std::nullopt;
      out.access_key = parts[0];
      out.day = parts[1];
      out.region = parts[2];
      out.service = parts[3];
      out.terminal = parts[4];
    } else {
      return std::nullopt;
    }
  }
  if (out.access_key.empty() || out.signed_headers.empty() || out.signature.empty())
    return std::nullopt;
  return out;
}

// Nothing unless text is "20130524T000000Z".
std::optional<int64_t> ParseAmzDate(const std::string& text) {
  std::tm utc{};
  const char* end = text.size() == 16 ? strptime(text.c_str(), "%Y%m%dT%H%M%SZ", &utc) : nullptr;
  if (end == nullptr || *end != '\0') return std::nullopt;
  return static_cast<int64_t>(timegm(&utc)) * 1000;
}

// The query as received, its pairs in order of names and values.
std::string CanonicalQueryOf(const std::string& raw) {
  if (raw.empty()) return "";
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const std::string& pair : Split(raw, '&')) {
    const size_t equals = std::min(pair.find('='), pair.size());
    pairs.emplace_back(pair.substr(0, equals), equals < pair.size() ? pair.substr(equals + 1) : "");
  }
  std::sort(pairs.begin(), pairs.end());
  std::string out;
  for (const auto& [name, value] : pairs) out += (out.empty() ? "" : "&") + name + "=" + value;
  return out;
}

std::string Folded(const std::string& value) {
  std::string out;
  for (const char c : value) {
    if (c != ' ' || (!out.empty() && out.back() != ' ')) out += c;
  }
  return out;
}

// Nothing if a header that is said to be signed was not sent.
std::optional<std::string> CanonicalRequestOf(const HttpRequest& request,
                                              const std::string& signed_headers,
                                              const std::string& payload_hash) {
  std::string headers;
  for (const std::string& name : Split(signed_headers, ';')) {
    std::string values;
    for (const auto& [key, value] : request.headers) {
      if (key == name) values += (values.empty() ? "" : ",") + Folded(value);
    }
    if (!request.Has(name)) return std::nullopt;
    headers += name + ":" + values + "\n";
  }
  return request.method + "\n" + request.path + "\n" + CanonicalQueryOf(request.query) + "\n" +
         headers + "\n" + signed_headers + "\n" + payload_hash;
}

std::string SignatureOf(const std::string& secret, const Authorization& auth,
                        const std::string& date, const std::string& canonical_request) {
  const std::string scope = auth.day + "/" + auth.region + "/" + auth.service + "/" + auth.terminal;
  const std::string to_sign = std::string(kAlgorithm) + "\n" + date + "\n" + scope + "\n" +
                              Hex(Sha256Of(canonical_request));
  std::string key = HmacSha256("AWS4" + secret, auth.day);
  for (const std::string& step : {auth.region, auth.service, auth.terminal})
    key = HmacSha256(key, step);
  return Hex(HmacSha256(key, to_sign));
}

std::optional<Answer> CheckScope(const StoreOptions& options, const Authorization& auth,
                                 const std::string& date) {
  if (auth.access_key != options.access_key)
    return ErrorAnswer("InvalidAccessKeyId", "", {{"AWSAccessKeyId", auth.access_key}});
  if (auth.region != options.region) {
    Answer answer =
        options.redirect_to_region
            ? ErrorAnswer("PermanentRedirect", "", {{"Endpoint", options.region}})
            : ErrorAnswer("AuthorizationHeaderMalformed",
                          "The authorization header is malformed; the region '" + auth.region +
                              "' is wrong; expecting '" + options.region + "'",
                          {{"Region", options.region}});
    answer.headers.emplace_back("x-amz-bucket-region", options.region);
    return answer;
  }
  if (auth.service != "s3" || auth.terminal != "aws4_request")
    return ErrorAnswer("AuthorizationHeaderMalformed", "The credential scope is wrong.");
  if (auth.day != date.substr(0, 8))
    return ErrorAnswer("AuthorizationHeaderMalformed", "The date of the scope is another.");
  return std::nullopt;
}

std::optional<Answer> CheckSignedHeaders(const HttpRequest& request, const Authorization& auth) {
  const std::vector<std::string> names = Split(auth.signed_headers, ';');
  if (!std::is_sorted(names.begin(), names.end()))
    return ErrorAnswer("SignatureDoesNotMatch", "The signed headers are not sorted.");
  const auto is_signed = [&](const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  for (const auto& header : request.headers) {
    const std::string& name = header.first;
    const bool needed = name == "host" || name == "content-md5" || name.starts_with("x-amz-");
    if (needed && !is_signed(name)) {
      return ErrorAnswer("AccessDenied",
                         "There were headers present in the request which were not signed",
                         {{"HeadersNotSigned", name}});
    }
  }
  return std::nullopt;
}

std::optional<Answer> CheckToken(const StoreOptions& options, const HttpRequest& request) {
  const std::string token = request.Get("x-amz-security-token");
  if (token == options.session_token) return std::nullopt;
  return token.empty() ? ErrorAnswer("InvalidAccessKeyId") : ErrorAnswer("InvalidToken");
}

std::optional<Answer> CheckPayloadHash(const HttpRequest& request) {
  const std::string hash = request.Get("x-amz-content-sha256");
  if (hash.empty()) {
    return ErrorAnswer("InvalidRequest",
                       "Missing required header for this request: x-amz-content-sha256");
  }
  if (hash == kUnsigned) return std::nullopt;
  if (hash.starts_with("STREAMING-")) return ErrorAnswer("NotImplemented");
  if (hash.size() != 64 || hash.find_first_not_of("0123456789abcdef") != std::string::npos)
    return ErrorAnswer("InvalidArgument", "x-amz-content-sha256 is not a valid value.");
  if (request.body_too_long || hash == Hex(Sha256Of(request.body))) return std::nullopt;
  return ErrorAnswer("XAmzContentSHA256Mismatch");
}

}  // namespace

std::optional<Answer> VerifySignature(const StoreOptions& options, const HttpRequest& request,
                                      int64_t now_ms) {
  if (!options.require_signature) return std::nullopt;
  if (!request.Has("authorization")) return ErrorAnswer("AccessDenied");
  const auto auth = ParseAuthorization(request.Get("authorization"));
  if (!auth) return ErrorAnswer("AuthorizationHeaderMalformed");
  const std::string date = request.Get("x-amz-date");
  const auto date_ms = ParseAmzDate(date);
  if (!date_ms) {
    return ErrorAnswer("AccessDenied",
                       "AWS authentication requires a valid Date or x-amz-date header");
  }
  if (auto refusal = CheckScope(options, *auth, date)) return refusal;
  if (std::abs(*date_ms - now_ms) > kSkewMsMax) {
    return ErrorAnswer("RequestTimeTooSkewed", "",
                       {{"RequestTime", date},
                        {"ServerTime", IsoTime(now_ms)},
                        {"MaxAllowedSkewMilliseconds", std::to_string(kSkewMsMax)}});
  }
  if (auto refusal = CheckToken(options, request)) return refusal;
  if (auto refusal = CheckSignedHeaders(request, *auth)) return refusal;
  const auto canonical =
      CanonicalRequestOf(request, auth->signed_headers, request.Get("x-amz-content-sha256"));
  if (!canonical || SignatureOf(options.secret_key, *auth, date, *canonical) != auth->signature) {
    return ErrorAnswer(
        "SignatureDoesNotMatch", "",
        {{"AWSAccessKeyId", auth->access_key}, {"CanonicalRequest", canonical.value_or("")}});
  }
  return CheckPayloadHash(request);
}

}  // namespace spillway::strict
