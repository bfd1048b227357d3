#include "store/admin_json.h"

namespace spillway::strict {
namespace {

using nlohmann::json;

bool SetText(const std::string& name, const std::string& text, Rule* rule) {
  if (name == "call") {
    rule->call = CallByName(text);
    return rule->call || text.empty() || text == "any";
  }
  if (name == "deformation") {
    const auto deformation = DeformationByName(text);
    if (deformation) rule->deformation = *deformation;
    return deformation.has_value();
  }
  std::string* const target = name == "key"     ? &rule->key
                              : name == "name"  ? &rule->name
                              : name == "value" ? &rule->value
                                                : nullptr;
  if (target == nullptr) return false;
  *target = text;
  return true;
}

bool SetNumber(const std::string& name, int64_t number, Rule* rule) {
  if (name == "count") {
    rule->count = static_cast<int>(number);
  } else if (name == "skip") {
    rule->skip = static_cast<int>(number);
  } else if (name == "status") {
    rule->status = static_cast<int>(number);
  } else if (name == "ms") {
    rule->ms = number;
  } else if (name == "amount") {
    rule->amount = number;
  } else {
    return false;
  }
  return true;
}

}  // namespace

std::optional<Rule> RuleFromJson(const json& value, std::string* why) {
  if (!value.is_object() || !value.contains("deformation")) {
    *why = "A rule is an object with a deformation.";
    return std::nullopt;
  }
  Rule rule;
  for (const auto& [name, member] : value.items()) {
    bool known = false;
    if (member.is_string()) known = SetText(name, member.get<std::string>(), &rule);
    if (member.is_number_integer()) known = SetNumber(name, member.get<int64_t>(), &rule);
    if (member.is_boolean() && name == "effect") {
      rule.effect = member.get<bool>();
      known = true;
    }
    if (known) continue;
    *why = "This member of a rule makes no sense: " + name;
    return std::nullopt;
  }
  return rule;
}

json RuleToJson(const Rule& rule) {
  json out{{"id", rule.id},
           {"call", rule.call ? CallName(*rule.call) : "any"},
           {"deformation", DeformationName(rule.deformation)},
           {"count", rule.count},
           {"skip", rule.skip},
           {"key", rule.key},
           {"name", rule.name},
           {"value", rule.value},
           {"status", rule.status},
           {"ms", rule.ms},
           {"amount", rule.amount}};
  if (rule.effect) out["effect"] = *rule.effect;
  return out;
}

json RecordToJson(const RequestRecord& record) {
  return {{"id", record.id},
          {"time_ms", record.time_ms},
          {"call", record.call},
          {"method", record.method},
          {"target", record.target},
          {"bucket", record.bucket},
          {"key", record.key},
          {"headers", record.headers},
          {"body", record.body},
          {"bytes_in", record.bytes_in},
          {"bytes_out", record.bytes_out},
          {"bytes_copied", record.bytes_copied},
          {"status", record.status},
          {"error_code", record.error_code},
          {"deformation", record.deformation},
          {"carried_out", record.carried_out}};
}

json ObjectToJson(const std::string& key, const Object& object) {
  json headers = json::object();
  for (const auto& [name, value] : object.headers) headers[name] = value;
  return {{"key", key},
          {"size", object.data.size()},
          {"etag", object.etag},
          {"crc32c", object.crc32c},
          {"checksum_type", object.checksum_type},
          {"last_modified_ms", object.last_modified_ms},
          {"headers", headers}};
}

json ProfileToJson(const Profile& profile) {
  json out = json::object();
  for (const Feature& feature : AllFeatures())
    out[feature.name] = SupportName(profile.*feature.member);
  return out;
}

json TablesToJson() {
  json out{{"calls", json::array()}, {"deformations", json::array()}, {"errors", json::array()}};
  for (const S3Call call : AllCalls()) {
    json names = json::array();
    for (const DeformationInfo& info : AllDeformations()) {
      if (Applies(info.deformation, call)) names.push_back(info.name);
    }
    out["calls"].push_back({{"name", CallName(call)},
                            {"fields", FieldsOf(call)},
                            {"headers", HeadersOf(call)},
                            {"deformations", names}});
  }
  for (const DeformationInfo& info : AllDeformations())
    out["deformations"].push_back({{"name", info.name}, {"parameters", info.parameters}});
  for (const S3Error& error : AllErrors())
    out["errors"].push_back({{"code", error.code}, {"status", error.status}});
  return out;
}

}  // namespace spillway::strict
