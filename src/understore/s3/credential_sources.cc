#include "understore/s3/credential_sources.h"

#include "understore/s3/credential_answers.h"
#include "understore/s3/endpoint.h"
#include "understore/s3/read_settings.h"

namespace spillway {
namespace {

constexpr int64_t kMetadataTimeoutMs = 2000;
constexpr int64_t kStsTimeoutMs = 10'000;

Status Broken(const std::string& source, const std::string& why) {
  return MakeStatus(StatusCode::kPermissionDenied, "S3 credentials of {}: {}", source, why);
}

// The same, where asking again may help.
Status Away(const std::string& source, const std::string& why) {
  return Unavailable("S3 credentials of {}: {}", source, why);
}

StatusOr<std::optional<FoundCredentials>> Checked(const std::string& source,
                                                  FoundCredentials found) {
  const Status status = CheckCredentials(found.credentials);
  if (!status.ok()) return Broken(source, Message(status));
  return std::optional<FoundCredentials>(std::move(found));
}

StatusOr<std::string> Ask(HttpClient* http, const HttpRequest& request, const std::string& source) {
  const auto response = http->Perform(request);
  if (!response.ok()) return Away(source, Message(response.status()));
  if (response->code == 200) return response->body;
  std::string why = fmt::format("the answer is {}", response->code);
  const std::string error = DescribeStsError(response->body);
  if (!error.empty()) why += " " + error;
  const bool later = response->code >= 500 || response->code == 429;
  return later ? Away(source, why) : Broken(source, why);
}

FoundCredentials Temporary(TemporaryCredentials answer) {
  FoundCredentials found;
  found.credentials = std::move(answer.credentials);
  found.kind = FoundCredentials::Kind::kTemporary;
  found.expires_ms = answer.expires_ms;
  return found;
}

// A header's value from a file or a variable: the end of its line does not belong to it.
StatusOr<std::string> TokenText(std::string text, const std::string& source) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  for (const unsigned char c : text) {
    if (c < ' ' || c > '~') return Broken(source, "the token has characters that no token has");
  }
  if (text.empty()) return Broken(source, "the token is empty");
  return text;
}

// Whether a container's token may go there: to this machine, to the agents' own addresses, or
// anywhere by TLS.
bool IsContainerAgent(const std::string& url) {
  if (url.rfind("https://", 0) == 0) return true;
  for (const std::string host :
       {"http://127.0.0.1", "http://localhost", "http://[::1]", "http://169.254.170.2",
        "http://169.254.170.23", "http://[fd00:ec2::23]"}) {
    if (url.rfind(host, 0) != 0) continue;
    const char next = url.size() == host.size() ? '/' : url[host.size()];
    if ((next == '/' || next == ':' || next == '?') && url.find('@') == std::string::npos)
      return true;
  }
  return false;
}

}  // namespace

CredentialSources::CredentialSources(const UnderStoreConfig& config, HttpClient* http, Clock* clock,
                                     Environment environment)
    : config_(config),
      http_(http),
      clock_(clock),
      environment_(std::move(environment)),
      files_(AwsProfileFilesOf(environment_, CredentialsProfileOf(config))) {}

StatusOr<std::optional<FoundCredentials>> CredentialSources::Fixed() const {
  SPILLWAY_ASSIGN_OR_RETURN(auto found, FromProperties());
  if (found) return found;
  return FromEnvironment();
}

CredentialSources::Outcome CredentialSources::FromProperties() const {
  FoundCredentials found;
  found.credentials = {config_.GetString("s3a.accessKeyId"), config_.GetString("s3a.secretKey"),
                       config_.GetString("spillway.underfs.s3.session.token")};
  if (found.credentials.access_key.empty() && found.credentials.secret_key.empty())
    return std::nullopt;
  return Checked("the properties s3a.accessKeyId and s3a.secretKey", std::move(found));
}

