// Whether this process's own RPC port serves whoever comes anew.
#pragma once

#include <string>

#include "absl/synchronization/mutex.h"
#include "common/clock.h"
#include "common/status.h"
#include "grpc/version.pb.h"

namespace spillway {

// Thread-safe.
class FrontDoor {
 public:
  // host: as the server was bound.
  FrontDoor(const std::string& host, int port, alluxio::grpc::version::ServiceType service);

  // Asks for the service's version over a new connection. Waits for at most two seconds. Says for a
  // second what it found; of what failed, for a tenth. UNAVAILABLE with the reason.
  Status Check();

 private:
  Status Knock();

  const std::string target_;
  const alluxio::grpc::version::ServiceType service_;
  SystemClock clock_;
  absl::Mutex mutex_;
  int64_t stale_ms_ ABSL_GUARDED_BY(mutex_) = INT64_MIN;
  Status last_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace spillway
