// Where S3 credentials come from, in this order: properties, environment, web identity, shared
// profile file, container endpoint, instance metadata (v2). A source that is configured and fails
// is an error: none after it is asked.
#pragma once

#include <memory>

#include "understore/s3/environment.h"
#include "understore/s3/http_client.h"
#include "understore/s3/sigv4.h"
#include "understore/under_store.h"

namespace spillway {

// Thread-safe.
class CredentialsProvider {
 public:
  virtual ~CredentialsProvider() = default;
  // What is held, until it expires: temporary credentials are renewed in the background before, a
  // changed profile file is read again. Waits for the network only if nothing usable is held, and
  // not for long: UNAVAILABLE then. PERMISSION_DENIED naming all that was tried if there are none.
  virtual StatusOr<S3Credentials> Get() = 0;
  // The store has refused these. True if Get gives other ones: their source is read again for it,
  // but not at every call.
  virtual bool Refused(const S3Credentials& credentials) { return false; }
};

struct CredentialsOptions {
  Environment environment = SystemEnvironment;
  int64_t wait_ms = 30'000;  // longest wait for the network of a caller without credentials
};

// http and clock must outlive the provider, which ends its thread when it is destroyed.
std::unique_ptr<CredentialsProvider> MakeCredentialsProvider(
    const UnderStoreConfig& config, HttpClient* http, Clock* clock,
    const CredentialsOptions& options = {});

}  // namespace spillway
