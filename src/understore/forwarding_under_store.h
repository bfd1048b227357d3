// Base of decorators: every call goes through Call(operation, bytes, fn), which a subclass wraps.
#pragma once

#include <memory>
#include <utility>

#include "understore/under_store.h"

namespace spillway {

// Derived has: template <typename F> auto Call(const char* operation, F&& call).
template <typename Derived>
class ForwardingUnderStore : public UnderStore {
 public:
  explicit ForwardingUnderStore(std::shared_ptr<UnderStore> inner) : inner_(std::move(inner)) {}
  std::string type() const override { return inner_->type(); }
  bool is_object_store() const override { return inner_->is_object_store(); }
  Status CheckKey(const std::string& key) const override { return inner_->CheckKey(key); }
  StoreProfile profile() override { return inner_->profile(); }
  Status Probe(const std::string& probe_key) override {
    return self().Call("probe", [&] { return inner_->Probe(probe_key); });
  }
  using UnderStore::Get;

  StatusOr<ObjectInfo> Head(const std::string& key) override {
    return self().Call("head", [&] { return inner_->Head(key); });
  }
  StatusOr<ListPage> List(const std::string& directory, const std::string& token) override {
    return self().Call("list", [&] { return inner_->List(directory, token); });
  }
  StatusOr<ListPage> LookUp(const std::string& key) override {
    return self().Call("look_up", [&] { return inner_->LookUp(key); });
  }
  Status Get(const std::string& key, int64_t offset, int64_t length, const GetOptions& options,
             const Sink& sink) override {
    // A retry goes on behind what the sink already took.
    int64_t taken = 0;
    const Sink counting = [&](std::string_view data) {
      taken += static_cast<int64_t>(data.size());
      return sink(data);
    };
    return self().Call(
        "get", [&] { return inner_->Get(key, offset + taken, length - taken, options, counting); });
  }
  StatusOr<PutResult> Put(const std::string& key, BodySource& body,
                          const PutOptions& options) override {
    return self().Call("put", [&] { return inner_->Put(key, body, options); });
  }
  int puts_together() const override { return inner_->puts_together(); }
  std::vector<StatusOr<PutResult>> PutMany(const std::vector<PutRequest>& puts) override {
    return inner_->PutMany(puts);
  }
  StatusOr<std::string> CreateMultipart(const std::string& key,
                                        const PutOptions& options) override {
    return self().Call("create_multipart", [&] { return inner_->CreateMultipart(key, options); });
  }
  StatusOr<UploadedPart> UploadPart(const std::string& key, const std::string& upload_id,
                                    int number, BodySource& body,
                                    std::optional<uint32_t> crc32c) override {
    return self().Call("upload_part",
                       [&] { return inner_->UploadPart(key, upload_id, number, body, crc32c); });
  }
  StatusOr<PutResult> CompleteMultipart(const std::string& key, const std::string& upload_id,
                                        const std::vector<UploadedPart>& parts,
                                        const PutOptions& options) override {
    return self().Call("complete_multipart",
                       [&] { return inner_->CompleteMultipart(key, upload_id, parts, options); });
  }
  Status AbortMultipart(const std::string& key, const std::string& upload_id) override {
    return self().Call("abort_multipart", [&] { return inner_->AbortMultipart(key, upload_id); });
  }
  StatusOr<std::vector<OpenUpload>> ListUploads(const std::string& prefix) override {
    return self().Call("list_uploads", [&] { return inner_->ListUploads(prefix); });
  }
  StatusOr<std::vector<DeleteFailure>> Delete(const std::vector<DeleteRequest>& requests) override {
    return self().Call("delete", [&] { return inner_->Delete(requests); });
  }
  StatusOr<PutResult> Copy(const std::string& source, const std::string& target,
                           const CopyOptions& options) override {
    return self().Call("copy", [&] { return inner_->Copy(source, target, options); });
  }
  int64_t copy_bytes_max() const override { return inner_->copy_bytes_max(); }
  int64_t copy_part_bytes(int64_t object_bytes) const override {
    return inner_->copy_part_bytes(object_bytes);
  }
  StatusOr<UploadedPart> CopyPart(const std::string& source, int64_t offset, int64_t length,
                                  const std::string& target, const std::string& upload_id,
                                  int number, const CopyOptions& options) override {
    return self().Call("copy_part", [&] {
      return inner_->CopyPart(source, offset, length, target, upload_id, number, options);
    });
  }
  Status MakeDirectory(const std::string& key, int mode) override {
    return self().Call("make_directory", [&] { return inner_->MakeDirectory(key, mode); });
  }
  Status RemoveDirectory(const std::string& key) override {
    return self().Call("remove_directory", [&] { return inner_->RemoveDirectory(key); });
  }

 protected:
  static Status StatusOf(const Status& status) { return status; }
  template <typename T>
  static Status StatusOf(const StatusOr<T>& result) {
    return result.status();
  }

  const std::shared_ptr<UnderStore> inner_;

 private:
  Derived& self() { return static_cast<Derived&>(*this); }
};

}  // namespace spillway
