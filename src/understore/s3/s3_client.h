// Signed S3 requests and what their answers mean. The calls of S3UnderStore (one file each) build
// on this.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "common/metrics.h"
#include "understore/s3/answer.h"
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
  // Deadlines: of every call; of a copy and of putting parts together beside what their bytes and
  // parts need. Transfers get more by their bytes.
  int64_t request_timeout_ms = 60'000;
  int64_t copy_timeout_ms = 600'000;
  // Of a copy of so many bytes within the store: 10 MB/s and more are expected of it.
  int64_t CopyTimeoutMs(int64_t bytes) const { return copy_timeout_ms + bytes / 10'000; }
  int64_t complete_timeout_ms = 600'000;
  int64_t socket_timeout_ms = 50'000;  // no byte moves for so long, while one should
  int list_length = 1000;
  int64_t copy_bytes_max = 1LL << 30;  // in one CopyObject
  int64_t copy_part_bytes = 256LL << 20;
  bool conditional_writes = true;  // false: the profile has no conditions of writes
  bool checksums = true;           // false: the profile has no checksums
  bool server_side_encryption = false;
  std::string kms_key;        // id or ARN; not empty: SSE-KMS instead of SSE-S3
  std::string storage_class;  // of new objects; empty: the bucket's
  StoreProfile profile;       // what is known before the first request
  bool probe = true;          // find out what is not
};

struct S3Request {
  std::string method;
  std::string key;  // full key in the bucket; empty: the bucket itself
  std::vector<std::pair<std::string, std::string>> query;
  std::map<std::string, std::string> headers;  // lower-case names
  BodySource* body = nullptr;
  UnderStore::Sink sink;
  std::function<Status(const HttpResponse&)> on_headers;  // as in HttpRequest
  int64_t payload_bytes = 0;  // expected to come; lengthens the deadline
  int64_t timeout_ms = 0;     // 0: by payload and body
};

// Thread-safe.
class S3Client {
 public:
  // metrics may be null.
  S3Client(S3Settings settings, std::unique_ptr<HttpClient> http,
           std::unique_ptr<CredentialsProvider> credentials, Clock* clock,
           Metrics* metrics = nullptr);

  const S3Settings& settings() const { return settings_; }
  std::string FullKey(const std::string& key) const { return settings_.prefix + key; }

  // The answer to rule's call, or the status that another answer stands for. UNAVAILABLE if what
  // came is no answer of S3 at all.
  StatusOr<std::unique_ptr<Answer>> Call(const S3Request& request, const AnswerRule& rule);
  // The same of each, without sinks, some side by side.
  std::vector<StatusOr<std::unique_ptr<Answer>>> CallMany(const std::vector<S3Request>& requests,
                                                          const AnswerRule& rule);
  // Whatever came, with any HTTP code. The request is sent again if an error answer says that
  // credentials, time, region or endpoint were not right and something better is known.
  StatusOr<HttpResponse> Send(const S3Request& request);
  // What response means for rule's call.
  StatusOr<std::unique_ptr<Answer>> Judge(const S3Request& request, const AnswerRule& rule,
                                          HttpResponse response);
  // Counts and logs what came instead of an answer. why is one of a few texts.
  Status Strange(const std::string& call, const std::string& why, const HttpResponse& response);
  // Counts an entry of a listing that cannot be used.
  void CountSkipped(const std::string& call, const std::string& why);

  StoreProfile profile() const;
  Support Knows(StoreFeature feature) const;
  bool Lacks(StoreFeature feature) const { return Knows(feature) == Support::kNo; }
  // An answer has shown it. What was set or learned before is overruled.
  void Learn(StoreFeature feature, Support support);

 private:
  // What a request is signed with, and where it goes.
  struct Attempt {
    S3Credentials credentials;
    S3Place place;
    int64_t skew_ms = 0;
  };
  // What a request was sent again for.
  struct Repeats {
    bool by_clock = false;
    bool by_place = false;
    bool by_credentials = false;
  };
  StatusOr<Attempt> NextAttempt();
  HttpRequest Prepare(const S3Request& request, const Attempt& attempt);
  // Takes in what an answer to an attempt says. True if the request should be sent again, with what
  // is known now; each cause counts once.
  bool LearnFrom(const S3Request& request, const Attempt& attempt, HttpResponse* response,
                 Repeats* repeats);
  void Note(const std::string& call, const std::string& why, const std::string& text);
  std::string Name(const S3Request& request) const;

  const S3Settings settings_;
  const std::unique_ptr<HttpClient> http_;
  const std::unique_ptr<CredentialsProvider> credentials_;
  Clock* const clock_;
  Metrics* const metrics_;
  BucketPlace place_;
  ClockSkew skew_;
  mutable absl::Mutex mutex_;
  StoreProfile profile_ ABSL_GUARDED_BY(mutex_);
  // When each kind of strange answer may be logged again.
  std::map<std::string, int64_t> quiet_until_ms_ ABSL_GUARDED_BY(mutex_);
};

// The status of an error answer; body is S3's XML, possibly empty.
Status StatusFromS3(int http_code, const std::string& body, const std::string& what);
// An ETag header without its quotes; a weak one as it is.
std::string StripEtag(const std::string& etag);
// The other way round.
std::string QuoteEtag(const std::string& etag);
std::optional<uint32_t> ParseCrc32cBase64(const std::string& text);
std::string XmlEscape(const std::string& text);

}  // namespace spillway
