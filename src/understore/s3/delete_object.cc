// Deletions by a request each, some side by side.
#include "understore/s3/calls.h"

namespace spillway {
namespace {

constexpr StoreFeature kFeature = StoreFeature::kDeleteIfMatch;
constexpr size_t kTogetherMax = 256;  // bounds what is held at once

const AnswerRule& DeleteRule() {
  static const AnswerRule kRule{"delete_object", {200, 202, 204}, {}, nullptr, {}, {}, false, true};
  return kRule;
}

Status OtherObject(const std::string& key) {
  return MakeStatus(StatusCode::kFailedPrecondition, "{}: another object stands there", key);
}

}  // namespace

Status S3UnderStore::JudgeDelete(const DeleteRequest& asked, const Status& status,
                                 bool sent_match) {
  const S3Error error = S3ErrorOf(status);
  if (error.code == "NoSuchKey") return absl::OkStatus();
  if (sent_match && error.http_code == 501) {
    client_->Learn(kFeature, Support::kNo);
    return Unavailable("{} (going on without this condition)", Message(status));
  }
  const bool refused = sent_match && error.http_code == 412;
  if (refused) client_->Learn(kFeature, Support::kYes);
  if (!refused && (error.http_code != 404 || error.code == "NoSuchBucket")) return status;
  // Some stores say either of a key without an object.
  const auto found = Head(asked.key);
  if (found.ok()) {
    return refused ? OtherObject(asked.key)
                   : Unavailable("{} (but there is an object)", Message(status));
  }
  return found.status().code() == StatusCode::kNotFound ? absl::OkStatus() : found.status();
}

void S3UnderStore::LookBeforeDelete(std::vector<DeleteRequest>* requests,
                                    std::vector<DeleteFailure>* failures) {
  const std::map<std::string, std::string> listed = ListedEtags(*requests);
  std::vector<DeleteRequest> right;
  for (DeleteRequest& request : *requests) {
    const auto it = listed.find(client_->FullKey(request.key));
    const bool shown = it != listed.end() && it->second == request.if_match;
    if (request.if_match.empty() || shown) {
      right.push_back(std::move(request));
      continue;
    }
    const auto found = Head(request.key);
    if (found.ok() && found->etag == request.if_match) {
      right.push_back(std::move(request));
    } else if (found.ok()) {
      failures->push_back({request.key, OtherObject(request.key)});
    } else if (found.status().code() != StatusCode::kNotFound) {
      failures->push_back({request.key, found.status()});
    }
  }
  *requests = std::move(right);
}

void S3UnderStore::DeleteOneByOne(const std::vector<DeleteRequest>& requests,
                                  std::vector<DeleteFailure>* failures) {
  for (size_t first = 0; first < requests.size(); first += kTogetherMax) {
    const size_t last = std::min(requests.size(), first + kTogetherMax);
    std::vector<DeleteRequest> asked(requests.begin() + static_cast<ptrdiff_t>(first),
                                     requests.begin() + static_cast<ptrdiff_t>(last));
    const Support support = client_->Knows(kFeature);
    if (support != Support::kYes) LookBeforeDelete(&asked, failures);
    std::vector<S3Request> sent;
    for (const DeleteRequest& one : asked) {
      S3Request request;
      request.method = "DELETE";
      request.key = client_->FullKey(one.key);
      if (!one.if_match.empty() && support != Support::kNo)
        request.headers["if-match"] = QuoteEtag(one.if_match);
      sent.push_back(std::move(request));
    }
    const auto answers = client_->CallMany(sent, DeleteRule());
    for (size_t i = 0; i < sent.size(); ++i) {
      const Status status =
          JudgeDelete(asked[i], answers[i].status(), sent[i].headers.count("if-match") > 0);
      if (!status.ok()) failures->push_back({asked[i].key, status});
    }
  }
}

}  // namespace spillway
