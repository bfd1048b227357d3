#include "understore/s3/send.h"

#include <algorithm>
#include <array>
#include <pugixml.hpp>
#include <string_view>

#include "understore/s3/s3_client.h"

namespace spillway {
namespace {

constexpr size_t kErrorBytesMax = 64 << 10;
constexpr std::array<std::string_view, 8> kRefusals{
    "ExpiredToken",         "ExpiredTokenException",      "InvalidAccessKeyId",
    "InvalidToken",         "SignatureDoesNotMatch",      "TokenRefreshRequired",
    "InvalidClientTokenId", "UnrecognizedClientException"};

std::string HeaderOf(const HttpResponse& response, const char* name) {
  const auto it = response.headers.find(name);
  return it == response.headers.end() ? "" : it->second;
}

}  // namespace

std::string S3ErrorCode(const std::string& body) {
  pugi::xml_document doc;
  if (body.size() > kErrorBytesMax || !doc.load_buffer(body.data(), body.size())) return "";
  return doc.child("Error").child_value("Code");
}

bool IsCredentialsRefusal(const std::string& error_code) {
  return std::find(kRefusals.begin(), kRefusals.end(), error_code) != kRefusals.end();
}

bool MayBeCredentials(const std::string& method, int http_code, const std::string& error_code) {
  if (IsCredentialsRefusal(error_code)) return true;
  if (!error_code.empty()) return false;
  return http_code == 401 || http_code == 403 || (http_code == 400 && method == "HEAD");
}

bool S3Client::LearnFrom(const S3Request& request, const Attempt& attempt,
                         const HttpResponse& response, Learned* before, std::string* note) {
  const std::string code = S3ErrorCode(response.body);
  const bool skewed = code == "RequestTimeTooSkewed";
  const bool refused = MayBeCredentials(request.method, response.code, code);
  if (!before->clock && (skewed || response.code == 403) &&
      skew_.Learn(HeaderOf(response, "date"), skewed, clock_->NowMs(), attempt.skew_ms)) {
    return before->clock = true;
  }
  if (!before->place && place_.Learn(attempt.place, response, clock_->MonotonicMs(), note))
    return before->place = true;
  if (!before->credentials && refused && credentials_->Refused(attempt.credentials))
    return before->credentials = true;
  return false;
}

// Each cause repeats a request once at most, so that answers which contradict each other end.
StatusOr<HttpResponse> S3Client::SendUntilSettled(const S3Request& request, std::string* note) {
  Learned learned;
  bool bytes_taken = false;
  S3Request sent = request;
  if (request.sink) {
    sent.sink = [&](std::string_view data) {
      bytes_taken = true;
      return request.sink(data);
    };
  }
  while (true) {
    SPILLWAY_ASSIGN_OR_RETURN(const Attempt attempt, NewAttempt());
    auto response = http_->Perform(Prepare(sent, attempt));
    if (!response.ok()) {
      if (response.status().code() == StatusCode::kUnavailable) place_.Forget(attempt.place);
      return response;
    }
    if (response->code / 100 == 2 || bytes_taken) return response;
    if (!LearnFrom(request, attempt, *response, &learned, note)) return response;
  }
}

}  // namespace spillway
