// Where a bucket is asked for, and what answers teach about it.
//
// A request carries a signature and, with temporary credentials, their token. It follows an answer
// only to where the endpoint's owner must have sent it:
//   - the scheme stays;
//   - an AWS endpoint leads to names of the S3 service below the same AWS domain (amazonaws.com or
//     amazonaws.com.cn), with this bucket in front or none;
//   - any other endpoint leads to itself and to hosts below its own name, at the same port;
//   - the region is taken over from any answer.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/synchronization/mutex.h"
#include "understore/s3/http_client.h"

namespace spillway {

struct S3Place {
  std::string scheme;  // http or https
  std::string host;    // with port if not the scheme's own; without the bucket
  bool path_style = false;
  std::string region;
  bool operator==(const S3Place& other) const = default;
};

// A host of the S3 service of AWS: "s3.eu-west-1.amazonaws.com", "s3.amazonaws.com",
// "s3.dualstack.eu-west-1.amazonaws.com", "s3-eu-west-1.amazonaws.com".
struct AwsS3Host {
  std::string service;  // "s3" or "s3-fips"
  bool dualstack = false;
  std::string region;  // empty: the global endpoint
  std::string domain;  // "amazonaws.com" or "amazonaws.com.cn"
};
std::optional<AwsS3Host> ParseAwsS3Host(std::string_view host);
// The standard endpoint of a region.
std::string AwsS3HostOf(const std::string& region);
// True if text can be a region's name in a signature: 1 to 64 letters, digits, '-' or '_'.
bool IsRegionName(std::string_view text);

struct Elsewhere {
  std::optional<S3Place> place;  // where to ask instead
  bool temporary = false;        // the answer says not to remember it for long
  std::string refused;           // why an answer that points elsewhere is not followed
};
// What an error answer from a request to asked says. configured is where properties point.
Elsewhere ElsewhereOf(const S3Place& configured, const S3Place& asked, const std::string& bucket,
                      const HttpResponse& answer);

// Thread-safe.
class BucketPlace {
 public:
  BucketPlace(S3Place configured, std::string bucket)
      : configured_(std::move(configured)), bucket_(std::move(bucket)), place_(configured_) {}
  S3Place Get(int64_t monotonic_ms);
  // Takes in an error answer from asked. True if the request belongs elsewhere: Get says where.
  // Otherwise *refused says why a hint was not followed; empty if there was none.
  bool Learn(const S3Place& asked, const HttpResponse& answer, int64_t monotonic_ms,
             std::string* refused);
  // Nothing answers at asked: what was learned is no use any more.
  void Forget(const S3Place& asked);

 private:
  const S3Place configured_;
  const std::string bucket_;
  absl::Mutex mutex_;
  S3Place place_ ABSL_GUARDED_BY(mutex_);
  int64_t until_ms_ ABSL_GUARDED_BY(mutex_) = INT64_MAX;
};

}  // namespace spillway
