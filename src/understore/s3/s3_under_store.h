// S3 and its compatibles as understore.
#pragma once

#include <memory>
#include <string>

#include "understore/under_store.h"

namespace spillway {

// uri is s3://bucket/prefix. Sends nothing. INVALID_ARGUMENT naming the key for a bad setting.
StatusOr<std::shared_ptr<UnderStore>> OpenS3UnderStore(const std::string& uri,
                                                       const UnderStoreConfig& config,
                                                       const UnderStoreContext& context);

}  // namespace spillway
