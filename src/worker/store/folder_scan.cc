#include "worker/store/folder_scan.h"

#include <algorithm>
#include <cctype>

#include "common/format.h"
#include "common/log.h"
#include "common/planted_bug.h"

namespace spillway {
namespace {

constexpr const char* kFormat = "spillway-blocks 1";
constexpr int kNamesTried = 1000;
constexpr size_t kFilesBetweenReports = 1000;

bool Has(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool IsNumber(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](unsigned char c) { return std::isdigit(c) != 0; });
}

// A name that this program gives to files of writes that have not ended.
bool IsOurTemp(const std::string& name) {
  if (name == "probe" || name == "probe.tmp") return true;
  if (name.rfind("free-", 0) == 0) return IsNumber(name.substr(5));
  return name.size() > 17 && name[16] == '-' && IsNumber(name.substr(17)) &&
         std::all_of(name.begin(), name.begin() + 16,
                     [](unsigned char c) { return std::isxdigit(c) != 0; });
}

StatusOr<int64_t> SizeOf(FileEnv& env, const std::string& path) {
  SPILLWAY_ASSIGN_OR_RETURN(auto file, env.OpenForRead(path));
  return file->Size();
}

Status CheckFormat(FileEnv& env, const std::string& folder) {
  std::string format;
  SPILLWAY_RETURN_IF_ERROR(ReadFileToString(env, folder + "/format", &format));
  if (format == kFormat) return absl::OkStatus();
  return MakeStatus(StatusCode::kFailedPrecondition,
                    "Storage folder {} has format \"{}\", this version reads \"{}\".", folder,
                    format, kFormat);
}

class Scanner {
 public:
  Scanner(FileEnv& env, const std::string& folder, const std::function<void(size_t)>& found)
      : env_(env), folder_(folder), found_(found) {}

  StatusOr<FolderScan> Run(bool create) {
    SPILLWAY_RETURN_IF_ERROR(Open(create));
    scan_.writable = TryToWrite(env_, folder_);
    SPILLWAY_RETURN_IF_ERROR(LookIntoLost());
    SPILLWAY_RETURN_IF_ERROR(EmptyTemp());
    SPILLWAY_ASSIGN_OR_RETURN(auto names, env_.List(folder_ + "/blocks"));
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) {
      LookAt(name);
      if (++seen_ % kFilesBetweenReports == 0) found_(seen_);
    }
    found_(seen_);
    return std::move(scan_);
  }

 private:
  Status Open(bool create) {
    auto names = env_.List(folder_);
    if (!names.ok() && names.status().code() == StatusCode::kNotFound && create) {
      SPILLWAY_RETURN_IF_ERROR(env_.CreateDirs(folder_));
      names = env_.List(folder_);
    }
    SPILLWAY_RETURN_IF_ERROR(names.status());
    if (!Has(*names, "format")) {
      if (!create) return NotFound("{} has no format file: is it mounted?", folder_);
      SPILLWAY_RETURN_IF_ERROR(env_.CreateDirs(folder_ + "/blocks"));
      SPILLWAY_RETURN_IF_ERROR(WriteStringToFile(env_, folder_ + "/format", kFormat));
    }
    SPILLWAY_RETURN_IF_ERROR(CheckFormat(env_, folder_));
    for (const char* part : {"/blocks", "/temp"})
      SPILLWAY_RETURN_IF_ERROR(env_.CreateDirs(folder_ + part));
    if (Has(*names, "cluster"))
      SPILLWAY_RETURN_IF_ERROR(ReadFileToString(env_, folder_ + "/cluster", &scan_.cluster));
    has_lost_ = Has(*names, "lost");
    return absl::OkStatus();
  }

  Status LookIntoLost() {
    if (!has_lost_) return absl::OkStatus();
    SPILLWAY_ASSIGN_OR_RETURN(const auto names, env_.List(folder_ + "/lost"));
    for (const std::string& name : names) {
      const int64_t bytes = SizeOf(env_, folder_ + "/lost/" + name).value_or(0);
      scan_.lost[name] = {folder_, name, bytes, "found in lost/"};
    }
    return absl::OkStatus();
  }

