// What services that hand out temporary credentials answer, and what may be in credentials.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/status.h"
#include "understore/s3/sigv4.h"

namespace spillway {

struct TemporaryCredentials {
  S3Credentials credentials;
  // Wall time; nullopt if the answer says none that can be true: they are renewed often then.
  std::optional<int64_t> expires_ms;
};

// OK if the credentials can be put into headers: both keys there, printable ASCII, of bounded
// length. Otherwise INVALID_ARGUMENT that says which is wrong and never what it is.
Status CheckCredentials(const S3Credentials& credentials);

// "2013-05-24T00:00:00Z", with or without a fraction of a second. nullopt for anything else, for
// what is not later than now, and for what is further off than any temporary credentials live.
std::optional<int64_t> ParseExpirationMs(const std::string& text, int64_t now_ms);

// The answer of a container's agent or of instance metadata. INVALID_ARGUMENT that says what is
// wrong with it.
StatusOr<TemporaryCredentials> ParseCredentialsJson(const std::string& body, int64_t now_ms);
// The answer of AssumeRoleWithWebIdentity.
StatusOr<TemporaryCredentials> ParseStsAnswer(const std::string& body, int64_t now_ms);
// "Code: Message" of an STS error, for a message; empty if it is none.
std::string DescribeStsError(const std::string& body);

// What a stranger wrote, as it can stand in a message: at most 200 printable characters.
std::string Printable(const std::string& text);

}  // namespace spillway
