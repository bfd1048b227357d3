#include <algorithm>

#include "store/calls/calls.h"
#include "store/digest.h"
#include "store/xml.h"

namespace spillway::strict {
namespace {

constexpr int64_t kKeysMax = 1000;
constexpr const char* kTokenMark = "after:";

struct ListRequest {
  std::string prefix, delimiter, after;
  int64_t max_keys = kKeysMax;
  bool url = false;
};

std::string Encoded(const ListRequest& request, const std::string& text) {
  return request.url ? PercentEncode(text, "/") : text;
}

std::string ContentsOf(const ListRequest& request, const std::string& key, const Object& object) {
  std::string xml = "<Contents>" + XmlTag("Key", Encoded(request, key)) +
                    XmlTag("LastModified", IsoTime(object.last_modified_ms)) +
                    XmlTag("ETag", Quoted(object.etag));
  if (!object.crc32c.empty()) xml += XmlTag("ChecksumAlgorithm", "CRC32C");
  return xml + XmlTag("Size", std::to_string(object.data.size())) +
         XmlTag("StorageClass", "STANDARD") + "</Contents>";
}

std::optional<Answer> ParseList(const Exchange& x, bool v2, ListRequest* request) {
  request->prefix = x.QueryValue("prefix");
  request->delimiter = x.QueryValue("delimiter");
  request->after = x.QueryValue(v2 ? "start-after" : "marker");
  const std::string encoding = x.QueryValue("encoding-type");
  if (!encoding.empty() && encoding != "url")
    return ErrorAnswer("InvalidArgument", "Invalid Encoding Method specified in Request");
  request->url = encoding == "url";
  const auto max = QueryNumber(x, "max-keys", 0, INT32_MAX, kKeysMax);
  if (!max) {
    return ErrorAnswer("InvalidArgument",
                       "Argument max-keys must be an integer between 0 and 2147483647");
  }
  request->max_keys = std::min(*max, kKeysMax);
  if (!v2 || !x.HasQuery("continuation-token")) return std::nullopt;
  const auto token = FromBase64(x.QueryValue("continuation-token"));
  if (!token || !token->starts_with(kTokenMark))
    return ErrorAnswer("InvalidArgument", "The continuation token provided is incorrect");
  request->after = token->substr(std::string(kTokenMark).size());
  return std::nullopt;
}

std::string HeadOfV2(const Exchange& x, const Listing& listing) {
  std::string xml =
      XmlTag("KeyCount", std::to_string(listing.objects.size() + listing.prefixes.size()));
  if (x.HasQuery("continuation-token"))
    xml += XmlTag("ContinuationToken", x.QueryValue("continuation-token"));
  if (listing.truncated)
    xml += XmlTag("NextContinuationToken", ToBase64(kTokenMark + listing.last));
  return xml;
}

std::string HeadOfV1(const Exchange& x, const ListRequest& request, const Listing& listing) {
  std::string xml = XmlTag("Marker", Encoded(request, x.QueryValue("marker")));
  if (listing.truncated && !request.delimiter.empty())
    xml += XmlTag("NextMarker", Encoded(request, listing.last));
  return xml;
}

}  // namespace

Listing ListKeys(const Bucket& bucket, const std::string& prefix, const std::string& delimiter,
                 const std::string& after, int64_t max) {
  Listing listing;
  if (max == 0) return listing;
  for (auto it = bucket.objects.lower_bound(std::max(prefix, after)); it != bucket.objects.end();
       ++it) {
    const std::string& key = it->first;
    if (!key.starts_with(prefix)) break;
    const size_t end = delimiter.empty() ? std::string::npos : key.find(delimiter, prefix.size());
    const std::string entry =
        end == std::string::npos ? key : key.substr(0, end + delimiter.size());
    const bool is_prefix = end != std::string::npos;
    // A common prefix stands for all its keys, so a stretch that ended with it is behind them all.
    if (key <= after || (is_prefix && entry == after)) continue;
    if (is_prefix && !listing.prefixes.empty() && listing.prefixes.back() == entry) continue;
    if (static_cast<int64_t>(listing.objects.size() + listing.prefixes.size()) == max) {
      listing.truncated = true;
      break;
    }
    if (is_prefix) {
      listing.prefixes.push_back(entry);
    } else {
      listing.objects.emplace_back(key, &it->second);
    }
    listing.last = entry;
  }
  return listing;
}

Answer ListObjects(World& world, Exchange& x, bool v2) {
  ListRequest request;
  if (auto refusal = ParseList(x, v2, &request)) return *refusal;
  absl::MutexLock lock(&world.mutex);
  Bucket* bucket = FindBucket(world, x);
  if (bucket == nullptr) return ErrorAnswer("NoSuchBucket");
  const Listing listing =
      ListKeys(*bucket, request.prefix, request.delimiter, request.after, request.max_keys);
  std::string xml = "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">" +
                    XmlTag("Name", x.bucket) + XmlTag("Prefix", Encoded(request, request.prefix)) +
                    XmlTag("MaxKeys", std::to_string(request.max_keys));
  if (!request.delimiter.empty()) xml += XmlTag("Delimiter", Encoded(request, request.delimiter));
  if (request.url) xml += XmlTag("EncodingType", "url");
  xml += XmlTag("IsTruncated", listing.truncated ? "true" : "false");
  xml += v2 ? HeadOfV2(x, listing) : HeadOfV1(x, request, listing);
  for (const auto& [key, object] : listing.objects) xml += ContentsOf(request, key, *object);
  for (const std::string& prefix : listing.prefixes) {
    xml += "<CommonPrefixes>" + XmlTag("Prefix", Encoded(request, prefix)) + "</CommonPrefixes>";
  }
  return XmlAnswer(xml + "</ListBucketResult>");
}

}  // namespace spillway::strict
