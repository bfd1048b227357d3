// A folder as understore: the embedded default. Objects are files; a file appears whole or not at
// all (written under .spillway-uploads, synced, then renamed).
#pragma once

#include <atomic>
#include <string>

#include "understore/under_store.h"

namespace spillway {

class LocalUnderStore : public UnderStore {
 public:
  explicit LocalUnderStore(std::string root);
  std::string type() const override { return "local"; }
  bool is_object_store() const override { return false; }
  StatusOr<ObjectInfo> Head(const std::string& key) override;
  StatusOr<ListPage> List(const std::string& directory, const std::string& token) override;
  using UnderStore::Get;
  Status Get(const std::string& key, int64_t offset, int64_t length, const GetOptions& options,
             const Sink& sink) override;
  StatusOr<PutResult> Put(const std::string& key, BodySource& body,
                          const PutOptions& options) override;
  // Written one after another, made durable by one call for the whole file system.
  int puts_together() const override { return 64; }
  std::vector<StatusOr<PutResult>> PutMany(const std::vector<PutRequest>& puts) override;
  StatusOr<std::string> CreateMultipart(const std::string& key, const PutOptions& options) override;
  StatusOr<UploadedPart> UploadPart(const std::string& key, const std::string& upload_id,
                                    int number, BodySource& body,
                                    std::optional<uint32_t> crc32c) override;
  StatusOr<PutResult> CompleteMultipart(const std::string& key, const std::string& upload_id,
                                        const std::vector<UploadedPart>& parts,
                                        const PutOptions& options) override;
  Status AbortMultipart(const std::string& key, const std::string& upload_id) override;
  // Unfinished uploads here have no key: none are listed.
  StatusOr<std::vector<OpenUpload>> ListUploads(const std::string&) override {
    return std::vector<OpenUpload>();
  }
  StatusOr<std::vector<DeleteFailure>> Delete(const std::vector<DeleteRequest>& requests) override;
  StatusOr<PutResult> Copy(const std::string& source, const std::string& target,
                           const CopyOptions& options) override;
  Status MakeDirectory(const std::string& key, int mode) override;
  Status RemoveDirectory(const std::string& key) override;

 private:
  std::string PathOf(const std::string& key) const;
  std::string NewUploadName();
  struct NewFile;
  StatusOr<NewFile> WriteNew(const std::string& key, BodySource& body, const PutOptions& options);
  static StatusOr<PutResult> PublishNew(const NewFile& file);
  StatusOr<PutResult> Publish(const std::string& temp, const std::string& key,
                              const PutOptions& options);

  const std::string root_;
  std::atomic<uint64_t> next_{0};
};

}  // namespace spillway
