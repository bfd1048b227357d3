// Who calls. A client opens a SASL stream per logical channel, proves its name there and puts the
// channel's id into the header of each later call; many channels share a connection, so the id is
// the only key. The stream stays open, without a thread, for the life of the channel.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "common/config.h"
#include "common/status.h"
#include "master/master.h"
#include "rpc/server_reactor.h"

namespace spillway {

// Groups of the operating system's users. Thread-safe; answers are kept for a minute.
class GroupMapping {
 public:
  std::vector<std::string> GroupsOf(const std::string& user);

 private:
  struct Entry {
    std::vector<std::string> groups;
    int64_t until_ms = 0;
  };
  absl::Mutex mutex_;
  absl::flat_hash_map<std::string, Entry> cache_ ABSL_GUARDED_BY(mutex_);
};

// Thread-safe.
class Authenticator {
 public:
  explicit Authenticator(const Configuration* config);
  bool sasl() const { return sasl_; }

  // Checks a PLAIN message and registers the channel.
  Status Login(const std::string& channel_id, const std::string& plain);
  void Logout(const std::string& channel_id);
  // The caller of a call; UNAUTHENTICATED if its channel is not known. Without SASL: nobody.
  StatusOr<Caller> Authenticate(const std::string& channel_id, const std::string& method);

 private:
  Status CheckImpersonation(const std::string& user, const std::string& as) const;

  const Configuration* const config_;
  const bool sasl_;
  GroupMapping groups_;
  absl::Mutex mutex_;
  absl::flat_hash_map<std::string, std::string> users_ ABSL_GUARDED_BY(mutex_);
};

// The server's end of one SASL stream.
ServerReactor* MakeSaslReactor(ServerStream* call, Authenticator* authenticator);

// The login user: alluxio.security.login.username or the operating system's.
std::string LoginUser(const Configuration& config);

}  // namespace spillway
