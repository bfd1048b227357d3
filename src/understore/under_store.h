// The S3 truth beneath, or a folder that stands for it. Keys are relative to the root that the
// store was opened with, '/'-separated, without a leading slash.
//
// Errors say what the caller does next:
//   NOT_FOUND            no such object (or bucket: the text says which)
//   PERMISSION_DENIED    credentials are refused; a person must act, retry slowly
//   FAILED_PRECONDITION  what the caller believed of the key is not so (GetOptions, PutOptions,
//                        CopyOptions, DeleteRequest); nothing was read, written or deleted
//   DATA_LOSS            the bytes did not match their checksum: use another copy
//   RESOURCE_EXHAUSTED   the store asks to slow down
//   UNAVAILABLE          no usable answer; try again
//   DEADLINE_EXCEEDED    no answer in time; try again
//                        After either of these a call that changes something may have been carried
//                        out, or may be carried out minutes later: see MayHaveHappened.
//   INVALID_ARGUMENT, UNKNOWN  the request itself is refused
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.h"
#include "common/config.h"
#include "common/metrics.h"
#include "common/random.h"
#include "common/shared_bytes.h"
#include "common/status.h"
#include "understore/store_profile.h"

namespace spillway {

// True if a call that changes something may have had its effect, or may still have it, although it
// was answered with status. False if it certainly has not and never will.
bool MayHaveHappened(const Status& status);

struct ObjectInfo {
  std::string key;
  int64_t size_bytes = 0;
  std::string etag;
  int64_t last_modified_ms = 0;
  std::optional<uint32_t> crc32c;
  std::string composite_crc32c;  // of a multipart object, as the store writes it: "base64-parts"
};

// One level below a directory.
struct ListPage {
  std::vector<ObjectInfo> objects;
  std::vector<std::string> directories;  // keys without the trailing slash
  std::string next_token;                // empty: the last page
};

// Bytes to upload. Reads are called from the store's I/O thread: they must be quick and local.
class BodySource {
 public:
  virtual ~BodySource() = default;
  virtual int64_t size_bytes() const = 0;
  virtual Status Read(int64_t offset, void* data, int64_t size) = 0;
  // The same bytes where they lie, as in File::Map; UNIMPLEMENTED: they have to be read.
  virtual StatusOr<SharedBytes> Map(int64_t offset, int64_t size) {
    return MakeStatus(StatusCode::kUnimplemented, "These bytes have to be read.");
  }
};

class StringBody : public BodySource {
 public:
  explicit StringBody(std::string data) : data_(std::move(data)) {}
  int64_t size_bytes() const override { return static_cast<int64_t>(data_.size()); }
  Status Read(int64_t offset, void* data, int64_t size) override;

 private:
  const std::string data_;
};

struct GetOptions {
  // The read fails with FAILED_PRECONDITION, before any byte reaches the sink, if the object at the
  // key has another etag (if_match, unless empty) or another length (object_bytes, unless
  // negative).
  std::string if_match;
  int64_t object_bytes = -1;
};

struct PutOptions {
  std::optional<uint32_t> crc32c;  // of the whole body; the store checks it
  // What the caller believes of the key: that nothing stands there, or an object of this etag. If
  // neither is set, anything may be replaced. FAILED_PRECONDITION if it is not so, also if an
  // object to be replaced is gone.
  bool if_absent = false;
  std::string if_match;
  std::string owner;  // local stores only
  std::string group;
  int mode = 0644;
  int64_t part_bytes = 0;  // CreateMultipart: of every part but the last, which has no more
};

struct PutResult {
  std::string etag;
};

struct PutRequest {
  std::string key;
  BodySource* body = nullptr;
  PutOptions options;
};

struct UploadedPart {
  int number = 0;  // from 1
  std::string etag;
  std::optional<uint32_t> crc32c;  // of the part's bytes, if it is known
  int64_t size_bytes = 0;
};

struct CopyOptions {
  std::string source_if_match;  // etag of the object to copy; empty: any
  int64_t source_bytes = -1;    // its length; negative: not known, the store is asked
  // What the caller believes of the target, as in PutOptions.
  bool if_absent = false;
  std::string if_match;
};

struct DeleteRequest {
  std::string key;
  std::string if_match;  // only an object of this etag is deleted; empty: any
};

// A multipart upload that was begun and neither completed nor aborted.
struct OpenUpload {
  std::string key;
  std::string upload_id;
  int64_t initiated_at_ms = 0;
};

struct DeleteFailure {
  std::string key;
  Status status;
};

// Thread-safe. Calls block, with a deadline of their own each.
class UnderStore {
 public:
  using Sink = std::function<Status(std::string_view)>;

