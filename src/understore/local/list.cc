#include <algorithm>

#include "common/log.h"
#include "common/path.h"
#include "understore/local/local_under_store.h"

namespace spillway {
namespace {

constexpr size_t kLeftOutMax = 1000;

}  // namespace

// Each is told once: listings come again and again.
void LocalUnderStore::LogLeftOut(const std::string& key, const Status& why) {
  absl::MutexLock lock(&log_mutex_);
  if (left_out_.size() >= kLeftOutMax || !left_out_.insert(key).second) return;
  spdlog::warn("{} is left out of listings: {}", folder_.Shown(key), Message(why));
}

StatusOr<ListPage> LocalUnderStore::List(const std::string& directory, const std::string&) {
  ListPage page;
  const auto folder = folder_.OpenDirectory(directory);
  if (folder.status().code() == StatusCode::kNotFound) return page;
  SPILLWAY_RETURN_IF_ERROR(folder.status());
  std::vector<std::string> names;
  if (const int error = calls().Names((*folder)->fd(), &names); error < 0)
    return FolderError(error, "Cannot list", folder_.Shown(directory));
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    if (directory.empty() && RootedFolder::IsInternal(name)) continue;
    const std::string key = directory.empty() ? name : JoinPath(directory, name);
    FileFacts facts;
    const int error = calls().FactsOf((*folder)->fd(), name, &facts);
    if (error == -ENOENT) continue;  // gone meanwhile
    if (error < 0) return FolderError(error, "Cannot look at", folder_.Shown(key));
    if (facts.is_link()) {
      const auto behind = folder_.Look(key);
      if (behind.status().code() == StatusCode::kNotFound) continue;  // a dangling link
      if (behind.status().code() == StatusCode::kPermissionDenied) {
        LogLeftOut(key, behind.status());
        continue;
      }
      SPILLWAY_RETURN_IF_ERROR(behind.status());
      facts = *behind;
    }
    if (facts.is_directory()) page.directories.push_back(key);
    if (facts.is_file()) page.objects.push_back(InfoOf(key, facts));
  }
  return page;
}

}  // namespace spillway
