#include "understore/s3/send.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "understore/s3/s3_client.h"

namespace spillway {
namespace {

constexpr std::array<std::string_view, 8> kRefusals{
    "ExpiredToken",         "ExpiredTokenException",      "InvalidAccessKeyId",
    "InvalidToken",         "SignatureDoesNotMatch",      "TokenRefreshRequired",
    "InvalidClientTokenId", "UnrecognizedClientException"};

}  // namespace

bool IsCredentialsRefusal(const std::string& error_code) {
  return std::find(kRefusals.begin(), kRefusals.end(), error_code) != kRefusals.end();
}

bool MayBeCredentials(const std::string& method, int http_code, const std::string& error_code) {
  if (IsCredentialsRefusal(error_code)) return true;
  if (!error_code.empty()) return false;
  return http_code == 401 || http_code == 403 || (http_code == 400 && method == "HEAD");
}

StatusOr<S3Client::Attempt> S3Client::NextAttempt() {
  SPILLWAY_ASSIGN_OR_RETURN(S3Credentials credentials, credentials_->Get());
  return Attempt{std::move(credentials), place_.Get(clock_->MonotonicMs()), skew_.offset_ms()};
}

bool S3Client::LearnFrom(const S3Request& request, const Attempt& attempt, HttpResponse* response,
                         Repeats* repeats) {
  if (response->code / 100 == 2) return false;
  const auto error = ParseS3Error(response->code, response->body);
  const std::string code = error ? error->code : "";
  const bool skewed = code == "RequestTimeTooSkewed";
  if (!repeats->by_clock && (skewed || response->code == 403) &&
      skew_.Learn(HeaderOf(*response, "date"), skewed, clock_->NowMs(), attempt.skew_ms)) {
    return repeats->by_clock = true;
  }
  if (!repeats->by_place &&
      place_.Learn(attempt.place, *response, clock_->MonotonicMs(), &response->note)) {
    return repeats->by_place = true;
  }
  if (!repeats->by_credentials && MayBeCredentials(request.method, response->code, code) &&
      credentials_->Refused(attempt.credentials)) {
    return repeats->by_credentials = true;
  }
  return false;
}

// Each cause repeats a request once at most, so that answers which contradict each other end.
StatusOr<HttpResponse> S3Client::Send(const S3Request& request) {
  Repeats repeats;
  int lost = 0;  // sendings before that may have been carried out
  bool bytes_taken = false;
  S3Request sent = request;
  if (request.sink) {
    sent.sink = [&](std::string_view data) {
      bytes_taken = true;
      return request.sink(data);
    };
  }
  while (true) {
    SPILLWAY_ASSIGN_OR_RETURN(const Attempt attempt, NextAttempt());
    const HttpRequest http = Prepare(sent, attempt);
    auto response = http_->Perform(http);
    if (!response.ok()) {
      if (response.status().code() == StatusCode::kUnavailable) place_.Forget(attempt.place);
      return response;
    }
    lost += response->attempts - 1;
    response->attempts = lost + 1;
    if (bytes_taken || !LearnFrom(request, attempt, &*response, &repeats)) return response;
  }
}

}  // namespace spillway
