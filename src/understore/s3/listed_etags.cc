// Many objects of a folder by few requests.
#include <algorithm>

#include "understore/s3/calls.h"
#include "understore/s3/list_page.h"

namespace spillway {
namespace {

// A page is asked for this many keys or more; of fewer each is asked for by itself.
constexpr size_t kKeysPerPage = 8;

std::string CommonPrefix(const std::string& a, const std::string& b) {
  const size_t most = std::min(a.size(), b.size());
  size_t same = 0;
  while (same < most && a[same] == b[same]) ++same;
  // Not within a character.
  while (same > 0 && same < most && (static_cast<unsigned char>(a[same]) & 0xc0) == 0x80) --same;
  return a.substr(0, same);
}

}  // namespace

std::map<std::string, std::string> S3UnderStore::ListedEtags(
    const std::vector<DeleteRequest>& requests) {
  std::map<std::string, std::vector<std::string>> folders;  // full keys
  for (const DeleteRequest& request : requests) {
    if (request.if_match.empty()) continue;
    const std::string key = client_->FullKey(request.key);
    folders[key.substr(0, key.rfind('/') + 1)].push_back(key);
  }
  std::map<std::string, std::string> etags;
  for (const auto& [folder, keys] : folders) {
    const auto [first, last] = std::minmax_element(keys.begin(), keys.end());
    S3ListQuery query;
    query.prefix = CommonPrefix(*first, *last);
    query.delimiter = "/";
    query.max_keys = client_->settings().list_length;
    // The folder may hold many others.
    for (size_t pages = 0; pages < keys.size() / kKeysPerPage; ++pages) {
      auto page = ListOnePage(client_.get(), query);
      if (!page.ok()) break;
      const bool past = !page->objects.empty() && page->objects.back().key >= *last;
      for (ObjectInfo& object : page->objects) etags[object.key] = std::move(object.etag);
      if (past || page->next_token.empty()) break;
      query.token = std::move(page->next_token);
    }
  }
  return etags;
}

}  // namespace spillway
