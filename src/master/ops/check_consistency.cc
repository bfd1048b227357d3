#include <algorithm>
#include <map>

#include "common/path.h"
#include "master/master.h"
#include "master/state/listed_object.h"

namespace spillway {

Outcome<std::vector<std::string>> Master::CheckConsistency(const Caller& caller,
                                                           const std::string& path) {
  struct Folder {
    std::shared_ptr<UnderStore> store;
    std::vector<std::pair<std::string, state::Inode>> files;  // by path
  };
  std::map<std::pair<MountId, std::string>, Folder> folders;  // by key
  {
    absl::MutexLock lock(&mutex_);
    StateTxn txn(journal_);
    const auto lookup = FindReachable(txn, caller, path);
    if (!lookup.ok()) return {lookup.status(), txn.depends()};
    Status denied;
    (void)VisitSubtree(txn, lookup->last(), path,
                       [&](const state::Inode& inode, const std::string& at) {
                         if (denied.ok()) denied = CheckBits(caller, inode, kRead, at);
                         const auto resolved = Resolve(at);
                         if (!denied.ok() || inode.is_directory() || !inode.has_object() ||
                             !resolved.ok() || !IsSettled(inode, resolved->key, INT64_MAX))
                           return;
                         const size_t slash = resolved->key.rfind('/');
                         const std::string parent =
                             slash == std::string::npos ? "" : resolved->key.substr(0, slash);
                         Folder& folder = folders[{resolved->mount_id, parent}];
                         folder.store = UnderStoreOf(resolved->mount_id);
                         folder.files.emplace_back(at, inode);
                       });
    if (!denied.ok()) return {denied, txn.depends()};
  }
  std::vector<std::string> inconsistent;
  for (const auto& [key, folder] : folders) {
    std::map<std::string, ObjectInfo> objects;
    std::string token;
    do {
      auto page = folder.store->List(key.second, token);
      if (!page.ok())
        return {Unavailable("Cannot look at {}: {}", key.second, Message(page.status())),
                LogIndex()};
      for (ObjectInfo& object : page->objects) objects[object.key] = std::move(object);
      token = page->next_token;
    } while (!token.empty());
    for (const auto& [at, inode] : folder.files) {
      const auto object = objects.find(inode.object().key());
      if (object == objects.end() || HasChanged(inode, object->second)) inconsistent.push_back(at);
    }
  }
  std::sort(inconsistent.begin(), inconsistent.end());
  return {std::move(inconsistent), LogIndex()};
}

}  // namespace spillway
