// Everything that credentials are made of: files, answers of services and of the store itself. Any
// of them gives credentials that can be put into headers, or a status.
#include <unistd.h>

#include <fstream>

#include "common/log.h"
#include "fuzz/input.h"
#include "understore/s3/clock_skew.h"
#include "understore/s3/credential_answers.h"
#include "understore/s3/credential_sources.h"
#include "understore/s3/endpoint.h"
#include "understore/s3/shared_credentials_file.h"

namespace spillway {
namespace {

constexpr int64_t kNowMs = 1'700'000'000'000;

class AnyAnswers : public HttpClient {
 public:
  explicit AnyAnswers(fuzz::Input* input) : input_(input) {}
  StatusOr<HttpResponse> Perform(const HttpRequest& request) override {
    for (const auto& [name, value] : request.headers)
      fuzz::Require(value.find_first_of("\r\n") == std::string::npos);
    HttpResponse response;
    const uint8_t what = input_->Byte();
    if (what == 255) return Unavailable("no answer");
    response.code = what % 4 == 3 ? 403 : 200;
    response.body = input_->String();
    return response;
  }

 private:
  fuzz::Input* const input_;
};

// Good credentials are such that a header holds them.
void RequireGood(const S3Credentials& credentials) {
  for (const std::string* text :
       {&credentials.access_key, &credentials.secret_key, &credentials.session_token}) {
    fuzz::Require(text->size() <= 64 << 10);
    for (const unsigned char c : *text) fuzz::Require(c > ' ' && c <= '~');
  }
  fuzz::Require(!credentials.access_key.empty() && !credentials.secret_key.empty());
}

void RequireGood(const StatusOr<TemporaryCredentials>& answer) {
  if (!answer.ok()) return;
  RequireGood(answer->credentials);
  if (answer->expires_ms) fuzz::Require(*answer->expires_ms > kNowMs);
}

const std::string& FolderOfThisRun() {
  static const std::string folder = [] {
    char name[] = "/dev/shm/fuzz-credentials-XXXXXX";
    return std::string(mkdtemp(name));
  }();
  return folder;
}

void AskSources(fuzz::Input* input) {
  const std::string folder = FolderOfThisRun();
  for (const char* name : {"/credentials", "/config", "/token"})
    std::ofstream(folder + name) << input->String();
  const uint8_t which = input->Byte();
  const std::map<std::string, std::string> variables{
      {"AWS_SHARED_CREDENTIALS_FILE", folder + "/credentials"},
      {"AWS_CONFIG_FILE", folder + "/config"},
      {"AWS_PROFILE", which & 1 ? "p" : ""},
      {"AWS_WEB_IDENTITY_TOKEN_FILE", which & 2 ? folder + "/token" : ""},
      {"AWS_ROLE_ARN", which & 4 ? "role" : ""},
      {"AWS_CONTAINER_CREDENTIALS_FULL_URI", which & 8 ? "http://127.0.0.1/" : ""},
      {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", which & 16 ? folder + "/token" : ""}};
  AnyAnswers http(input);
  ManualClock clock(kNowMs);
  const Configuration site;
  const CredentialSources sources(UnderStoreConfig(&site, {}), &http, &clock,
                                  [&](const std::string& name) {
                                    const auto it = variables.find(name);
                                    return it == variables.end() ? "" : it->second;
                                  });
  const std::atomic<bool> stop{false};
  const auto found = sources.Find(stop);
  if (found.ok()) RequireGood(found->credentials);
}

void AskPlace(fuzz::Input* input) {
  const bool aws = input->Byte() % 2 == 0;
  const S3Place configured{input->Byte() % 2 ? "https" : "http",
                           aws ? "s3.us-east-1.amazonaws.com" : "s3.example.com:9000",
                           input->Byte() % 2 == 0, "us-east-1"};
  HttpResponse answer;
  static constexpr int kCodes[] = {301, 302, 307, 308, 400, 403};
  answer.code = kCodes[input->Byte() % std::size(kCodes)];
  answer.headers["location"] = input->String();
  answer.headers["x-amz-bucket-region"] = input->String();
  answer.headers["date"] = input->String();
  answer.body = input->String();
  const auto elsewhere = ElsewhereOf(configured, configured, "bucket", answer);
  if (elsewhere.place) {
    const S3Place& place = *elsewhere.place;
    fuzz::Require(place.scheme == configured.scheme && IsRegionName(place.region));
    const std::string end = aws ? ".amazonaws.com" : "s3.example.com:9000";
    fuzz::Require(place.host.size() >= end.size() &&
                  place.host.compare(place.host.size() - end.size(), end.size(), end) == 0);
    fuzz::Require(place.host.find_first_of("/@\r\n ") == std::string::npos);
  }
  ClockSkew skew;
  (void)skew.Learn(answer.headers["date"], true, kNowMs, 0);
}

}  // namespace
}  // namespace spillway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace spillway;
  spdlog::set_level(spdlog::level::off);
  fuzz::Input input(data, size);
  switch (input.Byte() % 5) {
    case 0:
      RequireGood(ParseCredentialsJson(input.String(), kNowMs));
      break;
    case 1:
      RequireGood(ParseStsAnswer(input.String(), kNowMs));
      break;
    case 2:
      (void)ParseAwsProfile(input.String(), "p");
      (void)DescribeStsError(input.String());
      break;
    case 3:
      AskSources(&input);
      break;
    default:
      AskPlace(&input);
  }
  return 0;
}