  Status EmptyTemp() {
    SPILLWAY_ASSIGN_OR_RETURN(const auto names, env_.List(folder_ + "/temp"));
    for (const std::string& name : names) {
      const std::string path = folder_ + "/temp/" + name;
      if (!IsOurTemp(name)) {
        SetAside(path, name, SizeOf(env_, path).value_or(0), "its name in temp/ is not ours");
        continue;
      }
      const Status removed = env_.Remove(path);
      if (removed.ok() || removed.code() == StatusCode::kNotFound) continue;
      scan_.undeleted.emplace_back(path, SizeOf(env_, path).value_or(0));
    }
    return absl::OkStatus();
  }

  // False if it stays where it is.
  bool SetAside(const std::string& from, const std::string& name, int64_t bytes,
                const std::string& why) {
    const auto moved = MoveToLost(env_, folder_, from, name);
    if (!moved.ok()) {
      spdlog::error("{}: {}; it cannot be set aside: {}", from, why, Message(moved.status()));
      return false;
    }
    spdlog::error("{} is set aside as lost/{}: {}", from, *moved, why);
    scan_.lost[*moved] = {folder_, *moved, bytes, why};
    return true;
  }

  void LookAt(const std::string& name) {
    const std::string path = folder_ + "/blocks/" + name;
    StoredBlock block;
    const bool named = ParseBlockFileName(name, &block);
    const auto size = SizeOf(env_, path);
    if (IsPlanted(PlantedBug::kUnlinkOnDoubt) && !size.ok()) {
      (void)env_.Remove(path);
      return;
    }
    if (!named) {
      if (!SetAside(path, name, size.value_or(0), "its name is no block's"))
        scan_.unread[name] = {size.value_or(0), false, "its name is no block's"};
      return;
    }
    if (!size.ok()) {
      spdlog::error("cannot look at {}, which stays: {}", path, Message(size.status()));
      scan_.unread[name] = {block.length_bytes, false, Message(size.status())};
      return;
    }
    if (*size == block.length_bytes) return scan_.blocks.push_back(block);
    const std::string why =
        fmt::format("it has {} bytes, its name says {}", *size, block.length_bytes);
    if (!SetAside(path, name, *size, why)) scan_.unread[name] = {*size, false, why};
  }

  FileEnv& env_;
  const std::string& folder_;
  const std::function<void(size_t)>& found_;
  FolderScan scan_;
  bool has_lost_ = false;
  size_t seen_ = 0;
};

}  // namespace

Status TryToWrite(FileEnv& env, const std::string& folder) {
  const std::string probe = folder + "/temp/probe";
  const Status written = WriteStringToFile(env, probe, "spillway");
  // Of a write that failed something may be there.
  const Status removed = env.Remove(written.ok() ? probe : probe + ".tmp");
  if (!written.ok()) return written;
  return removed;
}

Status TryToRead(FileEnv& env, const std::string& folder) {
  SPILLWAY_ASSIGN_OR_RETURN(const auto names, env.List(folder));
  if (!Has(names, "format")) return NotFound("{} has no format file: is it mounted?", folder);
  return CheckFormat(env, folder);
}

StatusOr<std::string> MoveToLost(FileEnv& env, const std::string& folder, const std::string& from,
                                 const std::string& name) {
  SPILLWAY_RETURN_IF_ERROR(env.CreateDirs(folder + "/lost"));
  for (int i = 0; i < kNamesTried; ++i) {
    const std::string to = i == 0 ? name : fmt::format("{}.{}", name, i);
    const Status moved = env.RenameNew(from, folder + "/lost/" + to);
    if (moved.ok()) return to;
    if (moved.code() != StatusCode::kAlreadyExists) return moved;
  }
  return MakeStatus(StatusCode::kAlreadyExists, "{}/lost has too many files called {}.", folder,
                    name);
}

StatusOr<FolderScan> ScanFolder(FileEnv& env, const std::string& folder, bool create,
                                const std::function<void(size_t)>& found) {
  return Scanner(env, folder, found).Run(create);
}

}  // namespace spillway
