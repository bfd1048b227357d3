// Finds out by experiment what a store can do. Inner part of S3UnderStore::Probe.
#pragma once

#include <string>
#include <vector>

#include "understore/s3/s3_client.h"

namespace spillway {

// Works with objects of its own whose full keys begin with prefix. CleanUp takes them away again.
class StoreProbe {
 public:
  StoreProbe(S3Client* client, std::string prefix) : client_(client), prefix_(std::move(prefix)) {}

  // Each sets what it is about in the client's profile, or fails because the store did not answer.
  Status PutObjects();
  Status ProbeChecksums();
  Status ProbePut();
  Status ProbeGet();
  Status ProbeCopy();
  Status ProbeParts();
  Status ProbeComplete();
  Status ProbeDelete();
  Status ProbeMultiDelete();
  Status ProbeList();
  void CleanUp();

  // True if the first object could not be put because that is not allowed: nothing else is tried.
  bool refused() const { return refused_; }
  // Whether x-amz-copy-source-if-match is heeded; set by ProbeCopy.
  Support source_conditions() const { return source_conditions_; }

 private:
  struct Upload {
    std::string key;
    std::string id;
  };
  using Headers = std::map<std::string, std::string>;

  std::string Key(const std::string& name) { return prefix_ + name; }
  bool Unknown(StoreFeature feature) const { return client_->Knows(feature) == Support::kUnknown; }
  void Set(StoreFeature feature, bool yes) {
    client_->Learn(feature, yes ? Support::kYes : Support::kNo);
  }
  // What the store says to the request, unless that is to be asked again later.
  StatusOr<HttpResponse> Ask(S3Request request, const std::string& body = "");
  StatusOr<HttpResponse> Put(const std::string& name, const std::string& data,
                             const Headers& headers = {});
  StatusOr<HttpResponse> Copy(const std::string& name, const Headers& headers);
  StatusOr<HttpResponse> Complete(const Upload& upload, const std::string& etag,
                                  const Headers& headers);
  StatusOr<HttpResponse> DeleteTwo(const std::string& first_extra, const std::string& second_extra);
  StatusOr<bool> Exists(const std::string& name);
  // Nothing in id if the store does not do this.
  StatusOr<Upload> Begin(const std::string& name);

  S3Client* const client_;
  const std::string prefix_;
  std::string etag_;  // of object "a"
  bool refused_ = false;
  Support source_conditions_ = Support::kUnknown;
  std::vector<std::string> keys_;
  std::vector<Upload> uploads_;
};

}  // namespace spillway
