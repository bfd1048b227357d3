#include "common/config.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "common/checked.h"
#include "common/format.h"
#include "common/log.h"
#include "common/property_text.h"

namespace spillway {
namespace {

constexpr int kReplacementsMax = 100;  // of ${other.key} in one value

std::string_view Trim(std::string_view text) {
  const char* space = " \t\r\n\f";
  const size_t begin = text.find_first_not_of(space);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(space) - begin + 1);
}

// The choice of an enum that equals value but for its case; empty if none does.
std::string FindChoice(const PropertyKey& key, const std::string& value) {
  for (const auto choice : absl::StrSplit(key.choices, '|')) {
    if (absl::EqualsIgnoreCase(choice, value)) return std::string(choice);
  }
  return "";
}

// Of these a negative number means that there is no limit, or none at all.
constexpr std::string_view kMayBeNegative[] = {
    "alluxio.underfs.s3.connection.ttl",
    "alluxio.underfs.s3.max.error.retry",
    "alluxio.underfs.s3.proxy.port",
    "alluxio.user.file.create.ttl",
    "alluxio.user.file.metadata.sync.interval",
    "alluxio.user.file.persistence.initial.wait.time",
    "alluxio.user.file.replication.max",
};
// Of these 0 is no number to work with.
constexpr std::string_view kAtLeastOne[] = {
    "alluxio.underfs.s3.streaming.upload.partition.size",
    "alluxio.user.block.size.bytes.default",
    "spillway.master.persist.jobs.max",
    "spillway.underfs.multipart.part.size",
};

// Whether the number that a value means is one that the key can have.
Status CheckNumber(const PropertyKey& key, int64_t number) {
  const std::string_view name = key.name;
  const auto in = [&](const auto& names) {
    return std::find(std::begin(names), std::end(names), name) != std::end(names);
  };
  int64_t most = kBytesMax;
  if (key.type == PropertyType::kDuration) most = kWaitMsMax;
  if (key.type == PropertyType::kInt) {
    most = INT32_MAX;
    if (name.ends_with(".port")) most = 65535;
    if (name.ends_with(".percent")) most = 100;
    if (name.find(".replication.") != std::string_view::npos) most = kCopiesMax;
  }
  const int64_t lowest = key.type == PropertyType::kDuration ? -most : -1;
  const int64_t least = in(kMayBeNegative) ? lowest : in(kAtLeastOne) ? 1 : 0;
  return InRange(number, least, most, "it").status();
}

}  // namespace

Status CheckPropertyValue(const PropertyKey& key, const std::string& value) {
  const auto bad = [&](std::string_view why) {
    return InvalidArgument("Property {}={} is malformed: {}.", key.name, value, why);
  };
  int64_t number = 0;
  switch (key.type) {
    case PropertyType::kString:
      return absl::OkStatus();
    case PropertyType::kBytes:
    case PropertyType::kDuration: {
      const bool bytes = key.type == PropertyType::kBytes;
      if (bytes && value.empty()) return absl::OkStatus();
      const auto parsed = bytes ? ParseBytes(value) : ParseDurationMs(value);
      if (!parsed.ok()) return bad(Message(parsed.status()));
      number = *parsed;
      break;
    }
    case PropertyType::kInt:
      if (!absl::SimpleAtoi(value, &number)) return bad("a whole number is needed");
      break;
    case PropertyType::kBool:
      if (!absl::EqualsIgnoreCase(value, "true") && !absl::EqualsIgnoreCase(value, "false"))
        return bad("true or false is needed");
      return absl::OkStatus();
    case PropertyType::kEnum:
      if (!FindChoice(key, value).empty()) return absl::OkStatus();
      return bad(std::string("one of ") + key.choices + " is needed");
  }
  const Status sound = CheckNumber(key, number);
  return sound.ok() ? sound : bad(Message(sound));
}

std::string CanonicalPropertyValue(const PropertyKey& key, const std::string& value) {
  if (key.type == PropertyType::kBool) {
    for (const char* const choice : {"true", "false"}) {
      if (absl::EqualsIgnoreCase(value, choice)) return choice;
    }
  }
  std::string choice = key.type == PropertyType::kEnum ? FindChoice(key, value) : std::string();
  return choice.empty() ? value : choice;
}

const PropertyKey* FindPropertyKey(std::string_view name) {
  const auto keys = AllPropertyKeys();
  const auto it =
      std::lower_bound(keys.begin(), keys.end(), name,
                       [](const PropertyKey& a, std::string_view b) { return a.name < b; });
  return it != keys.end() && it->name == name ? &*it : nullptr;
}

std::string_view ScopeName(PropertyScope scope) {
  switch (scope) {
    case PropertyScope::kMaster:
      return "master";
    case PropertyScope::kWorker:
      return "worker";
    case PropertyScope::kServer:
      return "server";
    case PropertyScope::kClient:
      return "client";
    case PropertyScope::kAll:
      return "all";
  }
  return "";
}

std::string_view TypeName(PropertyType type) {
  switch (type) {
    case PropertyType::kString:
      return "text";
    case PropertyType::kBytes:
      return "size";
    case PropertyType::kDuration:
      return "duration";
    case PropertyType::kInt:
      return "number";
    case PropertyType::kBool:
      return "true/false";
    case PropertyType::kEnum:
      return "choice";
  }
  return "";
}

Status Configuration::LoadFile(const std::string& path) {
  std::ifstream file(path);
  if (!file) return NotFound("Property file {} cannot be read.", path);
  std::ostringstream text;
  text << file.rdbuf();
  return LoadText(text.str(), "SITE_PROPERTY (" + path + ")");
}

