#include "understore/s3/credential_answers.h"

#include <algorithm>
#include <cctype>
#include <ctime>
#include <nlohmann/json.hpp>
#include <pugixml.hpp>
#include <string_view>

namespace spillway {
namespace {

constexpr size_t kCredentialAnswerBytesMax = 64 << 10;
constexpr size_t kCredentialBytesMax = 1024;
constexpr int64_t kLifeMaxMs = 7LL * 24 * 3'600'000;
constexpr size_t kPrintableMax = 200;

Status CheckText(const char* what, const std::string& text, size_t bytes_max, bool needed) {
  if (text.empty() && needed) return InvalidArgument("the {} is missing", what);
  if (text.size() > bytes_max) return InvalidArgument("the {} is too long", what);
  for (const unsigned char c : text) {
    if (c <= ' ' || c > '~') return InvalidArgument("the {} has characters that no key has", what);
  }
  return absl::OkStatus();
}

// A member's text; empty if there is none or it is null. An error if it is no text.
StatusOr<std::string> Member(const nlohmann::json& json, const char* name) {
  const auto it = json.find(name);
  if (it == json.end() || it->is_null()) return "";
  if (!it->is_string()) return InvalidArgument("{} is no text", name);
  return it->get<std::string>();
}

// Credentials are one flat object: what has more levels is none.
bool IsNested(const std::string& body) {
  return std::count(body.begin(), body.end(), '[') + std::count(body.begin(), body.end(), '{') >
         100;
}

}  // namespace

Status CheckCredentials(const S3Credentials& credentials) {
  SPILLWAY_RETURN_IF_ERROR(
      CheckText("access key", credentials.access_key, kCredentialBytesMax, true));
  SPILLWAY_RETURN_IF_ERROR(
      CheckText("secret key", credentials.secret_key, kCredentialBytesMax, true));
  return CheckText("session token", credentials.session_token, kCredentialAnswerBytesMax, false);
}

std::optional<int64_t> ParseExpirationMs(const std::string& text, int64_t now_ms) {
  std::tm utc{};
  const char* end = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &utc);
  if (end == nullptr || utc.tm_year < 70 || utc.tm_year > 1100) return std::nullopt;
  if (*end == '.') {
    do ++end;
    while (std::isdigit(static_cast<unsigned char>(*end)));
  }
  if (std::string_view(end) != "Z" && std::string_view(end) != "+00:00") return std::nullopt;
  const int64_t ms = static_cast<int64_t>(timegm(&utc)) * 1000;
  if (ms <= now_ms || ms - now_ms > kLifeMaxMs) return std::nullopt;
  return ms;
}

StatusOr<TemporaryCredentials> ParseCredentialsJson(const std::string& body, int64_t now_ms) {
  if (body.size() > kCredentialAnswerBytesMax || IsNested(body))
    return InvalidArgument("the answer is too long");
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (json.is_discarded() || !json.is_object()) return InvalidArgument("the answer is no JSON");
  SPILLWAY_ASSIGN_OR_RETURN(const std::string code, Member(json, "Code"));
  if (!code.empty() && code != "Success") {
    SPILLWAY_ASSIGN_OR_RETURN(const std::string text, Member(json, "Message"));
    return InvalidArgument("the answer is {}: {}", Printable(code), Printable(text));
  }
  TemporaryCredentials found;
  SPILLWAY_ASSIGN_OR_RETURN(found.credentials.access_key, Member(json, "AccessKeyId"));
  SPILLWAY_ASSIGN_OR_RETURN(found.credentials.secret_key, Member(json, "SecretAccessKey"));
  SPILLWAY_ASSIGN_OR_RETURN(found.credentials.session_token, Member(json, "Token"));
  SPILLWAY_ASSIGN_OR_RETURN(const std::string expiration, Member(json, "Expiration"));
  SPILLWAY_RETURN_IF_ERROR(CheckCredentials(found.credentials));
  found.expires_ms = ParseExpirationMs(expiration, now_ms);
  return found;
}

StatusOr<TemporaryCredentials> ParseStsAnswer(const std::string& body, int64_t now_ms) {
  if (body.size() > kCredentialAnswerBytesMax) return InvalidArgument("the answer is too long");
  pugi::xml_document doc;
  if (!doc.load_buffer(body.data(), body.size())) return InvalidArgument("the answer is no XML");
  const pugi::xml_node node = doc.child("AssumeRoleWithWebIdentityResponse")
                                  .child("AssumeRoleWithWebIdentityResult")
                                  .child("Credentials");
  if (!node) return InvalidArgument("the answer has no Credentials");
  TemporaryCredentials found;
  found.credentials = {node.child_value("AccessKeyId"), node.child_value("SecretAccessKey"),
                       node.child_value("SessionToken")};
  SPILLWAY_RETURN_IF_ERROR(CheckCredentials(found.credentials));
  found.expires_ms = ParseExpirationMs(node.child_value("Expiration"), now_ms);
  return found;
}

std::string DescribeStsError(const std::string& body) {
  pugi::xml_document doc;
  if (body.size() > kCredentialAnswerBytesMax || !doc.load_buffer(body.data(), body.size()))
    return "";
  const pugi::xml_node error = doc.child("ErrorResponse").child("Error");
  const std::string code = error.child_value("Code");
  if (code.empty()) return "";
  return Printable(code) + ": " + Printable(error.child_value("Message"));
}

std::string Printable(const std::string& text) {
  std::string out = text.substr(0, kPrintableMax);
  for (char& c : out) {
    if (c < ' ' || c > '~') c = '?';
  }
  return out;
}

}  // namespace spillway
