#include "rpc/auth.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_split.h"
#include "common/names.h"
#include "grpc/sasl_server.pb.h"
#include "rpc/buffers.h"
#include "rpc/status_map.h"

namespace spillway {

namespace sasl = alluxio::grpc::sasl;

namespace {

constexpr int kGroupsMax = 65536;  // of one user, by the kernel

}  // namespace

std::vector<std::string> GroupMapping::GroupsOf(const std::string& user) {
  SystemClock clock;
  const int64_t now = clock.MonotonicMs();
  {
    absl::MutexLock lock(&mutex_);
    if (const auto it = cache_.find(user); it != cache_.end() && it->second.until_ms > now)
      return it->second.groups;
  }
  std::vector<std::string> names;
  std::vector<char> buffer(16384);
  passwd record{};
  passwd* found = nullptr;
  if (!user.empty() &&
      getpwnam_r(user.c_str(), &record, buffer.data(), buffer.size(), &found) == 0 &&
      found != nullptr) {
    std::vector<gid_t> ids(256);
    int count = static_cast<int>(ids.size());
    bool told = getgrouplist(user.c_str(), record.pw_gid, ids.data(), &count) >= 0;
    ids.resize(static_cast<size_t>(std::clamp(count, 0, kGroupsMax)));
    // There are more than had room; what was not filled would be the group of number 0.
    if (!told && !ids.empty())
      told = getgrouplist(user.c_str(), record.pw_gid, ids.data(), &count) >= 0;
    if (!told) ids.clear();
    for (const gid_t id : ids) {
      group entry{};
      group* result = nullptr;
      std::vector<char> text(65536);
      if (getgrgid_r(id, &entry, text.data(), text.size(), &result) == 0 && result != nullptr)
        names.push_back(entry.gr_name);
    }
  }
  if (names.empty() && !user.empty()) names.push_back(user);
  absl::MutexLock lock(&mutex_);
  cache_[user] = Entry{names, now + 60'000};
  return names;
}

Authenticator::Authenticator(const Configuration* config)
    : config_(config),
      sasl_(config->GetString("alluxio.security.authentication.type") == "SIMPLE") {}

Status Authenticator::CheckImpersonation(const std::string& user, const std::string& as) const {
  if (user == as) return absl::OkStatus();
  const auto values = config_->UserValues();
  const auto matches = [&](const std::string& key, const std::vector<std::string>& candidates) {
    const auto it = values.find("alluxio.master.security.impersonation." + user + key);
    if (it == values.end()) return false;
    for (const auto allowed : absl::StrSplit(it->second.value, ',')) {
      const std::string name(absl::StripAsciiWhitespace(allowed));
      if (name == "*" || std::find(candidates.begin(), candidates.end(), name) != candidates.end())
        return true;
    }
    return false;
  };
  if (matches(".users", {as}) ||
      matches(".groups", const_cast<GroupMapping&>(groups_).GroupsOf(as))) {
    return absl::OkStatus();
  }
  return MakeStatus(
      StatusCode::kUnauthenticated,
      "Failed to authenticate client user=\"{}\" connecting to Alluxio server and impersonating as "
      "impersonationUser=\"{}\" to access Alluxio file system. User \"{}\" is not configured to "
      "impersonate \"{}\".",
      user, as, user, as);
}

Status Authenticator::Login(const std::string& channel_id, const std::string& plain) {
  const auto failed = [](const std::string& why) {
    return MakeStatus(StatusCode::kUnauthenticated, "Plain authentication failed: {}", why);
  };
  const std::vector<std::string> parts = absl::StrSplit(plain, '\0');
  if (parts.size() != 3) return failed("Invalid message format, 3 parts are needed");
  const std::string& user = parts[1];
  if (user.empty()) return failed("No authentication identity provided");
  if (parts[2].empty()) return failed("No password provided");
  const std::string& as = parts[0].empty() ? user : parts[0];
  SPILLWAY_RETURN_IF_ERROR(CheckText("The user", user, kPrincipalBytesMax));
  SPILLWAY_RETURN_IF_ERROR(CheckText("The user", as, kPrincipalBytesMax));
  SPILLWAY_RETURN_IF_ERROR(CheckText("The channel id", channel_id, kPrincipalBytesMax));
  SPILLWAY_RETURN_IF_ERROR(CheckImpersonation(user, as));
  if (channel_id.empty()) return failed("No channel id provided");
  absl::MutexLock lock(&mutex_);
  if (!users_.emplace(channel_id, as).second)
    return failed("Channel " + channel_id + " is already authenticated");
  return absl::OkStatus();
}

void Authenticator::Logout(const std::string& channel_id) {
  absl::MutexLock lock(&mutex_);
  users_.erase(channel_id);
}

StatusOr<Caller> Authenticator::Authenticate(const std::string& channel_id,
                                             const std::string& method) {
  if (!sasl_) return Caller{"", {""}};
  if (channel_id.empty())
    return MakeStatus(StatusCode::kUnauthenticated, "Channel Id is missing for call: {}", method);
  Caller caller;
  {
    absl::MutexLock lock(&mutex_);
    const auto it = users_.find(channel_id);
    if (it == users_.end()) {
      return MakeStatus(StatusCode::kUnauthenticated,
                        "Channel: {} is not authenticated for call: {}", channel_id, method);
    }
    caller.user = it->second;
  }
  caller.groups = groups_.GroupsOf(caller.user);
  return caller;
}

namespace {

constexpr size_t kLoginBytesMax = 64 << 10;

class SaslReactor : public ServerReactor {
 public:
  SaslReactor(ServerStream* call, Authenticator* authenticator)
      : ServerReactor(call), authenticator_(authenticator) {
    StartRead(&request_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) {
      // Half-close is logout; it is answered at once.
      Leave();
      return End(grpc::Status::OK);
    }
    sasl::SaslMessage message;
    if (request_.Length() > kLoginBytesMax || !FromBuffer(request_, &message)) {
      return End(grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "Unreadable SASL message"));
    }
    if (ended_) return;
    if (!channel_id_.empty()) return StartRead(&request_);
    if (Status status = authenticator_->Login(message.clientid(), message.message());
        !status.ok()) {
      return End(ToGrpc(status));
    }
    channel_id_ = message.clientid();
    Trust();
    sasl::SaslMessage success;
    success.set_messagetype(sasl::SUCCESS);
    response_ = ToBuffer(success);
    StartWrite(&response_);
    StartRead(&request_);
  }

  void OnCancel() override { Leave(); }
  void OnStop(bool) override {
    Leave();
    End(grpc::Status(grpc::StatusCode::UNAVAILABLE, "The server stops."));
  }
  void OnDone() override {
    Leave();
    delete this;
  }

 private:
  void End(const grpc::Status& status) {
    if (!std::exchange(ended_, true)) Finish(status);
  }
  void Leave() {
    if (!channel_id_.empty()) authenticator_->Logout(channel_id_);
  }

  Authenticator* const authenticator_;
  std::string channel_id_;
  bool ended_ = false;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
};

}  // namespace

ServerReactor* MakeSaslReactor(ServerStream* call, Authenticator* authenticator) {
  return new SaslReactor(call, authenticator);
}

std::string LoginUser(const Configuration& config) {
  std::string user = config.GetString("alluxio.security.login.username");
  if (!user.empty()) return user;
  std::vector<char> buffer(16384);
  passwd record{};
  passwd* found = nullptr;
  if (getpwuid_r(geteuid(), &record, buffer.data(), buffer.size(), &found) == 0 && found != nullptr)
    return record.pw_name;
  return std::to_string(geteuid());
}

}  // namespace spillway
