// What each mount's store can do is found out once, kept in the mount's record, and told to
// workers.
#include "common/log.h"
#include "master/master.h"

namespace spillway {
namespace {

constexpr int64_t kProbeAgainMs = 60'000;

}  // namespace

StatusOr<std::shared_ptr<UnderStore>> Master::OpenStore(const state::Mount& mount) {
  std::map<std::string, std::string> properties(mount.properties().begin(),
                                                mount.properties().end());
  if (!mount.profile().empty()) properties[kProfileProperty] = mount.profile();
  return understores_->Open(mount.uri(), properties);
}

void Master::ProbeStores() {
  const int64_t now_ms = clock_->MonotonicMs();
  for (const auto& [id, mount] : mounts_) {
    if (mount.read_only() || probing_.count(id) > 0 || next_probe_ms_[id] > now_ms) continue;
    if (UnderStoreOf(id)->profile().complete()) {
      next_probe_ms_[id] = now_ms + kProbeAgainMs;
      continue;
    }
    probing_.insert(id);
    executor_->Post([this, mount = id] { ProbeStore(mount); });
  }
}

void Master::ProbeStore(MountId mount) {
  std::shared_ptr<UnderStore> store;
  {
    absl::MutexLock lock(&mutex_);
    const auto opened = opened_.find(mount);
    if (opened != opened_.end()) store = opened->second;
  }
  const Status status =
      store == nullptr
          ? absl::OkStatus()
          : store->once()->Probe(fmt::format(".spillway-probe-{:016x}", random_->NextU64()));
  absl::MutexLock lock(&mutex_);
  probing_.erase(mount);
  next_probe_ms_[mount] = clock_->MonotonicMs() + kProbeAgainMs;
  if (!status.ok())
    spdlog::warn("the store of mount {} cannot be probed now: {}", mount.value(), Message(status));
  const auto known = mounts_.find(mount);
  if (store == nullptr || known == mounts_.end()) return;
  const std::string profile = store->profile().ToString();
  if (profile == known->second.profile()) return;
  spdlog::info("the store of mount {} has: {}", mount.value(), profile);
  known->second.set_profile(profile);
  StateTxn txn(journal_);
  txn.Apply(MakeEntry(
      [&](auto& entry) { *entry.mutable_mount_added()->mutable_mount() = known->second; }));
  txn.Commit();
  TellMounts();
}

std::vector<StoreInfo> Master::GetStoreReport(size_t entries_max) {
  absl::MutexLock lock(&mutex_);
  std::vector<StoreInfo> stores;
  for (const auto& [id, mount] : mounts_) {
    const auto store = UnderStoreOf(id);
    StoreInfo info{mount.path(), mount.uri(), store->type(), {}, 0, {}};
    const StoreProfile profile = store->profile();
    for (int i = 0; i < kStoreFeatures; ++i) {
      const auto feature = static_cast<StoreFeature>(i);
      info.features.push_back(
          {std::string(NameOf(feature)), std::string(NameOf(profile.Get(feature)))});
    }
    for (const auto& [at, wait] : delete_waits_) {
      // Without a cause nothing has failed: something of ours may still appear at the key.
      if (at.first != id || wait.cause.ok() || wait.cause.code() == StatusCode::kNotFound) continue;
      ++info.deletes_failing;
      if (info.deletes.size() < entries_max)
        info.deletes.push_back({at.second, wait.attempts, Message(wait.cause)});
    }
    stores.push_back(std::move(info));
  }
  return stores;
}

}  // namespace spillway
