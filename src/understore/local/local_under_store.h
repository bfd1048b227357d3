// A folder as understore: the embedded default. Objects are files; a file appears whole or not at
// all, and what was answered holds after the machine lost its power.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/synchronization/mutex.h"
#include "understore/local/rooted_folder.h"
#include "understore/local/staged_file.h"
#include "understore/under_store.h"

namespace spillway {

class LocalUnderStore : public UnderStore {
 public:
  // calls and random are the machine's if they are null; else they must outlive the store.
  explicit LocalUnderStore(std::string root, FileCalls* calls = nullptr, Random* random = nullptr);
  std::string type() const override { return "local"; }
  bool is_object_store() const override { return false; }
  Status CheckKey(const std::string& key) const override { return RootedFolder::CheckKey(key); }

  StatusOr<ObjectInfo> Head(const std::string& key) override;
  StatusOr<ListPage> List(const std::string& directory, const std::string& token) override;
  StatusOr<ListPage> LookUp(const std::string& key) override;
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
  // What the caller believes of a key that is written to.
  struct Conditions {
    bool if_absent = false;
    std::string if_match;
  };

  FileCalls& calls() const { return *calls_; }
  std::string NewName();
  // Of the machine's clock, but never the same twice.
  int64_t NewModifiedNs();
  void LogLeftOut(const std::string& key, const Status& why);

  // An empty file that may be published at place. direct: past the page cache where that can be.
  StatusOr<StagedFile> Stage(const std::string& key, Place place, bool direct);
  StatusOr<StagedFile> StageByName(const std::string& key, Place place, bool direct);
  StatusOr<StagedFile> StageBody(const std::string& key, Place place, BodySource& body,
                                 const PutOptions& options);
  // Mode and time, which its etag needs; the file is not changed after it.
  Status Finish(StagedFile& staged, int mode);
  Status Sync(const StagedFile& staged);
  // Gives the file, which is synced, its name; that is durable only after MakeDurable.
  StatusOr<PutResult> Publish(StagedFile& staged, const Conditions& conditions);
  StatusOr<PutResult> PublishDurably(StagedFile& staged, const Conditions& conditions);
  StatusOr<int> GiveName(StagedFile& staged, const Conditions& conditions);
  StatusOr<int> Replace(StagedFile& staged);
  int NameNew(StagedFile& staged);
  // FAILED_PRECONDITION if no object of this etag stands at the key.
  Status CheckMatch(const std::string& key, const std::string& etag);
  // What stands at the key, if anything: whoever hears of it may rely on it.
  Status MakeStandingDurable(const std::string& key);
  // The status of a put that found the key taken.
  StatusOr<PutResult> Conflict(const StagedFile& staged, const Status& why);

  struct Batch;
  void StageMany(const std::vector<PutRequest>& puts, Batch* batch);
  void SyncMany(Batch* batch);
  void PublishMany(const std::vector<PutRequest>& puts, Batch* batch);
  Status DeleteOne(const DeleteRequest& request, const OpenFolder& folder);
  // The file of an upload; NOT_FOUND if there is none.
  StatusOr<OpenFile> OpenParts(const OpenFolder& internal, const std::string& upload_id, int flags);

  PosixFileCalls machine_calls_;
  SystemRandom machine_random_;
  FileCalls* const calls_;
  Random* const random_;
  RootedFolder folder_;
  std::atomic<int64_t> last_modified_ns_{0};
  // Between a look at an etag and what is done upon it: closes the window among this process's
  // threads.
  absl::Mutex match_mutex_;
  absl::Mutex log_mutex_;
  absl::flat_hash_set<std::string> left_out_ ABSL_GUARDED_BY(log_mutex_);
};

// Changes when the content is replaced, is the same after a restart and at another path.
std::string EtagOf(const FileFacts& facts);
ObjectInfo InfoOf(const std::string& key, const FileFacts& facts);

}  // namespace spillway
