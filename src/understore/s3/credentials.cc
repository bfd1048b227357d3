#include "understore/s3/credentials.h"

#include <cstdlib>
#include <ctime>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <pugixml.hpp>

#include "absl/synchronization/mutex.h"
#include "understore/s3/read_settings.h"

namespace spillway {
namespace {

constexpr int64_t kRenewBeforeMs = 5 * 60'000;
constexpr int64_t kMetadataTimeoutMs = 2000;

struct Found {
  S3Credentials credentials;
  int64_t expires_ms = INT64_MAX;
};

std::string Env(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

int64_t ParseIsoTimeMs(const std::string& text) {
  std::tm utc{};
  if (strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &utc) == nullptr) return INT64_MAX;
  return static_cast<int64_t>(timegm(&utc)) * 1000;
}

std::string ReadFile(const std::string& path) {
  std::ifstream in(path);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

// Keys of [profile] in an ini file.
std::map<std::string, std::string> ReadProfile(const std::string& path,
                                               const std::string& profile) {
  std::map<std::string, std::string> values;
  std::ifstream in(path);
  std::string line;
  bool inside = false;
  const auto trim = [](std::string text) {
    const size_t begin = text.find_first_not_of(" \t\r");
    if (begin == std::string::npos) return std::string();
    return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
  };
  while (std::getline(in, line)) {
    line = trim(line);
    if (line.empty() || line[0] == '#' || line[0] == ';') continue;
    if (line[0] == '[') {
      inside = line == "[" + profile + "]" || line == "[profile " + profile + "]";
      continue;
    }
    const size_t equals = line.find('=');
    if (inside && equals != std::string::npos)
      values[trim(line.substr(0, equals))] = trim(line.substr(equals + 1));
  }
  return values;
}

std::optional<Found> FromJson(const std::string& body) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (json.is_discarded() || !json.contains("AccessKeyId")) return std::nullopt;
  Found found;
  found.credentials = {json.value("AccessKeyId", ""), json.value("SecretAccessKey", ""),
                       json.value("Token", "")};
  found.expires_ms = ParseIsoTimeMs(json.value("Expiration", ""));
  return found;
}

class ChainProvider : public CredentialsProvider {
 public:
  ChainProvider(const UnderStoreConfig& config, HttpClient* http, Clock* clock)
      : config_(config), http_(http), clock_(clock) {}

  StatusOr<S3Credentials> Get() override {
    absl::MutexLock lock(&mutex_);
    if (cached_ && clock_->NowMs() < cached_->expires_ms - kRenewBeforeMs)
      return cached_->credentials;
    for (const auto source : {&ChainProvider::FromProperties, &ChainProvider::FromEnvironment,
                              &ChainProvider::FromWebIdentity, &ChainProvider::FromProfile,
                              &ChainProvider::FromContainer, &ChainProvider::FromInstance}) {
      if (auto found = (this->*source)()) {
        cached_ = std::move(found);
        return cached_->credentials;
      }
    }
    if (cached_ && clock_->NowMs() < cached_->expires_ms) return cached_->credentials;
    return MakeStatus(
        StatusCode::kPermissionDenied,
        "No S3 credentials: set s3a.accessKeyId and s3a.secretKey, or the environment "
        "(AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY), a profile file, web identity, or use "
        "a container or instance role.");
  }

 private:
  std::optional<Found> FromProperties() {
    const S3Credentials credentials{config_.GetString("s3a.accessKeyId"),
                                    config_.GetString("s3a.secretKey"),
                                    config_.GetString("spillway.underfs.s3.session.token")};
    if (credentials.access_key.empty()) return std::nullopt;
    return Found{credentials};
  }

  std::optional<Found> FromEnvironment() {
    const S3Credentials credentials{Env("AWS_ACCESS_KEY_ID"), Env("AWS_SECRET_ACCESS_KEY"),
                                    Env("AWS_SESSION_TOKEN")};
    if (credentials.access_key.empty() || credentials.secret_key.empty()) return std::nullopt;
    return Found{credentials};
  }

