// An S3 understore from its URI and properties.
#include "common/log.h"
#include "understore/s3/calls.h"
#include "understore/s3/read_settings.h"
#include "understore/s3/s3_under_store.h"

namespace spillway {

StatusOr<std::shared_ptr<UnderStore>> OpenS3UnderStore(const std::string& uri,
                                                       const UnderStoreConfig& config,
                                                       const UnderStoreContext& context) {
  SPILLWAY_ASSIGN_OR_RETURN(S3Settings settings, ReadS3Settings(uri, config));
  SPILLWAY_ASSIGN_OR_RETURN(HttpClient::Options http, ReadHttpOptions(config));
  http.cut = context.cut;
  for (const std::string& warning : S3Warnings(config)) spdlog::warn("{}: {}", uri, warning);
  auto client = std::make_unique<HttpClient>(http);
  auto credentials = MakeCredentialsProvider(config, client.get(), context.clock);
  return std::shared_ptr<UnderStore>(std::make_shared<S3UnderStore>(
      std::make_unique<S3Client>(std::move(settings), std::move(client), std::move(credentials),
                                 context.clock, context.metrics)));
}

}  // namespace spillway
