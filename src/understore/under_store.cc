#include "understore/under_store.h"

#include <cstring>

#include "absl/strings/numbers.h"
#include "common/format.h"
#include "common/property_text.h"
#include "understore/local/local_under_store.h"
#include "understore/s3/s3_under_store.h"

namespace spillway {

bool MayHaveHappened(const Status& status) {
  switch (status.code()) {
    case StatusCode::kUnavailable:
    case StatusCode::kDeadlineExceeded:
    case StatusCode::kInternal:
    case StatusCode::kAborted:
    case StatusCode::kCancelled:
      return true;
    default:
      return false;
  }
}

Status StringBody::Read(int64_t offset, void* data, int64_t size) {
  std::memcpy(data, data_.data() + offset, size);
  return absl::OkStatus();
}

std::vector<StatusOr<PutResult>> UnderStore::PutMany(const std::vector<PutRequest>& puts) {
  std::vector<StatusOr<PutResult>> results;
  for (const PutRequest& put : puts) results.push_back(Put(put.key, *put.body, put.options));
  return results;
}

UnderStoreConfig::UnderStoreConfig(const Configuration* site,
                                   const std::map<std::string, std::string>& overrides)
    : site_(site) {
  for (const auto& [name, value] : overrides) {
    const PropertyKey* key = FindPropertyKey(CanonicalPropertyName(name));
    overrides_[CanonicalPropertyName(name)] =
        key == nullptr ? value : CanonicalPropertyValue(*key, value);
  }
}

Status UnderStoreConfig::Validate() const {
  for (const auto& [name, value] : overrides_) {
    const PropertyKey* key = FindPropertyKey(name);
    if (key == nullptr || value.empty()) continue;
    SPILLWAY_RETURN_IF_ERROR(CheckPropertyValue(*key, value));
  }
  return absl::OkStatus();
}

bool UnderStoreConfig::IsSet(const std::string& key) const {
  return overrides_.count(key) > 0 || site_->IsSet(key);
}

std::string UnderStoreConfig::GetIfSet(const std::string& key) const {
  if (const auto it = overrides_.find(key); it != overrides_.end()) return it->second;
  if (!site_->IsSet(key)) return "";
  return site_->UserValues()[key].value;
}

std::string UnderStoreConfig::GetString(const std::string& key) const {
  const auto it = overrides_.find(key);
  return it == overrides_.end() ? site_->GetString(key) : it->second;
}

int64_t UnderStoreConfig::GetDurationMs(const std::string& key) const {
  return ParseDurationMs(GetString(key)).value_or(site_->GetDurationMs(key));
}

int64_t UnderStoreConfig::GetInt(const std::string& key) const {
  int64_t number = 0;
  return absl::SimpleAtoi(GetString(key), &number) ? number : site_->GetInt(key);
}

int64_t UnderStoreConfig::GetBytes(const std::string& key) const {
  return ParseBytes(GetString(key)).value_or(site_->GetBytes(key));
}

std::string NormalizeUnderStoreUri(const std::string& uri) {
  std::string clean = uri.rfind("file://", 0) == 0 ? uri.substr(7) : uri;
  while (clean.size() > 1 && clean.back() == '/') clean.pop_back();
  return clean;
}

StatusOr<std::shared_ptr<UnderStore>> OpenUnderStore(
    const std::string& uri, const std::map<std::string, std::string>& properties,
    const UnderStoreContext& context) {
  const UnderStoreConfig config(context.site, properties);
  SPILLWAY_RETURN_IF_ERROR(config.Validate());
  std::shared_ptr<UnderStore> store;
  if (uri.rfind("s3://", 0) == 0 || uri.rfind("s3a://", 0) == 0) {
    SPILLWAY_ASSIGN_OR_RETURN(store, OpenS3UnderStore(uri, config, context));
  } else if (!uri.empty() && uri[0] == '/') {
    store = std::make_shared<LocalUnderStore>(uri);
  } else {
    return InvalidArgument(
        "Understore \"{}\" is not known: s3://bucket/prefix or a local folder is needed.", uri);
  }
  if (context.metrics != nullptr)
    store = MakeMeteredUnderStore(store, context.clock, context.metrics);
  const int64_t repeats_max = config.GetInt("alluxio.underfs.s3.max.error.retry");
  return MakeRetryingUnderStore(
      store, context.clock, context.random,
      config.GetDurationMs("spillway.underfs.retry.max.duration"),
      store->type() == "s3" && repeats_max >= 0 ? repeats_max : INT64_MAX);
}

StatusOr<ListPage> UnderStore::LookUp(const std::string& key) {
  ListPage found;
  auto object = Head(key);
  if (object.ok()) {
    found.objects.push_back(*std::move(object));
    return found;
  }
  if (object.status().code() != StatusCode::kNotFound) return object.status();
  const size_t slash = key.rfind('/');
  std::string token;
  do {
    SPILLWAY_ASSIGN_OR_RETURN(const ListPage page,
                              List(slash == std::string::npos ? "" : key.substr(0, slash), token));
    for (const std::string& directory : page.directories) {
      if (directory == key) found.directories = {key};
    }
    token = page.next_token;
  } while (!token.empty() && found.directories.empty());
  return found;
}

}  // namespace spillway
