// Where S3 credentials come from, in this order: properties, environment, web identity, shared
// profile file, container endpoint, instance metadata (v2).
#pragma once

#include <memory>

#include "understore/s3/http_client.h"
#include "understore/s3/sigv4.h"
#include "understore/under_store.h"

namespace spillway {

// Thread-safe. Temporary credentials are renewed before they expire.
class CredentialsProvider {
 public:
  virtual ~CredentialsProvider() = default;
  // PERMISSION_DENIED naming all that was tried if there are none.
  virtual StatusOr<S3Credentials> Get() = 0;
};

std::unique_ptr<CredentialsProvider> MakeCredentialsProvider(const UnderStoreConfig& config,
                                                             HttpClient* http, Clock* clock);

}  // namespace spillway
