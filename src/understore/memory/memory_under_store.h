// The in-memory twin of an object store: conditional writes, multipart, checksums, and faults on
// request. Counts requests by kind.
#pragma once

#include <atomic>
#include <map>
#include <string>

#include "absl/synchronization/mutex.h"
#include "understore/under_store.h"

namespace spillway {

class MemoryUnderStore : public UnderStore {
 public:
  std::string type() const override { return "memory"; }
  bool is_object_store() const override { return true; }
  StatusOr<ObjectInfo> Head(const std::string& key) override;
  StatusOr<ListPage> List(const std::string& directory, const std::string& token) override;
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
  int64_t copy_bytes_max() const override { return copy_bytes_max_; }
  int64_t copy_part_bytes(int64_t) const override { return copy_bytes_max_; }
  StatusOr<UploadedPart> CopyPart(const std::string& source, int64_t offset, int64_t length,
                                  const std::string& target, const std::string& upload_id,
                                  int number, const CopyOptions& options) override;
  Status MakeDirectory(const std::string&, int) override { return absl::OkStatus(); }
  Status RemoveDirectory(const std::string&) override { return absl::OkStatus(); }

  int puts_together() const override { return puts_together_; }

  // For tests.
  void set_puts_together(int puts) { puts_together_ = puts; }
  void set_copy_bytes_max(int64_t bytes) { copy_bytes_max_ = bytes; }
  std::map<std::string, std::string> Objects();
  size_t open_uploads();
  int64_t requests(const std::string& kind);
  // The next count calls fail with this status; with after_effect they are carried out first.
  void FailNext(int count, Status status, bool after_effect);
  // Called when a listing has been taken and is not given back yet; null: not any more.
  void OnListed(std::function<void()> callback);
  // Called with every object that appears, while it does; with null for one that goes.
  void OnChange(std::function<void(const std::string& key, const std::string* data)> callback);

 private:
  struct Upload {
    std::string key;
    std::map<int, std::string> parts;
  };
  struct Object {
    std::string data;
    std::string etag;
  };
  StatusOr<ListPage> TakeListing(const std::string& directory, std::function<void()>* listed);
  Status Enter(const std::string& kind) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Status Leave() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Status CheckConditions(const std::string& key, const PutOptions& options)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::string Store(const std::string& key, std::string data) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  StatusOr<std::string> CopySource(const std::string& source, const CopyOptions& options)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  std::atomic<int> puts_together_ = 1;
  std::atomic<int64_t> copy_bytes_max_ = INT64_MAX;
  absl::Mutex mutex_;
  std::map<std::string, Object> objects_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Upload> uploads_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, int64_t> requests_ ABSL_GUARDED_BY(mutex_);
  int64_t next_ ABSL_GUARDED_BY(mutex_) = 1;
  std::function<void(const std::string&, const std::string*)> on_change_ ABSL_GUARDED_BY(mutex_);
  std::function<void()> on_listed_ ABSL_GUARDED_BY(mutex_);
  int failures_ ABSL_GUARDED_BY(mutex_) = 0;
  Status failure_ ABSL_GUARDED_BY(mutex_);
  bool after_effect_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace spillway
