// The in-memory twin of an object store: conditional writes, multipart, checksums. Counts requests
// by kind. It is polite unless it is told otherwise: nobody else writes there, it can do
// everything, effects are immediate.
//
//   memory_under_store.cc  what all calls share, and what reads
//   memory_writes.cc       objects put, copied and deleted
//   memory_multipart.cc    objects put in parts
//   memory_strangers.cc    what tests can do to it: faults, late effects, other writers
#pragma once

#include <atomic>
#include <map>
#include <set>
#include <string>

#include "absl/synchronization/mutex.h"
#include "understore/under_store.h"

namespace spillway {

// What somebody has just done at a key. Pointers live as long as the call that brings them.
struct StoreChange {
  std::string key;
  const std::string* data = nullptr;  // what stands there now; null: nothing
  std::string etag;
  const std::string* replaced = nullptr;  // what stood there; null: nothing
  std::string replaced_etag;
  bool replaced_foreign = false;  // others had put it there
  bool replaced_heard = false;    // an answer has told its etag
  bool foreign = false;           // by others, not by a call of UnderStore
  // By a call whose condition held when the store was looked at, but was not looked at again: the
  // store has no such condition.
  bool unguarded = false;
};

// Thread-safe.
class MemoryUnderStore : public UnderStore {
 public:
  std::string type() const override { return "memory"; }
  bool is_object_store() const override { return is_object_store_; }
  void set_is_object_store(bool is) { is_object_store_ = is; }
  Status CheckKey(const std::string& key) const override {
    if (key.size() <= 1024) return absl::OkStatus();
    return InvalidArgument("An object key has {} bytes; 1024 is the most.", key.size());
  }
  StoreProfile profile() override;
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
  Status RemoveDirectory(const std::string& key) override;

  int puts_together() const override { return puts_together_; }

  // For tests, from here on.

  void set_puts_together(int puts) { puts_together_ = puts; }
  void set_copy_bytes_max(int64_t bytes) { copy_bytes_max_ = bytes; }
  // Where a feature is missing, calls do as the S3 module does: they look first and then act,
  // without anybody between, unless OnWindow says otherwise. Keys are deleted one by one without
  // kMultiDelete, checksums are not given back without kChecksums.
  void set_profile(const StoreProfile& profile);
  void set_entries_per_page(int entries);
  // Etags say what the bytes are, and how many parts they came in, as S3's do: the same bytes have
  // the same one. Otherwise no two objects ever have the same one.
  void set_etags_by_content(bool by_content);
  // Objects of several parts have the checksum of their parts' checksums instead of their own.
  void set_composite_checksums(bool composite);

  std::map<std::string, std::string> Objects();
  // Keys at which others have put what stands there.
  std::set<std::string> ForeignKeys();
  std::optional<std::string> EtagOf(const std::string& key);
  size_t open_uploads();
  int64_t requests(const std::string& kind);

  // The next count calls of this kind (empty: of any) fail with this status; with after_effect they
  // are carried out first. Replaces what was asked for before.
  void FailNext(int count, Status status, bool after_effect, const std::string& kind = "");
  // The next count calls of this kind (empty: of any) that change something are answered with this
  // status and carried out delay_ms later, if their conditions hold then; where the store lacks the
  // condition, if they held when it was looked at. Replaces what was asked for before.
  void DelayNext(int count, Status status, int64_t delay_ms, const std::string& kind = "");
  // Needed for DelayNext, and to say when uploads were begun. Late effects that are due come before
  // the next call, or by RunDue.
  void set_clock(Clock* clock);
  void RunDue();
  // Carries the late effect of this index out now.
  void RunLate(size_t index);
  size_t late_effects();

  // Calls of this kind ("put": uploads of any sort, "copy", "delete") to key are refused with
  // status until it is OK.
  void Refuse(const std::string& kind, const std::string& key, const Status& status);

  // What others do.
  void PutAsOther(const std::string& key, std::string data);
  void DeleteAsOther(const std::string& key);

  // Called when a listing has been taken and is not given back yet; null: not any more.
  void OnListed(std::function<void()> callback);
  // The same of listings of uploads.
  void OnUploadsListed(std::function<void()> callback);
  // Called with every change, while it happens: the store must not be called.
  void OnChange(std::function<void(const StoreChange& change)> callback);
  // Called between looking and acting where the store lacks the condition; null: nobody comes
  // between.
  void OnWindow(std::function<void(const std::string& key)> callback);