CredentialSources::Outcome CredentialSources::FromEnvironment() const {
  FoundCredentials found;
  found.credentials = {environment_("AWS_ACCESS_KEY_ID"), environment_("AWS_SECRET_ACCESS_KEY"),
                       environment_("AWS_SESSION_TOKEN")};
  if (found.credentials.access_key.empty() && found.credentials.secret_key.empty())
    return std::nullopt;
  return Checked("the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)", std::move(found));
}

std::string CredentialSources::StsEndpoint() const {
  std::string endpoint = environment_("AWS_ENDPOINT_URL_STS");
  if (!endpoint.empty()) return endpoint;
  std::string region = environment_("AWS_REGION");
  if (region.empty()) region = environment_("AWS_DEFAULT_REGION");
  const bool legacy = environment_("AWS_STS_REGIONAL_ENDPOINTS") == "legacy";
  if (!IsRegionName(region) || legacy) return "https://sts.amazonaws.com";
  const bool china = region.rfind("cn-", 0) == 0;
  return "https://sts." + region + (china ? ".amazonaws.com.cn" : ".amazonaws.com");
}

CredentialSources::Outcome CredentialSources::FromWebIdentity() const {
  const std::string token_file = environment_("AWS_WEB_IDENTITY_TOKEN_FILE");
  if (token_file.empty()) return std::nullopt;
  const std::string source = "web identity (AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN)";
  const std::string role = environment_("AWS_ROLE_ARN");
  if (role.empty()) return Broken(source, "AWS_ROLE_ARN is not set");
  const auto text = ReadSmallFile(token_file);
  if (!text.ok()) return Broken(source, Message(text.status()));
  SPILLWAY_ASSIGN_OR_RETURN(const std::string token, TokenText(*text, source));
  const std::string session = environment_("AWS_ROLE_SESSION_NAME");
  HttpRequest request;
  request.method = "POST";
  request.url = StsEndpoint() + "/";
  request.headers = {{"content-type", "application/x-www-form-urlencoded"}};
  request.timeout_ms = kStsTimeoutMs;
  StringBody form(CanonicalQuery({{"Action", "AssumeRoleWithWebIdentity"},
                                  {"Version", "2011-06-15"},
                                  {"RoleArn", role},
                                  {"RoleSessionName", session.empty() ? "spillway" : session},
                                  {"WebIdentityToken", token}}));
  request.body = &form;
  SPILLWAY_ASSIGN_OR_RETURN(const std::string body, Ask(http_, request, source));
  auto answer = ParseStsAnswer(body, clock_->NowMs());
  if (!answer.ok()) return Broken(source, Message(answer.status()));
  return std::optional<FoundCredentials>(Temporary(*std::move(answer)));
}

CredentialSources::Outcome CredentialSources::FromProfile() const {
  const std::string source =
      fmt::format("profile {} in {} or {}", files_.profile, files_.credentials, files_.config);
  FoundCredentials found;
  found.kind = FoundCredentials::Kind::kFile;
  // Before reading: a change in between is seen at the next look.
  found.stamp = files_.Stamp();
  auto values = ReadAwsProfile(files_);
  if (!values.ok()) return Broken(source, Message(values.status()));
  found.credentials = {(*values)["aws_access_key_id"], (*values)["aws_secret_access_key"],
                       (*values)["aws_session_token"]};
  if (!found.credentials.access_key.empty() || !found.credentials.secret_key.empty())
    return Checked(source, std::move(found));
  if (!files_.asked_for) return std::nullopt;
  for (const char* other : {"role_arn", "credential_process", "sso_session", "sso_start_url"}) {
    if (!(*values)[other].empty())
      return Broken(source, fmt::format("it has {}, which is not supported, and no keys", other));
  }
  return Broken(source, "there is no aws_access_key_id");
}

