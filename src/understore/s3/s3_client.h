// One signed S3 request and what its answer means. The calls of S3UnderStore (one file each) build
// on this.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "understore/s3/clock_skew.h"
#include "understore/s3/credentials.h"
#include "understore/s3/endpoint.h"
#include "understore/s3/http_client.h"
#include "understore/store_profile.h"
#include "understore/under_store.h"

namespace spillway {

struct S3Settings {
  std::string bucket;
  std::string prefix;  // of every key; empty or ending with '/'
  std::string scheme;  // http or https
  std::string host;    // with port if not the scheme's own
  bool path_style = false;
  std::string region;
  int64_t request_timeout_ms = 60'000;
  int list_length = 1000;
  bool conditional_writes = true;
  bool checksums = true;
  bool server_side_encryption = false;
  std::string kms_key;        // id or ARN; not empty: SSE-KMS instead of SSE-S3
  std::string storage_class;  // of new objects; empty: the bucket's
  StoreProfile profile;       // what is known before the first request
  bool probe = true;          // find out what is not
  int64_t socket_timeout_ms = 50'000;
  int64_t copy_timeout_ms = 600'000;
  int64_t complete_timeout_ms = 600'000;
  int64_t copy_bytes_max = 1 << 30;
  int64_t copy_part_bytes = 256 << 20;
};

struct S3Request {
  std::string method;
  std::string key;  // full key in the bucket; empty: the bucket itself
  std::vector<std::pair<std::string, std::string>> query;
  std::map<std::string, std::string> headers;  // lower-case names
  BodySource* body = nullptr;
  UnderStore::Sink sink;
  int64_t payload_bytes = 0;  // expected to travel; lengthens the deadline
};

// Thread-safe.
class S3Client {
 public:
  S3Client(S3Settings settings, std::unique_ptr<HttpClient> http,
           std::unique_ptr<CredentialsProvider> credentials, Clock* clock);

  const S3Settings& settings() const { return settings_; }
  std::string FullKey(const std::string& key) const { return settings_.prefix + key; }
  // OK for 2xx (with the answer), else the status that the answer stands for.
  StatusOr<HttpResponse> Send(const S3Request& request);
  bool conditional_writes() const { return settings_.conditional_writes && conditional_works_; }
  // Puts If-None-Match/If-Match into headers where wanted and supported.
  void AddConditions(const PutOptions& options, std::map<std::string, std::string>* headers) const;

 private:
  // What a request is signed with, and where it goes.
  struct Attempt {
    S3Credentials credentials;
    S3Place place;
    int64_t skew_ms = 0;
  };
  // Sends the request, and again if an error answer says that credentials, region, endpoint or time
  // were not right and something better is known. *note says why a hint was not followed.
  StatusOr<HttpResponse> SendUntilSettled(const S3Request& request, std::string* note);
  StatusOr<HttpResponse> SendOnce(const S3Request& request, const Attempt& attempt);

  const S3Settings settings_;
  const std::unique_ptr<HttpClient> http_;
  const std::unique_ptr<CredentialsProvider> credentials_;
  Clock* const clock_;
  BucketPlace place_;
  ClockSkew skew_;
  std::atomic<bool> conditional_works_{true};
};

// The status of an error answer; body is S3's XML, possibly empty.
Status StatusFromS3(int http_code, const std::string& body, const std::string& what);
// An ETag header without its quotes.
std::string StripEtag(const std::string& etag);
std::optional<uint32_t> ParseCrc32cBase64(const std::string& text);
// An XML timestamp; 0 if it is none.
int64_t ParseS3TimeMs(const char* text);
std::string XmlEscape(const std::string& text);

}  // namespace spillway
