#include "understore/s3/s3_client.h"

#include "absl/strings/escaping.h"
#include "common/log.h"

namespace spillway {
namespace {

constexpr int64_t kSlowestUploadBytesPerMs = 1024;  // 1 MB/s: below it a transfer has failed
constexpr int kSideBySide = 8;
constexpr int64_t kQuietMs = 60'000;
constexpr size_t kKindsMax = 1000;

StoreProfile ProfileOf(const S3Settings& settings) {
  StoreProfile profile = settings.profile;
  if (!settings.conditional_writes) {
    for (const StoreFeature feature :
         {StoreFeature::kPutIfAbsent, StoreFeature::kPutIfMatch, StoreFeature::kCompleteConditions,
          StoreFeature::kCopyConditions}) {
      profile.Set(feature, Support::kNo);
    }
  }
  if (!settings.checksums) profile.Set(StoreFeature::kChecksums, Support::kNo);
  return profile;
}

Status WithNote(const Status& status, const std::string& note) {
  if (note.empty()) return status;
  Status noted = MakeStatus(status.code(), "{} ({})", Message(status), note);
  status.ForEachPayload(
      [&](absl::string_view type, const absl::Cord& payload) { noted.SetPayload(type, payload); });
  return noted;
}

}  // namespace

std::string StripEtag(const std::string& etag) {
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"')
    return etag.substr(1, etag.size() - 2);
  return etag;
}

std::string QuoteEtag(const std::string& etag) {
  return etag.rfind("W/\"", 0) == 0 ? etag : "\"" + etag + "\"";
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
                   std::unique_ptr<CredentialsProvider> credentials, Clock* clock, Metrics* metrics)
    : settings_(std::move(settings)),
      http_(std::move(http)),
      credentials_(std::move(credentials)),
      clock_(clock),
      metrics_(metrics),
      place_({settings_.scheme, settings_.host, settings_.path_style, settings_.region},
             settings_.bucket),
      profile_(ProfileOf(settings_)) {}

StoreProfile S3Client::profile() const {
  absl::MutexLock lock(&mutex_);
  return profile_;
}

Support S3Client::Knows(StoreFeature feature) const {
  absl::MutexLock lock(&mutex_);
  return profile_.Get(feature);
}

void S3Client::Learn(StoreFeature feature, Support support) {
  {
    absl::MutexLock lock(&mutex_);
    if (profile_.Get(feature) == support) return;
    profile_.Set(feature, support);
  }
  spdlog::info("Bucket {}: the store's answers show {}: {}.", settings_.bucket, NameOf(feature),
               NameOf(support));
}

std::string S3Client::Name(const S3Request& request) const {
  return request.method + " s3://" + settings_.bucket + "/" + request.key;
}

HttpRequest S3Client::Prepare(const S3Request& request, const Attempt& attempt) {
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
  http.on_headers = request.on_headers;
  const int64_t payload =
      request.body != nullptr ? request.body->size_bytes() : request.payload_bytes;
  http.timeout_ms = request.timeout_ms > 0
                        ? request.timeout_ms
                        : settings_.request_timeout_ms + payload / kSlowestUploadBytesPerMs;
  http.stall_ms = settings_.socket_timeout_ms;
  return http;
}

StatusOr<std::unique_ptr<Answer>> S3Client::Call(const S3Request& request, const AnswerRule& rule) {
  SPILLWAY_ASSIGN_OR_RETURN(HttpResponse response, Send(request));
  return Judge(request, rule, std::move(response));
}

std::vector<StatusOr<std::unique_ptr<Answer>>> S3Client::CallMany(
    const std::vector<S3Request>& requests, const AnswerRule& rule) {
  std::vector<StatusOr<std::unique_ptr<Answer>>> answers;
  const auto attempt = NextAttempt();
  if (!attempt.ok()) {
    for (size_t i = 0; i < requests.size(); ++i) answers.push_back(attempt.status());
    return answers;
  }
  std::vector<HttpRequest> https;
  for (const S3Request& request : requests) https.push_back(Prepare(request, *attempt));
  auto responses = http_->PerformMany(https, kSideBySide);
  for (size_t i = 0; i < requests.size(); ++i) {
    Repeats repeats;
    if (responses[i].ok() && LearnFrom(requests[i], *attempt, &*responses[i], &repeats)) {
      answers.push_back(Call(requests[i], rule));
    } else if (responses[i].ok()) {
      answers.push_back(Judge(requests[i], rule, *std::move(responses[i])));
    } else {
      answers.push_back(responses[i].status());
    }
  }
  return answers;
}

StatusOr<std::unique_ptr<Answer>> S3Client::Judge(const S3Request& request, const AnswerRule& rule,
                                                  HttpResponse response) {
  const int code = response.code;
  if (code / 100 == 2) {
    auto answer = std::make_unique<Answer>();
    answer->http = std::move(response);
    const std::string why = WhyNoAnswer(rule, answer.get());
    if (why.empty()) return answer;
    const std::string& body = answer->http.body;
    if (const auto error = ParseS3Error(code, body); error && rule.late_errors)
      return StatusOfS3Error({HttpCodeOf(error->code), error->code, error->message}, Name(request));
    return Strange(rule.call, why, answer->http);
  }
  if (const std::string why = WhyNoRefusal(request.method, response); !why.empty())
    return WithNote(Strange(rule.call, why, response), response.note);
  const Status status = WithNote(StatusFromS3(code, response.body, Name(request)), response.note);
  // The first of two sendings may have been carried out, and this may be what the second met.
  const bool reads = request.method == "GET" || request.method == "HEAD";
  if (response.attempts > 1 && !reads && (code == 404 || code == 409 || code == 412)) {
    return MakeStatus(StatusCode::kDeadlineExceeded, "{} (after a connection was lost)",
                      Message(status));
  }
  return status;
}

Status S3Client::Strange(const std::string& call, const std::string& why,
                         const HttpResponse& response) {
  const auto type = response.headers.find("content-type");
  const std::string text = fmt::format(
      "{} in bucket {}: no usable answer ({}): status {}, {}, \"{}\"", call, settings_.bucket, why,
      response.code, type == response.headers.end() ? "no content type" : Glimpse(type->second),
      Glimpse(response.body));
  Note(call, why, text);
  return Unavailable("{}", text);
}

void S3Client::CountSkipped(const std::string& call, const std::string& why) {
  Note(call, why,
       fmt::format("{} in bucket {}: an entry is passed over: {}", call, settings_.bucket, why));
}

void S3Client::Note(const std::string& call, const std::string& why, const std::string& text) {
  if (metrics_ != nullptr) {
    metrics_
        ->Counter("spillway_understore_strange_answers_total",
                  "Answers of the understore, or entries of them, that could not be used.",
                  {{"call", call}})
        .Increment();
  }
  {
    absl::MutexLock lock(&mutex_);
    const int64_t now_ms = clock_->MonotonicMs();
    if (quiet_until_ms_.size() >= kKindsMax) quiet_until_ms_.clear();
    int64_t& until_ms = quiet_until_ms_[call + "/" + why];
    if (until_ms != 0 && now_ms < until_ms) return;
    until_ms = now_ms + kQuietMs;
  }
  spdlog::warn("{}", text);
}

}  // namespace spillway
