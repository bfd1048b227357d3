// What properties ask of every new object: encryption and storage class.
#pragma once

#include <map>
#include <string>

#include "understore/s3/s3_client.h"

namespace spillway {

// For PutObject, CreateMultipartUpload and CopyObject; parts inherit it.
inline void AddObjectHeaders(const S3Settings& settings,
                             std::map<std::string, std::string>* headers) {
  if (!settings.kms_key.empty()) {
    (*headers)["x-amz-server-side-encryption"] = "aws:kms";
    (*headers)["x-amz-server-side-encryption-aws-kms-key-id"] = settings.kms_key;
  } else if (settings.server_side_encryption) {
    (*headers)["x-amz-server-side-encryption"] = "AES256";
  }
  if (!settings.storage_class.empty()) (*headers)["x-amz-storage-class"] = settings.storage_class;
}

}  // namespace spillway
