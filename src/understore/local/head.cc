#include "understore/local/local_under_store.h"

namespace spillway {

StatusOr<ObjectInfo> LocalUnderStore::Head(const std::string& key) {
  SPILLWAY_RETURN_IF_ERROR(CheckKey(key));
  SPILLWAY_ASSIGN_OR_RETURN(const FileFacts facts, folder_.Look(key));
  if (facts.is_file()) return InfoOf(key, facts);
  return NotFound("{} is {}", folder_.Shown(key),
                  facts.is_directory() ? "a directory" : "no regular file");
}

StatusOr<ListPage> LocalUnderStore::LookUp(const std::string& key) {
  ListPage page;
  const auto facts = folder_.Look(key);
  if (!facts.ok() && facts.status().code() != StatusCode::kNotFound) return facts.status();
  if (facts.ok() && facts->is_file()) page.objects.push_back(InfoOf(key, *facts));
  if (facts.ok() && facts->is_directory() && !key.empty()) page.directories.push_back(key);
  return page;
}

}  // namespace spillway