CredentialSources::Outcome CredentialSources::FromContainer() const {
  const std::string relative = environment_("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  const std::string full = environment_("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  if (relative.empty() && full.empty()) return std::nullopt;
  const std::string source = "the container (AWS_CONTAINER_CREDENTIALS_*)";
  HttpRequest request;
  request.url = relative.empty() ? full : "http://169.254.170.2" + relative;
  request.timeout_ms = kMetadataTimeoutMs;
  if (!IsContainerAgent(request.url))
    return Broken(source, "its address is neither this machine's nor the agent's, nor https");
  const std::string token_file = environment_("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
  std::string token = environment_("AWS_CONTAINER_AUTHORIZATION_TOKEN");
  if (!token_file.empty()) {
    auto text = ReadSmallFile(token_file);
    if (!text.ok()) return Broken(source, Message(text.status()));
    token = *std::move(text);
  }
  if (!token.empty()) {
    SPILLWAY_ASSIGN_OR_RETURN(token, TokenText(token, source));
    request.headers.emplace_back("Authorization", token);
  }
  SPILLWAY_ASSIGN_OR_RETURN(const std::string body, Ask(http_, request, source));
  auto answer = ParseCredentialsJson(body, clock_->NowMs());
  if (!answer.ok()) return Broken(source, Message(answer.status()));
  return std::optional<FoundCredentials>(Temporary(*std::move(answer)));
}

StatusOr<FoundCredentials> CredentialSources::FromInstance(const std::atomic<bool>& stop) const {
  const std::string source = "instance metadata";
  std::string base = environment_("AWS_EC2_METADATA_SERVICE_ENDPOINT");
  if (base.empty()) base = "http://169.254.169.254";
  while (base.back() == '/' && base.size() > 1) base.pop_back();
  HttpRequest put;
  put.method = "PUT";
  put.url = base + "/latest/api/token";
  put.timeout_ms = kMetadataTimeoutMs;
  put.headers = {{"X-aws-ec2-metadata-token-ttl-seconds", "21600"}};
  StringBody nothing("");
  put.body = &nothing;
  SPILLWAY_ASSIGN_OR_RETURN(std::string token, Ask(http_, put, source));
  SPILLWAY_ASSIGN_OR_RETURN(token, TokenText(std::move(token), source));
  HttpRequest get;
  get.timeout_ms = kMetadataTimeoutMs;
  get.headers = {{"X-aws-ec2-metadata-token", token}};
  get.url = base + "/latest/meta-data/iam/security-credentials/";
  if (stop) return MakeStatus(StatusCode::kCancelled, "stopping");
  SPILLWAY_ASSIGN_OR_RETURN(std::string role, Ask(http_, get, source));
  role = role.substr(0, role.find('\n'));
  if (role.empty() || role.size() > 256) return Broken(source, "the answer names no role");
  get.url += UriEncode(role, false);
  if (stop) return MakeStatus(StatusCode::kCancelled, "stopping");
  SPILLWAY_ASSIGN_OR_RETURN(const std::string body, Ask(http_, get, source));
  auto answer = ParseCredentialsJson(body, clock_->NowMs());
  if (!answer.ok()) return Broken(source, Message(answer.status()));
  return Temporary(*std::move(answer));
}

StatusOr<FoundCredentials> CredentialSources::Find(const std::atomic<bool>& stop) const {
  for (const auto source : {&CredentialSources::Fixed, &CredentialSources::FromWebIdentity,
                            &CredentialSources::FromProfile, &CredentialSources::FromContainer}) {
    if (stop) return MakeStatus(StatusCode::kCancelled, "stopping");
    SPILLWAY_ASSIGN_OR_RETURN(auto found, (this->*source)());
    if (found) return *std::move(found);
  }
  std::string instance = "AWS_EC2_METADATA_DISABLED is true";
  if (environment_("AWS_EC2_METADATA_DISABLED") != "true") {
    auto found = FromInstance(stop);
    if (found.ok()) return found;
    instance = Message(found.status());
  }
  return MakeStatus(
      StatusCode::kPermissionDenied,
      "No S3 credentials: set s3a.accessKeyId and s3a.secretKey, or the environment "
      "(AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY), web identity (AWS_WEB_IDENTITY_TOKEN_FILE, "
      "AWS_ROLE_ARN), a profile file, or use a container or instance role. Neither properties nor "
      "environment name any; profile {} is not in {}; {}.",
      files_.profile, files_.credentials, instance);
}

}  // namespace spillway
