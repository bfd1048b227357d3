#include <ctime>
#include <pugixml.hpp>

#include "understore/s3/calls.h"

namespace spillway {

int64_t ParseS3TimeMs(const char* text) {
  std::tm utc{};
  return strptime(text, "%Y-%m-%dT%H:%M:%S", &utc) == nullptr
             ? 0
             : static_cast<int64_t>(timegm(&utc)) * 1000;
}

StatusOr<ListPage> S3UnderStore::List(const std::string& directory, const std::string& token) {
  const S3Settings& settings = client_->settings();
  const std::string prefix = client_->FullKey(directory.empty() ? "" : directory + "/");
  S3Request request;
  request.method = "GET";
  request.query = {{"list-type", "2"},
                   {"delimiter", "/"},
                   {"max-keys", std::to_string(settings.list_length)},
                   {"prefix", prefix}};
  if (!token.empty()) request.query.emplace_back("continuation-token", token);
  SPILLWAY_ASSIGN_OR_RETURN(HttpResponse response, client_->Send(request));
  pugi::xml_document doc;
  if (!doc.load_buffer(response.body.data(), response.body.size())) {
    return Unavailable("Listing s3://{}/{}: the answer is not XML.", settings.bucket, prefix);
  }
  const pugi::xml_node root = doc.child("ListBucketResult");
  ListPage page;
  for (const pugi::xml_node& node : root.children("Contents")) {
    const std::string key = node.child_value("Key");
    if (key.size() <= prefix.size() || key.back() == '/') continue;  // markers
    ObjectInfo info;
    info.key = key.substr(settings.prefix.size());
    info.size_bytes = node.child("Size").text().as_llong();
    info.etag = StripEtag(node.child_value("ETag"));
    info.last_modified_ms = ParseS3TimeMs(node.child_value("LastModified"));
    page.objects.push_back(std::move(info));
  }
  for (const pugi::xml_node& node : root.children("CommonPrefixes")) {
    std::string key = node.child_value("Prefix");
    if (key.size() <= prefix.size() + 1) continue;
    key.pop_back();
    page.directories.push_back(key.substr(settings.prefix.size()));
  }
  if (root.child("IsTruncated").text().as_bool())
    page.next_token = root.child_value("NextContinuationToken");
  return page;
}

StatusOr<ListPage> S3UnderStore::LookUp(const std::string& key) {
  ListPage page;
  auto object = Head(key);
  if (object.ok()) {
    page.objects.push_back(*std::move(object));
    return page;
  }
  if (object.status().code() != StatusCode::kNotFound) return object.status();
  S3Request request;
  request.method = "GET";
  request.query = {{"list-type", "2"}, {"max-keys", "1"}, {"prefix", client_->FullKey(key + "/")}};
  SPILLWAY_ASSIGN_OR_RETURN(const HttpResponse response, client_->Send(request));
  pugi::xml_document doc;
  if (!doc.load_buffer(response.body.data(), response.body.size()))
    return Unavailable("Looking up {}: the answer is not XML.", key);
  if (doc.child("ListBucketResult").child("Contents")) page.directories.push_back(key);
  return page;
}

}  // namespace spillway
