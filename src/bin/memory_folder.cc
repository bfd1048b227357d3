#include "bin/memory_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "bin/pid_file.h"

namespace spillway {
namespace {

namespace stdfs = std::filesystem;

constexpr const char* kParent = "/dev/shm";
constexpr const char* kPrefix = "spillway";
constexpr const char* kOwnerFile = "cluster";
constexpr size_t kNameMax = 200;

uint64_t Fnv1a(const std::string& text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

// '/' becomes '_', so that names can be read; what would be taken for it is escaped.
std::string NameOf(const std::string& dir) {
  std::string name = kPrefix;
  for (const char c : dir) {
    if (c == '/') {
      name += '_';
    } else if (c == '_' || c == '%') {
      name += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    } else {
      name += c;
    }
  }
  if (name.size() > kNameMax) name = name.substr(0, kNameMax) + fmt::format("%{:016x}", Fnv1a(dir));
  return name;
}

std::string NameBefore(const std::string& dir) {
  std::string name = kPrefix + dir;
  std::replace(name.begin(), name.end(), '/', '_');
  return name;
}

std::string OwnerOf(const std::string& folder) {
  std::ifstream in(folder + "/" + kOwnerFile);
  std::string owner;
  std::getline(in, owner, '\0');
  return owner;
}

// Workers hold locks on their folders.
bool IsInUse(const std::string& folder) {
  std::error_code ignored;
  for (const auto& entry : stdfs::directory_iterator(folder, ignored)) {
    if (!entry.is_directory(ignored)) continue;
    const int fd = LockPath(entry.path().string(), O_RDONLY | O_DIRECTORY);
    if (fd < 0) return true;
    ::close(fd);
  }
  return false;
}

}  // namespace

std::string MemoryFolder(const std::string& dir) {
  return std::string(kParent) + "/" + NameOf(dir);
}

Status ClaimMemory(const std::string& dir, bool fresh) {
  const std::string folder = MemoryFolder(dir);
  const std::string before = std::string(kParent) + "/" + NameBefore(dir);
  std::error_code error;
  const std::string owner = OwnerOf(folder);
  if (!owner.empty() && owner != dir) {
    return MakeStatus(StatusCode::kAlreadyExists, "{} belongs to the cluster in {}.", folder,
                      owner);
  }
  if (IsInUse(folder)) {
    return MakeStatus(StatusCode::kAlreadyExists,
                      "A worker still runs on {}: stop it before the cluster is started.", folder);
  }
  if (!fresh && before != folder && !stdfs::exists(folder, error) && OwnerOf(before).empty() &&
      stdfs::exists(before, error) && !IsInUse(before))
    stdfs::rename(before, folder, error);
  error.clear();
  stdfs::create_directories(folder, error);
  if (error) return Unavailable("Cannot create {}: {}", folder, error.message());
  std::ofstream(folder + "/" + kOwnerFile) << dir;
  return absl::OkStatus();
}

std::vector<Leftover> LeftoverMemory() {
  std::vector<Leftover> found;
  std::error_code error;
  for (const auto& entry : stdfs::directory_iterator(kParent, error)) {
    const std::string folder = entry.path().string();
    if (entry.path().filename().string().rfind(kPrefix, 0) != 0) continue;
    const std::string dir = OwnerOf(folder);
    if (dir.empty() || stdfs::exists(dir, error) || error || IsInUse(folder)) continue;
    found.push_back({folder, dir});
  }
  return found;
}

}  // namespace spillway
