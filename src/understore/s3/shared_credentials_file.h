// ~/.aws/credentials and ~/.aws/config.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "common/status.h"
#include "understore/s3/environment.h"

namespace spillway {

inline constexpr int64_t kCredentialFileBytesMax = 64 << 10;

// NOT_FOUND if there is no such file; INVALID_ARGUMENT if it is longer than
// kCredentialFileBytesMax; UNAVAILABLE if it cannot be read.
StatusOr<std::string> ReadSmallFile(const std::string& path);

// Keys of [profile], or of [profile NAME] as the config file has it, in an ini file's text; the
// last of equal keys counts, nested ones (indented) are passed over.
std::map<std::string, std::string> ParseAwsProfile(std::string_view text,
                                                   const std::string& profile);

// A file's identity and time of change; equal ones mean that it was not written in between.
std::string FileStamp(const std::string& path);

struct AwsProfileFiles {
  std::string profile;
  std::string credentials;
  std::string config;
  bool asked_for = false;  // the environment or a property names the profile or the file

  std::string Stamp() const { return FileStamp(credentials) + " " + FileStamp(config); }
};
// default_profile is what properties name.
AwsProfileFiles AwsProfileFilesOf(const Environment& environment,
                                  const std::string& default_profile);
// Keys of the profile in both files; the credentials file's go before. An error if a file is there
// and cannot be read, or is not there and was asked for by name.
StatusOr<std::map<std::string, std::string>> ReadAwsProfile(const AwsProfileFiles& files);

}  // namespace spillway
