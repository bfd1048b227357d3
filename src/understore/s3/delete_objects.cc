// DeleteObjects: many keys by one request. What the answer does not name was not deleted.
#include <algorithm>
#include <map>
#include <set>

#include "understore/s3/body_digest.h"
#include "understore/s3/calls.h"
#include "understore/s3/list_page.h"

namespace spillway {
namespace {

constexpr size_t kKeysMax = 1000;

const AnswerRule& MultiDeleteRule() {
  // Whose error it is cannot be told without a key: such an error concerns all that are not named.
  static const AnswerRule kRule{
      "delete_objects", {200}, {}, "DeleteResult", {}, {{"Deleted", {{"Key", FieldKind::kText}}}}};
  return kRule;
}

std::string KeysDocument(const S3Client& client, const std::vector<DeleteRequest>& requests) {
  std::string xml =
      "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>false</Quiet>";
  for (const DeleteRequest& request : requests) {
    xml += "<Object><Key>" + XmlEscape(client.FullKey(request.key)) + "</Key>";
    if (!request.if_match.empty())
      xml += "<ETag>" + XmlEscape(QuoteEtag(request.if_match)) + "</ETag>";
    xml += "</Object>";
  }
  return xml + "</Delete>";
}

// By full key: OK for what is deleted, otherwise why not.
std::map<std::string, Status> OutcomesOf(const Answer& answer) {
  std::map<std::string, Status> outcomes;
  for (const pugi::xml_node& node : answer.root.children("Deleted"))
    outcomes[TextOf(node, "Key")] = absl::OkStatus();
  for (const pugi::xml_node& node : answer.root.children("Error")) {
    const std::string code = TextOf(node, "Code");
    const std::string key = TextOf(node, "Key");
    if (key.empty()) continue;
    outcomes[key] = code == "NoSuchKey" ? absl::OkStatus()
                                        : StatusOfS3Error({HttpCodeOf(code), Glimpse(code),
                                                           Glimpse(TextOf(node, "Message"), 300)},
                                                          Glimpse(key, 1024));
  }
  return outcomes;
}

bool RefusesTheWhole(const Status& status) {
  const int code = S3ErrorOf(status).http_code;
  return status.code() == StatusCode::kInvalidArgument && code == 400;
}

void AddAll(const std::vector<DeleteRequest>& requests, const Status& status,
            std::vector<DeleteFailure>* failures) {
  for (const DeleteRequest& request : requests) failures->push_back({request.key, status});
}

}  // namespace

void S3UnderStore::DeleteTogether(const std::vector<DeleteRequest>& requests,
                                  std::vector<DeleteFailure>* failures) {
  if (requests.empty()) return;
  if (requests.size() == 1 || client_->Lacks(StoreFeature::kMultiDelete))
    return DeleteOneByOne(requests, failures);
  StringBody body(KeysDocument(*client_, requests));
  const auto digest = DigestOf(body);
  if (!digest.ok()) return AddAll(requests, digest.status(), failures);
  S3Request request;
  request.method = "POST";
  request.query = {{"delete", ""}};
  request.headers["content-md5"] = digest->md5_base64;
  request.headers["content-type"] = "application/xml";
  request.body = &body;
  const auto answer = client_->Call(request, MultiDeleteRule());
  const int http_code = S3ErrorOf(answer.status()).http_code;
  if (http_code == 405 || http_code == 501) {
    client_->Learn(StoreFeature::kMultiDelete, Support::kNo);
    return DeleteOneByOne(requests, failures);
  }
  if (RefusesTheWhole(answer.status())) {
    // One of them is the cause; the others do not wait for it.
    const auto middle = requests.begin() + static_cast<ptrdiff_t>(requests.size() / 2);
    DeleteTogether({requests.begin(), middle}, failures);
    return DeleteTogether({middle, requests.end()}, failures);
  }
  if (!answer.ok()) return AddAll(requests, answer.status(), failures);
  if (client_->Knows(StoreFeature::kMultiDelete) == Support::kUnknown)
    client_->Learn(StoreFeature::kMultiDelete, Support::kYes);
  const std::map<std::string, Status> outcomes = OutcomesOf(**answer);
  bool silent = false;
  for (const DeleteRequest& asked : requests) {
    const auto outcome = outcomes.find(client_->FullKey(asked.key));
    silent = silent || outcome == outcomes.end();
    if (outcome == outcomes.end()) {
      failures->push_back({asked.key, Unavailable("{}: the answer does not name it", asked.key)});
    } else if (!outcome->second.ok()) {
      failures->push_back({asked.key, outcome->second});
    }
  }
  if (silent) client_->CountSkipped(MultiDeleteRule().call, "a key is neither deleted nor refused");
}

StatusOr<std::vector<DeleteFailure>> S3UnderStore::Delete(
    const std::vector<DeleteRequest>& requests) {
  std::vector<DeleteFailure> failures;
  std::vector<DeleteRequest> together;
  std::vector<DeleteRequest> alone;
  const bool multi = !client_->Lacks(StoreFeature::kMultiDelete);
  const bool multi_match = client_->Knows(StoreFeature::kMultiDeleteIfMatch) == Support::kYes;
  std::set<std::string> seen;
  for (const DeleteRequest& request : requests) {
    // An answer that names a key twice would be read once.
    const bool fits = multi && (request.if_match.empty() || multi_match) &&
                      FitsXml(client_->FullKey(request.key)) && seen.insert(request.key).second;
    (fits ? together : alone).push_back(request);
  }
  for (size_t first = 0; first < together.size(); first += kKeysMax) {
    const size_t last = std::min(together.size(), first + kKeysMax);
    DeleteTogether({together.begin() + static_cast<ptrdiff_t>(first),
                    together.begin() + static_cast<ptrdiff_t>(last)},
                   &failures);
  }
  DeleteOneByOne(alone, &failures);
  return failures;
}

// There are stores to which "a/" is another name of the object "a": HEAD finds it, and DELETE takes
// it away. Where "a" is found as well, a marker must be listed. (Not all list one that is there.)
StatusOr<bool> S3UnderStore::HasMarker(const std::string& directory) {
  const auto missing = [](const StatusOr<ObjectInfo>& found) {
    return found.status().code() == StatusCode::kNotFound;
  };
  const auto marker = Head(directory + "/");
  if (missing(marker)) return false;
  SPILLWAY_RETURN_IF_ERROR(marker.status());
  const auto object = Head(directory);
  if (missing(object)) return true;
  SPILLWAY_RETURN_IF_ERROR(object.status());
  SPILLWAY_ASSIGN_OR_RETURN(const auto listed,
                            ListedObject(client_.get(), client_->FullKey(directory + "/")));
  return listed.has_value();
}

Status S3UnderStore::RemoveDirectory(const std::string& key) {
  SPILLWAY_ASSIGN_OR_RETURN(const bool marked, HasMarker(key));
  if (!marked) return absl::OkStatus();
  SPILLWAY_ASSIGN_OR_RETURN(const auto failures, Delete({DeleteRequest{key + "/", ""}}));
  return failures.empty() ? absl::OkStatus() : failures.front().status;
}

}  // namespace spillway
