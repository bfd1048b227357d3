// Spillway's S3 module over a strict store, with short deadlines.
#pragma once

#include <memory>
#include <string>

#include "store/strict_store.h"
#include "understore/s3/calls.h"

namespace spillway::strict {

class FixedCredentials : public CredentialsProvider {
 public:
  StatusOr<S3Credentials> Get() override { return S3Credentials{"strict", "strict-secret", ""}; }
};

inline S3Settings SettingsFor(const StrictStore& store, const StoreProfile& profile) {
  S3Settings settings;
  settings.bucket = "bucket";
  settings.prefix = "p/";
  settings.scheme = "http";
  settings.host = "127.0.0.1:" + std::to_string(store.port());
  settings.path_style = true;
  settings.region = "us-east-1";
  settings.profile = profile;
  return settings;
}

inline std::unique_ptr<S3UnderStore> OpenModule(S3Settings settings, Clock* clock,
                                                Metrics* metrics = nullptr) {
  return std::make_unique<S3UnderStore>(std::make_unique<S3Client>(
      std::move(settings), std::make_unique<HttpClient>(HttpClient::Options()),
      std::make_unique<FixedCredentials>(), clock, metrics));
}

}  // namespace spillway::strict
