// The sources of S3 credentials in their order. Each is asked for by configuration or not at all;
// one that is asked for and fails ends the search with an error that names it: a lesser source
// would act in another name.
#pragma once

#include <atomic>
#include <optional>
#include <string>

#include "common/clock.h"
#include "understore/s3/environment.h"
#include "understore/s3/http_client.h"
#include "understore/s3/shared_credentials_file.h"
#include "understore/s3/sigv4.h"
#include "understore/under_store.h"

namespace spillway {

struct FoundCredentials {
  enum class Kind { kFixed, kFile, kTemporary };
  S3Credentials credentials;
  Kind kind = Kind::kFixed;
  std::optional<int64_t> expires_ms;  // of kTemporary; nullopt: not known
  std::string stamp;                  // of kFile: the files as they were read
};

// Thread-safe.
class CredentialSources {
 public:
  CredentialSources(const UnderStoreConfig& config, HttpClient* http, Clock* clock,
                    Environment environment);

  // Properties and environment variables, which never change. nullopt if they are not set.
  StatusOr<std::optional<FoundCredentials>> Fixed() const;
  // The profile in the shared files. Reads local files.
  StatusOr<std::optional<FoundCredentials>> FromProfile() const;
  std::string ProfileStamp() const { return files_.Stamp(); }
  // The whole chain. Waits for the network, for some seconds at a time; ends early, with CANCELLED,
  // once *stop is true. PERMISSION_DENIED naming all that was tried if there is nothing.
  StatusOr<FoundCredentials> Find(const std::atomic<bool>& stop) const;

 private:
  using Outcome = StatusOr<std::optional<FoundCredentials>>;
  Outcome FromProperties() const;
  Outcome FromEnvironment() const;
  Outcome FromWebIdentity() const;
  Outcome FromContainer() const;
  // NOT_FOUND and so on if nobody answers.
  StatusOr<FoundCredentials> FromInstance(const std::atomic<bool>& stop) const;
  std::string StsEndpoint() const;

  const UnderStoreConfig config_;
  HttpClient* const http_;
  Clock* const clock_;
  const Environment environment_;
  const AwsProfileFiles files_;
};

}  // namespace spillway
