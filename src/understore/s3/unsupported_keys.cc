// Alluxio's keys for S3 that have no effect here although they would change a result there.
// docs/CONFIGURATION.md lists the same keys (a test compares them).
#include "absl/strings/str_split.h"
#include "understore/s3/read_settings.h"

namespace spillway {

const std::vector<UnsupportedS3Key>& UnsupportedS3Keys() {
  static const std::vector<UnsupportedS3Key> keys{
      {"alluxio.underfs.s3.signer.algorithm", "AWSS3V4SignerType,AWS4SignerType",
       "requests are signed with version 4 alone; a store that knows only version 2 needs a "
       "gateway "
       "in front of it"},
      {"alluxio.underfs.s3.directory.suffix", "/",
       "directories come from keys, and markers are recognised by a trailing / alone; delete "
       "markers "
       "of another suffix, which show up as files"},
      {"alluxio.underfs.s3.inherit.acl", "false",
       "owners and modes are Spillway's own; set them with chown and chmod"},
      {"alluxio.underfs.s3.default.mode", "",
       "modes are Spillway's own; set alluxio.security.authorization.permission.umask, or use "
       "chmod"},
      {"alluxio.underfs.s3.owner.id.to.username.mapping", "",
       "owners are Spillway's own; set them with chown"},
      {"alluxio.underfs.s3.intermediate.upload.clean.age", "",
       "uploads that Spillway began are aborted by itself; give the bucket a lifecycle rule for "
       "those of other programs"},
      {"alluxio.underfs.cleanup.enabled", "false",
       "uploads that Spillway began are aborted by itself; give the bucket a lifecycle rule for "
       "those of other programs"},
  };
  return keys;
}

std::vector<std::string> S3Warnings(const UnderStoreConfig& config) {
  std::vector<std::string> warnings;
  for (const UnsupportedS3Key& key : UnsupportedS3Keys()) {
    const std::string value = config.GetIfSet(key.name);
    if (value.empty()) continue;
    bool same = false;
    for (const auto harmless : absl::StrSplit(key.same_as_unset, ','))
      same = same || harmless == value;
    if (!same)
      warnings.push_back(
          fmt::format("Property {}={} has no effect: {}.", key.name, value, key.advice));
  }
  const std::string profile = config.GetString("spillway.underfs.s3.profile");
  if (!profile.empty() && profile.find('=') == std::string::npos) {
    warnings.push_back(fmt::format(
        "Property spillway.underfs.s3.profile={} is taken for a profile of the shared credentials "
        "file: that key is spillway.underfs.s3.credentials.profile now.",
        profile));
  }
  for (const auto& [name, value] : config.overrides()) {
    if (name.rfind("spillway.", 0) == 0 && FindPropertyKey(name) == nullptr) {
      warnings.push_back(
          fmt::format("Property {} is not known; docs/CONFIGURATION.md lists all keys.", name));
    }
  }
  return warnings;
}

std::string CredentialsProfileOf(const UnderStoreConfig& config) {
  const std::string old = config.GetString("spillway.underfs.s3.profile");
  if (!old.empty() && old.find('=') == std::string::npos) return old;
  return config.GetString("spillway.underfs.s3.credentials.profile");
}

}  // namespace spillway
