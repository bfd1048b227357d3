// S3UnderStore: the UnderStore seam over S3Client. Each call has a file of its own.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "understore/s3/s3_client.h"

namespace spillway {

// What a caller believes of a key.
struct S3Belief {
  bool if_absent = false;
  std::string if_match;
  bool empty() const { return !if_absent && if_match.empty(); }
};

// Of CreateMultipartUpload. Stores name the element of its document differently.
const AnswerRule& CreateUploadRule();

class S3UnderStore : public UnderStore {
 public:
  explicit S3UnderStore(std::unique_ptr<S3Client> client) : client_(std::move(client)) {}
  std::string type() const override { return "s3"; }
  bool is_object_store() const override { return true; }
  Status CheckKey(const std::string& key) const override;
  StoreProfile profile() override { return client_->profile(); }
  Status Probe(const std::string& probe_key) override;
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
  int64_t copy_bytes_max() const override { return client_->settings().copy_bytes_max; }
  int64_t copy_part_bytes(int64_t object_bytes) const override;
  StatusOr<UploadedPart> CopyPart(const std::string& source, int64_t offset, int64_t length,
                                  const std::string& target, const std::string& upload_id,
                                  int number, const CopyOptions& options) override;
  Status MakeDirectory(const std::string&, int) override { return absl::OkStatus(); }
  // Removes a marker object, which other tools may have left.
  Status RemoveDirectory(const std::string& key) override;

 private:
  // Before a call that is to happen only if belief is so: looks at the key unless the store is
  // known to look itself, and asks the store to look (headers) unless it is known not to.
  Status PrepareBelief(StoreFeature feature, const std::string& key, const S3Belief& belief,
                       std::map<std::string, std::string>* headers);
  // Such a call from there to its answer. Where the store turns out not to know the condition,
  // looks and goes on without. FAILED_PRECONDITION also if an object to be replaced is gone.
  StatusOr<std::unique_ptr<Answer>> CallBelieving(StoreFeature feature, const std::string& key,
                                                  const S3Belief& belief,
                                                  std::optional<uint32_t> crc32c,
                                                  S3Request& request, const AnswerRule& rule);
  // Puts into headers what lets the store check the body: its CRC32C or, where the store cannot
  // check that, its MD5. DATA_LOSS if the body is found not to have this CRC32C.
  Status AddDigest(std::optional<uint32_t> crc32c, BodySource& body,
                   std::map<std::string, std::string>* headers);
  // The answer to a request with AddDigest's headers. One that is refused for its CRC32C is
  // repeated with the MD5.
  StatusOr<std::unique_ptr<Answer>> CallWithDigest(std::optional<uint32_t> crc32c,
                                                   S3Request& request, const AnswerRule& rule);
  // Deletes keys whose full names XML can carry, at most 1000. Failures are added.
  void DeleteTogether(const std::vector<DeleteRequest>& requests,
                      std::vector<DeleteFailure>* failures);
  // Deletes each by a request of its own, some side by side.
  void DeleteOneByOne(const std::vector<DeleteRequest>& requests,
                      std::vector<DeleteFailure>* failures);
  Status JudgeDelete(const DeleteRequest& asked, const Status& status, bool sent_match);
  // The etags of these objects and of others near them, by full key, as far as a listing shows them
  // with fewer requests than they are: what is missing here may be there all the same.
  std::map<std::string, std::string> ListedEtags(const std::vector<DeleteRequest>& requests);
  // Keeps the requests whose key has the object that is to be deleted.
  void LookBeforeDelete(std::vector<DeleteRequest>* requests, std::vector<DeleteFailure>* failures);
  // OK if the source is still the object that the caller believes, as far as that has to be asked.
  Status CheckSource(const std::string& source, const CopyOptions& options);
  Status FindSource(const std::string& source, CopyOptions* options);
  Status CheckCopy(const std::string& source, const std::string& target, const CopyOptions& options,
                   const std::string& etag);
  StatusOr<UploadedPart> RelayPart(const std::string& source, int64_t offset, int64_t length,
                                   const std::string& target, const std::string& upload_id,
                                   int number, const CopyOptions& options);
  // Whether a marker object stands there, which is not another name of an object.
  StatusOr<bool> HasMarker(const std::string& directory);
  std::string EtagAfterComplete(const std::string& key, const std::vector<UploadedPart>& parts,
                                const std::string& etag);
  Status CheckListedWithoutEtag(const ObjectInfo& info, const HttpResponse& response);
  std::string CopySource(const std::string& key) const;

  const std::unique_ptr<S3Client> client_;
  // Whether x-amz-copy-source-if-match is heeded.
  std::atomic<Support> source_conditions_{Support::kUnknown};
  // Whether an object of parts keeps the etag that its completion was answered.
  std::atomic<Support> complete_etag_stays_{Support::kUnknown};
};

}  // namespace spillway
