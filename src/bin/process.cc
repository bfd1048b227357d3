#include "bin/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include "bin/ending.h"
#include "bin/pid_file.h"
#include "bin/process_metrics.h"
#include "common/log.h"

namespace spillway {
namespace {

// More descriptors than that cost the kernel memory and are of no use here.
constexpr rlim_t kOpenFilesMax = 1 << 20;
constexpr int64_t kOpenFilesUnknown = 1024;

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
  CountLockWaits();
}

int64_t RaiseOpenFiles() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return kOpenFilesUnknown;
  const rlim_t wanted = std::min<rlim_t>(limit.rlim_max, kOpenFilesMax);
  if (limit.rlim_cur < wanted) {
    const rlim_t had = std::exchange(limit.rlim_cur, wanted);
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) {
      spdlog::warn("cannot raise the limit of open files: {}", std::strerror(errno));
      limit.rlim_cur = had;
    }
  }
  spdlog::info("may open {} files", limit.rlim_cur);
  return static_cast<int64_t>(std::min<rlim_t>(limit.rlim_cur, INT32_MAX));
}

Status OwnFolder(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return Unavailable("Cannot create {}: {}", folder, error.message());
  if (LockPath(folder, O_RDONLY | O_DIRECTORY) >= 0) return absl::OkStatus();
  // A folder that fails is nobody's, as far as anyone can tell.
  if (errno != EWOULDBLOCK) return Unavailable("Cannot lock {}: {}", folder, std::strerror(errno));
  return MakeStatus(StatusCode::kFailedPrecondition,
                    "{} is in use by another process: a folder has one owner.", folder);
}

}  // namespace spillway
