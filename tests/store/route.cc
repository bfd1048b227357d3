#include <algorithm>
#include <array>

#include "store/digest.h"
#include "store/world.h"

namespace spillway::strict {
namespace {

std::optional<Query> ParseQuery(const std::string& raw) {
  Query query;
  for (size_t at = 0; at < raw.size();) {
    const size_t end = std::min(raw.find('&', at), raw.size());
    const std::string pair = raw.substr(at, end - at);
    const size_t equals = std::min(pair.find('='), pair.size());
    const auto name = PercentDecode(pair.substr(0, equals));
    const auto value = PercentDecode(equals < pair.size() ? pair.substr(equals + 1) : "");
    if (!name || !value) return std::nullopt;
    query.emplace_back(*name, *value);
    at = end + 1;
  }
  return query;
}

bool FindPlace(const StoreOptions& options, Exchange* x) {
  std::string host = x->request.Get("host");
  host = host.substr(0, host.rfind(':'));
  std::string rest = x->request.path.substr(1);
  if (host.size() > options.virtual_host_suffix.size() &&
      host.ends_with(options.virtual_host_suffix)) {
    x->bucket = host.substr(0, host.size() - options.virtual_host_suffix.size());
  } else {
    const size_t slash = std::min(rest.find('/'), rest.size());
    x->bucket = rest.substr(0, slash);
    rest = slash < rest.size() ? rest.substr(slash + 1) : "";
  }
  const auto key = PercentDecode(rest);
  if (!key || !IsUtf8(*key)) return false;
  x->key = *key;
  return true;
}

// Sub-resources that change the meaning of a request. One that stands here and in no call below is
// not implemented.
constexpr std::array<const char*, 24> kSubresources = {"accelerate",
                                                       "acl",
                                                       "attributes",
                                                       "cors",
                                                       "delete",
                                                       "encryption",
                                                       "inventory",
                                                       "legal-hold",
                                                       "lifecycle",
                                                       "location",
                                                       "logging",
                                                       "metrics",
                                                       "notification",
                                                       "object-lock",
                                                       "partNumber",
                                                       "policy",
                                                       "publicAccessBlock",
                                                       "replication",
                                                       "restore",
                                                       "retention",
                                                       "tagging",
                                                       "uploadId",
                                                       "uploads",
                                                       "versions"};

std::optional<S3Call> BucketCall(const std::string& method, const std::string& sub,
                                 const Exchange& x) {
  if (method == "HEAD" && sub.empty()) return S3Call::kHeadBucket;
  if (method == "POST" && sub == "delete") return S3Call::kDeleteObjects;
  if (method == "GET" && sub == "uploads") return S3Call::kListMultipartUploads;
  if (method != "GET" || !sub.empty()) return std::nullopt;
  return x.QueryValue("list-type") == "2" ? S3Call::kListObjectsV2 : S3Call::kListObjectsV1;
}

std::optional<S3Call> ObjectCall(const std::string& method, const std::string& sub,
                                 const Exchange& x) {
  const bool copies = x.request.Has("x-amz-copy-source");
  if (sub.empty()) {
    if (method == "PUT") return copies ? S3Call::kCopyObject : S3Call::kPutObject;
    if (method == "GET") return S3Call::kGetObject;
    if (method == "HEAD") return S3Call::kHeadObject;
    if (method == "DELETE") return S3Call::kDeleteObject;
  }
  if (sub == "uploads" && method == "POST") return S3Call::kCreateMultipartUpload;
  if (sub == "partNumber uploadId" && method == "PUT")
    return copies ? S3Call::kUploadPartCopy : S3Call::kUploadPart;
  if (sub == "uploadId") {
    if (method == "POST") return S3Call::kCompleteMultipartUpload;
    if (method == "DELETE") return S3Call::kAbortMultipartUpload;
    if (method == "GET") return S3Call::kListParts;
  }
  return std::nullopt;
}

}  // namespace

bool Exchange::HasQuery(const std::string& name) const {
  return std::any_of(query.begin(), query.end(), [&](const auto& p) { return p.first == name; });
}

std::string Exchange::QueryValue(const std::string& name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return "";
}

std::optional<Answer> Route(const StoreOptions& options, Exchange* x) {
  const HttpRequest& request = x->request;
  if (!request.malformed.empty()) return ErrorAnswer("BadRequest", request.malformed);
  if (!request.path.starts_with('/')) return ErrorAnswer("InvalidURI");
  const auto query = ParseQuery(request.query);
  if (!query || !FindPlace(options, x)) return ErrorAnswer("InvalidURI");
  x->query = *query;
  std::string sub;
  for (const char* name : kSubresources) {
    if (x->HasQuery(name)) sub += (sub.empty() ? "" : " ") + std::string(name);
  }
  if (x->HasQuery("versionId")) return ErrorAnswer("NotImplemented", "There are no versions.");
  if (x->bucket.empty()) return ErrorAnswer("NotImplemented", "Buckets are not listed.");
  x->call =
      x->key.empty() ? BucketCall(request.method, sub, *x) : ObjectCall(request.method, sub, *x);
  if (x->call) return std::nullopt;
  return ErrorAnswer(sub.empty() ? "MethodNotAllowed" : "NotImplemented");
}

}  // namespace spillway::strict
