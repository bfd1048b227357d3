#include "understore/s3/calls.h"
#include "understore/s3/list_page.h"

namespace spillway {

StatusOr<ListPage> S3UnderStore::List(const std::string& directory, const std::string& token) {
  const S3Settings& settings = client_->settings();
  S3ListQuery query;
  query.prefix = client_->FullKey(directory.empty() ? "" : directory + "/");
  query.delimiter = "/";
  query.max_keys = settings.list_length;
  query.token = token;
  SPILLWAY_ASSIGN_OR_RETURN(S3ListPage found, ListOnePage(client_.get(), query));
  ListPage page;
  page.next_token = std::move(found.next_token);
  for (ObjectInfo& info : found.objects) {
    if (info.key.size() <= query.prefix.size()) continue;  // the directory's own marker
    info.key.erase(0, settings.prefix.size());
    page.objects.push_back(std::move(info));
  }
  for (std::string& prefix : found.prefixes) {
    if (prefix.size() <= query.prefix.size() + 1) continue;  // an empty name
    prefix.pop_back();
    page.directories.push_back(prefix.substr(settings.prefix.size()));
  }
  return page;
}

StatusOr<ListPage> S3UnderStore::LookUp(const std::string& key) {
  constexpr int kPagesMax = 1000;
  ListPage page;
  auto object = Head(key);
  if (object.ok()) {
    page.objects.push_back(*std::move(object));
    return page;
  }
  if (object.status().code() != StatusCode::kNotFound) return object.status();
  S3ListQuery query;
  query.prefix = client_->FullKey(key + "/");
  query.max_keys = 1;
  for (int pages = 0; pages < kPagesMax; ++pages) {
    SPILLWAY_ASSIGN_OR_RETURN(S3ListPage found, ListOnePage(client_.get(), query));
    if (!found.objects.empty()) page.directories.push_back(key);
    if (!found.objects.empty() || found.next_token.empty()) return page;
    query.token = std::move(found.next_token);
  }
  return Unavailable("Looking up {}: {} pages hold nothing, and there are more.", key, kPagesMax);
}

}  // namespace spillway