  std::optional<Found> FromWebIdentity() {
    const std::string token_file = Env("AWS_WEB_IDENTITY_TOKEN_FILE");
    const std::string role = Env("AWS_ROLE_ARN");
    if (token_file.empty() || role.empty()) return std::nullopt;
    const std::string session = Env("AWS_ROLE_SESSION_NAME");
    const std::string endpoint = Env("AWS_ENDPOINT_URL_STS");
    HttpRequest request;
    request.url = (endpoint.empty() ? "https://sts.amazonaws.com" : endpoint) + "/?" +
                  CanonicalQuery({{"Action", "AssumeRoleWithWebIdentity"},
                                  {"Version", "2011-06-15"},
                                  {"RoleArn", role},
                                  {"RoleSessionName", session.empty() ? "spillway" : session},
                                  {"WebIdentityToken", ReadFile(token_file)}});
    const auto response = http_->Perform(request);
    if (!response.ok() || response->code != 200) return std::nullopt;
    pugi::xml_document doc;
    doc.load_string(response->body.c_str());
    const pugi::xml_node node = doc.select_node("//Credentials").node();
    if (!node) return std::nullopt;
    Found found;
    found.credentials = {node.child_value("AccessKeyId"), node.child_value("SecretAccessKey"),
                         node.child_value("SessionToken")};
    found.expires_ms = ParseIsoTimeMs(node.child_value("Expiration"));
    return found;
  }

  std::optional<Found> FromProfile() {
    std::string path = Env("AWS_SHARED_CREDENTIALS_FILE");
    if (path.empty()) path = Env("HOME") + "/.aws/credentials";
    std::string profile = Env("AWS_PROFILE");
    if (profile.empty()) profile = CredentialsProfileOf(config_);
    auto values = ReadProfile(path, profile);
    if (values["aws_access_key_id"].empty()) return std::nullopt;
    return Found{{values["aws_access_key_id"], values["aws_secret_access_key"],
                  values["aws_session_token"]}};
  }

  std::optional<Found> FromContainer() {
    const std::string relative = Env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const std::string full = Env("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    if (relative.empty() && full.empty()) return std::nullopt;
    HttpRequest request;
    request.url = relative.empty() ? full : "http://169.254.170.2" + relative;
    request.timeout_ms = kMetadataTimeoutMs;
    std::string token = Env("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    if (token.empty() && !Env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE").empty()) {
      token = ReadFile(Env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"));
    }
    if (!token.empty()) request.headers.emplace_back("Authorization", token);
    const auto response = http_->Perform(request);
    if (!response.ok() || response->code != 200) return std::nullopt;
    return FromJson(response->body);
  }

  std::optional<Found> FromInstance() {
    if (Env("AWS_EC2_METADATA_DISABLED") == "true") return std::nullopt;
    std::string base = Env("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    if (base.empty()) base = "http://169.254.169.254";
    HttpRequest request;
    request.method = "PUT";
    request.url = base + "/latest/api/token";
    request.timeout_ms = kMetadataTimeoutMs;
    request.headers = {{"X-aws-ec2-metadata-token-ttl-seconds", "21600"}};
    StringBody nothing("");
    request.body = &nothing;
    auto response = http_->Perform(request);
    if (!response.ok() || response->code != 200) return std::nullopt;
    HttpRequest get;
    get.timeout_ms = kMetadataTimeoutMs;
    get.headers = {{"X-aws-ec2-metadata-token", response->body}};
    get.url = base + "/latest/meta-data/iam/security-credentials/";
    response = http_->Perform(get);
    if (!response.ok() || response->code != 200) return std::nullopt;
    get.url += response->body.substr(0, response->body.find('\n'));
    response = http_->Perform(get);
    if (!response.ok() || response->code != 200) return std::nullopt;
    return FromJson(response->body);
  }

  const UnderStoreConfig config_;
  HttpClient* const http_;
  Clock* const clock_;
  absl::Mutex mutex_;
  std::optional<Found> cached_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<CredentialsProvider> MakeCredentialsProvider(const UnderStoreConfig& config,
                                                             HttpClient* http, Clock* clock) {
  return std::make_unique<ChainProvider>(config, http, clock);
}

}  // namespace spillway
