// Twins of what a master core is given from outside, for tests, fuzzers and benchmarks.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "master/master_types.h"

namespace spillway {

// A cluster without workers: what is sent is dropped.
class NoWorkers : public WorkerSender {
 public:
  void Send(WorkerId, Epoch, session::MasterMessage) override {}
  void Close(WorkerId, Epoch) override {}
};

// Every mount is the same understore.
class FixedOpener : public UnderStoreOpener {
 public:
  explicit FixedOpener(std::shared_ptr<UnderStore> store) : store_(std::move(store)) {}
  StatusOr<std::shared_ptr<UnderStore>> Open(const std::string&,
                                             const std::map<std::string, std::string>&) override {
    return store_;
  }

 private:
  const std::shared_ptr<UnderStore> store_;
};

}  // namespace spillway