  virtual ~UnderStore() = default;
  // "s3" or "local".
  virtual std::string type() const = 0;
  virtual bool is_object_store() const = 0;
  // OK if the store can carry an object of this key; otherwise INVALID_ARGUMENT that says why.
  virtual Status CheckKey(const std::string& key) const { return absl::OkStatus(); }
  // What the store is known to be able to do. Where it lacks a condition, the calls below look
  // first and then act: between the two another writer may come.
  virtual StoreProfile profile() { return StoreProfile::Everything(); }
  // Finds out what profile() does not know yet, by some requests with objects of its own at
  // probe_key and at keys that begin with it; they are deleted again. UNAVAILABLE and so on if the
  // store did not answer: ask again.
  virtual Status Probe(const std::string& probe_key) { return absl::OkStatus(); }
  // The same store without the retries that a decorator adds: for callers who repeat themselves and
  // want to hear of every answer.
  virtual UnderStore* once() { return this; }

  virtual StatusOr<ObjectInfo> Head(const std::string& key) = 0;
  // Children of directory ("" is the root). A missing directory is an empty one.
  virtual StatusOr<ListPage> List(const std::string& directory, const std::string& token) = 0;
  // What stands at key: a page with one object, or one directory, or nothing.
  virtual StatusOr<ListPage> LookUp(const std::string& key);
  // Hands bytes [offset, offset + length) to sink, piece by piece, on this thread. A range beyond
  // the end is cut short.
  virtual Status Get(const std::string& key, int64_t offset, int64_t length,
                     const GetOptions& options, const Sink& sink) = 0;
  Status Get(const std::string& key, int64_t offset, int64_t length, const Sink& sink) {
    return Get(key, offset, length, GetOptions(), sink);
  }

  // Publishes the object at once and whole, or not at all.
  virtual StatusOr<PutResult> Put(const std::string& key, BodySource& body,
                                  const PutOptions& options) = 0;
  // How many puts of small objects are best handed over by one call: 1 where each is a request that
  // others need not wait for.
  virtual int puts_together() const { return 1; }
  // A result for each, as Put has it; no decorator repeats any of them.
  virtual std::vector<StatusOr<PutResult>> PutMany(const std::vector<PutRequest>& puts);
  // options say how long parts are: a store may put them where they belong as they come.
  virtual StatusOr<std::string> CreateMultipart(const std::string& key,
                                                const PutOptions& options) = 0;
  virtual StatusOr<UploadedPart> UploadPart(const std::string& key, const std::string& upload_id,
                                            int number, BodySource& body,
                                            std::optional<uint32_t> crc32c) = 0;
  virtual StatusOr<PutResult> CompleteMultipart(const std::string& key,
                                                const std::string& upload_id,
                                                const std::vector<UploadedPart>& parts,
                                                const PutOptions& options) = 0;
  // OK if there is no such upload any more.
  virtual Status AbortMultipart(const std::string& key, const std::string& upload_id) = 0;
  // Uploads under way whose key begins with prefix, by whomever.
  virtual StatusOr<std::vector<OpenUpload>> ListUploads(const std::string& prefix) = 0;