 private:
  bool is_object_store_ = true;
  struct Upload {
    std::string key;
    int64_t initiated_at_ms = 0;
    std::map<int, std::string> parts;
  };
  struct Object {
    std::string data;
    std::string etag;
    std::string composite_crc32c;
    bool foreign = false;
    bool heard = false;
  };
  struct Fault {
    enum class When { kBefore, kAfter, kLater };
    int left = 0;
    Status status;
    When when = When::kBefore;
    std::string kind;
    int64_t delay_ms = 0;
  };
  struct Late {
    int64_t due_ms = 0;
    std::function<void()> effect;
  };
  // A call that changes something at key.
  struct Change {
    std::string kind;
    std::string key;
    // Looks at what the call depends on, its conditions among it.
    std::function<Status()> look;
    // Must do nothing if what it needs is gone.
    std::function<void(bool unguarded)> act;
    bool guarded = true;  // the store itself looks, at the moment when it acts
  };
  // What stands at the target of a call, as its caller believes.
  struct Belief {
    bool if_absent = false;
    std::string if_match;
    bool any() const { return if_absent || !if_match.empty(); }
  };

  StatusOr<ListPage> TakeListing(const std::string& directory, const std::string& token,
                                 std::function<void()>* listed);
  ObjectInfo InfoOf(const std::string& key, Object& object) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool Meets(Fault::When when, const std::string& kind) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Status Enter(const std::string& kind) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Status Leave(const std::string& kind) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Status RefusalOf(const std::string& kind, const std::string& key)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // One request that makes these changes: the result of each, or a status for all alike.
  StatusOr<std::vector<Status>> CarryOut(const std::string& kind,
                                         const std::vector<Change>& changes)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Status CarryOut(const Change& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CarryOutDue() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CarryOutLate(size_t index) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Status Act(const Change& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool Has(StoreFeature feature) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool Guards(const Belief& belief, StoreFeature if_absent, StoreFeature if_match)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Status LookAt(const std::string& key, const Belief& belief) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::string Store(const std::string& key, Object object, bool unguarded)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Erase(const std::string& key, bool foreign, bool unguarded)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::string NewEtag(const std::string& data, size_t parts) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The answer to a call that has put an object: its etag is known from then on.
  PutResult Heard(const std::string& key, const std::string& etag)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Change DeleteOf(const DeleteRequest& request, StoreFeature condition)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  StatusOr<Object*> CopySource(const std::string& source, const CopyOptions& options)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  StatusOr<Object> Assemble(const std::string& key, const std::string& upload_id,
                            const std::vector<UploadedPart>& parts)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  std::atomic<int> puts_together_ = 1;
  std::atomic<int64_t> copy_bytes_max_ = INT64_MAX;
  absl::Mutex mutex_;
  std::map<std::string, Object> objects_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Upload> uploads_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, int64_t> requests_ ABSL_GUARDED_BY(mutex_);
  int64_t next_ ABSL_GUARDED_BY(mutex_) = 1;
  std::function<void(const StoreChange&)> on_change_ ABSL_GUARDED_BY(mutex_);
  std::function<void()> on_listed_ ABSL_GUARDED_BY(mutex_);
  std::function<void()> on_uploads_listed_ ABSL_GUARDED_BY(mutex_);
  std::function<void(const std::string&)> on_window_ ABSL_GUARDED_BY(mutex_);
  StoreProfile profile_ ABSL_GUARDED_BY(mutex_) = StoreProfile::Everything();
  size_t entries_per_page_ ABSL_GUARDED_BY(mutex_) = SIZE_MAX;
  bool etags_by_content_ ABSL_GUARDED_BY(mutex_) = false;
  bool composite_checksums_ ABSL_GUARDED_BY(mutex_) = false;
  Fault fault_ ABSL_GUARDED_BY(mutex_);
  Clock* clock_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::vector<Late> late_ ABSL_GUARDED_BY(mutex_);
  std::map<std::pair<std::string, std::string>, Status> refused_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace spillway
