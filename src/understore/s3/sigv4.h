// AWS Signature Version 4, header form.
// Source: AWS documentation, "Authenticating Requests (AWS Signature Version 4)".
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace spillway {

struct S3Credentials {
  std::string access_key;
  std::string secret_key;
  std::string session_token;
};

struct SigningInput {
  std::string method;
  std::string path;                                        // not encoded, begins with '/'
  std::vector<std::pair<std::string, std::string>> query;  // not encoded
  std::map<std::string, std::string> headers;              // lower-case names, "host" included
  std::string payload_hash;                                // hex SHA-256 or UNSIGNED-PAYLOAD
  std::string region;
  std::string service = "s3";
  int64_t time_ms = 0;
};

inline constexpr const char* kUnsignedPayload = "UNSIGNED-PAYLOAD";

// Percent-encodes all but A-Z a-z 0-9 - _ . ~ (and '/' if keep_slash).
std::string UriEncode(std::string_view text, bool keep_slash);
// "a=b&c=d", sorted and encoded.
std::string CanonicalQuery(std::vector<std::pair<std::string, std::string>> query);
std::string Sha256Hex(std::string_view data);
// "20130524T000000Z"
std::string AmzDate(int64_t time_ms);

// The Authorization header. headers must hold x-amz-date of time_ms.
std::string SignV4(const SigningInput& input, const S3Credentials& credentials);

}  // namespace spillway
