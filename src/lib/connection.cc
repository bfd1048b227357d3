#include "lib/connection.h"

#include <unistd.h>

#include "absl/strings/str_split.h"
#include "common/format.h"
#include "rpc/auth.h"
#include "rpc/client/master_client.h"
#include "rpc/client/namespace_admin_client.h"
#include "rpc/client/worker_client.h"

namespace spillway {

Connection::Connection(const Configuration& config) : config_(config) {
  std::vector<std::string> masters = absl::StrSplit(
      config_.GetString("alluxio.master.rpc.addresses"), ',', absl::SkipWhitespace());
  if (masters.empty()) {
    masters.push_back(fmt::format("{}:{}", config_.GetString("alluxio.master.hostname"),
                                  config_.GetInt("alluxio.master.rpc.port")));
  }
  ChannelOptions channel;
  channel.user = LoginUser(config_);
  channel.sasl = config_.GetString("alluxio.security.authentication.type") == "SIMPLE";
  const auto caller = std::make_shared<MasterCaller>(
      masters, channel, config_.GetDurationMs("alluxio.user.rpc.retry.max.duration"), &clock_,
      &random_);
  master_ = MakeMasterClient(caller, &random_,
                             {config_.GetDurationMs("alluxio.user.file.metadata.sync.interval"),
                              config_.GetDurationMs("alluxio.user.file.create.ttl")});
  admin_ = MakeNamespaceAdminClient(caller);
  workers_ =
      MakeWorkerConnector(channel, config_.GetDurationMs("spillway.user.data.timeout"), &random_);
  char host[256] = "";
  ::gethostname(host, sizeof(host) - 1);
  fs_ = std::make_unique<FileSystem>(master_.get(), workers_.get(), &clock_, &random_, host);
}

}  // namespace spillway
