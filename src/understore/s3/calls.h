// S3UnderStore: the UnderStore seam over S3Client. Each call has a file of its own.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "understore/s3/s3_client.h"

namespace spillway {

class S3UnderStore : public UnderStore {
 public:
  explicit S3UnderStore(std::unique_ptr<S3Client> client) : client_(std::move(client)) {}
  std::string type() const override { return "s3"; }
  bool is_object_store() const override { return true; }
  StatusOr<ObjectInfo> Head(const std::string& key) override;
  StatusOr<ListPage> List(const std::string& directory, const std::string& token) override;
  StatusOr<ListPage> LookUp(const std::string& key) override;
  using UnderStore::Get;
  Status Get(const std::string& key, int64_t offset, int64_t length, const GetOptions& options,
             const Sink& sink) override;
  StatusOr<PutResult> Put(const std::string& key, BodySource& body,
                          const PutOptions& options) override;
  StatusOr<std::string> CreateMultipart(const std::string& key, const PutOptions& options) override;
  StatusOr<UploadedPart> UploadPart(const std::string& key, const std::string& upload_id,
                                    int number, BodySource& body,
                                    std::optional<uint32_t> crc32c) override;
  StatusOr<PutResult> CompleteMultipart(const std::string& key, const std::string& upload_id,
                                        const std::vector<UploadedPart>& parts,
                                        const PutOptions& options) override;
  Status AbortMultipart(const std::string& key, const std::string& upload_id) override;
  StatusOr<std::vector<OpenUpload>> ListUploads(const std::string& prefix) override;
  StatusOr<std::vector<DeleteFailure>> Delete(const std::vector<DeleteRequest>& requests) override;
  StatusOr<PutResult> Copy(const std::string& source, const std::string& target,
                           const CopyOptions& options) override;
  Status MakeDirectory(const std::string&, int) override { return absl::OkStatus(); }
  // Removes a marker object, which other tools may have left.
  Status RemoveDirectory(const std::string& key) override;

 private:
  StatusOr<PutResult> CopyInParts(const std::string& source, const std::string& target,
                                  int64_t size_bytes);
  const std::unique_ptr<S3Client> client_;
};

}  // namespace spillway
