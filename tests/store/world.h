// What the strict store holds, and how a call sees it.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "common/clock.h"
#include "store/http/message.h"
#include "store/profile.h"
#include "store/s3_calls.h"

namespace spillway::strict {

struct StoreOptions {
  int port = 0;  // on 127.0.0.1; 0 lets the system choose
  std::vector<std::string> buckets{"bucket"};
  std::string region = "us-east-1";
  std::string access_key = "strict";
  std::string secret_key = "strict-secret";
  std::string session_token;  // empty: requests must have none
  bool require_signature = true;
  // The answer to a signature for another region: 301 PermanentRedirect instead of 400
  // AuthorizationHeaderMalformed.
  bool redirect_to_region = false;
  // The host behind the bucket in virtual host style: "bucket.localhost:port".
  std::string virtual_host_suffix = ".localhost";
  int64_t min_part_bytes = 5 << 20;
  // CompleteMultipartUpload of an upload with a checksum algorithm must list the parts' checksums,
  // and UploadPart must have one.
  bool require_part_checksums = true;
  Profile profile;
  // Real time that passes before a call is carried out.
  std::map<S3Call, int64_t> delay_ms;
  // While a CompleteMultipartUpload, CopyObject or UploadPartCopy is delayed: the answer begins
  // at once with status 200, and a blank follows each so many ms. 0 is silence.
  int64_t blanks_every_ms = 0;
  int requests_per_second = 0;  // more are answered 503 SlowDown; 0: no limit
  // Wall time for signatures and Last-Modified; not owned; null: the machine's.
  Clock* clock = nullptr;
  int64_t clock_skew_ms = 0;  // added to the wall time
  // Late effects wait for AdvanceMs alone; otherwise real time counts too.
  bool manual_effects = false;
};

struct Object {
  Rope data;
  std::string etag;           // without quotes
  std::string crc32c;         // as in x-amz-checksum-crc32c; empty if there is none
  std::string checksum_type;  // FULL_OBJECT or COMPOSITE
  int64_t last_modified_ms = 0;
  Headers headers;  // Content-Type and x-amz-meta-*
};

struct Part {
  Rope data;
  std::string etag;
  std::optional<uint32_t> crc32c;
  int64_t last_modified_ms = 0;
};

struct Upload {
  std::string id;
  std::string key;
  int64_t initiated_ms = 0;
  bool checksums = false;    // x-amz-checksum-algorithm is CRC32C
  bool full_object = false;  // x-amz-checksum-type is FULL_OBJECT
  Headers headers;
  std::map<int, Part> parts;
};

struct Bucket {
  std::map<std::string, Object> objects;
  std::map<std::string, Upload> uploads;  // by id
};

struct World {
  absl::Mutex mutex;
  StoreOptions options ABSL_GUARDED_BY(mutex);
  std::map<std::string, Bucket> buckets ABSL_GUARDED_BY(mutex);
  int64_t ids_given ABSL_GUARDED_BY(mutex) = 0;
};

using Query = std::vector<std::pair<std::string, std::string>>;

// One request on its way through the store.
struct Exchange {
  HttpRequest request;
  std::optional<S3Call> call;
  std::string bucket;
  std::string key;  // decoded
  Query query;      // decoded
  Profile profile;  // as it was when the request came
  int64_t now_ms = 0;
  int64_t bytes_copied = 0;  // set by the copying calls

  bool HasQuery(const std::string& name) const;
  std::string QueryValue(const std::string& name) const;
};

// Finds out bucket, key and call. Returns an answer if the request is none of the known calls.
std::optional<Answer> Route(const StoreOptions& options, Exchange* exchange);
// What the profile takes away is removed from the request, or refused by the answer returned.
std::optional<Answer> ApplyProfile(Exchange* exchange);
// Length and digests of the body, and the key.
std::optional<Answer> CheckMessage(const Exchange& exchange);

// Answers.
Answer ErrorAnswer(const std::string& code, const std::string& message = "",
                   const std::vector<std::pair<std::string, std::string>>& fields = {});
Answer XmlAnswer(const std::string& xml_without_declaration);
std::string IsoTime(int64_t time_ms);   // "2009-10-12T17:50:30.000Z"
std::string HttpTime(int64_t time_ms);  // "Mon, 12 Oct 2009 17:50:30 GMT"
std::string Quoted(const std::string& etag);
std::string Unquoted(const std::string& etag);
// Nothing unless text is a plain decimal number that fits.
std::optional<int64_t> ParseNumber(const std::string& text);

}  // namespace spillway::strict
