// What the master's soft state says twice must be the same twice. For tests and the simulation.
#pragma once

#include "common/status.h"
#include "master/master.h"

namespace spillway {

class MasterInvariants {
 public:
  explicit MasterInvariants(Master* master) : m_(*master) {}
  // INTERNAL with what is broken. Takes the master's lock.
  Status Check();

 private:
  Status CheckTasks() ABSL_EXCLUSIVE_LOCKS_REQUIRED(m_.mutex_);
  // Uploads and moves, cancelled ones too.
  Status CheckUploads() ABSL_EXCLUSIVE_LOCKS_REQUIRED(m_.mutex_);
  // Copies of blocks, and what workers are held to do.
  Status CheckWorkers() ABSL_EXCLUSIVE_LOCKS_REQUIRED(m_.mutex_);

  Master& m_;
};

}  // namespace spillway
