// A read of a block that is not here, on its way.
#pragma once

#include "worker/worker.h"

namespace spillway {

struct Worker::ColdRead {
  BlockReadOptions options;
  UnderStore::Sink sink;
  Done done;
  bool keep = false;          // as a block, if it is read whole
  bool only_to_keep = false;  // nobody else wants the bytes
  bool handed_out = false;    // the sink has some already
  bool asked_again = false;   // the master was, after another object was met
  bool other_object = false;  // the attempt met another object, or none
};

}  // namespace spillway
