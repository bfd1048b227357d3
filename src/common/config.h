// Configuration: declared keys (property_keys.cc), conf/alluxio-site.properties, then -Dkey=value.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"

namespace spillway {

enum class PropertyType { kString, kBytes, kDuration, kInt, kBool, kEnum };
enum class PropertyScope { kMaster, kWorker, kServer, kClient, kAll };

struct PropertyKey {
  const char* name;
  PropertyType type;
  const char* default_value;
  PropertyScope scope;
  const char* doc;
  const char* choices = "";  // kEnum: "A|B|C"
};

// Every key the code reads, sorted by name.
std::span<const PropertyKey> AllPropertyKeys();
const PropertyKey* FindPropertyKey(std::string_view name);
// The key's own name where name is another one that Alluxio has for it; otherwise name.
std::string CanonicalPropertyName(std::string_view name);
// INVALID_ARGUMENT naming the key if it cannot have this value.
Status CheckPropertyValue(const PropertyKey& key, const std::string& value);
std::string_view ScopeName(PropertyScope scope);
std::string_view TypeName(PropertyType type);

// Whether a key's value is a credential: it is taken, and never given.
bool IsCredential(std::string_view key);

// Immutable after loading; thread-safe then.
class Configuration {
 public:
  // Adds the lines of a Java properties file. NOT_FOUND if it is missing.
  Status LoadFile(const std::string& path);
  // The same of the file's text; source is named in errors.
  Status LoadText(std::string_view text, const std::string& source);
  // "key=value".
  Status SetFromArgument(std::string_view argument);
  Status Set(std::string_view key, std::string_view value, std::string_view source);

  // INVALID_ARGUMENT naming the key: unknown spillway.* key, malformed value, bad combination.
  Status Validate() const;

  // Of declared keys only; a key that is not declared is a bug and panics.
  std::string GetString(std::string_view key) const;
  int64_t GetBytes(std::string_view key) const;
  int64_t GetDurationMs(std::string_view key) const;
  int64_t GetInt(std::string_view key) const;
  bool GetBool(std::string_view key) const;

  bool IsSet(std::string_view key) const;
  struct Value {
    std::string value;
    std::string source;
  };
  // Keys set by the user, with ${other.key} resolved.
  std::map<std::string, Value> UserValues() const;

 private:
  // With ${other.key} replaced, at most `budget` times: what refers to itself stays as it is then.
  std::string Resolve(const std::string& raw, int* budget) const;
  std::string Lookup(std::string_view key, int* budget) const;

  std::map<std::string, Value, std::less<>> values_;
};

// docs/CONFIGURATION.md's table, one row a key.
std::string ConfigurationMarkdown();

}  // namespace spillway
