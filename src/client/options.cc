#include "client/options.h"

#include <cstdlib>

namespace spillway {

WriteOptions WriteOptionsFrom(const Configuration& config) {
  WriteOptions options;
  CreateFileOptions& create = options.create;
  create.block_size_bytes = config.GetBytes("alluxio.user.block.size.bytes.default");
  const int umask = static_cast<int>(std::strtol(
      config.GetString("alluxio.security.authorization.permission.umask").c_str(), nullptr, 8));
  create.mode = 0666 & ~umask;
  create.replication_min = static_cast<int>(config.GetInt("alluxio.user.file.replication.min"));
  create.replication_max = static_cast<int>(config.GetInt("alluxio.user.file.replication.max"));
  create.durable_replicas =
      static_cast<int>(config.GetInt("alluxio.user.file.replication.durable"));
  create.write_type = ParseWriteType(config.GetString("alluxio.user.file.writetype.default"))
                          .value_or(WriteType::kAsyncThrough);
  create.persistence_wait_time_ms =
      config.GetDurationMs("alluxio.user.file.persistence.initial.wait.time");
  create.ttl_ms = config.GetDurationMs("alluxio.user.file.create.ttl");
  return options;
}

}  // namespace spillway