  // Missing keys count as deleted. Returns those that failed, each with its own cause: one that
  // cannot be deleted holds up no other. FAILED_PRECONDITION: another object stands at the key and
  // was left alone. A status instead of the list concerns all keys alike.
  virtual StatusOr<std::vector<DeleteFailure>> Delete(
      const std::vector<DeleteRequest>& requests) = 0;
  // Server-side. NOT_FOUND if the source is missing. FAILED_PRECONDITION if source or target is not
  // what the caller believes. INVALID_ARGUMENT beyond copy_bytes_max().
  virtual StatusOr<PutResult> Copy(const std::string& source, const std::string& target,
                                   const CopyOptions& options) = 0;
  // The longest object that Copy takes. Longer ones are copied by a multipart upload to the target
  // whose parts are made by CopyPart.
  virtual int64_t copy_bytes_max() const { return INT64_MAX; }
  // How long parts of a copied object of so many bytes are; the last one has the rest.
  virtual int64_t copy_part_bytes(int64_t object_bytes) const { return object_bytes; }
  // Bytes [offset, offset + length) of source become a part of an upload to target. Only the
  // source's members of options count.
  virtual StatusOr<UploadedPart> CopyPart(const std::string& source, int64_t offset, int64_t length,
                                          const std::string& target, const std::string& upload_id,
                                          int number, const CopyOptions& options) {
    return MakeStatus(StatusCode::kUnimplemented, "This store copies objects whole.");
  }

  // Object stores have no directories: both do nothing there but for marker objects.
  virtual Status MakeDirectory(const std::string& key, int mode) = 0;
  virtual Status RemoveDirectory(const std::string& key) = 0;
};

// Site configuration with a mount's own properties on top.
class UnderStoreConfig {
 public:
  UnderStoreConfig(const Configuration* site, const std::map<std::string, std::string>& overrides);
  // INVALID_ARGUMENT naming the mount's own property that is malformed. Empty ones are not looked
  // at.
  Status Validate() const;
  // True if site or mount give the key a value, also one that is the default. The key may be one
  // that is not declared.
  bool IsSet(const std::string& key) const;
  // The value that site or mount give a key, declared or not; empty if neither does.
  std::string GetIfSet(const std::string& key) const;
  const std::map<std::string, std::string>& overrides() const { return overrides_; }
  std::string GetString(const std::string& key) const;
  bool GetBool(const std::string& key) const { return GetString(key) == "true"; }
  int64_t GetDurationMs(const std::string& key) const;
  int64_t GetInt(const std::string& key) const;
  int64_t GetBytes(const std::string& key) const;

 private:
  const Configuration* site_;
  std::map<std::string, std::string> overrides_;
};

struct UnderStoreContext {
  const Configuration* site = nullptr;
  Clock* clock = nullptr;
  Random* random = nullptr;
  Metrics* metrics = nullptr;  // may be null
  // Once it is true, calls that are under way and calls that begin end with an error. May be null.
  const std::atomic<bool>* cut = nullptr;
};

// Opens "s3://bucket/prefix", "s3a://…", "file:///dir" or "/dir", with retries and metering around
// it. INVALID_ARGUMENT for another scheme.
StatusOr<std::shared_ptr<UnderStore>> OpenUnderStore(
    const std::string& uri, const std::map<std::string, std::string>& properties,
    const UnderStoreContext& context);

// The root's URI without trailing slashes, as it is stored and shown.
std::string NormalizeUnderStoreUri(const std::string& uri);

// Decorators.
std::shared_ptr<UnderStore> MakeRetryingUnderStore(std::shared_ptr<UnderStore> inner, Clock* clock,
                                                   Random* random, int64_t max_duration_ms,
                                                   int64_t repeats_max = INT64_MAX);
std::shared_ptr<UnderStore> MakeMeteredUnderStore(std::shared_ptr<UnderStore> inner, Clock* clock,
                                                  Metrics* metrics);

}  // namespace spillway
