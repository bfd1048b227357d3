// Worker API twin for tests that need some of its calls: the others answer UNAVAILABLE.
#pragma once

#include <functional>
#include <memory>

#include "api/worker_api.h"
#include "small_files.pb.h"

namespace spillway {

class UnusedWorkerApi : public WorkerApi {
 public:
  StatusOr<std::unique_ptr<BlockWriteStream>> WriteBlock(const BlockWriteOptions&) override {
    return Unavailable("not here");
  }
  StatusOr<std::unique_ptr<BlockWriteStream>> WriteThrough(
      const FileWriteThroughOptions&) override {
    return Unavailable("not here");
  }
  StatusOr<std::unique_ptr<BlockReadStream>> ReadBlock(const BlockReadOptions&) override {
    return Unavailable("not here");
  }
  void PutFiles(const smallfiles::PutFilesRequest&,
                std::function<void(StatusOr<smallfiles::PutFilesResponse>)> done) override {
    done(Unavailable("not here"));
  }
  void StoreBlocks(const smallfiles::StoreBlocksRequest&,
                   std::function<void(StatusOr<smallfiles::StoreBlocksResponse>)> done) override {
    done(Unavailable("not here"));
  }
};

}  // namespace spillway
