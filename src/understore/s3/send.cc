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

// Each cause repeats a request once at most, so that answers which contradict each other end.
StatusOr<HttpResponse> S3Client::SendUntilSettled(const S3Request& request, std::string* note) {
  bool by_clock = false;
  bool by_place = false;
  bool by_credentials = false;
  bool bytes_taken = false;
  S3Request sent = request;
  if (request.sink) {
    sent.sink = [&](std::string_view data) {
      bytes_taken = true;
      return request.sink(data);
    };
  }
  while (true) {
    SPILLWAY_ASSIGN_OR_RETURN(const S3Credentials credentials, credentials_->Get());
    const Attempt attempt{credentials, place_.Get(clock_->MonotonicMs()), skew_.offset_ms()};
    auto response = SendOnce(sent, attempt);
    if (!response.ok()) {
      if (response.status().code() == StatusCode::kUnavailable) place_.Forget(attempt.place);
      return response;
    }
    if (response->code / 100 == 2 || bytes_taken) return response;
    const std::string code = S3ErrorCode(response->body);
    const bool skewed = code == "RequestTimeTooSkewed";
    const bool refused = MayBeCredentials(request.method, response->code, code);
    if (!by_clock && (skewed || response->code == 403) &&
        skew_.Learn(HeaderOf(*response, "date"), skewed, clock_->NowMs(), attempt.skew_ms)) {
      by_clock = true;
    } else if (!by_place && place_.Learn(attempt.place, *response, clock_->MonotonicMs(), note)) {
      by_place = true;
    } else if (!by_credentials && refused && credentials_->Refused(credentials)) {
      by_credentials = true;
    } else {
      return response;
    }
  }
}

}  // namespace spillway
