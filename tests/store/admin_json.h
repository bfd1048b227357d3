// What the administration reads and writes, as JSON.
#pragma once

#include <nlohmann/json.hpp>

#include "store/strict_store.h"

namespace spillway::strict {

// Nothing, and why, if value is no rule. Unknown members are refused.
std::optional<Rule> RuleFromJson(const nlohmann::json& value, std::string* why);
nlohmann::json RuleToJson(const Rule& rule);
nlohmann::json RecordToJson(const RequestRecord& record);
nlohmann::json ObjectToJson(const std::string& key, const Object& object);
nlohmann::json ProfileToJson(const Profile& profile);
// Calls with their fields and headers, deformations with their parameters, error codes.
nlohmann::json TablesToJson();

}  // namespace spillway::strict
