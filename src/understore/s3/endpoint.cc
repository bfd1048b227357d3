#include "understore/s3/endpoint.h"

#include <algorithm>
#include <cctype>
#include <pugixml.hpp>

#include "absl/strings/ascii.h"
#include "common/log.h"

namespace spillway {
namespace {

constexpr int64_t kTemporaryMs = 5 * 60'000;
constexpr size_t kRegionMax = 64;
constexpr size_t kHostMax = 255;
constexpr size_t kAnswerBytesMax = 64 << 10;

bool StartsWith(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

bool EndsWith(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

bool ConsumePrefix(std::string_view* text, std::string_view start) {
  if (!StartsWith(*text, start)) return false;
  text->remove_prefix(start.size());
  return true;
}

// "us-gov-west-1": words of small letters, then a number.
bool IsAwsRegion(std::string_view text) {
  int words = 0;
  while (true) {
    const size_t dash = std::min(text.find('-'), text.size());
    const bool last = dash == text.size();
    const auto fits = [&](unsigned char c) { return last ? std::isdigit(c) : std::islower(c); };
    if (dash == 0 || !std::all_of(text.begin(), text.begin() + dash, fits)) return false;
    if (last) return words >= 2;
    ++words;
    text.remove_prefix(dash + 1);
  }
}

bool IsHostName(std::string_view text) {
  const auto fits = [](unsigned char c) { return std::isalnum(c) || c == '.' || c == '-'; };
  return !text.empty() && text.size() <= kHostMax && text.front() != '.' && text.front() != '-' &&
         std::all_of(text.begin(), text.end(), fits);
}

struct HostPort {
  std::string host;  // lower case
  std::string port;
};

// nullopt if text is not of the form host or host:port.
std::optional<HostPort> SplitHost(std::string_view text, std::string_view scheme) {
  HostPort split{"", scheme == "https" ? "443" : "80"};
  const size_t colon = text.find(':');
  split.host = absl::AsciiStrToLower(std::string(text.substr(0, colon)));
  if (!IsHostName(split.host)) return std::nullopt;
  if (colon == std::string_view::npos) return split;
  const std::string_view port = text.substr(colon + 1);
  const auto digit = [](unsigned char c) { return std::isdigit(c) != 0; };
  if (port.empty() || port.size() > 5 || !std::all_of(port.begin(), port.end(), digit))
    return std::nullopt;
  split.port = port;
  return split;
}

bool IsAddress(const std::string& host) {
  return std::all_of(host.begin(), host.end(),
                     [](unsigned char c) { return std::isdigit(c) || c == '.'; });
}

struct Hint {
  std::string region;
  std::string scheme;  // empty: not said
  std::string host;    // empty: not said
};

Hint HintOf(const HttpResponse& answer, bool redirect) {
  pugi::xml_document doc;
  if (answer.body.size() <= kAnswerBytesMax)
    (void)doc.load_buffer(answer.body.data(), answer.body.size());
  const pugi::xml_node error = doc.child("Error");
  Hint hint;
  hint.region = HeaderOf(answer, "x-amz-bucket-region");
  if (hint.region.empty()) hint.region = error.child_value("Region");
  if (!redirect) return hint;
  const std::string location = HeaderOf(answer, "location");
  if (const size_t scheme = location.find("://"); scheme != std::string::npos) {
    hint.scheme = absl::AsciiStrToLower(location.substr(0, scheme));
    const std::string rest = location.substr(scheme + 3);
    hint.host = rest.substr(0, rest.find_first_of("/?#"));
  } else {
    hint.host = error.child_value("Endpoint");
  }
  return hint;
}

std::string HostOf(const AwsS3Host& aws) {
  return aws.service + (aws.dualstack ? ".dualstack" : "") +
         (aws.region.empty() ? "" : "." + aws.region) + "." + aws.domain;
}

// Takes the bucket off the front of host; true if it stood there.
bool StripBucket(const std::string& bucket, std::string* host) {
  const std::string prefix = absl::AsciiStrToLower(bucket) + ".";
  if (!StartsWith(*host, prefix)) return false;
  host->erase(0, prefix.size());
  return true;
}

// The place of a host that the answer names; nullopt if credentials must not go there.
std::optional<S3Place> PlaceOf(const S3Place& configured, const S3Place& asked,
                               const std::string& bucket, const Hint& hint) {
  const auto own = SplitHost(configured.host, configured.scheme);
  const auto named = SplitHost(hint.host, configured.scheme);
  if (!own || !named || own->port != named->port) return std::nullopt;
  S3Place place = asked;
  std::string host = named->host;
  const auto own_aws = ParseAwsS3Host(own->host);
  const bool has_bucket = (own_aws || !asked.path_style) && StripBucket(bucket, &host);
  if (has_bucket) place.path_style = false;
  // A full address without the bucket in its host has it in its path.
  if (!own_aws && !has_bucket && !hint.scheme.empty()) place.path_style = true;
  if (own_aws) {
    const auto aws = ParseAwsS3Host(host);
    if (!aws || aws->domain != own_aws->domain) return std::nullopt;
    place.host = host;
    if (!aws->region.empty()) place.region = aws->region;
  } else {
    const bool below = !IsAddress(own->host) && EndsWith(named->host, "." + own->host);
    if (named->host != own->host && !below) return std::nullopt;
    const bool has_port = hint.host.find(':') != std::string::npos;
    place.host = has_port ? host + ":" + named->port : host;
  }
  if (!hint.region.empty()) place.region = hint.region;
  return place;
}

}  // namespace

bool IsRegionName(std::string_view text) {
  const auto fits = [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '_'; };
  return !text.empty() && text.size() <= kRegionMax && std::all_of(text.begin(), text.end(), fits);
}

std::optional<AwsS3Host> ParseAwsS3Host(std::string_view host) {
  AwsS3Host aws;
  for (const char* domain : {"amazonaws.com", "amazonaws.com.cn"}) {
    if (EndsWith(host, "." + std::string(domain))) aws.domain = domain;
  }
  if (aws.domain.empty()) return std::nullopt;
  host.remove_suffix(aws.domain.size() + 1);
  aws.service = "s3";
  if (!ConsumePrefix(&host, "s3")) return std::nullopt;
  if (ConsumePrefix(&host, "-fips")) aws.service = "s3-fips";
  if (ConsumePrefix(&host, ".dualstack")) aws.dualstack = true;
  if (host.empty() && !aws.dualstack) return aws;
  if (host.empty() || (host[0] != '.' && host[0] != '-') || !IsAwsRegion(host.substr(1)))
    return std::nullopt;
  aws.region = host.substr(1);
  return aws;
}

std::string AwsS3HostOf(const std::string& region) {
  const bool china = StartsWith(region, "cn-");
  return "s3." + region + (china ? ".amazonaws.com.cn" : ".amazonaws.com");
}

Elsewhere ElsewhereOf(const S3Place& configured, const S3Place& asked, const std::string& bucket,
                      const HttpResponse& answer) {
  const bool redirect =
      answer.code == 301 || answer.code == 302 || answer.code == 307 || answer.code == 308;
  if (!redirect && answer.code != 400 && answer.code != 403) return {};
  Elsewhere elsewhere;
  elsewhere.temporary = answer.code == 302 || answer.code == 307;
  Hint hint = HintOf(answer, redirect);
  if (!hint.region.empty() && !IsRegionName(hint.region)) {
    elsewhere.refused = "the region in the answer is malformed";
    return elsewhere;
  }
  if (!hint.scheme.empty() && hint.scheme != configured.scheme) {
    elsewhere.refused =
        fmt::format("the answer points from {} to another scheme", configured.scheme);
    return elsewhere;
  }
  std::optional<S3Place> place;
  if (!hint.host.empty()) place = PlaceOf(configured, asked, bucket, hint);
  if (!place && !hint.region.empty()) {
    place = asked;
    place->region = hint.region;
    const auto own = SplitHost(configured.host, configured.scheme);
    const auto aws = own ? ParseAwsS3Host(own->host) : std::nullopt;
    if (aws && IsAwsRegion(hint.region))
      place->host = HostOf({aws->service, aws->dualstack, hint.region, aws->domain});
  }
  if (place && !(*place == asked)) {
    elsewhere.place = std::move(place);
  } else if (redirect && !place && SplitHost(hint.host, configured.scheme)) {
    elsewhere.refused = fmt::format(
        "the answer points to {}, which does not belong to {}: if it does, set "
        "alluxio.underfs.s3.endpoint to it",
        hint.host, configured.host);
  } else if (redirect) {
    elsewhere.refused =
        "the answer points nowhere else: set alluxio.underfs.s3.endpoint and "
        "alluxio.underfs.s3.region to where the bucket is";
  }
  return elsewhere;
}

S3Place BucketPlace::Get(int64_t monotonic_ms) {
  absl::MutexLock lock(&mutex_);
  if (monotonic_ms >= until_ms_) {
    place_ = configured_;
    until_ms_ = INT64_MAX;
  }
  return place_;
}

bool BucketPlace::Learn(const S3Place& asked, const HttpResponse& answer, int64_t monotonic_ms,
                        std::string* refused) {
  Elsewhere elsewhere = ElsewhereOf(configured_, asked, bucket_, answer);
  *refused = std::move(elsewhere.refused);
  if (!elsewhere.place) return false;
  absl::MutexLock lock(&mutex_);
  if (*elsewhere.place == place_) return true;  // another request has learned it
  spdlog::info("bucket {} is asked for at {} in region {} now, as the store says", bucket_,
               elsewhere.place->host, elsewhere.place->region);
  place_ = *std::move(elsewhere.place);
  until_ms_ = elsewhere.temporary ? monotonic_ms + kTemporaryMs : INT64_MAX;
  return true;
}

void BucketPlace::Forget(const S3Place& asked) {
  absl::MutexLock lock(&mutex_);
  if (!(place_ == asked)) return;
  place_ = configured_;
  until_ms_ = INT64_MAX;
}

}  // namespace spillway