Status Configuration::LoadText(std::string_view all, const std::string& source) {
  const auto entries = ParsePropertyText(all);
  if (!entries.ok()) return Annotate(entries.status(), source);
  for (const PropertyLine& entry : *entries) {
    if (Status status = Set(entry.key, entry.value, source); !status.ok())
      return Annotate(status, fmt::format("{}: line {}", source, entry.number));
  }
  return absl::OkStatus();
}

Status Configuration::SetFromArgument(std::string_view argument) {
  const size_t equals = argument.find('=');
  if (equals == 0 || equals == std::string_view::npos) {
    return InvalidArgument("-D{} is malformed: -Dkey=value is needed.", argument);
  }
  return Set(Trim(argument.substr(0, equals)), argument.substr(equals + 1), "SYSTEM_PROPERTY");
}

Status Configuration::Set(std::string_view key, std::string_view value, std::string_view source) {
  if (key.empty()) return InvalidArgument("A property without a name has the value \"{}\".", value);
  values_[CanonicalPropertyName(key)] = Value{std::string(Trim(value)), std::string(source)};
  return absl::OkStatus();
}

Status Configuration::Validate() const {
  for (const auto& [name, entry] : values_) {
    const PropertyKey* key = FindPropertyKey(name);
    if (key == nullptr) {
      if (name.rfind("spillway.", 0) == 0) {
        return InvalidArgument(
            "Property {} ({}) is not known; docs/CONFIGURATION.md lists all keys.", name,
            entry.source);
      }
      continue;  // Alluxio has hundreds of keys that have no meaning here.
    }
    int budget = kReplacementsMax;
    const std::string value = Resolve(entry.value, &budget);
    if (budget <= 0) {
      return InvalidArgument("Property {} ({}) refers to itself, or to too many others.", name,
                             entry.source);
    }
    SPILLWAY_RETURN_IF_ERROR(CheckPropertyValue(*key, value));
  }
  const int64_t min = GetInt("alluxio.user.file.replication.min");
  const int64_t max = GetInt("alluxio.user.file.replication.max");
  if (max >= 0 && min > max) {
    return InvalidArgument(
        "alluxio.user.file.replication.min={} is larger than alluxio.user.file.replication.max={}.",
        min, max);
  }
  if (GetInt("alluxio.user.file.replication.durable") < 1) {
    return InvalidArgument("alluxio.user.file.replication.durable must be at least 1.");
  }
  const int64_t levels = GetInt("alluxio.worker.tieredstore.levels");
  if (levels < 1 || levels > 3) {
    return InvalidArgument("alluxio.worker.tieredstore.levels={} is outside 1 to 3.", levels);
  }
  return absl::OkStatus();
}

std::string Configuration::Resolve(const std::string& raw, int* budget) const {
  std::string out;
  size_t at = 0;
  while (at < raw.size()) {
    const size_t open = raw.find("${", at);
    const size_t close = open == std::string::npos ? open : raw.find('}', open);
    if (close == std::string::npos || --*budget <= 0) return out + raw.substr(at);
    out += raw.substr(at, open - at);
    out += Lookup(raw.substr(open + 2, close - open - 2), budget);
    at = close + 1;
  }
  return out;
}

std::string Configuration::Lookup(std::string_view key, int* budget) const {
  const PropertyKey* declared = FindPropertyKey(key);
  const auto it = values_.find(key);
  if (it == values_.end()) {
    return declared == nullptr ? std::string() : Resolve(declared->default_value, budget);
  }
  const std::string value = Resolve(it->second.value, budget);
  return declared == nullptr ? value : CanonicalPropertyValue(*declared, value);
}

std::string Configuration::GetString(std::string_view key) const {
  if (FindPropertyKey(key) == nullptr) Panic("undeclared property " + std::string(key));
  int budget = kReplacementsMax;
  return Lookup(key, &budget);
}

int64_t Configuration::GetBytes(std::string_view key) const {
  return ParseBytes(GetString(key)).value_or(0);
}

int64_t Configuration::GetDurationMs(std::string_view key) const {
  return ParseDurationMs(GetString(key)).value_or(0);
}

int64_t Configuration::GetInt(std::string_view key) const {
  int64_t number = 0;
  return absl::SimpleAtoi(GetString(key), &number) ? number : 0;
}

bool Configuration::GetBool(std::string_view key) const { return GetString(key) == "true"; }

bool Configuration::IsSet(std::string_view key) const { return values_.find(key) != values_.end(); }

std::map<std::string, Configuration::Value> Configuration::UserValues() const {
  std::map<std::string, Value> values;
  for (const auto& [name, entry] : values_) {
    int budget = kReplacementsMax;
    values[name] = Value{Lookup(name, &budget), entry.source};
  }
  return values;
}

std::string ConfigurationMarkdown() {
  std::string out = "| Key | Type | Default | Read by | Meaning |\n|---|---|---|---|---|\n";
  for (const PropertyKey& key : AllPropertyKeys()) {
    std::string choices = key.choices;
    std::replace(choices.begin(), choices.end(), '|', ',');
    out += fmt::format(
        "| `{}` | {} | {} | {} | {}{} |\n", key.name, TypeName(key.type),
        *key.default_value == 0 ? std::string() : fmt::format("`{}`", key.default_value),
        ScopeName(key.scope), key.doc, choices.empty() ? "" : fmt::format(" One of {}.", choices));
  }
  return out;
}

bool IsCredential(std::string_view key) {
  for (const std::string_view part : {"secret", "Secret", "accessKey", "token", "password"}) {
    if (key.find(part) != std::string_view::npos) return true;
  }
  return false;
}

}  // namespace spillway
