#include "common/names.h"
#include "master/master.h"

namespace spillway {

std::map<std::string, std::map<std::string, std::string>> Master::PathProperties() {
  absl::MutexLock lock(&mutex_);
  StateTxn txn(journal_);
  return txn.PathProperties();
}

Outcome<Nothing> Master::SetPathProperties(const Caller& caller, const std::string& path,
                                           const std::map<std::string, std::string>& properties,
                                           const std::vector<std::string>& removed_keys,
                                           bool remove_all) {
  if (Status status = CheckKeys("The property", properties); !status.ok())
    return {status, LogIndex()};
  absl::MutexLock lock(&mutex_);
  StateTxn txn(journal_);
  if (options_.permission_enabled && !IsSuperUser(caller)) {
    return {spillway::MakeStatus(StatusCode::kPermissionDenied,
                                 "Only a superuser may change path properties."),
            LogIndex()};
  }
  auto now = txn.PathProperties()[path];
  for (const auto& [key, value] : properties) now[key] = value;
  for (const std::string& key : removed_keys) now.erase(key);
  if (remove_all) now.clear();
  txn.Apply(MakeEntry([&](auto& entry) {
    auto* set = entry.mutable_path_properties_set();
    set->set_path(path);
    for (const auto& [key, value] : now) (*set->mutable_properties())[key] = value;
  }));
  return {Nothing(), txn.Commit()};
}

}  // namespace spillway
