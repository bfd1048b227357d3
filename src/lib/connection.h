// A program's way to a cluster, as its configuration says: what the shell and libspillway stand on.
#pragma once

#include <memory>

#include "api/namespace_admin_api.h"
#include "client/file_system.h"
#include "common/clock.h"
#include "common/config.h"
#include "common/random.h"

namespace spillway {

// Nothing is asked of the master before it is needed. Thread-safe, like all of its parts.
class Connection {
 public:
  explicit Connection(const Configuration& config);

  const Configuration& config() const { return config_; }
  MasterApi* master() { return master_.get(); }
  NamespaceAdminApi* admin() { return admin_.get(); }
  FileSystem* fs() { return fs_.get(); }
  WorkerConnector* workers() { return workers_.get(); }
  Clock* clock() { return &clock_; }
  Random* random() { return &random_; }
  // Nothing is repeated, waited for or begun on another worker any more: what was asked ends with
  // an error once the calls that are under way have ended, and a file that is being written is
  // given up.
  void Interrupt() { clock_.Interrupt(); }

 private:
  const Configuration config_;
  SystemClock clock_;
  SystemRandom random_;
  std::unique_ptr<MasterApi> master_;
  std::unique_ptr<NamespaceAdminApi> admin_;
  std::unique_ptr<WorkerConnector> workers_;
  std::unique_ptr<FileSystem> fs_;
};

}  // namespace spillway
