#include "rpc/limits.h"

#include <algorithm>

namespace spillway {
namespace {

constexpr int64_t kConnectionsMin = 16;
constexpr int64_t kConnectionsMax = 16'384;

}  // namespace

StatusOr<RpcServerOptions> MakeRpcServerOptions(const Configuration& config, int64_t open_files,
                                                Metrics* metrics) {
  RpcServerOptions options;
  options.metrics = metrics;
  const std::string all = "spillway.rpc.connections.max";
  const std::string per_host = "spillway.rpc.connections.per.host.max";
  // The other half is for block files, the journal and the store.
  int64_t connections = config.GetInt(all);
  if (connections == 0) connections = std::clamp(open_files / 2, kConnectionsMin, kConnectionsMax);
  int64_t of_one = config.GetInt(per_host);
  if (of_one == 0) of_one = std::max<int64_t>(connections * 3 / 4, 1);
  if (connections < 1 || connections > open_files)
    return InvalidArgument("Property {}={}: from 1 to the {} files that the process may open.", all,
                           connections, open_files);
  if (of_one < 1) return InvalidArgument("Property {}={} lets nobody in.", per_host, of_one);
  options.connections.all = static_cast<int>(connections);
  options.connections.per_peer = static_cast<int>(std::min(of_one, connections));
  options.connections.stranger_ms = config.GetDurationMs("spillway.rpc.login.timeout");
  const std::string streams = "spillway.rpc.connection.calls.max";
  options.streams_per_connection = static_cast<int>(config.GetInt(streams));
  if (options.streams_per_connection < 1)
    return InvalidArgument("Property {}={} lets nobody call.", streams,
                           options.streams_per_connection);
  const std::string message = "spillway.rpc.message.size.max";
  const int64_t bytes = config.GetBytes(message);
  if (bytes < (4 << 20) || bytes > (1 << 30))
    return InvalidArgument("Property {}={}: from 4MB to 1GB.", message, bytes);
  options.message_bytes_max = static_cast<int>(bytes);
  options.buffered_bytes_max = config.GetBytes("spillway.rpc.buffers.max");
  return options;
}

}  // namespace spillway
