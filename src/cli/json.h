// What --json prints: the same facts as the plain forms, under stable names.
#pragma once

#include <nlohmann/json.hpp>

#include "api/damaged.h"
#include "api/types.h"

namespace spillway::cli {

nlohmann::json ToJson(const FileStatus& status);
nlohmann::json ToJson(const BlockInfo& block);
nlohmann::json ToJson(const WorkerInfo& worker);
nlohmann::json ToJson(const MountInfo& mount);
nlohmann::json ToJson(const PersistInfo& info);
nlohmann::json ToJson(const PersistReport& report);
nlohmann::json ToJson(const std::vector<StoreInfo>& stores);
nlohmann::json ToJson(const HealthReport& report);
nlohmann::json ToJson(const DamagedReport& report);
nlohmann::json ToJson(const ClusterInfo& info);
nlohmann::json ToJson(const JobReport& job);
template <typename T>
nlohmann::json ToJson(const std::vector<T>& items) {
  nlohmann::json array = nlohmann::json::array();
  for (const T& item : items) array.push_back(ToJson(item));
  return array;
}

// As it is printed. What is not UTF-8 (a name from an old state) is replaced, not refused.
std::string Text(const nlohmann::json& json);

}  // namespace spillway::cli
