// Settings of an S3 understore, from its URI and properties.
#include <cstdlib>

#include "understore/s3/calls.h"
#include "understore/s3/s3_under_store.h"

namespace spillway {
namespace {

std::string RegionOf(const UnderStoreConfig& config) {
  std::string region = config.GetString("alluxio.underfs.s3.region");
  for (const char* name : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
    if (region.empty() && std::getenv(name) != nullptr) region = std::getenv(name);
  }
  return region.empty() ? "us-east-1" : region;
}

Status ParseEndpoint(const UnderStoreConfig& config, S3Settings* settings) {
  std::string endpoint = config.GetString("alluxio.underfs.s3.endpoint");
  settings->scheme = config.GetBool("alluxio.underfs.s3.secure.http.enabled") ? "https" : "http";
  if (endpoint.empty()) endpoint = "s3." + settings->region + ".amazonaws.com";
  if (const size_t scheme = endpoint.find("://"); scheme != std::string::npos) {
    settings->scheme = endpoint.substr(0, scheme);
    endpoint = endpoint.substr(scheme + 3);
  }
  while (!endpoint.empty() && endpoint.back() == '/') endpoint.pop_back();
  if ((settings->scheme != "http" && settings->scheme != "https") || endpoint.empty() ||
      endpoint.find('/') != std::string::npos) {
    return InvalidArgument(
        "Property alluxio.underfs.s3.endpoint={} is malformed: http(s)://host:port is needed.",
        config.GetString("alluxio.underfs.s3.endpoint"));
  }
  settings->host = endpoint;
  return absl::OkStatus();
}

}  // namespace

StatusOr<std::shared_ptr<UnderStore>> OpenS3UnderStore(const std::string& uri,
                                                       const UnderStoreConfig& config,
                                                       const UnderStoreContext& context) {
  S3Settings settings;
  std::string rest = uri.substr(uri.find("://") + 3);
  const size_t slash = rest.find('/');
  settings.bucket = rest.substr(0, slash);
  if (settings.bucket.empty()) return InvalidArgument("Understore \"{}\" names no bucket.", uri);
  if (slash != std::string::npos) settings.prefix = rest.substr(slash + 1);
  while (!settings.prefix.empty() && settings.prefix.back() == '/') settings.prefix.pop_back();
  if (!settings.prefix.empty()) settings.prefix += '/';
  settings.region = RegionOf(config);
  SPILLWAY_RETURN_IF_ERROR(ParseEndpoint(config, &settings));
  settings.path_style = config.GetBool("alluxio.underfs.s3.disable.dns.buckets") ||
                        settings.bucket.find('.') != std::string::npos;
  settings.request_timeout_ms = config.GetDurationMs("alluxio.underfs.s3.request.timeout");
  settings.list_length = static_cast<int>(config.GetInt("alluxio.underfs.s3.list.length"));
  settings.conditional_writes = config.GetBool("spillway.underfs.s3.conditional.writes");
  settings.checksums = config.GetBool("spillway.underfs.s3.checksums");
  settings.server_side_encryption =
      config.GetBool("alluxio.underfs.s3.server.side.encryption.enabled");

  HttpClient::Options http;
  http.ca_file = config.GetString("spillway.underfs.s3.ca.file");
  http.connect_timeout_ms = config.GetDurationMs("alluxio.underfs.s3.connect.timeout");
  http.connections_max = static_cast<int>(config.GetInt("alluxio.underfs.s3.connection.max"));
  auto client = std::make_unique<HttpClient>(http);
  auto credentials = MakeCredentialsProvider(config, client.get(), context.clock);
  return std::shared_ptr<UnderStore>(std::make_shared<S3UnderStore>(
      std::make_unique<S3Client>(std::move(settings), std::move(client), std::move(credentials),
                                 context.clock, context.metrics)));
}

}  // namespace spillway
