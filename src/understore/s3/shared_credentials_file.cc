#include "understore/s3/shared_credentials_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace spillway {
namespace {

std::string_view Trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

// The name in "[name]" or "[profile name]".
std::string_view SectionName(std::string_view line) {
  const size_t close = line.find(']');
  std::string_view name = Trim(line.substr(1, close == std::string_view::npos ? close : close - 1));
  const std::string_view word = "profile";
  if (name.size() > word.size() && name.substr(0, word.size()) == word &&
      (name[word.size()] == ' ' || name[word.size()] == '\t')) {
    name = Trim(name.substr(word.size()));
  }
  return name;
}

}  // namespace

StatusOr<std::string> ReadSmallFile(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    const bool missing = errno == ENOENT || errno == ENOTDIR;
    return MakeStatus(missing ? StatusCode::kNotFound : StatusCode::kUnavailable, "{}: {}", path,
                      std::strerror(errno));
  }
  std::string text(kCredentialFileBytesMax + 1, '\0');
  size_t size = 0;
  ssize_t n = 1;
  while (size < text.size() && n != 0) {
    n = ::read(fd, text.data() + size, text.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) break;
    size += static_cast<size_t>(n);
  }
  const int error = n < 0 ? errno : 0;
  ::close(fd);
  if (error != 0) return Unavailable("{}: {}", path, std::strerror(error));
  if (size > kCredentialFileBytesMax)
    return InvalidArgument("{} is longer than {} bytes", path, kCredentialFileBytesMax);
  text.resize(size);
  return text;
}

std::map<std::string, std::string> ParseAwsProfile(std::string_view text,
                                                   const std::string& profile) {
  std::map<std::string, std::string> values;
  bool inside = false;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view raw = text.substr(0, end);
    text.remove_prefix(std::min(text.size(), end + 1));
    const std::string_view line = Trim(raw);
    if (line.empty() || line[0] == '#' || line[0] == ';') continue;
    if (line[0] == '[') {
      inside = SectionName(line) == profile;
      continue;
    }
    const size_t equals = line.find('=');
    const bool nested = raw[0] == ' ' || raw[0] == '\t';
    if (!inside || nested || equals == std::string_view::npos) continue;
    values[std::string(Trim(line.substr(0, equals)))] = Trim(line.substr(equals + 1));
  }
  return values;
}

std::string FileStamp(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return "none";
  return fmt::format("{}:{}:{}:{}.{}", info.st_dev, info.st_ino, info.st_size, info.st_mtim.tv_sec,
                     info.st_mtim.tv_nsec);
}

AwsProfileFiles AwsProfileFilesOf(const Environment& environment,
                                  const std::string& default_profile) {
  AwsProfileFiles files;
  files.profile = environment("AWS_PROFILE");
  files.credentials = environment("AWS_SHARED_CREDENTIALS_FILE");
  files.config = environment("AWS_CONFIG_FILE");
  files.asked_for = !files.profile.empty() || !files.credentials.empty() ||
                    (!default_profile.empty() && default_profile != "default");
  if (files.profile.empty()) files.profile = default_profile;
  if (files.profile.empty()) files.profile = "default";
  const std::string home = environment("HOME");
  if (files.credentials.empty()) files.credentials = home + "/.aws/credentials";
  if (files.config.empty()) files.config = home + "/.aws/config";
  return files;
}

StatusOr<std::map<std::string, std::string>> ReadAwsProfile(const AwsProfileFiles& files) {
  std::map<std::string, std::string> values;
  Status missing = absl::OkStatus();
  for (const std::string* path : {&files.credentials, &files.config}) {
    const auto text = ReadSmallFile(*path);
    if (text.status().code() == StatusCode::kNotFound) {
      if (path == &files.credentials) missing = text.status();
      continue;
    }
    SPILLWAY_RETURN_IF_ERROR(text.status());
    for (auto& [name, value] : ParseAwsProfile(*text, files.profile)) values.emplace(name, value);
  }
  if (values.empty() && files.asked_for && !missing.ok()) return missing;
  return values;
}

}  // namespace spillway
