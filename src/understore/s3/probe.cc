#include "understore/s3/calls.h"

namespace spillway {
Status S3UnderStore::Probe(const std::string& probe_key) { return absl::OkStatus(); }
}  // namespace spillway
