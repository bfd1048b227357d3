#include "understore/s3/read_settings.h"

#include <limits>

#include "absl/strings/ascii.h"
#include "understore/s3/endpoint.h"
#include "understore/s3/shared_credentials_file.h"

namespace spillway {
namespace {

constexpr int64_t kDayMs = 24 * 3'600'000;
constexpr int64_t kPartBytesMin = 5LL << 20;
constexpr int64_t kPartBytesMax = 5LL << 30;

template <typename Value>
Status Malformed(const char* key, const Value& value, const char* why) {
  return InvalidArgument("Property {}={} is malformed: {}.", key, value, why);
}

StatusOr<std::string> RegionOf(const UnderStoreConfig& config, const Environment& environment) {
  const std::string endpoint = config.GetString("alluxio.underfs.s3.endpoint");
  std::string own = config.GetString("alluxio.underfs.s3.region");
  std::string of_endpoint = config.GetString("alluxio.underfs.s3.endpoint.region");
  if (!endpoint.empty()) std::swap(own, of_endpoint);
  std::string region = own.empty() ? of_endpoint : own;
  if (region.empty()) {
    const size_t scheme = endpoint.find("://");
    const auto aws = ParseAwsS3Host(absl::AsciiStrToLower(
        scheme == std::string::npos ? endpoint : endpoint.substr(scheme + 3)));
    if (aws) region = aws->region;
  }
  for (const char* name : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
    if (region.empty()) region = environment(name);
  }
  if (region.empty()) {
    const auto profile =
        ReadAwsProfile(AwsProfileFilesOf(environment, CredentialsProfileOf(config)));
    if (profile.ok() && profile->count("region") > 0) region = profile->at("region");
  }
  if (region.empty()) return "us-east-1";
  if (!IsRegionName(region)) return Malformed("alluxio.underfs.s3.region", region, "no region");
  return region;
}

Status ReadEndpoint(const UnderStoreConfig& config, S3Settings* settings) {
  const std::string property = config.GetString("alluxio.underfs.s3.endpoint");
  std::string endpoint = property;
  settings->scheme = config.GetBool("alluxio.underfs.s3.secure.http.enabled") ? "https" : "http";
  if (endpoint.empty()) endpoint = AwsS3HostOf(settings->region);
  if (const size_t scheme = endpoint.find("://"); scheme != std::string::npos) {
    settings->scheme = absl::AsciiStrToLower(endpoint.substr(0, scheme));
    endpoint = endpoint.substr(scheme + 3);
  }
  while (!endpoint.empty() && endpoint.back() == '/') endpoint.pop_back();
  // User names, paths and blanks would change what is signed, or who is asked.
  if ((settings->scheme != "http" && settings->scheme != "https") || endpoint.empty() ||
      endpoint.find_first_of("/?#@\\ \t\r\n") != std::string::npos) {
    return Malformed("alluxio.underfs.s3.endpoint", property, "http(s)://host:port is needed");
  }
  settings->host = endpoint;
  return absl::OkStatus();
}

// 0 means no limit for Alluxio; calls have a deadline here.
StatusOr<int64_t> Timeout(const UnderStoreConfig& config, const char* key) {
  const int64_t ms = config.GetDurationMs(key);
  if (ms < 0) return Malformed(key, config.GetString(key), "it cannot be negative");
  return ms == 0 || ms > kDayMs ? kDayMs : ms;
}

StatusOr<int64_t> Bytes(const UnderStoreConfig& config, const char* key, int64_t min) {
  const int64_t bytes = config.GetBytes(key);
  if (bytes < min || bytes > kPartBytesMax)
    return Malformed(key, config.GetString(key), "S3 takes 5MB to 5GB");
  return bytes;
}

// Printable and on one line, for a header.
StatusOr<std::string> HeaderText(const UnderStoreConfig& config, const char* key) {
  std::string text = config.GetString(key);
  for (const unsigned char c : text) {
    if (c <= ' ' || c > '~') return Malformed(key, text, "printable characters are needed");
  }
  return text;
}

Status ReadTimesAndSizes(const UnderStoreConfig& config, S3Settings* settings) {
  SPILLWAY_ASSIGN_OR_RETURN(settings->request_timeout_ms,
                            Timeout(config, "alluxio.underfs.s3.request.timeout"));
  SPILLWAY_ASSIGN_OR_RETURN(settings->socket_timeout_ms,
                            Timeout(config, "alluxio.underfs.s3.socket.timeout"));
  SPILLWAY_ASSIGN_OR_RETURN(settings->copy_timeout_ms,
                            Timeout(config, "spillway.underfs.s3.copy.timeout"));
  SPILLWAY_ASSIGN_OR_RETURN(settings->complete_timeout_ms,
                            Timeout(config, "spillway.underfs.s3.complete.timeout"));
  SPILLWAY_ASSIGN_OR_RETURN(settings->copy_bytes_max,
                            Bytes(config, "spillway.underfs.s3.copy.single.max", 0));
  SPILLWAY_ASSIGN_OR_RETURN(settings->copy_part_bytes,
                            Bytes(config, "spillway.underfs.s3.copy.part.size", kPartBytesMin));
  const int64_t list_length = config.GetInt("alluxio.underfs.s3.list.length");
  if (list_length < 1) {
    return Malformed("alluxio.underfs.s3.list.length", list_length, "at least 1 is needed");
  }
  settings->list_length = static_cast<int>(std::min<int64_t>(list_length, 1000));
  return absl::OkStatus();
}

// What the master's record says, then what properties say of groups of calls, then of single ones.
Status ReadProfile(const UnderStoreConfig& config, StoreProfile* profile) {
  const std::string known = config.GetString("spillway.underfs.s3.profile");
  *profile = StoreProfile::Parse(known);
  const auto lacks = [&](std::initializer_list<StoreFeature> features) {
    for (const StoreFeature feature : features) profile->Set(feature, Support::kNo);
  };
  if (config.GetBool("alluxio.underfs.s3.list.objects.v1")) lacks({StoreFeature::kListV2});
  if (!config.GetBool("alluxio.underfs.s3.bulk.delete.enabled"))
    lacks({StoreFeature::kMultiDelete, StoreFeature::kMultiDeleteIfMatch});
  if (!config.GetBool("spillway.underfs.s3.checksums")) lacks({StoreFeature::kChecksums});
  if (!config.GetBool("spillway.underfs.s3.conditional.writes")) {
    lacks({StoreFeature::kPutIfAbsent, StoreFeature::kPutIfMatch, StoreFeature::kCompleteConditions,
           StoreFeature::kCopyConditions});
  }
  for (int i = 0; i < kStoreFeatures; ++i) {
    const auto feature = static_cast<StoreFeature>(i);
    const std::string value =
        config.GetString("spillway.underfs.s3.feature." + std::string(NameOf(feature)));
    if (!value.empty()) profile->Set(feature, value == "true" ? Support::kYes : Support::kNo);
  }
  return absl::OkStatus();
}

}  // namespace

StatusOr<S3Settings> ReadS3Settings(const std::string& uri, const UnderStoreConfig& config,
                                    const Environment& environment) {
  S3Settings settings;
  const std::string rest = uri.substr(uri.find("://") + 3);
  const size_t slash = rest.find('/');
  settings.bucket = rest.substr(0, slash);
  if (settings.bucket.empty()) return InvalidArgument("Understore \"{}\" names no bucket.", uri);
  if (slash != std::string::npos) settings.prefix = rest.substr(slash + 1);
  while (!settings.prefix.empty() && settings.prefix.back() == '/') settings.prefix.pop_back();
  if (!settings.prefix.empty()) settings.prefix += '/';
  SPILLWAY_ASSIGN_OR_RETURN(settings.region, RegionOf(config, environment));
  SPILLWAY_RETURN_IF_ERROR(ReadEndpoint(config, &settings));
  settings.path_style = config.GetBool("alluxio.underfs.s3.disable.dns.buckets") ||
                        settings.bucket.find('.') != std::string::npos;
  SPILLWAY_RETURN_IF_ERROR(ReadTimesAndSizes(config, &settings));
  SPILLWAY_RETURN_IF_ERROR(ReadProfile(config, &settings.profile));
  settings.probe = config.GetBool("spillway.underfs.s3.probe.enabled");
  settings.conditional_writes = config.GetBool("spillway.underfs.s3.conditional.writes");
  settings.checksums = config.GetBool("spillway.underfs.s3.checksums");
  settings.server_side_encryption =
      config.GetBool("alluxio.underfs.s3.server.side.encryption.enabled");
  SPILLWAY_ASSIGN_OR_RETURN(settings.kms_key, HeaderText(config, "spillway.underfs.s3.kms.key"));
  SPILLWAY_ASSIGN_OR_RETURN(settings.storage_class,
                            HeaderText(config, "spillway.underfs.s3.storage.class"));
  return settings;
}

StatusOr<HttpClient::Options> ReadHttpOptions(const UnderStoreConfig& config) {
  HttpClient::Options http;
  http.ca_file = config.GetString("spillway.underfs.s3.ca.file");
  http.connect_timeout_ms = config.GetDurationMs("alluxio.underfs.s3.connect.timeout");
  if (http.connect_timeout_ms <= 0) {
    return Malformed("alluxio.underfs.s3.connect.timeout",
                     config.GetString("alluxio.underfs.s3.connect.timeout"), "it must be positive");
  }
  // A mount's own threads.max goes before what the site says of connections.
  const bool by_threads = config.overrides().count("alluxio.underfs.s3.threads.max") > 0 &&
                          config.overrides().count("alluxio.underfs.s3.connection.max") == 0;
  const char* key =
      by_threads ? "alluxio.underfs.s3.threads.max" : "alluxio.underfs.s3.connection.max";
  const int64_t connections = config.GetInt(key);
  if (connections < 1 || connections > std::numeric_limits<uint16_t>::max())
    return Malformed(key, connections, "1 to 65535 is needed");
  http.connections_max = static_cast<int>(connections);
  http.connection_ttl_ms = config.GetDurationMs("alluxio.underfs.s3.connection.ttl");
  const std::string host = config.GetString("alluxio.underfs.s3.proxy.host");
  if (host.empty()) return http;
  if (host.find_first_of("/@?# \t\r\n") != std::string::npos)
    return Malformed("alluxio.underfs.s3.proxy.host", host, "a host's name is needed");
  const int64_t port = config.GetInt("alluxio.underfs.s3.proxy.port");
  if (port == 0 || port < -1 || port > std::numeric_limits<uint16_t>::max())
    return Malformed("alluxio.underfs.s3.proxy.port", port, "1 to 65535 is needed");
  http.proxy = fmt::format("http://{}:{}", host, port < 0 ? 80 : port);
  return http;
}

}  // namespace spillway
