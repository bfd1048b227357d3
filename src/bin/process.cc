#include "bin/process.h"

#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "bin/ending.h"
#include "bin/pid_file.h"

namespace spillway {
namespace {

std::string DefaultSiteFile() {
  for (const char* name : {"SPILLWAY_CONF_DIR", "ALLUXIO_CONF_DIR"}) {
    if (const char* dir = std::getenv(name)) return std::string(dir) + "/alluxio-site.properties";
  }
  const std::filesystem::path program = ProgramPath();
  for (auto dir = program.parent_path(); !dir.empty() && dir != dir.root_path();
       dir = dir.parent_path()) {
    const auto site = dir / "conf" / "alluxio-site.properties";
    if (std::filesystem::exists(site)) return site.string();
  }
  return "";
}

}  // namespace

std::string ProgramPath() {
  std::error_code ignored;
  return std::filesystem::read_symlink("/proc/self/exe", ignored).string();
}

Status LoadConfiguration(std::vector<std::string>* arguments, Configuration* config) {
  std::string site = DefaultSiteFile();
  bool required = false;
  std::vector<std::string> definitions;
  std::vector<std::string> rest;
  for (size_t i = 0; i < arguments->size(); ++i) {
    const std::string& argument = (*arguments)[i];
    if (argument.rfind("-D", 0) == 0 && argument.size() > 2) {
      definitions.push_back(argument.substr(2));
    } else if (argument == "--conf" && i + 1 < arguments->size()) {
      site = (*arguments)[++i];
      required = true;
    } else {
      rest.push_back(argument);
    }
  }
  if (!site.empty()) {
    const Status loaded = config->LoadFile(site);
    if (!loaded.ok() && (required || loaded.code() != StatusCode::kNotFound)) return loaded;
  }
  for (const std::string& definition : definitions)
    SPILLWAY_RETURN_IF_ERROR(config->SetFromArgument(definition));
  *arguments = std::move(rest);
  return config->Validate();
}

void BeginServer(const std::string& role) {
  ::signal(SIGPIPE, SIG_IGN);
  Ending::Watch(role);
}

Status OwnFolder(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return Unavailable("Cannot create {}: {}", folder, error.message());
  if (LockPath(folder, O_RDONLY | O_DIRECTORY) >= 0) return absl::OkStatus();
  return MakeStatus(StatusCode::kFailedPrecondition,
                    "{} is in use by another process: a folder has one owner.", folder);
}

StatusOr<std::string> ResolveBindHost(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';  // IPv6
  const std::string name = bracketed ? host.substr(1, host.size() - 2) : host;
  const int error = ::getaddrinfo(name.c_str(), nullptr, &hints, &found);
  if (error != 0) {
    return InvalidArgument("Cannot listen on {}: it is no address, and no name of one: {}.", host,
                           ::gai_strerror(error));
  }
  const addrinfo* best = found;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    if (each->ai_family == AF_INET && best->ai_family != AF_INET) best = each;
  }
  char address[NI_MAXHOST] = "";
  ::getnameinfo(best->ai_addr, best->ai_addrlen, address, sizeof(address), nullptr, 0,
                NI_NUMERICHOST);
  ::freeaddrinfo(found);
  return std::string(address);
}

}  // namespace spillway
