#include "store/calls/calls.h"
#include "store/xml.h"

namespace spillway::strict {
namespace {

constexpr size_t kDeletedKeysMax = 1000;

struct Doomed {
  std::string key;
  std::string etag;  // the condition; empty if there is none
};

struct DeleteRequest {
  bool quiet = false;
  std::vector<Doomed> objects;
};

// Takes nothing that S3's schema does not have.
std::optional<DeleteRequest> ParseDelete(const std::string& body) {
  const auto root = ReadXml(body);
  if (!root || root->name != "Delete") return std::nullopt;
  DeleteRequest request;
  for (const XmlNode& node : root->children) {
    if (node.name == "Quiet" && (node.text == "true" || node.text == "false")) {
      request.quiet = node.text == "true";
      continue;
    }
    if (node.name != "Object") return std::nullopt;
    for (const XmlNode& field : node.children) {
      if (field.name != "Key" && field.name != "ETag") return std::nullopt;
    }
    request.objects.push_back({node.ChildText("Key"), node.ChildText("ETag")});
    if (request.objects.back().key.empty()) return std::nullopt;
  }
  if (request.objects.empty() || request.objects.size() > kDeletedKeysMax) return std::nullopt;
  return request;
}

std::string ErrorOf(const std::string& key, const std::string& code) {
  return "<Error>" + XmlTag("Key", key) + XmlTag("Code", code) +
         XmlTag("Message", ErrorByCode(code)->message) + "</Error>";
}

// The error's code; empty if the object may be deleted.
std::string ConditionOf(const Bucket& bucket, const Doomed& doomed, Support etag_support) {
  if (doomed.key.size() > 1024) return "KeyTooLongError";
  if (doomed.etag.empty() || etag_support == Support::kIgnore) return "";
  if (etag_support == Support::kRefuse) return "NotImplemented";
  const auto object = bucket.objects.find(doomed.key);
  if (object == bucket.objects.end()) return "NoSuchKey";
  return doomed.etag == "*" || Unquoted(doomed.etag) == object->second.etag ? ""
                                                                            : "PreconditionFailed";
}

}  // namespace

Answer DeleteObject(World& world, Exchange& x) {
  Answer answer;
  answer.status = 204;
  absl::MutexLock lock(&world.mutex);
  Bucket* bucket = FindBucket(world, x);
  if (bucket == nullptr) return ErrorAnswer("NoSuchBucket");
  const std::string match = x.request.Get("if-match");
  if (!match.empty()) {
    if (auto refusal = CheckWriteConditions(*bucket, x)) return *refusal;
  }
  bucket->objects.erase(x.key);
  return answer;
}

Answer DeleteObjects(World& world, Exchange& x) {
  bool digest = x.request.Has("content-md5");
  for (const auto& header : x.request.headers) {
    digest = digest ||
             (header.first.starts_with("x-amz-checksum-") && header.first != "x-amz-checksum-mode");
  }
  if (!digest) {
    return ErrorAnswer("InvalidRequest",
                       "Missing required header for this request: Content-MD5 OR x-amz-checksum-*");
  }
  const auto request = ParseDelete(x.request.body);
  if (!request) return ErrorAnswer("MalformedXML");
  absl::MutexLock lock(&world.mutex);
  Bucket* bucket = FindBucket(world, x);
  if (bucket == nullptr) return ErrorAnswer("NoSuchBucket");
  std::string xml = "<DeleteResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";
  for (const Doomed& doomed : request->objects) {
    const std::string code = ConditionOf(*bucket, doomed, x.profile.multi_delete_etag);
    if (!code.empty()) {
      xml += ErrorOf(doomed.key, code);
      continue;
    }
    bucket->objects.erase(doomed.key);
    if (!request->quiet) xml += "<Deleted>" + XmlTag("Key", doomed.key) + "</Deleted>";
  }
  return XmlAnswer(xml + "</DeleteResult>");
}

}  // namespace spillway::strict
