// An S3 understore's settings, from its URI, properties and environment.
#pragma once

#include <string>
#include <vector>

#include "understore/s3/environment.h"
#include "understore/s3/http_client.h"
#include "understore/s3/s3_client.h"
#include "understore/under_store.h"

namespace spillway {

// INVALID_ARGUMENT naming the key for a bad value.
StatusOr<S3Settings> ReadS3Settings(const std::string& uri, const UnderStoreConfig& config,
                                    const Environment& environment = SystemEnvironment);
StatusOr<HttpClient::Options> ReadHttpOptions(const UnderStoreConfig& config);

// A key of Alluxio that is not carried out here.
struct UnsupportedS3Key {
  const char* name;
  const char* same_as_unset;  // comma list of values that ask for nothing else than what happens
  const char* advice;
};
const std::vector<UnsupportedS3Key>& UnsupportedS3Keys();
// A sentence for each key that is set and would have changed a result, and what to do instead.
std::vector<std::string> S3Warnings(const UnderStoreConfig& config);
// The profile in the shared credentials file that properties name.
std::string CredentialsProfileOf(const UnderStoreConfig& config);

}  // namespace spillway
